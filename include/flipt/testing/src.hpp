// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of the embedded server, for the translation unit that includes flipt/src.hpp.
#pragma once

#include "flipt/src.hpp"
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
#include "flipt/testing/scripted_peer.hpp"
#include "flipt/testing/server.hpp"
