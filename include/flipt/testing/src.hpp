// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of flipt/testing/, for exactly one translation unit of a program that defines FLIPT_SEPARATE_COMPILATION
// everywhere (besides flipt/src.hpp).
#pragma once

#if !defined(FLIPT_SEPARATE_COMPILATION)
#error "include flipt/testing/src.hpp only with FLIPT_SEPARATE_COMPILATION defined in every translation unit"
#endif

#include "flipt/testing/impl/auth_routes.ipp"
#include "flipt/testing/impl/certificates.ipp"
#include "flipt/testing/impl/evaluation_routes.ipp"
#include "flipt/testing/impl/flag_routes.ipp"
#include "flipt/testing/impl/flag_store.ipp"
#include "flipt/testing/impl/http_reply.ipp"
#include "flipt/testing/impl/http_request.ipp"
#include "flipt/testing/impl/jwt.ipp"
#include "flipt/testing/impl/routes.ipp"
#include "flipt/testing/impl/scripted_peer.ipp"
#include "flipt/testing/impl/server.ipp"
#include "flipt/testing/impl/snapshot_evaluator.ipp"
#include "flipt/testing/impl/snapshot_routes.ipp"
