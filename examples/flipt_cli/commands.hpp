// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The commands: each a coroutine that makes its calls and prints what they bring.
#pragma once

#include "options.hpp"
#include "transport.hpp"

namespace flipt_cli {

/// Runs a command to its end. Throws what went wrong. References must live until completion.
[[nodiscard]] asio::awaitable<void> run_command(transport& calls, const invocation& run);

} // namespace flipt_cli
