// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Why the program ends with something other than 0: the exit code, and the one line on stderr.
#pragma once

#include "flipt/types/error.hpp"

#include "text.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt_cli {

enum class exit_code {
    ok = 0,
    other = 1,      ///< anything else
    usage = 2,      ///< usage or bad input
    refused = 3,    ///< not authenticated or not permitted: 401, 403, no usable token
    not_found = 4,  ///< 404
    no_answer = 5,  ///< no complete answer: network, name resolution, TLS, time
    bad_answer = 6, ///< the peer broke HTTP, its framing or JSON, cut its answer short, or passed a limit
    bad_status = 7, ///< every other status that is not 200
};

/// One failure, ready to be reported. The texts may hold anything until they are printed with report().
class failure {
public:
    failure() = default;
    failure(exit_code c, std::string_view n, std::string_view t) : code(c), name(n), text(t) {}

    exit_code code = exit_code::ok;
    std::string name; ///< of the errc, the std::errc or the category
    std::string text;
};

/// Wrong use of the program. Its text is ours: it repeats no argument, since that might be a token.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What went wrong with a call, as its code and its diagnostics tell. Tokens are taken out of the server's words.
[[nodiscard]] failure describe(const std::error_code& ec, const flipt::diagnostics& details, const redactor& redact);
/// The same of an exception that any part of the program let out.
[[nodiscard]] failure describe(const std::exception_ptr& exception, const redactor& redact);

/// Whether the server answered with an error status, which is then what the call came to.
[[nodiscard]] bool answered_with_status(const std::error_code& ec, const flipt::diagnostics& details) noexcept;

/// "not_found", "connection_refused", "tls": see failure::name.
[[nodiscard]] std::string name_of(const std::error_code& ec);

/// Writes the line `flipt-cli: <name>: <text>` to stderr.
void report(const failure& why);

} // namespace flipt_cli
