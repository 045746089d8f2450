// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of go_quote.hpp.
#pragma once

#include "flipt/evaluation/go_quote.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0::detail {

struct decoded_rune {
    std::uint32_t rune;
    std::size_t size;
    bool valid;
};

inline decoded_rune decode_rune(std::string_view s) noexcept
{
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80)
        return {lead, 1, true};
    const std::size_t n = lead >= 0xF0 ? 4U : lead >= 0xE0 ? 3U : 2U;
    if (lead < 0xC2 || lead > 0xF4 || s.size() < n)
        return {0xFFFD, 1, false};
    std::uint32_t rune = lead & (0xFFU >> (n + 1));
    for (std::size_t i = 1; i < n; ++i) {
        if ((at(i) & 0xC0) != 0x80)
            return {0xFFFD, 1, false};
        rune = rune << 6 | (at(i) & 0x3FU);
    }
    if ((n == 3 && rune < 0x800) || (n == 4 && rune < 0x10000) || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000))
        return {0xFFFD, 1, false};
    return {rune, n, true};
}

constexpr bool is_printable(std::uint32_t r) noexcept
{
    if (r < 0x20 || (r >= 0x7F && r <= 0xA0) || r == 0xAD)
        return false;
    if ((r >= 0x600 && r <= 0x605) || r == 0x61C || r == 0x6DD || r == 0x70F || r == 0x1680 || r == 0x180E)
        return false;
    if ((r >= 0x2000 && r <= 0x200F) || (r >= 0x2028 && r <= 0x202F) || (r >= 0x205F && r <= 0x206F) || r == 0x3000)
        return false;
    if ((r >= 0xE000 && r <= 0xF8FF) || r == 0xFEFF || (r >= 0xFFF0 && r <= 0xFFFB) || r >= 0xE0000)
        return false;
    return (r & 0xFFFE) != 0xFFFE;
}

FLIPT_DECL std::string go_quote(std::string_view s)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string out = "\"";
    const auto hex = [&](std::uint32_t v, int width) {
        for (int shift = (width - 1) * 4; shift >= 0; shift -= 4)
            out += digits[v >> shift & 0xF];
    };
    while (!s.empty()) {
        const decoded_rune d = decode_rune(s);
        if (!d.valid) {
            out += "\\x";
            hex(static_cast<unsigned char>(s[0]), 2);
        } else if (d.rune == '"' || d.rune == '\\') {
            out += '\\';
            out += static_cast<char>(d.rune);
        } else if (is_printable(d.rune)) {
            out.append(s.substr(0, d.size));
        } else if (d.rune >= 7 && d.rune <= 13) {
            out += '\\';
            out += "abtnvfr"[d.rune - 7];
        } else if (d.rune < ' ' || d.rune == 0x7F) {
            out += "\\x";
            hex(d.rune, 2);
        } else if (d.rune < 0x10000) {
            out += "\\u";
            hex(d.rune, 4);
        } else {
            out += "\\U";
            hex(d.rune, 8);
        }
        s.remove_prefix(d.size);
    }
    return out += '"';
}

FLIPT_DECL std::string join_path(std::string_view first, std::string_view second)
{
    std::string joined(first);
    if (!first.empty() && !second.empty())
        joined += '/';
    joined += second;
    if (joined.empty())
        return joined;
    const bool rooted = joined.front() == '/';
    std::vector<std::string_view> parts;
    std::string_view rest = joined;
    while (!rest.empty()) {
        const auto end = rest.find('/');
        const std::string_view part = rest.substr(0, end);
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        if (part.empty() || part == ".")
            continue;
        if (part != "..")
            parts.push_back(part);
        else if (!parts.empty() && parts.back() != "..")
            parts.pop_back();
        else if (!rooted)
            parts.push_back(part);
    }
    std::string out(rooted ? "/" : "");
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i != 0)
            out += '/';
        out += parts[i];
    }
    return out.empty() ? "." : out;
}

FLIPT_DECL std::string flag_not_found_message(std::string_view namespace_key, std::string_view flag_key)
{
    return "flag " + go_quote(join_path(namespace_key.empty() ? "default" : namespace_key, flag_key)) + " not found";
}

} // namespace flipt::inline v0::detail
