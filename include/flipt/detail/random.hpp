// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Chance for pauses and request ids; nothing secret. (<random> takes a compiler longer than all that is made of it.)
#pragma once

#include "flipt/detail/config.hpp"

#include <cstdint>

namespace flipt::inline v0::detail {

/// SplitMix64, begun with bytes of OpenSSL's.
class random_source {
public:
    FLIPT_DECL random_source() noexcept;

    [[nodiscard]] std::uint64_t bits() noexcept
    {
        state_ += 0x9E3779B97F4A7C15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }
    /// At least 0, less than 1.
    [[nodiscard]] double unit() noexcept { return static_cast<double>(bits() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/detail/impl/random.ipp"
#endif
