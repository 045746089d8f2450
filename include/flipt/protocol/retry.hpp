// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What may be repeated, when, and how often: pure decisions, time and chance are passed in (RFC 9110 9.2.2, 10.2.3).
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

/// How one try of a call ended.
struct retry_input {
    std::error_code error; ///< what broke it; empty when a complete reply came
    int status = 0;        ///< of a complete reply, else 0
    bool idempotent = true;
    bool sent = false;           ///< a byte of the request may have reached the peer; false = connecting failed
    bool reused = false;         ///< the connection had carried a reply before
    bool reply_started = false;  ///< a byte of the reply arrived
    bool fresh_repeated = false; ///< the uncounted repeat on a fresh connection was used up already
    int repeats = 0;             ///< counted repeats so far
    int retries = 0;             ///< counted repeats allowed (retry_options::retries or call_options::retries)
    std::optional<std::chrono::seconds> retry_after;              ///< as parse_retry_after gives it
    std::optional<std::chrono::steady_clock::duration> remaining; ///< to the deadline; unset = no deadline
    double random = 0.0;                                          ///< in [0, 1)
};

struct retry_decision {
    enum kind : std::uint8_t {
        give_up,
        repeat_now_fresh_connection, ///< uncounted, once per call
        repeat_after_backoff,        ///< counted; ask the retry_budget first
    };
    kind action = give_up;
    std::chrono::steady_clock::duration delay{}; ///< of repeat_after_backoff
};

/// The decision table. Never repeats what may have had an effect, cannot get better, or cannot end before the deadline.
[[nodiscard]] FLIPT_DECL retry_decision decide_retry(const retry_input& in, const retry_options& options) noexcept;

/// The pause before counted repeat number `repeat` (0, 1, …): a random part (full jitter, `random` in [0, 1)) of
/// initial * 2^repeat, that at most `max`.
[[nodiscard]] FLIPT_DECL std::chrono::steady_clock::duration backoff(int repeat,
                                                                     std::chrono::steady_clock::duration initial,
                                                                     std::chrono::steady_clock::duration max,
                                                                     double random) noexcept;

inline constexpr std::chrono::seconds max_retry_after{30};

/// Retry-After: seconds or an HTTP-date (all three forms of RFC 9110 5.6.7), from 0 to max_retry_after. Unset when
/// absent or malformed. `now` is only used for dates.
[[nodiscard]] FLIPT_DECL std::optional<std::chrono::seconds>
parse_retry_after(std::string_view value, std::chrono::system_clock::time_point now) noexcept;

/// Keeps an outage from multiplying load: over time counted repeats are at most a tenth of the calls, with a burst of
/// ten.
class retry_budget {
public:
    /// A call begins (not a repeat).
    void on_call() noexcept { tenths_ = std::min(tenths_ + 1, full); }
    /// True: one counted repeat is granted and paid.
    [[nodiscard]] bool try_take() noexcept
    {
        if (tenths_ < price)
            return false;
        tenths_ -= price;
        return true;
    }

private:
    static constexpr int price = 10;
    static constexpr int full = 100;
    int tenths_ = full;
};

/// Stops calls for a while after repeated failures, then lets one through to see. Off when `failures` is 0. The outcome
/// of a call counts only in the state that let it go: those of before the pause say nothing of the probe.
class circuit_breaker {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using ticket = std::uint64_t; // 0: none
    enum class state : std::uint8_t { closed, open, half_open };

    circuit_breaker() = default;
    circuit_breaker(int failures, std::chrono::steady_clock::duration pause) noexcept
        : threshold_(failures), pause_(pause)
    {}

    /// A ticket: the call may go, and gives the ticket to exactly one of on_success, on_failure, on_unknown.
    /// 0: errc::circuit_open.
    [[nodiscard]] FLIPT_DECL ticket allow(time_point now) noexcept;
    /// The server answered sensibly (a 4xx counts: the server is well).
    FLIPT_DECL void on_success(ticket from) noexcept;
    /// No answer, or 5xx.
    FLIPT_DECL void on_failure(ticket from, time_point now) noexcept;
    /// The call ended without telling anything (cancelled): a probe is given back.
    FLIPT_DECL void on_unknown(ticket from) noexcept;

    [[nodiscard]] state current() const noexcept { return state_; }

private:
    FLIPT_DECL void enter(state next) noexcept;

    int threshold_ = 0;
    std::chrono::steady_clock::duration pause_{};
    int failures_ = 0;
    state state_ = state::closed; // half_open: the probe is under way
    ticket ticket_ = 1;           // of the calls that state_ lets go; another one after each change
    time_point until_{};
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/retry.ipp"
#endif
