// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// `batch`: lines of stdin evaluated side by side, their answers to stdout in the order of the lines.
#pragma once

#include "commands.hpp"
#include "failure.hpp"

#include <asio/io_context.hpp>

namespace flipt_cli {

/// Evaluates stdin to its end, running the context meanwhile, and says what the exit is to be. Memory is bounded, but
/// for --one-call. Leaves threads behind that end with the process.
[[nodiscard]] failure run_batch(asio::io_context& context, transport& calls, const invocation& run);

} // namespace flipt_cli
