// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A moment some time from another, where the time may be the longest there is.
#pragma once

#include <chrono>

namespace flipt::inline v0::detail {

[[nodiscard]] constexpr std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point from,
                                                                    std::chrono::steady_clock::duration by) noexcept
{
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::steady_clock::duration;
    if (by > duration::zero() && from > time_point::max() - by)
        return time_point::max();
    return from + by;
}

} // namespace flipt::inline v0::detail
