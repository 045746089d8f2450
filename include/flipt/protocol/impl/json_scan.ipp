// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/json_scan.hpp.
#pragma once

#include "flipt/protocol/json_scan.hpp"

#include <algorithm>
#include <array>

namespace flipt::inline v0::detail {

FLIPT_DECL std::size_t utf8_sequence(const char* at, const char* end) noexcept
{
    const auto byte = [at](std::size_t i) { return static_cast<unsigned char>(at[i]); };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
    const auto left = static_cast<std::size_t>(end - at);
    if (left < 2)
        return 0;
    const unsigned char lead = byte(0);
    if (lead >= 0xc2 && lead <= 0xdf)
        return follows(1) ? 2 : 0;
    if (left < 3)
        return 0;
    if ((lead & 0xf0) == 0xe0) {
        const bool bad = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f);
        return !bad && follows(1) && follows(2) ? 3 : 0;
    }
    if (left < 4 || lead < 0xf0 || lead > 0xf4)
        return 0;
    const bool bad = (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f);
    return !bad && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

namespace json_scanning {

inline std::int32_t read_hex4(const char* at) noexcept
{
    std::int32_t value = 0;
    for (int i = 0; i != 4; ++i) {
        const char c = at[i];
        std::int32_t digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

inline const char* skip_digits(const char* at, const char* end) noexcept
{
    while (at != end && is_digit(*at))
        ++at;
    return at;
}

// Behind the number at `at`, or null.
inline const char* scan_number(const char* at, const char* end) noexcept
{
    if (at != end && *at == '-')
        ++at;
    if (at == end || !is_digit(*at))
        return nullptr;
    at = *at == '0' ? at + 1 : skip_digits(at, end);
    if (at != end && *at == '.') {
        const char* const digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return nullptr;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at != end && (*at == '+' || *at == '-'))
            ++at;
        const char* const digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return nullptr;
    }
    return at;
}

// Behind the number, true, false or null at `at`, or null.
inline const char* scan_scalar(const char* at, const char* end) noexcept
{
    const auto word = [&](std::string_view text) -> const char* {
        return std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(text) ? at + text.size() : nullptr;
    };
    switch (*at) {
    case 't': return word("true");
    case 'f': return word("false");
    case 'n': return word("null");
    default: return scan_number(at, end);
    }
}

} // namespace json_scanning

FLIPT_DECL std::int32_t read_unicode_escape(const char*& at, const char* end) noexcept
{
    if (end - at < 6)
        return -1;
    const std::int32_t first = json_scanning::read_hex4(at + 2);
    at += 6;
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    const std::int32_t second = json_scanning::read_hex4(at + 2);
    at += 6;
    if (second < 0xdc00 || second > 0xdfff)
        return -1;
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

FLIPT_DECL const char* scan_json_string(const char* at, const char* end, json_fault& fault) noexcept
{
    fault = json_fault::syntax;
    if (at == end || *at != '"')
        return nullptr;
    ++at;
    while (true) {
#if defined(__SSE2__)
        while (end - at >= 16) { // runs of bytes that mean themselves
            const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
            const int hits = _mm_movemask_epi8(_mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
                _mm_cmplt_epi8(block, _mm_set1_epi8(0x20))));
            if (hits != 0) {
                at += std::countr_zero(static_cast<unsigned>(hits));
                break;
            }
            at += 16;
        }
#endif
        if (at == end)
            return nullptr;
        const auto c = static_cast<unsigned char>(*at);
        if (c == '"') {
            fault = json_fault::none;
            return at + 1;
        }
        if (c < 0x20)
            return nullptr;
        if (c >= 0x80) {
            const std::size_t size = utf8_sequence(at, end);
            if (size == 0) {
                fault = json_fault::utf8;
                return nullptr;
            }
            at += size;
        } else if (c != '\\') {
            ++at;
        } else if (end - at < 2) {
            return nullptr;
        } else if (at[1] == 'u') {
            if (read_unicode_escape(at, end) < 0)
                return nullptr;
        } else {
            if (std::string_view("\"\\/bfnrt").find(at[1]) == std::string_view::npos)
                return nullptr;
            at += 2;
        }
    }
}

FLIPT_DECL const char* scan_json_value(const char* at, const char* end, std::size_t max_depth,
                                       json_fault& fault) noexcept
{
    max_depth = std::min(max_depth, json_depth_ceiling);
    std::array<bool, json_depth_ceiling> is_object; // of each open container; only the first `depth` are set
    std::size_t depth = 0;
    const auto space = [&] { at = skip_json_space(at, end); };
    const auto member_name = [&] { // "name": and the white space behind it
        at = scan_json_string(at, end, fault);
        if (at == nullptr)
            return false;
        space();
        fault = json_fault::syntax;
        if (at == end || *at != ':')
            return false;
        ++at;
        space();
        return true;
    };
    while (true) { // a value starts at `at`
        fault = json_fault::syntax;
        if (at == end)
            return nullptr;
        if (*at == '{' || *at == '[') {
            if (depth == max_depth) {
                fault = json_fault::depth;
                return nullptr;
            }
            const bool object = *at == '{';
            ++at;
            space();
            if (at == end)
                return nullptr;
            if (*at != (object ? '}' : ']')) {
                is_object[depth++] = object;
                if (object && !member_name())
                    return nullptr;
                continue;
            }
            ++at;
        } else if (*at == '"') {
            at = scan_json_string(at, end, fault);
            if (at == nullptr)
                return nullptr;
        } else {
            at = json_scanning::scan_scalar(at, end);
            if (at == nullptr)
                return nullptr;
        }
        while (true) { // a value ended at `at`: what follows it?
            if (depth == 0) {
                fault = json_fault::none;
                return at;
            }
            fault = json_fault::syntax;
            space();
            if (at == end)
                return nullptr;
            const bool object = is_object[depth - 1];
            if (*at == ',') {
                ++at;
                space();
                if (object && !member_name())
                    return nullptr;
                break;
            }
            if (*at != (object ? '}' : ']'))
                return nullptr;
            ++at;
            --depth;
        }
    }
}

} // namespace flipt::inline v0::detail
