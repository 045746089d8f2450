// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What one value is to all constraints of its property.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/constraint.hpp"
#include "flipt/evaluation/context.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/image.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// Text of up to eight bytes as a number, without a branch on its length: lengths of values follow no pattern.
[[nodiscard]] inline std::uint64_t short_word(const char* p, std::size_t n) noexcept
{
    static constexpr char zeros[4] = {};
    const auto four = ~std::uintptr_t{0} + (n < 4); // all bits, or none
    const auto from = reinterpret_cast<std::uintptr_t>(zeros);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): it is one of the two addresses, chosen without a branch
    const auto* const q = reinterpret_cast<const char*>(from ^ ((from ^ reinterpret_cast<std::uintptr_t>(p)) & four));
    const std::size_t last = (n - 4) & four;
    const auto byte = [p](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i); };
    if constexpr (std::endian::native == std::endian::little)
        return load<std::uint32_t>(q) | std::uint64_t{load<std::uint32_t>(q + last)} << (8 * last) | byte(0) |
               byte(n / 2) | byte(n - 1);
    std::uint64_t w = 0;
    for (std::size_t i = 0; i < n; ++i)
        w |= byte(i);
    return w;
}

[[nodiscard]] inline std::uint64_t text_word(std::string_view v) noexcept
{
    if (v.size() <= 8) [[likely]]
        return short_word(v.data(), v.size());
    return hash_bytes(v);
}

[[nodiscard]] inline std::size_t text_place(std::uint64_t word, std::size_t size, std::uint64_t factor,
                                            unsigned shift) noexcept
{
    return static_cast<std::size_t>(((word ^ size << 56) * factor) >> shift);
}

// The slot of a text that constraints of the column name, or null.
[[nodiscard]] inline const text_slot* find_text(const image& im, const column_rec& c, std::string_view v) noexcept
{
    const std::uint64_t word = text_word(v);
    const text_slot* const table = im.texts + c.texts;
    const std::size_t mask = ~std::uint64_t{0} >> c.text_shift;
    for (std::size_t i = text_place(word, v.size(), c.text_factor, c.text_shift);; i = (i + 1) & mask) {
        const text_slot& slot = table[i];
        if (slot.size == 0)
            return nullptr;
        if (slot.size == v.size() && same_key(slot.word, word, im.chars + slot.offset, v.data(), v.size()))
            return &slot;
    }
}

// The most usual numbers.
[[nodiscard, gnu::always_inline]] inline bool parse_digits(std::string_view v, double& out) noexcept
{
    if (v.size() > 9)
        return false;
    std::int32_t number = 0;
    for (const char c : v) {
        const int digit = c - '0';
        if (static_cast<unsigned>(digit) > 9)
            return false;
        number = number * 10 + digit;
    }
    out = number;
    return true;
}

// The place of a number among those of the column: below, at, above each of them.
[[nodiscard]] inline std::uint64_t number_verdicts(const image& im, const column_rec& c, double v) noexcept
{
    const double* const sorted = im.numbers + c.numbers; // with a NaN behind them
    std::size_t low = 0;
    for (std::size_t n = c.number_count; n > 1;) {
        const std::size_t half = n / 2;
        low += sorted[low + half - 1] < v ? half : 0;
        n -= half;
    }
    low += sorted[low] < v ? 1 : 0;
    std::size_t row = 2 * low + (sorted[low] == v ? 1U : 0U);
    if (v != v) [[unlikely]]
        row = 2 * std::size_t{c.number_count} + 1;
    return im.number_rows[c.number_rows + row];
}

// How a value differs from no value, and the constraints that have not been asked yet.
struct verdict_bits {
    std::uint64_t change;
    std::uint64_t pending;
};

// Of a value that is not empty.
[[nodiscard, gnu::always_inline]] inline verdict_bits classify(const image& im, const column_rec& c,
                                                               std::string_view v) noexcept
{
    verdict_bits bits{c.other, c.single};
    if (static_cast<unsigned char>(v.front() - '!') >= 0x80 - '!') [[unlikely]]
        bits.pending |= c.blanks;
    if (c.text_shift != 0) {
        const std::uint64_t left = c.resolved ? 0 : c.single;
        if (c.perfect && v.size() <= 8) [[likely]] {
            const std::uint64_t word = short_word(v.data(), v.size());
            const text_slot& slot = im.texts[c.texts + text_place(word, v.size(), c.text_factor, c.text_shift)];
            // Whether a value is known follows no pattern either: no branch.
            const std::uint64_t hit = std::uint64_t{((slot.word ^ word) | (slot.size ^ v.size())) != 0} - 1;
            bits.change ^= (bits.change ^ slot.verdicts) & hit;
            bits.pending ^= (bits.pending ^ left) & hit;
        } else if (const text_slot* const slot = find_text(im, c, v); slot != nullptr) {
            bits = {slot->verdicts, left};
        }
    }
    if (c.number_count != 0)
        if (double number = 0; parse_digits(v, number) || parse_float64(v, number))
            bits.change |= number_verdicts(im, c, number);
    return bits;
}

// Asks those of `asked`: the bits of `word` become what they say.
inline void resolve(const image& im, const column_rec& c, std::string_view v, std::uint64_t asked,
                    std::uint64_t& word) noexcept
{
    const constraint_rec* rec = im.constraints + c.constraints;
    for (std::uint64_t left = c.single | c.blanks; asked != 0; left &= left - 1, ++rec) {
        const std::uint64_t bit = left & (~left + 1);
        if ((asked & bit) == 0)
            continue;
        word = match_constraint(im, *rec, v) ? word | bit : word & ~bit;
        asked &= ~bit;
    }
}

[[nodiscard, gnu::always_inline]] inline const property_slot* find_property(const image& im,
                                                                            const context_item& item) noexcept
{
    for (auto i = static_cast<std::uint32_t>(item.word * hash_step >> 32);; ++i) {
        const property_slot& slot = im.properties[i & im.property_mask];
        if (slot.column == 0)
            return nullptr;
        if (slot.name.size == item.key_size &&
            same_key(slot.word, item.word, im.chars + slot.name.offset, item.key, item.key_size))
            return &slot;
    }
}

} // namespace flipt::inline v0::detail
