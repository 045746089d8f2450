// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Whether a constraint, and a segment of them, matches an entity and its context.
#pragma once

#include "flipt/evaluation/context.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/go_text.hpp"
#include "flipt/evaluation/image.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

enum class verdict : std::uint8_t { no, yes, error };

// Looks a property up in the context of one evaluation.
struct direct_lookup {
    const context_view& context;

    [[nodiscard]] std::string_view operator()(const image& im, const constraint_rec& c) const noexcept
    {
        return context.find(c.mark, im.chars + c.property.offset, c.property.size);
    }
};

[[nodiscard]] inline bool in_text_set(const image& im, const constraint_rec& c, std::string_view v) noexcept
{
    const auto count = static_cast<std::size_t>(c.b);
    if (count <= small_set) {
        const text_ref* const list = im.text_lists + c.a;
        for (std::size_t i = 0; i < count; ++i)
            if (same(im.text(list[i]), v))
                return true;
        return false;
    }
    const set_slot* const table = im.text_tables + c.a;
    const std::size_t mask = std::bit_ceil(count * 2) - 1;
    const std::uint64_t h = hash_bytes(v);
    const auto tag = static_cast<std::uint32_t>(h >> 32);
    for (auto i = static_cast<std::size_t>(h);; ++i) {
        const set_slot& slot = table[i & mask];
        if (slot.size == 0)
            return false;
        if (slot.hash == tag && same(im.text({slot.offset, slot.size - 1}), v))
            return true;
    }
}

[[nodiscard]] inline bool in_number_set(const image& im, const constraint_rec& c, double v) noexcept
{
    const double* const first = im.numbers + c.a;
    const double* const last = first + c.b;
    if (c.b > small_set) {
        const double* const at = std::lower_bound(first, last, v); // a NaN is less than nothing, and equals nothing
        return at != last && *at == v;
    }
    return std::find(first, last, v) != last;
}

// Whether a comparison holds for an order of its operands: less, equal, greater, or none (NaN). A table in place of a
// branch on the operator, which would be mispredicted.
[[nodiscard]] constexpr bool holds(operation op, operation first, unsigned order) noexcept
{
    // equal, not_equal, less, less_equal, greater, greater_equal; a bit for each order
    constexpr std::uint8_t orders[] = {0b0010, 0b1101, 0b0001, 0b0011, 0b0100, 0b0110};
    return (orders[static_cast<unsigned>(op) - static_cast<unsigned>(first)] >> order & 1U) != 0;
}

[[nodiscard]] inline bool match_number(const image& im, const constraint_rec& c, std::string_view text) noexcept
{
    double v = 0;
    if (!parse_float64(text, v))
        return false;
    if (c.op >= operation::number_in)
        return in_number_set(im, c, v) == (c.op == operation::number_in);
    const auto value = std::bit_cast<double>(c.a);
    return holds(c.op, operation::number_equal, v < value ? 0U : v == value ? 1U : v > value ? 2U : 3U);
}

[[nodiscard]] inline bool match_moment(const constraint_rec& c, std::string_view text) noexcept
{
    moment v{};
    if (!parse_moment(text, v))
        return false;
    const moment value{static_cast<std::int64_t>(c.a), static_cast<std::int64_t>(c.b)};
    return holds(c.op, operation::moment_equal, v < value ? 0U : v == value ? 1U : 2U);
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
    case operation::text_equal: return same(value(), v);
    case operation::text_not_equal: return !same(value(), v);
    case operation::text_prefix: return trim_space(v).starts_with(value());
    case operation::text_suffix: return trim_space(v).ends_with(value());
    case operation::text_contains: return v.find(value()) != std::string_view::npos;
    case operation::text_not_contains: return v.find(value()) == std::string_view::npos;
    case operation::text_in: return in_text_set(im, c, v);
    case operation::text_not_in: return !in_text_set(im, c, v);
    case operation::bool_true:
    case operation::bool_false: {
        bool b = false;
        return parse_bool(v, b) && b == (c.op == operation::bool_true);
    }
    case operation::number_equal:
    case operation::number_not_equal:
    case operation::number_less:
    case operation::number_less_equal:
    case operation::number_greater:
    case operation::number_greater_equal:
    case operation::number_in:
    case operation::number_not_in: return match_number(im, c, v);
    case operation::moment_equal:
    case operation::moment_not_equal:
    case operation::moment_less:
    case operation::moment_less_equal:
    case operation::moment_greater:
    case operation::moment_greater_equal: return match_moment(c, v);
    case operation::never:
    case operation::unknown_type:
    case operation::blank:
    case operation::not_blank: break;
    }
    return false;
}

template <class Lookup>
[[nodiscard]] inline verdict match_segment(const image& im, const segment_rec& segment, std::string_view entity,
                                           Lookup& lookup) noexcept
{
    if ((segment.count & segment_error) != 0)
        return verdict::error;
    const bool any = (segment.count & segment_any) != 0;
    const std::uint32_t count = segment.count & segment_count_mask;
    const constraint_rec* c = im.constraints + segment.first;
    for (const constraint_rec* const end = c + count; c != end; ++c) {
        if (c->op == operation::unknown_type)
            return verdict::error;
        const std::string_view v = c->of_entity ? entity : lookup(im, *c);
        if (match_constraint(im, *c, v) == any)
            return any ? verdict::yes : verdict::no;
    }
    return any && count != 0 ? verdict::no : verdict::yes;
}

} // namespace flipt::inline v0::detail
