// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of constraint.hpp: what would bring <algorithm> into it.
#pragma once

#include "flipt/evaluation/constraint.hpp"
#include "flipt/evaluation/go_number.hpp"

#include <algorithm>
#include <string_view>

namespace flipt::inline v0::detail {

FLIPT_DECL bool match_number(const image& im, const constraint_rec& c, std::string_view text) noexcept
{
    const auto is_in_set = [&](double v) {
        const double* const first = im.numbers + c.a;
        const double* const last = first + c.b;
        if (c.b > small_set) {
            const double* const at = std::lower_bound(first, last, v); // a NaN is less than nothing, and equals nothing
            return at != last && *at == v;
        }
        return std::find(first, last, v) != last;
    };
    double v = 0;
    return parse_float64(text, v) && is_in_set(v) == (c.op == operation::number_in);
}

} // namespace flipt::inline v0::detail
