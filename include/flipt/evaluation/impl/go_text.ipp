// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of go_text.hpp.
#pragma once

#include "flipt/evaluation/go_text.hpp"
#include "flipt/protocol/civil.hpp"

#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// The White_Space code points beyond ASCII, in UTF-8.
inline constexpr std::string_view wide_spaces[] = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82", "\xE2\x80\x83",
    "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A",
    "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

constexpr bool is_ascii_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

FLIPT_DECL std::string_view trim_space(std::string_view s) noexcept
{
    const auto wide_front = [&]() -> std::size_t {
        for (const auto w : wide_spaces)
            if (s.starts_with(w))
                return w.size();
        return 0;
    };
    const auto wide_back = [&]() -> std::size_t {
        for (const auto w : wide_spaces)
            if (s.ends_with(w))
                return w.size();
        return 0;
    };
    while (!s.empty()) {
        std::size_t n = is_ascii_space(s.front()) ? 1U : 0U;
        if (n == 0 && (static_cast<unsigned char>(s.front()) & 0x80U) != 0)
            n = wide_front();
        if (n == 0)
            break;
        s.remove_prefix(n);
    }
    while (!s.empty()) {
        std::size_t n = is_ascii_space(s.back()) ? 1U : 0U;
        if (n == 0 && (static_cast<unsigned char>(s.back()) & 0x80U) != 0)
            n = wide_back();
        if (n == 0)
            break;
        s.remove_suffix(n);
    }
    return s;
}

// Takes `count` digits (or 1 to `count` when not `fixed`) off the front.
inline bool take_digits(std::string_view& s, std::size_t count, bool fixed, int& out) noexcept
{
    out = 0;
    std::size_t n = 0;
    while (n < count && n < s.size() && s[n] >= '0' && s[n] <= '9')
        out = out * 10 + (s[n++] - '0');
    if (n == 0 || (fixed && n != count))
        return false;
    s.remove_prefix(n);
    return true;
}

inline bool take_char(std::string_view& s, char c) noexcept
{
    if (s.empty() || s.front() != c)
        return false;
    s.remove_prefix(1);
    return true;
}

// What Go's layout parser lets through is wider than the RFC: an hour of one digit, a comma before the fraction, any
// number of fraction digits, and offsets up to 24:60.
FLIPT_DECL bool parse_moment(std::string_view s, moment& out) noexcept
{
    int year = 0;
    int month = 0;
    int day = 0;
    if (!take_digits(s, 4, true, year) || !take_char(s, '-') || !take_digits(s, 2, true, month) || !take_char(s, '-') ||
        !take_digits(s, 2, true, day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    out = {days_from_civil(year, month, day) * 86400, 0};
    if (s.empty())
        return true;

    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_char(s, 'T') || !take_digits(s, 2, false, hour) || !take_char(s, ':') ||
        !take_digits(s, 2, true, minute) || !take_char(s, ':') || !take_digits(s, 2, true, second))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    if (s.size() >= 2 && (s[0] == '.' || s[0] == ',') && s[1] >= '0' && s[1] <= '9') {
        s.remove_prefix(1);
        std::int64_t scale = 100'000'000;
        while (!s.empty() && s.front() >= '0' && s.front() <= '9') {
            out.nanoseconds += (s.front() - '0') * scale;
            scale /= 10;
            s.remove_prefix(1);
        }
    }
    out.seconds += hour * 3600 + minute * 60 + second;
    if (s == "Z")
        return true;
    if (s.size() != 6 || (s[0] != '+' && s[0] != '-'))
        return false;
    const bool west = s[0] == '-';
    s.remove_prefix(1);
    int offset_hour = 0;
    int offset_minute = 0;
    if (!take_digits(s, 2, true, offset_hour) || !take_char(s, ':') || !take_digits(s, 2, true, offset_minute))
        return false;
    if (offset_hour > 24 || offset_minute > 60)
        return false;
    const int offset = offset_hour * 3600 + offset_minute * 60;
    out.seconds += west ? offset : -offset;
    return true;
}

} // namespace flipt::inline v0::detail
