// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of the headers of call/, which need each other: whoever offers operations includes this at its end.
#pragma once

#include "flipt/call/impl/call.ipp"
#include "flipt/call/impl/engine.ipp"
#include "flipt/call/impl/initiate.ipp"
#include "flipt/call/impl/open.ipp"
#include "flipt/call/impl/operations.ipp"
#include "flipt/call/impl/or_default.ipp"
#include "flipt/call/impl/perform.ipp"
#include "flipt/call/impl/stream.ipp"
