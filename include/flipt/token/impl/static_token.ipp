// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/static_token.hpp.
#pragma once

#include "flipt/token/static_token.hpp"

#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL shared_token::shared_token(std::string text) : shared_(std::make_shared<shared>())
{
    shared_->current = std::make_shared<const secret>(secret::take(std::move(text)));
}

FLIPT_DECL void shared_token::set(std::string text) const
{
    auto fresh = std::make_shared<const secret>(secret::take(std::move(text)));
    const std::lock_guard lock(shared_->mutex);
    shared_->current.swap(fresh);
    shared_->version.store(next_token_generation(), std::memory_order_release);
}

FLIPT_DECL std::string_view shared_token::token()
{
    if (!seen_ || version() != seen_version_) {
        const std::lock_guard lock(shared_->mutex);
        seen_ = shared_->current;
        seen_version_ = shared_->version.load(std::memory_order_relaxed);
    }
    return seen_->view();
}

} // namespace flipt::inline v0::detail
