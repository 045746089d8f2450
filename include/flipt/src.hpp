// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies, for exactly one translation unit of a program that defines FLIPT_SEPARATE_COMPILATION everywhere.
#pragma once

#if !defined(FLIPT_SEPARATE_COMPILATION)
#error "include flipt/src.hpp only with FLIPT_SEPARATE_COMPILATION defined in every translation unit"
#endif

#include "flipt/call/impl/call.ipp"
#include "flipt/call/impl/engine.ipp"
#include "flipt/call/impl/exchange.ipp"
#include "flipt/call/impl/open.ipp"
#include "flipt/call/impl/operations.ipp"
#include "flipt/call/impl/perform.ipp"
#include "flipt/evaluation/impl/go_json.ipp"
#include "flipt/evaluation/impl/go_number.ipp"
#include "flipt/evaluation/impl/go_quote.ipp"
#include "flipt/evaluation/impl/go_text.ipp"
#include "flipt/evaluation/impl/jsonl.ipp"
#include "flipt/evaluation/impl/result.ipp"
#include "flipt/evaluation/impl/sdk_snapshot.ipp"
#include "flipt/evaluation/impl/snapshot.ipp"
#include "flipt/evaluation/impl/snapshot_parser.ipp"
#include "flipt/flipt.hpp"
#include "flipt/net/impl/resolver.ipp"
#include "flipt/net/impl/stream.ipp"
#include "flipt/net/impl/tls_context.ipp"
#include "flipt/net/impl/tls_error.ipp"
#include "flipt/protocol/impl/datetime.ipp"
#include "flipt/protocol/impl/json_cursor.ipp"
#include "flipt/protocol/impl/json_scan.ipp"
#include "flipt/protocol/impl/json_writer.ipp"
#include "flipt/protocol/impl/reply_reader.ipp"
#include "flipt/protocol/impl/reply_writer.ipp"
#include "flipt/protocol/impl/request_body.ipp"
#include "flipt/protocol/impl/request_writer.ipp"
#include "flipt/protocol/impl/response_parser.ipp"
#include "flipt/protocol/impl/retry.ipp"
#include "flipt/protocol/impl/url.ipp"
#include "flipt/token/impl/jwt_expiry.ipp"
#include "flipt/token/impl/provider.ipp"
#include "flipt/token/impl/token_cache.ipp"
#include "flipt/token/impl/token_file.ipp"
