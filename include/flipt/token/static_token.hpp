// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Policies for a token that the program has: none, a JWT, or a client token.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/token/generation.hpp"
#include "flipt/token/secret.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0 {

/// Sends no Authorization header.
struct no_token {
    static constexpr std::string_view scheme{};
    static constexpr std::string_view token() noexcept { return {}; }
    static constexpr std::uint64_t version() noexcept { return 0; }
};

namespace detail {

// A handle to one token: copies share it. Reading goes through a snapshot of the handle's own, so that set() may be
// called meanwhile; only after a change does it take the lock. There is no move: a moved-from handle would be empty.
class shared_token {
public:
    FLIPT_DECL explicit shared_token(std::string text);
    shared_token(const shared_token&) = default;
    shared_token& operator=(const shared_token&) = default;
    ~shared_token() = default;

    /// Replaces the token for all copies of this handle. Any thread, at any time: requests that begin later use the new
    /// one. A token that cannot be sent is refused when it is used (invalid_token).
    FLIPT_DECL void set(std::string text) const;

    /// Changes when the token does, and is that of no other token. For the client; one thread at a time per handle.
    [[nodiscard]] std::uint64_t version() const noexcept { return shared_->version.load(std::memory_order_acquire); }

    /// The token. For the client; one thread at a time per handle. Valid until the next call on this handle.
    [[nodiscard]] FLIPT_DECL std::string_view token();

private:
    struct shared {
        std::mutex mutex;
        std::shared_ptr<const secret> current; // never null
        std::atomic<std::uint64_t> version{next_token_generation()};
    };

    std::shared_ptr<shared> shared_;
    std::shared_ptr<const secret> seen_;
    std::uint64_t seen_version_ = 0;
};

} // namespace detail

/// A JWT from Flipt's "JSON Web Tokens" method: `Authorization: JWT <token>`. Keep a copy to set() a new one later.
class jwt_token : public detail::shared_token {
public:
    static constexpr std::string_view scheme = "JWT";
    explicit jwt_token(std::string jwt) : shared_token(std::move(jwt)) {}
};

/// A client token (Flipt's "static token" method and what its login methods issue): `Authorization: Bearer <token>`.
/// Keep a copy to set() a new one later.
class client_token : public detail::shared_token {
public:
    static constexpr std::string_view scheme = "Bearer";
    explicit client_token(std::string token) : shared_token(std::move(token)) {}
};

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/static_token.ipp"
#endif
