// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/datetime.hpp.
#pragma once

#include "flipt/protocol/civil.hpp"
#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/digits.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

namespace flipt::inline v0::detail {

namespace datetime_parts {

// Writes `value` as `digits` digits.
inline char* put_digits(char* to, std::uint64_t value, int digits) noexcept
{
    for (int i = digits - 1; i >= 0; --i) {
        to[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

} // namespace datetime_parts

FLIPT_DECL std::optional<timestamp_type> parse_rfc3339(std::string_view text) noexcept
{
    using namespace digits;
    const char* at = text.data();
    const char* const end = at + text.size();
    if (text.size() < 20)
        return std::nullopt;
    constexpr std::uint64_t lower_t = std::uint64_t{0x20} << 16;
    const std::uint64_t first8 = match8(load8(at), "0000-00-"), second8 = match8(load8(at + 8) | lower_t, "00t00:00");
    const int second = two_digits(at + 17);
    if (first8 == no_match || second8 == no_match || at[16] != ':' || second < 0)
        return std::nullopt;
    const std::uint64_t date_pairs = pairs8(first8), time_pairs = pairs8(second8);
    const int year = byte_at(date_pairs, 0) * 100 + byte_at(date_pairs, 2), month = byte_at(date_pairs, 5);
    const int day = byte_at(time_pairs, 0), hour = byte_at(time_pairs, 3), minute = byte_at(time_pairs, 6);
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
        second > 59)
        return std::nullopt;
    at += 19;

    std::int64_t nanos = 0;
    if (*at == '.') {
        ++at;
        int places = 0;
        if (const std::uint64_t values = end - at >= 8 ? match8(load8(at), "00000000") : no_match; values != no_match) {
            const std::uint64_t pairs = pairs8(values);
            nanos = (byte_at(pairs, 0) * 100 + byte_at(pairs, 2)) * 10000 + byte_at(pairs, 4) * 100 + byte_at(pairs, 6);
            places = 8;
            at += 8;
        }
        while (at != end && *at >= '0' && *at <= '9') {
            if (++places > 9)
                return std::nullopt;
            nanos = nanos * 10 + (*at++ - '0');
        }
        if (places == 0)
            return std::nullopt;
        constexpr std::int64_t scale[] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
        nanos *= scale[places];
    }

    int offset = 0; // minutes
    if (at == end)
        return std::nullopt;
    if ((*at | 0x20) == 'z') {
        ++at;
    } else {
        if ((*at != '+' && *at != '-') || end - at < 6 || at[3] != ':')
            return std::nullopt;
        const int hours = two_digits(at + 1), minutes = two_digits(at + 4);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return std::nullopt;
        offset = (hours * 60 + minutes) * (*at == '-' ? -1 : 1);
        at += 6;
    }
    if (at != end)
        return std::nullopt;

    const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day)));
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset * 60;
    // Whole seconds towards minus infinity plus nanoseconds, so that the first moments need care.
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    constexpr std::int64_t giga = 1000000000;
    constexpr std::int64_t last = most / giga, first = -last - 1;
    if (seconds > last || seconds < first)
        return std::nullopt;
    if (seconds == last && nanos > most % giga)
        return std::nullopt;
    if (seconds == first && nanos < giga - 1 - most % giga)
        return std::nullopt;
    const std::int64_t count = seconds < 0 ? (seconds + 1) * giga + (nanos - giga) : seconds * giga + nanos;
    return timestamp_type(std::chrono::nanoseconds(count));
}

FLIPT_DECL std::size_t format_rfc3339(timestamp_type when, char* to) noexcept
{
    using namespace datetime_parts;
    const auto days = std::chrono::floor<std::chrono::days>(when);
    const std::chrono::year_month_day date(days);
    // Not when - days: the midnight before the first moment is out of range.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
    const auto of_day = static_cast<std::uint64_t>((seconds - days).count());
    std::int64_t rest = when.time_since_epoch().count() % 1000000000;
    if (rest < 0)
        rest += 1000000000;
    const auto nanos = static_cast<std::uint64_t>(rest);

    char* const start = to;
    to = put_digits(to, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
    *to++ = '-';
    to = put_digits(to, static_cast<unsigned>(date.month()), 2);
    *to++ = '-';
    to = put_digits(to, static_cast<unsigned>(date.day()), 2);
    *to++ = 'T';
    to = put_digits(to, of_day / 3600, 2);
    *to++ = ':';
    to = put_digits(to, of_day / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, of_day % 60, 2);
    if (nanos != 0) {
        *to++ = '.';
        if (nanos % 1000000 == 0)
            to = put_digits(to, nanos / 1000000, 3);
        else if (nanos % 1000 == 0)
            to = put_digits(to, nanos / 1000, 6);
        else
            to = put_digits(to, nanos, 9);
    }
    *to++ = 'Z';
    return static_cast<std::size_t>(to - start);
}

} // namespace flipt::inline v0::detail
