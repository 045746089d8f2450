// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/provider.hpp.
#pragma once

#include "flipt/token/generation.hpp"
#include "flipt/token/provider.hpp"
#include "flipt/types/error.hpp"

namespace flipt::inline v0::detail {

FLIPT_DECL policy_failure policy_failure::from_current_exception() noexcept
{
    policy_failure failure;
    failure.ec = errc::invalid_token;
    try {
        try {
            throw;
        } catch (const flipt::error& e) {
            failure.ec = e.code();
            failure.detail = e.details().detail();
        } catch (const std::system_error& e) {
            failure.ec = e.code();
        }
        // Nobody cancelled the call that waits for a token: a refresh that was cancelled is one that failed.
        if (comparable(failure.ec) == std::errc::operation_canceled) {
            failure.ec = errc::invalid_token;
            failure.detail = "the refresh of the token was cancelled";
        }
    } catch (...) {
        // Any other exception, or no memory for the words. Its text is not ours to show: it may hold the token.
    }
    if (!failure.ec)
        failure.ec = errc::invalid_token;
    return failure;
}

FLIPT_DECL void checked_token::accept(std::string_view scheme, std::string_view token)
{
    if (generation_ == 0 || scheme != scheme_ || token != token_.view()) {
        secret fresh(token.substr(0, max_token_size + 1)); // one too long is refused below; no need to keep it all
        scheme_.assign(scheme.substr(0, 65));
        token_ = std::move(fresh);
        generation_ = next_token_generation();
        if (scheme.empty())
            flaw_ = nullptr;
        else if (!is_scheme_name(scheme))
            flaw_ = "the scheme of the token policy is no name of an authentication scheme";
        else if (token.empty())
            flaw_ = "the token is empty";
        else if (token.size() > max_token_size)
            flaw_ = "the token is longer than 16 KiB";
        else if (!is_header_value(token))
            flaw_ = "the token has bytes that cannot stand in a header field";
        else
            flaw_ = nullptr;
    } else if (flaw_ == nullptr && !error_) {
        return;
    }
    error_ = flaw_ != nullptr ? make_error_code(errc::invalid_token) : std::error_code();
    detail_.assign(flaw_ != nullptr ? flaw_ : "");
}

FLIPT_DECL asio::awaitable<void> nothing_to_refresh() { co_return; }

FLIPT_DECL token_state checked_token::fail(policy_failure failure, std::error_code& ec) noexcept
{
    error_ = errc::invalid_token;
    detail_ = std::move(failure.detail);
    ec = error_;
    return token_state::failed;
}

} // namespace flipt::inline v0::detail
