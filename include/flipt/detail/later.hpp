// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Sums of a time and a setting, which may be the longest duration there is: the natural way to write "never".
#pragma once

#include <chrono>

namespace flipt::inline v0::detail {

/// `from + by`, or the last (or first) time there is where the sum is beyond it.
[[nodiscard]] constexpr std::chrono::steady_clock::time_point later(std::chrono::steady_clock::time_point from,
                                                                    std::chrono::steady_clock::duration by) noexcept
{
    using time_point = std::chrono::steady_clock::time_point;
    if (by > by.zero() && from > time_point::max() - by)
        return time_point::max();
    if (by < by.zero() && from < time_point::min() - by)
        return time_point::min();
    return from + by;
}

} // namespace flipt::inline v0::detail
