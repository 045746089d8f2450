// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How the circuit breaker learns the outcome of a call.
#pragma once

#include "flipt/net/asio.hpp"
#include "flipt/protocol/retry.hpp"
#include "flipt/protocol/status.hpp"
#include "flipt/types/error.hpp"

#include <chrono>
#include <optional>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

/// Gives a call's ticket back, whichever way the call's coroutine ends. Without a ticket (0) it tells nothing.
class breaker_report {
public:
    /// `details` are the call's, and outlive this.
    breaker_report(std::optional<circuit_breaker>& breaker, circuit_breaker::ticket ticket,
                   const diagnostics& details) noexcept
        : breaker_(breaker), details_(details), ticket_(ticket)
    {}
    breaker_report(const breaker_report&) = delete;
    breaker_report& operator=(const breaker_report&) = delete;
    ~breaker_report()
    {
        if (ticket_ != 0)
            breaker_->on_unknown(ticket_);
    }

    /// The call ends so. Never called, its end says nothing of the server: it was destroyed, or had no token.
    std::error_code ends_with(std::error_code ec) noexcept
    {
        if (ticket_ != 0)
            tell(ec);
        return ec;
    }

private:
    // Not inline: it would stand at every end of a call, and few have a breaker.
    [[gnu::noinline]] void tell(std::error_code ec) noexcept
    {
        const circuit_breaker::ticket ticket = std::exchange(ticket_, 0);
        const int status = details_.http_status();
        // Ours, not the server's; out of time before the first try it may be the server's still, at connecting.
        const bool not_sent = details_.attempts() == 0 && ec.category() == error_category() && ec != errc::timed_out;
        if (not_sent || ec == asio::error::operation_aborted || ec == errc::invalid_token)
            breaker_->on_unknown(ticket);
        else if (!ec || (status < 500 && ec == errc_of_status(status)))
            breaker_->on_success(ticket);
        else
            breaker_->on_failure(ticket, std::chrono::steady_clock::now());
    }

    std::optional<circuit_breaker>& breaker_;
    const diagnostics& details_;
    circuit_breaker::ticket ticket_; // 0: none, or given back
};

} // namespace flipt::inline v0::detail
