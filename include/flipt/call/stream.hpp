// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A call whose reply does not end: its body goes to the operation piece by piece, on a connection of its own.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/call/task.hpp"
#include "flipt/detail/config.hpp"

namespace flipt::inline v0::detail {

/// Performs `c`, whose operation is streaming(), once: whoever started it decides whether and when to try again. Only a
/// token that was refused is renewed and the request repeated. The connection is no part of the pool and is closed at
/// the end. The deadline covers token, connecting and sending; from then on there is none, since a Flipt server sends
/// not even the head before it has something to say. Ends without an error where the server ends the body in order.
FLIPT_DECL subtask perform_stream(memory_cache& memory, engine& owner, call& c);

} // namespace flipt::inline v0::detail
