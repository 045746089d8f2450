// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The long way of reading a number, after Go's strconv: exact for any length, on the stack.
#pragma once

#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/impl/long_decimal.ipp"

#include <bit>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

struct float_format {
    int mantissa_bits;
    int exponent_bits;
    int bias;
};

inline constexpr float_format format32{23, 8, -127};
inline constexpr float_format format64{52, 11, -1023};

struct read_number {
    std::uint64_t mantissa = 0;
    int exponent = 0;
    bool negative = false;
    bool truncated = false; // digits beyond the 19 (or 16 hexadecimal) kept were not all zero
    bool hex = false;
};

// An underscore must stand between digits; a base prefix counts as a digit.
inline bool underscores_ok(std::string_view s) noexcept
{
    char saw = '^';
    if (!s.empty() && (s[0] == '-' || s[0] == '+'))
        s.remove_prefix(1);
    bool hex = false;
    std::size_t i = 0;
    if (s.size() >= 2 && s[0] == '0' &&
        (lower_ascii(s[1]) == 'b' || lower_ascii(s[1]) == 'o' || lower_ascii(s[1]) == 'x')) {
        i = 2;
        saw = '0';
        hex = lower_ascii(s[1]) == 'x';
    }
    for (; i < s.size(); ++i) {
        if (is_decimal_digit(s[i]) || (hex && is_hex_letter(s[i]))) {
            saw = '0';
        } else if (s[i] == '_') {
            if (saw != '0')
                return false;
            saw = '_';
        } else {
            if (saw == '_')
                return false;
            saw = '!';
        }
    }
    return saw != '_';
}

// The whole of `s` must be the number.
inline bool read_float(std::string_view s, read_number& out) noexcept
{
    std::size_t i = 0;
    if (s.empty())
        return false;
    if (s[0] == '+' || s[0] == '-') {
        out.negative = s[0] == '-';
        ++i;
    }
    std::uint64_t base = 10;
    int most = 19;
    char exponent_char = 'e';
    if (i + 2 < s.size() && s[i] == '0' && lower_ascii(s[i + 1]) == 'x') {
        base = 16;
        most = 16;
        i += 2;
        exponent_char = 'p';
        out.hex = true;
    }
    bool underscores = false;
    bool dot = false;
    bool digits = false;
    std::int64_t seen = 0; // digits from the first that is not zero
    int kept = 0;
    std::int64_t point = 0;
    for (; i < s.size(); ++i) {
        const char c = s[i];
        unsigned value = 0;
        if (c == '_') {
            underscores = true;
            continue;
        }
        if (c == '.') {
            if (dot)
                break;
            dot = true;
            point = seen;
            continue;
        }
        if (is_decimal_digit(c)) {
            digits = true;
            value = static_cast<unsigned>(c - '0');
            if (value == 0 && seen == 0) {
                --point;
                continue;
            }
        } else if (base == 16 && is_hex_letter(c)) {
            digits = true;
            value = static_cast<unsigned>(lower_ascii(c) - 'a') + 10;
        } else {
            break;
        }
        ++seen;
        if (kept < most) {
            out.mantissa = out.mantissa * base + value;
            ++kept;
        } else if (value != 0) {
            out.truncated = true;
        }
    }
    if (!digits)
        return false;
    if (!dot)
        point = seen;
    std::int64_t digits_kept = kept;
    if (base == 16) {
        point *= 4;
        digits_kept *= 4;
    }
    if (i < s.size() && lower_ascii(s[i]) == exponent_char) {
        bool ok = false;
        point += read_exponent(s, ++i, underscores, ok);
        if (!ok)
            return false;
    } else if (base == 16) {
        return false;
    }
    if (i != s.size() || (underscores && !underscores_ok(s)))
        return false;
    if (out.mantissa != 0) {
        const std::int64_t e = point - digits_kept;
        constexpr std::int64_t bound = 1'000'000'000;
        out.exponent = static_cast<int>(e < -bound ? -bound : (e > bound ? bound : e));
    }
    return true;
}

inline std::uint64_t assemble(std::uint64_t mantissa, int exponent, bool negative, const float_format& f) noexcept
{
    std::uint64_t bits = mantissa & ((std::uint64_t{1} << f.mantissa_bits) - 1);
    bits |= static_cast<std::uint64_t>((exponent - f.bias) & ((1 << f.exponent_bits) - 1)) << f.mantissa_bits;
    if (negative)
        bits |= std::uint64_t{1} << (f.mantissa_bits + f.exponent_bits);
    return bits;
}

// Rounds a hexadecimal mantissa to nearest even. False on overflow.
inline bool hex_to_bits(read_number n, const float_format& f, std::uint64_t& bits) noexcept
{
    const int most = (1 << f.exponent_bits) + f.bias - 2;
    const int least = f.bias + 1;
    std::int64_t e = std::int64_t{n.exponent} + f.mantissa_bits;
    std::uint64_t m = n.mantissa;
    while (m != 0 && m >> (f.mantissa_bits + 2) == 0) {
        m <<= 1;
        --e;
    }
    if (n.truncated)
        m |= 1;
    while (m >> (1 + f.mantissa_bits + 2) != 0) {
        m = m >> 1 | (m & 1);
        ++e;
    }
    while (m > 1 && e < least - 2) {
        m = m >> 1 | (m & 1);
        ++e;
    }
    std::uint64_t round = m & 3;
    m >>= 2;
    round |= m & 1;
    e += 2;
    if (round == 3) {
        ++m;
        if (m == std::uint64_t{1} << (1 + f.mantissa_bits)) {
            m >>= 1;
            ++e;
        }
    }
    if (m >> f.mantissa_bits == 0)
        e = f.bias;
    if (e > most)
        return false;
    bits = assemble(m, static_cast<int>(e), n.negative, f);
    return true;
}

