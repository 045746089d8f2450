// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A policy whose tokens come from a coroutine of the user's, kept and renewed ahead of their expiry.
#pragma once

#include "flipt/token/policy.hpp"
#include "flipt/token/token_cache.hpp"

#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

namespace flipt::inline v0 {

/// What refreshing_token can call: no arguments, gives an awaitable of std::string, secret or issued_token.
template <class F>
concept token_callable = std::move_constructible<F> && std::invocable<F&> &&
                         (std::same_as<std::invoke_result_t<F&>, asio::awaitable<std::string>> ||
                          std::same_as<std::invoke_result_t<F&>, asio::awaitable<secret>> ||
                          std::same_as<std::invoke_result_t<F&>, asio::awaitable<issued_token>>);

/// Tokens from `callable`, which runs on the client's executor, one at a time however many calls wait. Its token is
/// used until it nears its expiry (the `exp` of a JWT, or issued_token::expires_at; neither: until a 401), then renewed
/// in the background while the old one serves. A failed refresh is repeated after a pause that grows.
/// A callable that throws std::system_error passes its code to the waiting calls; any other exception is invalid_token.
/// It is moved into the client and must own what it uses; a lambda must not be destroyed while it runs, which the
/// client sees to.
template <class F>
class refreshing_token {
    static_assert(token_callable<F>, "flipt: refreshing_token needs a callable without arguments that returns "
                                     "asio::awaitable<std::string>, <flipt::secret> or <flipt::issued_token>");

public:
    explicit refreshing_token(F callable, refresh_options options = refresh_options())
        : callable_(std::move(callable)), options_(std::move(options))
    {}

    /// For the client.
    [[nodiscard]] const refresh_options& refresh_settings() const noexcept { return options_; }

    /// For the client; this object must live until the operation completes.
    asio::awaitable<issued_token> fetch(token_transport&)
    {
        using value = typename std::invoke_result_t<F&>::value_type;
        value got = co_await callable_();
        if constexpr (std::is_same_v<value, issued_token>) {
            co_return std::move(got);
        } else if constexpr (std::is_same_v<value, secret>) {
            issued_token issued(std::move(got), options_.scheme);
            co_return std::move(issued);
        } else {
            issued_token issued(secret::take(std::move(got)), options_.scheme);
            co_return std::move(issued);
        }
    }

private:
    F callable_;
    refresh_options options_;
};

} // namespace flipt::inline v0
