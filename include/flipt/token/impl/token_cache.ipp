// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/token_cache.hpp.
#pragma once

#include "flipt/detail/later.hpp"
#include "flipt/token/generation.hpp"
#include "flipt/token/jwt_expiry.hpp"
#include "flipt/token/token_cache.hpp"
#include "flipt/types/error.hpp"

#include <algorithm>
#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL token_state token_cache::look(system_time now, steady_time steady) noexcept
{
    last_look_ = steady;
    const bool may_refresh = steady >= next_refresh_;
    if (!token_.empty() && !rejected_) {
        if (!expires_at_)
            return token_state::ready;
        if (now < *expires_at_)
            return may_refresh && now >= renew_at_ ? token_state::ready_refresh_due : token_state::ready;
        // A token that lives for a blink must not make every call fetch one.
        if (steady < later(stored_at_, shortest_life())) {
            if (!error_)
                set_error(make_error_code(errc::invalid_token), "the tokens expire sooner than they may be renewed");
            return token_state::failed;
        }
        // The pause that store() sets is against tokens that are refused. This one was not, so it does not hold.
        if (failures_ == 0)
            return token_state::absent;
    }
    return may_refresh ? token_state::absent : token_state::failed;
}

FLIPT_DECL std::error_code token_cache::store(issued_token issued, system_time now, steady_time steady) noexcept
{
    const auto refuse = [&](std::string_view why) {
        fail(make_error_code(errc::invalid_token), why, steady);
        return error_;
    };
    if (issued.token.empty())
        return refuse("the token that was issued is empty");
    if (!is_header_value(issued.token.view()))
        return refuse("the token that was issued cannot stand in a header field");
    if (!is_scheme_name(issued.scheme))
        return refuse("the scheme that was issued is no name of an authentication scheme");
    const auto expires_at = issued.expires_at ? issued.expires_at : read_jwt_expiry(issued.token.view());
    if (expires_at && *expires_at <= now)
        return refuse("the token that was issued has already expired: look at the clocks of both sides");

    token_ = std::move(issued.token);
    scheme_ = std::move(issued.scheme);
    expires_at_ = expires_at;
    generation_ = next_token_generation();
    if (expires_at_) {
        // Shorter-lived than the margin: half of what is left, and not every call.
        const auto left = *expires_at_ - now;
        constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(system_time::duration::max());
        const system_time::duration margin = std::clamp(margin_, std::chrono::seconds::zero(), most);
        renew_at_ = left > margin
                        ? *expires_at_ - margin
                        : now + std::max<system_time::duration>(
                                    left / 2, std::chrono::duration_cast<system_time::duration>(shortest_life()));
    }
    // A replacement of a refused token may be refused as well: the next one then waits.
    if (!std::exchange(rejected_, false))
        rejections_ = 0;
    next_refresh_ = rejections_ != 0 ? later(steady, backoff(rejections_)) : steady_time::min();
    stored_at_ = steady;
    failures_ = 0;
    set_error({}, {});
    return {};
}

FLIPT_DECL void token_cache::fail(std::error_code ec, std::string_view detail, steady_time steady) noexcept
{
    ++failures_;
    next_refresh_ = later(steady, backoff(failures_));
    set_error(ec ? ec : make_error_code(errc::invalid_token), detail);
}

FLIPT_DECL bool token_cache::reject(std::uint64_t generation) noexcept
{
    if (token_.empty()) // the one that was refused is of a policy that this one has replaced
        return generation != 0 && last_look_ >= next_refresh_;
    if (generation == generation_ && !rejected_) {
        rejected_ = true;
        // One that served for a while was good once; only tokens refused when new count towards the pause.
        const bool served = last_look_ - stored_at_ > max_backoff_;
        rejections_ = served ? 1 : rejections_ + 1;
        set_error(make_error_code(errc::unauthenticated), "the server refused the token that was issued last");
    }
    return !rejected_ || last_look_ >= next_refresh_;
}

FLIPT_DECL token_cache::duration token_cache::backoff(unsigned count) const noexcept
{
    duration pause = std::min(initial_backoff_, max_backoff_);
    for (; count > 1 && pause < max_backoff_; --count)
        pause = pause > max_backoff_ / 2 ? max_backoff_ : pause * 2;
    return std::max(pause, duration::zero());
}

FLIPT_DECL void token_cache::set_error(std::error_code ec, std::string_view detail) noexcept
{
    error_ = ec;
    try {
        // A callable's own words could quote the token we hold.
        const bool quotes = !token_.empty() && detail.find(token_.view()) != std::string_view::npos;
        detail_.assign(quotes ? std::string_view() : detail);
    } catch (...) {
        detail_.clear();
    }
}

} // namespace flipt::inline v0::detail
