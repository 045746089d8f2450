// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A token policy whose kind is chosen at run time.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/token/provider.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0 {

/// Holds any token policy; what a program uses that learns from its settings which one it needs. Movable; a moved-from
/// one can only be assigned to or destroyed (calls with it fail with invalid_token). The one in a client may be
/// assigned to on the client's executor at any time: requests that begin later use the new policy. What the old one is
/// fetching is dropped when it comes; only then does a new one that fetches begin.
class any_token {
public:
    /// Like no_token.
    FLIPT_DECL any_token();

    template <class P>
        requires(!std::same_as<P, any_token>) && token_policy<P>
    any_token(P policy) : provider_(detail::make_provider(std::move(policy)))
    {}

    any_token(any_token&&) noexcept = default;
    any_token& operator=(any_token&&) noexcept = default;
    ~any_token() = default;

private:
    friend class detail::policy_provider<any_token>;

    std::shared_ptr<detail::token_provider> provider_; // shared with a refresh that runs: this one may be replaced
};

namespace detail {

template <>
class policy_provider<any_token> final : public token_provider {
public:
    FLIPT_DECL explicit policy_provider(any_token policy);

    [[nodiscard]] any_token& policy() noexcept { return policy_; }

    FLIPT_DECL token_state look(std::chrono::system_clock::time_point now, std::chrono::steady_clock::time_point steady,
                                token_view& out, std::error_code& ec) noexcept override;
    [[nodiscard]] FLIPT_DECL bool needs_clock() const noexcept override;
    FLIPT_DECL asio::awaitable<void> refresh(token_transport& transport) override;
    FLIPT_DECL bool reject(std::uint64_t generation) noexcept override;
    [[nodiscard]] FLIPT_DECL std::string_view detail() const noexcept override;

private:
    any_token policy_;
};

} // namespace detail
} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/any_token.ipp"
#endif
