// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of detail/random.hpp.
#pragma once

#include "flipt/detail/random.hpp"

#include <openssl/rand.h>

#include <chrono>

namespace flipt::inline v0::detail {

FLIPT_DECL random_source::random_source() noexcept
{
    unsigned char seed[sizeof state_];
    if (RAND_bytes(seed, sizeof seed) == 1) {
        state_ = 0;
        for (const unsigned char byte : seed)
            state_ = state_ << 8 | byte;
        return;
    }
    // Good enough to spread repeats: no two clients have both the same time and the same address.
    state_ = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    state_ ^= static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(this));
}

} // namespace flipt::inline v0::detail
