// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What can go wrong: error codes, their category, and the exception that awaitable operations throw.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0 {

/// The errors this library makes itself. Network errors (Asio's, the system's) and TLS errors pass through in their
/// own categories; `asio::error::operation_aborted` means that somebody cancelled.
enum class errc {
    unauthenticated = 1, ///< 401: the server did not accept the token (it never says why)
    permission_denied,   ///< 403: the token is good but may not do this
    not_found,           ///< 404: no such flag, namespace, environment or route
    invalid_argument,    ///< 400 and other refusals of what was asked, also before it is sent
    conflict,            ///< 409: it exists already, or changed meanwhile
    rate_limited,        ///< 429: asked too often
    server_error,        ///< 5xx: the server failed
    unexpected_status,   ///< any other HTTP status that is not an answer (redirects are never followed)
    timed_out,           ///< our own deadline passed (request_timeout, connect_timeout, call_options::timeout)
    protocol_error,      ///< the peer broke HTTP's rules
    truncated,           ///< the peer ended its reply before it was complete
    response_too_large,  ///< the reply passed a limit of ours
    invalid_response,    ///< the reply is not the JSON that Flipt's API promises
    invalid_token,  ///< a token that cannot be sent (empty, or bytes that are no header value), or none could be had
    invalid_config, ///< a setting that cannot work; the message of the exception says which and why
    flag_type_mismatch, ///< 400 of a local evaluation: a boolean asked of a variant flag, or the reverse
    invalid_snapshot,   ///< a snapshot document that cannot be evaluated
    circuit_open,       ///< not sent: the circuit breaker is open after repeated failures
};

/// The category of `errc`, named "flipt".
[[nodiscard]] const std::error_category& error_category() noexcept;

/// Lets an `errc` be used where a `std::error_code` is expected.
[[nodiscard]] inline std::error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), error_category()};
}

/// The enumerator's own name, such as "not_found"; "unknown" for a value that has none.
[[nodiscard]] constexpr std::string_view to_string(errc e) noexcept
{
    switch (e) {
    case errc::unauthenticated: return "unauthenticated";
    case errc::permission_denied: return "permission_denied";
    case errc::not_found: return "not_found";
    case errc::invalid_argument: return "invalid_argument";
    case errc::conflict: return "conflict";
    case errc::rate_limited: return "rate_limited";
    case errc::server_error: return "server_error";
    case errc::unexpected_status: return "unexpected_status";
    case errc::timed_out: return "timed_out";
    case errc::protocol_error: return "protocol_error";
    case errc::truncated: return "truncated";
    case errc::response_too_large: return "response_too_large";
    case errc::invalid_response: return "invalid_response";
    case errc::invalid_token: return "invalid_token";
    case errc::invalid_config: return "invalid_config";
    case errc::flag_type_mismatch: return "flag_type_mismatch";
    case errc::invalid_snapshot: return "invalid_snapshot";
    case errc::circuit_open: return "circuit_open";
    }
    return "unknown";
}

namespace detail {

constexpr const char* describe(errc e) noexcept
{
    switch (e) {
    case errc::unauthenticated: return "the server did not accept the token";
    case errc::permission_denied: return "the token may not do this";
    case errc::not_found: return "no such flag, namespace, environment or route";
    case errc::invalid_argument: return "the request was refused";
    case errc::conflict: return "it exists already or was changed meanwhile";
    case errc::rate_limited: return "too many requests";
    case errc::server_error: return "the server failed";
    case errc::unexpected_status: return "the server answered with a status that is no answer";
    case errc::timed_out: return "the deadline passed";
    case errc::protocol_error: return "the peer broke the HTTP protocol";
    case errc::truncated: return "the reply ended before it was complete";
    case errc::response_too_large: return "the reply passed a size limit";
    case errc::invalid_response: return "the reply is not the JSON that was expected";
    case errc::invalid_token: return "no token that can be sent";
    case errc::invalid_config: return "a setting cannot work";
    case errc::flag_type_mismatch: return "the flag is of the other type";
    case errc::invalid_snapshot: return "the snapshot document cannot be used";
    case errc::circuit_open: return "not sent: the circuit breaker is open";
    }
    return "unknown error";
}

/// The same error in the standard's category, which std::errc can be compared with: Asio 1.22's own category (known by
/// its name, for this layer includes no Asio) is equal to none of them.
[[nodiscard]] inline std::error_code comparable(const std::error_code& ec) noexcept
{
    if (std::string_view(ec.category().name()) == "asio.system")
        return {ec.value(), std::system_category()};
    return ec;
}

class category_impl final : public std::error_category {
public:
    const char* name() const noexcept override { return "flipt"; }
    std::string message(int value) const override { return describe(static_cast<errc>(value)); }
};

} // namespace detail

inline const std::error_category& error_category() noexcept
{
    static const detail::category_impl instance;
    return instance;
}

/// What is known of a failed (or answered) call beyond its error code. Reached through `call_options::diagnostics`, or
/// as members of `error`. Holds no token and no header.
class diagnostics {
public:
    diagnostics() = default;

    /// The HTTP status of the last reply, 0 when there was none.
    [[nodiscard]] int http_status() const noexcept { return http_status_; }
    /// The server's own words. UNTRUSTED: it may hold anything, control characters included, and is cut at 4 KiB.
    [[nodiscard]] const std::string& server_message() const noexcept { return server_message_; }
    /// What this library has to say beyond the code, such as which limit was passed. Never holds peer data or secrets.
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    /// How many requests were written for this call (repeats included).
    [[nodiscard]] int attempts() const noexcept { return attempts_; }

    /// Everything below is for the library, which fills this when a call ends.
    void clear() noexcept
    {
        http_status_ = 0;
        attempts_ = 0;
        server_message_.clear();
        detail_.clear();
    }
    void set_reply(int status, std::string_view message)
    {
        http_status_ = status;
        server_message_.assign(message.substr(0, max_server_message));
    }
    void set_status(int status) noexcept { http_status_ = status; }
    void set_detail(std::string_view text) { detail_.assign(text); }
    void set_attempts(int n) noexcept { attempts_ = n; }

    static constexpr std::size_t max_server_message = 4096;

private:
    int http_status_ = 0;
    int attempts_ = 0;
    std::string server_message_;
    std::string detail_;
};

/// What awaitable operations throw. `code()` is an `errc`, or an error of the network or of TLS that passed through.
/// `what()` holds no text of the server's: that is `server_message()`, which is untrusted.
class error : public std::system_error {
public:
    explicit error(std::error_code ec) : std::system_error(ec) {}
    error(std::error_code ec, const std::string& detail) : std::system_error(ec, detail)
    {
        diagnostics_.set_detail(detail);
    }
    error(std::error_code ec, diagnostics d)
        : std::system_error(d.detail().empty() ? std::system_error(ec) : std::system_error(ec, d.detail())),
          diagnostics_(std::move(d))
    {}

    /// The HTTP status of the reply, 0 when there was none.
    [[nodiscard]] int http_status() const noexcept { return diagnostics_.http_status(); }
    /// The server's own words. UNTRUSTED text.
    [[nodiscard]] const std::string& server_message() const noexcept { return diagnostics_.server_message(); }
    /// All that is known of the failure.
    [[nodiscard]] const flipt::v0::diagnostics& details() const noexcept { return diagnostics_; }

private:
    flipt::v0::diagnostics diagnostics_;
};

} // namespace flipt::inline v0

template <>
struct std::is_error_code_enum<flipt::errc> : std::true_type {};
