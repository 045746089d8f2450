// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What one value is to all constraints of its property.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/constraint.hpp"
#include "flipt/evaluation/context.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/image.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// A word for a text of one to eight bytes, another for each text of one size. Without a branch on the size: those of
// values follow no pattern.
[[nodiscard, gnu::always_inline]] inline std::uint64_t short_word(const char* p, std::size_t n) noexcept
{
    const auto byte = [p](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])}; };
    if constexpr (std::endian::native == std::endian::little) {
        static constexpr char zeros[4] = {};
        const auto four =
            static_cast<std::uintptr_t>((std::int64_t{3} - static_cast<std::int64_t>(n)) >> 63); // or none
        const auto from = reinterpret_cast<std::uintptr_t>(zeros);
        const auto address = from + ((reinterpret_cast<std::uintptr_t>(p) - from) & four);
        // NOLINTNEXTLINE(performance-no-int-to-ptr): it is one of the two addresses, chosen without a branch
        const auto* const q = reinterpret_cast<const char*>(address);
        const std::size_t last = (n - 4) & four;
        // The last four bytes say what the last byte is, and so the first one, the middle one and the others.
        return (load<std::uint32_t>(q) | std::uint64_t{load<std::uint32_t>(q + last)} << 32) ^ byte(n - 1) ^
               byte(n / 2) << 8 ^ byte(0) << 16;
    }
    std::uint64_t w = 0;
    for (std::size_t i = 0; i < n; ++i)
        w |= byte(i) << (8 * i);
    return w;
}

[[nodiscard]] inline std::uint64_t text_word(std::string_view v) noexcept
{
    if (v.size() <= 8) [[likely]]
        return short_word(v.data(), v.size());
    return hash_bytes(v);
}

[[nodiscard, gnu::always_inline]] inline std::size_t text_place(std::uint64_t word, std::uint64_t factor,
                                                                unsigned shift) noexcept
{
    return static_cast<std::size_t>((word * factor) >> shift);
}

// The slot of a text that constraints of the column name, or null.
[[nodiscard]] inline const text_slot* find_text(const image& im, const column_rec& c, std::string_view v) noexcept
{
    const std::uint64_t word = text_word(v);
    const text_slot* const table = im.texts + c.texts;
    const std::size_t mask = ~std::uint64_t{0} >> c.text_shift;
    for (std::size_t i = text_place(word, c.text_factor, c.text_shift);; i = (i + 1) & mask) {
        const text_slot& slot = table[i];
        if (slot.size == 0)
            return nullptr;
        if (slot.size == v.size() && same_key(slot.word, word, im.chars + slot.offset, v.data(), v.size()))
            return &slot;
    }
}

// The most usual numbers.
[[nodiscard]] inline bool parse_digits(std::string_view v, double& out) noexcept
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

constexpr std::array<std::uint16_t, 256> make_small_digits() noexcept
{
    std::array<std::uint16_t, 256> digits{};
    for (std::size_t c = 0; c < digits.size(); ++c)
        digits[c] = static_cast<std::uint16_t>(c >= '0' && c <= '9' ? c - '0' : 1000);
    return digits;
}

inline constexpr std::array<std::uint16_t, 256> small_digits = make_small_digits();

// An integer of one to three digits, without a branch on their number; 1,000 or more for anything else.
[[nodiscard, gnu::always_inline]] inline std::uint32_t small_integer(const char* p, std::size_t n) noexcept
{
    static constexpr std::uint16_t weights[4][2] = {{0, 0}, {0, 0}, {10, 0}, {100, 10}}; // of the first and the middle
    const auto digit = [p](std::size_t i) { return std::uint32_t{small_digits[static_cast<unsigned char>(p[i])]}; };
    return digit(0) * weights[n][0] + digit(n / 2) * weights[n][1] + digit(n - 1);
}

// The place of a number among those of a column, sorted and with a NaN behind them: below, at, above each of them.
[[nodiscard]] inline std::size_t number_row(const double* sorted, std::size_t count, double v) noexcept
{
    std::size_t low = 0;
    for (std::size_t n = count; n > 1;) {
        const std::size_t half = n / 2;
        low += sorted[low + half - 1] < v ? half : 0;
        n -= half;
    }
    low += sorted[low] < v ? 1 : 0;
    if (v != v) [[unlikely]]
        return 2 * count + 1;
    return 2 * low + (sorted[low] == v ? 1U : 0U);
}

// How a value differs from no value, and the constraints that have not been asked yet.
struct verdict_bits {
    std::uint64_t change;
    std::uint64_t pending;
};

// Of a value that is not empty.
[[nodiscard, gnu::noinline]] inline verdict_bits classify_any(const image& im, const column_rec& c,
                                                              std::string_view v) noexcept
{
    verdict_bits bits{c.other, c.single};
    if (c.text_shift != 0)
        if (const text_slot* const slot = find_text(im, c, v); slot != nullptr)
            bits = {c.other ^ slot->change, c.resolved ? 0 : c.single};
    if (static_cast<unsigned char>(v.front() - '!') >= 0x80 - '!')
        bits.pending |= c.blanks;
    if (c.number_count != 0)
        if (double number = 0; parse_digits(v, number) || parse_float64(v, number))
            bits.change |= im.number_rows[c.number_rows + number_row(im.numbers + c.numbers, c.number_count, number)];
    return bits;
}

// The same, for the most usual values at once. What they are follows no pattern: no branch.
[[nodiscard, gnu::always_inline]] inline verdict_bits classify(const image& im, const column_rec& c,
                                                               std::string_view v) noexcept
{
    if (c.kind == column_kind::texts) {
        if (v.size() <= 8 && static_cast<unsigned char>(v.front() - '!') < 0x80 - '!') [[likely]] {
            const std::uint64_t word = short_word(v.data(), v.size());
            const text_slot& slot = im.texts[c.texts + text_place(word, c.text_factor, c.text_shift)];
            const std::uint64_t miss = std::uint64_t{0} - (((slot.word ^ word) | (slot.size ^ v.size())) != 0);
            return {c.other ^ (slot.change & ~miss), c.single & miss};
        }
    } else if (c.kind == column_kind::numbers && v.size() <= 3) {
        if (std::uint32_t number = small_integer(v.data(), v.size()); number < 1000) [[likely]] {
            number = number < c.small_top ? number : c.small_top;
            return {c.other | im.number_rows[c.number_rows + im.small_rows[c.small_rows + number]], c.single};
        }
    }
    return classify_any(im, c, v);
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
    for (std::uint32_t i = property_place(item.word, im.property_factor);; ++i) {
        const property_slot& slot = im.properties[i & im.property_mask];
        if (slot.word == item.word && slot.size == item.key_size &&
            (item.key_size <= 8 || same_bytes(im.chars + slot.name, item.key, item.key_size)))
            return &slot;
        if (slot.column == 0)
            return nullptr;
    }
}

} // namespace flipt::inline v0::detail
