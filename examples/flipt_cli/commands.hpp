// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The commands: each a coroutine that makes its calls and prints what they bring.
#pragma once

#include "flipt/client.hpp"

#include "options.hpp"

namespace flipt_cli {

using flipt_client = flipt::client<flipt::any_token>;

/// A client for the settings and the credential of a run.
[[nodiscard]] flipt_client make_client(const asio::any_io_executor& executor, const invocation& run);

/// The token policy of a run's credential.
[[nodiscard]] flipt::any_token make_policy(const invocation& run);

/// Runs a command to its end. Throws what went wrong. References must live until completion.
[[nodiscard]] asio::awaitable<void> run_command(flipt_client& client, const invocation& run);

} // namespace flipt_cli
