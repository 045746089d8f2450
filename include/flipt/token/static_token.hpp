// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Policies for a token that the program has: none, a JWT, or a client token.
#pragma once

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
    explicit shared_token(std::string text) : shared_(std::make_shared<shared>(std::move(text))) {}
    shared_token(const shared_token&) = default;
    shared_token& operator=(const shared_token&) = default;
    ~shared_token() = default;

    /// Replaces the token for all copies of this handle. Any thread, at any time: requests that begin later use the new
    /// one. A token that cannot be sent is refused when it is used (invalid_token).
    void set(std::string text) const
    {
        auto fresh = std::make_shared<const secret>(secret::take(std::move(text)));
        const std::lock_guard lock(shared_->mutex);
        shared_->current.swap(fresh);
        shared_->version.fetch_add(1, std::memory_order_release);
    }

    /// Changes when the token does. For the client; one thread at a time per handle.
    [[nodiscard]] std::uint64_t version() const noexcept { return shared_->version.load(std::memory_order_acquire); }

    /// The token. For the client; one thread at a time per handle. Valid until the next call on this handle.
    [[nodiscard]] std::string_view token()
    {
        if (!seen_ || version() != seen_version_) {
            const std::lock_guard lock(shared_->mutex);
            seen_ = shared_->current;
            seen_version_ = shared_->version.load(std::memory_order_relaxed);
        }
        return seen_->view();
    }

private:
    struct shared {
        explicit shared(std::string text) : current(std::make_shared<const secret>(secret::take(std::move(text)))) {}

        std::mutex mutex;
        std::shared_ptr<const secret> current; // never null
        std::atomic<std::uint64_t> version{1};
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
