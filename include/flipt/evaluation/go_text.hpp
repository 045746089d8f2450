// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Booleans, moments and trimmed text as Go's standard library reads them.
#pragma once

#include "flipt/detail/config.hpp"

#include <compare>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// strings.TrimSpace: Unicode's White_Space at both ends.
FLIPT_DECL std::string_view trim_space(std::string_view s) noexcept;

// TrimSpace(s) == "".
[[nodiscard]] inline bool is_blank(std::string_view s) noexcept
{
    if (s.empty())
        return true;
    const auto c = static_cast<unsigned char>(s.front());
    return (c <= ' ' || c >= 0x80) && trim_space(s).empty();
}

// strconv.ParseBool. False when `s` is none of its words.
[[nodiscard]] inline bool parse_bool(std::string_view s, bool& out) noexcept
{
    switch (s.size()) {
    case 1: out = s[0] == '1' || s[0] == 't' || s[0] == 'T'; return out || s[0] == '0' || s[0] == 'f' || s[0] == 'F';
    case 4: out = true; return s == "true" || s == "True" || s == "TRUE";
    case 5: out = false; return s == "false" || s == "False" || s == "FALSE";
    default: return false;
    }
}

// Seconds since 1970 and nanoseconds within the second.
struct moment {
    std::int64_t seconds;
    std::int64_t nanoseconds;

    friend bool operator==(const moment&, const moment&) = default;
    friend auto operator<=>(const moment&, const moment&) = default;
};

// time.Parse with RFC3339, else with DateOnly.
FLIPT_DECL bool parse_moment(std::string_view s, moment& out) noexcept;

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/go_text.ipp"
#endif
