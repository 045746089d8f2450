// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Whether one constraint matches one value.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/go_text.hpp"
#include "flipt/evaluation/image.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// Whether a comparison holds for an order of its operands: less, equal, greater, or none (NaN). A table in place of a
// branch on the operator, which would be mispredicted.
[[nodiscard]] constexpr bool holds(operation op, operation first, unsigned order) noexcept
{
    // equal, not_equal, less, less_equal, greater, greater_equal; a bit for each order
    constexpr std::uint8_t orders[] = {0b0010, 0b1101, 0b0001, 0b0011, 0b0100, 0b0110};
    return (orders[static_cast<unsigned>(op) - static_cast<unsigned>(first)] >> order & 1U) != 0;
}

[[nodiscard]] FLIPT_DECL bool match_number(const image& im, const constraint_rec& c, std::string_view text) noexcept;

[[nodiscard]] inline bool match_moment(const constraint_rec& c, std::string_view text) noexcept
{
    moment v{};
    if (!parse_moment(text, v))
        return false;
    const moment value{static_cast<std::int64_t>(c.a), static_cast<std::int64_t>(c.b)};
    return holds(c.op, operation::moment_equal, v < value ? 0U : v == value ? 1U : 2U);
}

// As trim_space, without a call for most.
[[nodiscard]] inline std::string_view trimmed(std::string_view s) noexcept
{
    const auto plain = [](char c) { return static_cast<unsigned char>(c - '!') < 0x80 - '!'; };
    return plain(s.front()) && plain(s.back()) ? s : trim_space(s);
}

[[nodiscard]] inline bool match_constraint(const image& im, const constraint_rec& c, std::string_view v) noexcept
{
    if (c.op == operation::blank)
        return is_blank(v);
    if (c.op == operation::not_blank)
        return !is_blank(v);
    if (v.empty())
        return false; // for every other operator, the negative ones too
    const auto value = [&]() -> std::string_view { return {im.chars + c.a, static_cast<std::size_t>(c.b)}; };
    switch (c.op) {
    case operation::text_prefix: return trimmed(v).starts_with(value());
    case operation::text_suffix: return trimmed(v).ends_with(value());
    case operation::text_contains: return v.find(value()) != std::string_view::npos;
    case operation::text_not_contains: return v.find(value()) == std::string_view::npos;
    case operation::bool_true:
    case operation::bool_false: {
        bool b = false;
        return parse_bool(v, b) && b == (c.op == operation::bool_true);
    }
    case operation::number_in:
    case operation::number_not_in: return match_number(im, c, v);
    case operation::moment_equal:
    case operation::moment_not_equal:
    case operation::moment_less:
    case operation::moment_less_equal:
    case operation::moment_greater:
    case operation::moment_greater_equal: return match_moment(c, v);
    // The others are looked up: see column.hpp.
    default: return false;
    }
}

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/constraint.ipp"
#endif
