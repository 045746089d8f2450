// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The one coroutine that performs a call: token, connection, request, reply, and the decision to try again.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/call/task.hpp"
#include "flipt/detail/config.hpp"

namespace flipt::inline v0::detail {

/// Performs `c` on the engine's executor, with any number of exchanges. Makes c.resume_point_; the engine resumes that.
FLIPT_DECL call_task perform(memory_cache& memory, engine& owner, call& c);

/// Opens c.connection_: addresses, connect (one after the other, each with its share of the time), TLS handshake.
FLIPT_DECL subtask open_connection(memory_cache& memory, engine& owner, call& c);

} // namespace flipt::inline v0::detail
