// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bytes an HTTP reply or request is made of: tables of character classes and fast scans over them (RFC 9110 5.6).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flipt::inline v0::detail {

/// Bits of `char_class`.
enum : unsigned char {
    char_token = 1,      ///< tchar of RFC 9110 5.6.2: field names, methods
    char_value = 2,      ///< field values and reasons: HTAB, SP, VCHAR, obs-text
    char_unreserved = 4, ///< RFC 3986 2.3
    char_path = 8,       ///< pchar of RFC 3986 3.3 without '%', and '/'
};

consteval std::array<unsigned char, 256> make_char_class()
{
    std::array<unsigned char, 256> table{};
    for (unsigned c = 0; c < 256; ++c) {
        const bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        unsigned bits = 0;
        if (alnum || (c != 0 && c < 0x80 &&
                      std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos))
            bits |= char_token;
        if (c == '\t' || (c >= 0x20 && c != 0x7f))
            bits |= char_value;
        if (alnum || c == '-' || c == '.' || c == '_' || c == '~')
            bits |= char_unreserved | char_path;
        if (c != 0 && c < 0x80 &&
            std::string_view("!$&'()*+,;=:@/").find(static_cast<char>(c)) != std::string_view::npos)
            bits |= char_path;
        table[c] = static_cast<unsigned char>(bits);
    }
    return table;
}

inline constexpr std::array<unsigned char, 256> char_class = make_char_class();

[[nodiscard]] constexpr bool is_class(char c, unsigned bits) noexcept
{
    return (char_class[static_cast<unsigned char>(c)] & bits) != 0;
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// C0 controls and DEL: CR, LF and NUL among them.
[[nodiscard]] constexpr bool has_control(std::string_view text) noexcept
{
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return true;
    return false;
}

/// 0-15, or -1.
[[nodiscard]] constexpr int hex_value(char c) noexcept
{
    if (is_digit(c))
        return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

[[nodiscard]] constexpr char to_lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// ASCII only; `lower` is lower-case already.
[[nodiscard]] constexpr bool equals_lower(std::string_view text, std::string_view lower) noexcept
{
    if (text.size() != lower.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (to_lower(text[i]) != lower[i])
            return false;
    return true;
}

/// The first byte in [p, end) that is not of char_value, or `end`. Reads nothing behind `end`.
[[nodiscard]] inline const char* skip_value(const char* p, const char* end) noexcept
{
    // Sixteen bytes at a time, or eight: the tail, and blocks with a control byte in them, are looked at singly.
#if defined(__SSE2__)
    const __m128i last_control = _mm_set1_epi8(0x1f);
    const __m128i del = _mm_set1_epi8(0x7f);
    while (end - p >= 16) {
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
        const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(low, _mm_cmpeq_epi8(block, del))));
        if (hits == 0) {
            p += 16;
            continue;
        }
        p += std::countr_zero(hits);
        if (*p != '\t')
            return p;
        ++p;
    }
#else
    constexpr std::uint64_t ones = 0x0101010101010101u;
    while (end - p >= 8) {
        std::uint64_t block;
        std::memcpy(&block, p, 8);
        const std::uint64_t del = block ^ (ones * 0x7f);
        if ((((block - ones * 0x20) & ~block) | ((del - ones) & ~del)) & (ones * 0x80)) {
            for (int i = 0; i != 8; ++i, ++p)
                if (!is_class(*p, char_value))
                    return p;
        } else {
            p += 8;
        }
    }
#endif
    while (p != end && is_class(*p, char_value))
        ++p;
    return p;
}

/// The first byte in [p, end) that is no tchar, or `end`.
[[nodiscard]] inline const char* skip_token(const char* p, const char* end) noexcept
{
    while (p != end && is_class(*p, char_token))
        ++p;
    return p;
}

/// The offset of ':' among the first 16 bytes at `p` (which must be readable), or 16 and more when it is not there.
[[nodiscard]] inline unsigned find_colon16(const char* p) noexcept
{
#if defined(__SSE2__)
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return static_cast<unsigned>(
        std::countr_zero(static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(':'))))));
#else
    unsigned n = 0;
    while (n != 16 && p[n] != ':')
        ++n;
    return n;
#endif
}

/// Whether `n` bytes are the same, but for decimal digits where the other has decimal digits too.
[[nodiscard]] inline bool same_but_digits(const char* a, const char* b, std::size_t n) noexcept
{
#if defined(__SSE2__)
    const auto digits = [](__m128i block) noexcept {
        const __m128i value = _mm_sub_epi8(block, _mm_set1_epi8('0'));
        return _mm_cmpeq_epi8(_mm_min_epu8(value, _mm_set1_epi8(9)), value);
    };
    const auto same16 = [&digits](const char* x, const char* y) noexcept {
        const __m128i left = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
        const __m128i right = _mm_loadu_si128(reinterpret_cast<const __m128i*>(y));
        const __m128i same = _mm_cmpeq_epi8(left, right);
        return _mm_movemask_epi8(same) == 0xffff ||
               _mm_movemask_epi8(_mm_or_si128(same, _mm_and_si128(digits(left), digits(right)))) == 0xffff;
    };
    if (n >= 16) {
        for (; n > 16; a += 16, b += 16, n -= 16)
            if (!same16(a, b))
                return false;
        return same16(a + n - 16, b + n - 16); // some bytes again
    }
#endif
    for (std::size_t i = 0; i != n; ++i)
        if (a[i] != b[i] && !(is_digit(a[i]) && is_digit(b[i])))
            return false;
    return true;
}

} // namespace flipt::inline v0::detail