inline bool decimal_to_bits(std::string_view s, bool negative, const float_format& f, std::uint64_t& bits) noexcept
{
    long_decimal d(s);
    if (d.zero() || d.point() < -330) {
        bits = assemble(0, f.bias, negative, f);
        return true;
    }
    if (d.point() > 310)
        return false;
    constexpr int powers[] = {1, 3, 6, 9, 13, 16, 19, 23, 26};
    int exponent = 0;
    while (d.point() > 0) {
        const int n = d.point() >= 9 ? 27 : powers[d.point()];
        d.shift(-n);
        exponent += n;
    }
    while (d.point() < 0 || (d.point() == 0 && d.first() < 5)) {
        const int n = -d.point() >= 9 ? 27 : powers[-d.point()];
        d.shift(n);
        exponent -= n;
    }
    --exponent; // [0.5, 1) to [1, 2)
    if (exponent < f.bias + 1) {
        const int n = f.bias + 1 - exponent;
        d.shift(-n);
        exponent += n;
    }
    if (exponent - f.bias >= (1 << f.exponent_bits) - 1)
        return false;
    d.shift(1 + f.mantissa_bits);
    std::uint64_t mantissa = d.rounded_integer();
    if (mantissa == std::uint64_t{2} << f.mantissa_bits) {
        mantissa >>= 1;
        ++exponent;
        if (exponent - f.bias >= (1 << f.exponent_bits) - 1)
            return false;
    }
    if ((mantissa & (std::uint64_t{1} << f.mantissa_bits)) == 0)
        exponent = f.bias;
    bits = assemble(mantissa, exponent, negative, f);
    return true;
}

inline bool equals_ignoring_case(std::string_view s, std::string_view lower) noexcept
{
    if (s.size() != lower.size())
        return false;
    for (std::size_t i = 0; i < s.size(); ++i) {
        const char c = s[i] >= 'A' && s[i] <= 'Z' ? lower_ascii(s[i]) : s[i];
        if (c != lower[i])
            return false;
    }
    return true;
}

// inf and infinity with an optional sign, nan without: in any case of letters.
inline bool special_to_bits(std::string_view s, const float_format& f, std::uint64_t& bits) noexcept
{
    if (equals_ignoring_case(s, "nan")) {
        bits = assemble(std::uint64_t{1} << (f.mantissa_bits - 1), f.bias + (1 << f.exponent_bits) - 1, false, f);
        return true;
    }
    const bool negative = !s.empty() && s[0] == '-';
    if (!s.empty() && (s[0] == '-' || s[0] == '+'))
        s.remove_prefix(1);
    if (!equals_ignoring_case(s, "inf") && !equals_ignoring_case(s, "infinity"))
        return false;
    bits = assemble(0, f.bias + (1 << f.exponent_bits) - 1, negative, f);
    return true;
}

FLIPT_DECL bool parse_float64_slow(std::string_view s, double& out) noexcept
{
    read_number n;
    std::uint64_t bits = 0;
    if (!read_float(s, n)) {
        if (!special_to_bits(s, format64, bits))
            return false;
    } else if (n.hex) {
        if (!hex_to_bits(n, format64, bits))
            return false;
    } else if (!n.truncated && n.mantissa >> 53 == 0 && n.exponent >= -22 && n.exponent <= 22) {
        // Both operands are exact, so one operation rounds once.
        const auto m = static_cast<double>(n.mantissa);
        const double power = exact_powers_of_ten[n.exponent < 0 ? -n.exponent : n.exponent];
        const double value = n.exponent < 0 ? m / power : m * power;
        out = n.negative ? -value : value;
        return true;
    } else if (!decimal_to_bits(s, n.negative, format64, bits)) {
        return false;
    }
    out = std::bit_cast<double>(bits);
    return true;
}

FLIPT_DECL bool parse_float32(std::string_view s, float& out) noexcept
{
    read_number n;
    std::uint64_t bits = 0;
    if (!read_float(s, n)) {
        if (!special_to_bits(s, format32, bits))
            return false;
    } else if (n.hex) {
        if (!hex_to_bits(n, format32, bits))
            return false;
    } else if (!n.truncated && n.mantissa >> 24 == 0 && n.exponent >= -10 && n.exponent <= 10) {
        const auto m = static_cast<float>(n.mantissa);
        const auto power = static_cast<float>(exact_powers_of_ten[n.exponent < 0 ? -n.exponent : n.exponent]);
        const float value = n.exponent < 0 ? m / power : m * power;
        out = n.negative ? -value : value;
        return true;
    } else if (!decimal_to_bits(s, n.negative, format32, bits)) {
        return false;
    }
    out = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    return true;
}

} // namespace flipt::inline v0::detail
