// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Sums of a limit, which may be the largest number there is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

namespace flipt::inline v0::detail {

[[nodiscard]] constexpr std::size_t saturating_add(std::size_t limit, std::size_t more) noexcept
{
    return std::min(limit, std::numeric_limits<std::size_t>::max() - more) + more;
}

} // namespace flipt::inline v0::detail
