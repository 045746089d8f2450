// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of values.hpp.
#include "values.hpp"

#include <algorithm>

namespace flipt_cli {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool take_suffix(std::string_view& text, std::string_view suffix) noexcept
{
    if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix)
        return false;
    text.remove_suffix(suffix.size());
    return true;
}

} // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) noexcept
{
    constexpr std::int64_t second = 1'000'000'000;
    constexpr std::int64_t most = 30LL * 365 * 24 * 3600 * second;
    std::int64_t unit = second;
    if (take_suffix(text, "ms"))
        unit = second / 1000;
    else if (take_suffix(text, "m"))
        unit = second * 60;
    else
        take_suffix(text, "s");

    const std::size_t point = std::min(text.find('.'), text.size());
    const std::string_view whole = text.substr(0, point);
    const std::string_view fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
    if (whole.empty() || !std::all_of(whole.begin(), whole.end(), is_digit) ||
        !std::all_of(fraction.begin(), fraction.end(), is_digit) || (point < text.size() && fraction.empty()))
        return std::nullopt;
    std::int64_t value = 0;
    for (const char c : whole) {
        value = value * 10 + (c - '0');
        if (value > most / unit)
            return std::nullopt;
    }
    value *= unit;
    bool lost = false; // digits beyond the nanosecond
    std::int64_t digit_unit = unit;
    for (const char c : fraction) {
        // A minute has no decimal nanoseconds for ever: 60e9 = 6 * 10^10, so ten digits are exact.
        lost = lost || (digit_unit % 10 != 0 && c != '0') || digit_unit == 0;
        digit_unit /= 10;
        value += digit_unit * (c - '0');
    }
    if (value > most)
        return std::nullopt;
    return std::chrono::nanoseconds(value == 0 && lost ? 1 : value);
}

std::optional<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most) noexcept
{
    if (text.empty() || text.size() > 18 || !std::all_of(text.begin(), text.end(), is_digit))
        return std::nullopt;
    std::uint64_t value = 0;
    for (const char c : text)
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    return value >= least && value <= most ? std::optional(value) : std::nullopt;
}

std::optional<std::pair<std::string, std::string>> parse_pair(std::string_view text)
{
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return std::nullopt;
    return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

std::optional<bool> parse_switch(std::string_view text) noexcept
{
    for (const std::string_view yes : {"1", "true", "yes", "on"})
        if (text == yes)
            return true;
    for (const std::string_view no : {"", "0", "false", "no", "off"})
        if (text == no)
            return false;
    return std::nullopt;
}

} // namespace flipt_cli
