// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of the headers of live/, which need each other: whoever offers live snapshots includes this at its end.
#pragma once

#include "flipt/call/impl/bodies.ipp"
#include "flipt/live/impl/core.ipp"
#include "flipt/live/impl/core_access.ipp"
#include "flipt/live/impl/http_transport.ipp"
#include "flipt/live/impl/operations.ipp"
#include "flipt/live/impl/waits.ipp"
