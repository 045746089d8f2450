// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Keeps a token that is fetched from elsewhere and decides when to fetch again; no clock and no I/O of its own.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/token/issued_token.hpp"
#include "flipt/token/secret.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0 {

/// How fetched tokens are renewed.
class refresh_options {
public:
    refresh_options() = default;

    /// A token is renewed this long before it expires (against clock skew and slow refreshes). One that lives shorter
    /// is renewed at half its life.
    std::chrono::seconds margin = std::chrono::seconds(60);
    /// A failed refresh is repeated no sooner than this; doubles with each failure in a row.
    std::chrono::steady_clock::duration initial_backoff = std::chrono::seconds(1);
    /// The most that the pause grows to.
    std::chrono::steady_clock::duration max_backoff = std::chrono::seconds(60);
    /// The scheme of a token that was given without one.
    std::string scheme = "JWT";
};

namespace detail {

enum class token_state {
    ready,             // use the token
    ready_refresh_due, // use the token, and start a refresh if none runs
    absent,            // no token that may be used: wait for a refresh
    failed             // no token, and none may be fetched yet: fail with the error
};

// The state machine. Times are handed in: the system's, which `exp` is written in, and the steady one for pauses.
class token_cache {
public:
    using system_time = std::chrono::system_clock::time_point;
    using steady_time = std::chrono::steady_clock::time_point;

    token_cache() = default;
    explicit token_cache(const refresh_options& options)
        : margin_(options.margin), initial_backoff_(options.initial_backoff), max_backoff_(options.max_backoff)
    {}

    [[nodiscard]] FLIPT_DECL token_state look(system_time now, steady_time steady) noexcept;

    // A refresh brought this. Gives an error, and treats the refresh as failed, if it cannot be sent or has expired.
    FLIPT_DECL std::error_code store(issued_token issued, system_time now, steady_time steady) noexcept;
    // A refresh brought nothing. `detail` must not hold a token.
    FLIPT_DECL void fail(std::error_code ec, std::string_view detail, steady_time steady) noexcept;
    // The server refused this generation (401). True: another token is here, or may be fetched now.
    FLIPT_DECL bool reject(std::uint64_t generation) noexcept;

    [[nodiscard]] std::string_view token() const noexcept { return token_.view(); }
    [[nodiscard]] std::string_view scheme() const noexcept { return scheme_; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] std::optional<system_time> expires_at() const noexcept { return expires_at_; }
    // The last failure; what look() says `failed` for.
    [[nodiscard]] std::error_code error() const noexcept { return error_; }
    [[nodiscard]] std::string_view detail() const noexcept { return detail_; }

private:
    using duration = std::chrono::steady_clock::duration;

    [[nodiscard]] FLIPT_DECL duration backoff(unsigned count) const noexcept;
    [[nodiscard]] duration shortest_life() const noexcept;
    FLIPT_DECL void set_error(std::error_code ec, std::string_view detail) noexcept;

    std::chrono::seconds margin_{60};
    duration initial_backoff_ = std::chrono::seconds(1);
    duration max_backoff_ = std::chrono::seconds(60);

    secret token_;
    std::string scheme_;
    std::optional<system_time> expires_at_;
    system_time renew_at_{};
    std::uint64_t generation_ = 0; // 0: never had a token
    bool rejected_ = false;        // the server refused the current generation
    unsigned failures_ = 0;        // refreshes that failed in a row
    unsigned rejections_ = 0;      // tokens in a row that were refused soon after they were issued
    steady_time stored_at_ = steady_time::min();
    steady_time next_refresh_ = steady_time::min();
    steady_time last_look_ = steady_time::min();
    std::error_code error_;
    std::string detail_;
};

inline token_cache::duration token_cache::shortest_life() const noexcept
{
    return initial_backoff_ < std::chrono::seconds(1) ? initial_backoff_ : duration(std::chrono::seconds(1));
}

} // namespace detail
} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/token_cache.ipp"
#endif
