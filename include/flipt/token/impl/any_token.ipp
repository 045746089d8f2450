// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/any_token.hpp.
#pragma once

#include "flipt/token/any_token.hpp"
#include "flipt/token/static_token.hpp"
#include "flipt/types/error.hpp"

#include <memory>
#include <utility>

namespace flipt::inline v0 {

FLIPT_DECL any_token::any_token() : any_token(no_token()) {}

namespace detail {

FLIPT_DECL policy_provider<any_token>::policy_provider(any_token policy) : policy_(std::move(policy)) {}

FLIPT_DECL token_state policy_provider<any_token>::look(std::chrono::system_clock::time_point now,
                                                        std::chrono::steady_clock::time_point steady, token_view& out,
                                                        std::error_code& ec) noexcept
{
    if (policy_.provider_)
        return policy_.provider_->look(now, steady, out, ec);
    ec = errc::invalid_token;
    return token_state::failed;
}

FLIPT_DECL bool policy_provider<any_token>::needs_clock() const noexcept
{
    return policy_.provider_ && policy_.provider_->needs_clock();
}

FLIPT_DECL asio::awaitable<void> policy_provider<any_token>::refresh(token_transport& transport)
{
    const std::shared_ptr<token_provider> kept = policy_.provider_; // the policy may be replaced meanwhile
    if (kept)
        co_await kept->refresh(transport);
}

FLIPT_DECL bool policy_provider<any_token>::reject(std::uint64_t generation) noexcept
{
    return policy_.provider_ && policy_.provider_->reject(generation);
}

FLIPT_DECL std::string_view policy_provider<any_token>::detail() const noexcept
{
    return policy_.provider_ ? policy_.provider_->detail() : std::string_view();
}

} // namespace detail
} // namespace flipt::inline v0
