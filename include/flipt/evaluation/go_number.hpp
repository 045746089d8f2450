// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Numbers as Go's strconv.ParseFloat reads them, independent of locale and of allocation.
#pragma once

#include "flipt/detail/config.hpp"

#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// ParseFloat(s, 64): decimal and hexadecimal floats, underscores, inf, infinity, nan; false on bad syntax and on
// overflow.
FLIPT_DECL bool parse_float64_slow(std::string_view s, double& out) noexcept;

// ParseFloat(s, 32): rounded once, from the digits.
FLIPT_DECL bool parse_float32(std::string_view s, float& out) noexcept;

inline constexpr double exact_powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Short plain decimals here (both operands exact, so one correctly rounded division); everything else out of line.
[[nodiscard]] inline bool parse_float64(std::string_view s, double& out) noexcept
{
    const std::size_t n = s.size();
    if (n == 0)
        return false;
    const bool negative = s[0] == '-';
    std::size_t i = negative || s[0] == '+' ? 1 : 0;
    if (n - i > 15)
        return parse_float64_slow(s, out);
    const std::size_t first = i;
    std::size_t dot = n;
    std::int64_t mantissa = 0;
    for (; i < n; ++i) {
        const unsigned digit = static_cast<unsigned char>(s[i]) - unsigned{'0'};
        if (digit <= 9)
            mantissa = mantissa * 10 + static_cast<std::int64_t>(digit);
        else if (s[i] == '.' && dot == n)
            dot = i;
        else
            return parse_float64_slow(s, out);
    }
    if (n - first == (dot == n ? 0U : 1U))
        return false;
    double value = static_cast<double>(mantissa);
    if (dot != n)
        value /= exact_powers_of_ten[n - dot - 1];
    out = negative ? -value : value;
    return true;
}

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/go_number.ipp"
#endif
