// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of go_json.hpp.
#pragma once

#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/go_quote.hpp"
#include "flipt/evaluation/impl/go_quote.ipp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0::detail {

inline void append_utf8(std::string& out, std::uint32_t r)
{
    const auto put = [&](std::uint32_t c) { out += static_cast<char>(static_cast<unsigned char>(c)); };
    if (r < 0x80) {
        put(r);
    } else if (r < 0x800) {
        put(0xC0 | r >> 6);
        put(0x80 | (r & 0x3F));
    } else if (r < 0x10000) {
        put(0xE0 | r >> 12);
        put(0x80 | (r >> 6 & 0x3F));
        put(0x80 | (r & 0x3F));
    } else {
        put(0xF0 | r >> 18);
        put(0x80 | (r >> 12 & 0x3F));
        put(0x80 | (r >> 6 & 0x3F));
        put(0x80 | (r & 0x3F));
    }
}

inline bool read_hex4(std::string_view s, std::size_t at, std::uint32_t& out) noexcept
{
    if (at + 4 > s.size())
        return false;
    out = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const char c = s[i];
        std::uint32_t v = 0;
        if (c >= '0' && c <= '9')
            v = static_cast<std::uint32_t>(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = static_cast<std::uint32_t>(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            v = static_cast<std::uint32_t>(c - 'A') + 10;
        else
            return false;
        out = out << 4 | v;
    }
    return true;
}

FLIPT_DECL bool unescape_json(std::string_view raw, std::string& out, bool replace)
{
    out.clear();
    std::size_t i = 0;
    while (i < raw.size()) {
        const char c = raw[i];
        if (static_cast<unsigned char>(c) < 0x20 || c == '"')
            return false;
        if (c != '\\') {
            std::size_t end = i + 1; // a run of plain bytes
            while (end < raw.size() && raw[end] != '\\' && raw[end] != '"' &&
                   static_cast<unsigned char>(raw[end]) >= 0x20 &&
                   (!replace || static_cast<unsigned char>(raw[end]) < 0x80))
                ++end;
            if (!replace || static_cast<unsigned char>(c) < 0x80) {
                out.append(raw, i, end - i);
                i = end;
                continue;
            }
            const decoded_rune d = decode_rune(raw.substr(i));
            append_utf8(out, d.rune);
            i += d.size;
            continue;
        }
        if (++i == raw.size())
            return false;
        const char e = raw[i++];
        switch (e) {
        case '"':
        case '\\':
        case '/': out += e; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'n': out += '\n'; break;
        case 'r': out += '\r'; break;
        case 't': out += '\t'; break;
        case 'u': {
            std::uint32_t r = 0;
            if (!read_hex4(raw, i, r))
                return false;
            i += 4;
            if (r >= 0xD800 && r < 0xE000) {
                std::uint32_t low = 0;
                if (r < 0xDC00 && i + 6 <= raw.size() && raw[i] == '\\' && raw[i + 1] == 'u' &&
                    read_hex4(raw, i + 2, low) && low >= 0xDC00 && low < 0xE000) {
                    r = 0x10000 + ((r - 0xD800) << 10) + (low - 0xDC00);
                    i += 6;
                } else if (replace) {
                    r = 0xFFFD;
                } else {
                    return false;
                }
            }
            append_utf8(out, r);
            break;
        }
        default: return false;
        }
    }
    return true;
}

FLIPT_DECL std::size_t json_number_size(std::string_view s) noexcept
{
    std::size_t i = 0;
    const auto digits = [&] {
        const std::size_t start = i;
        while (i < s.size() && s[i] >= '0' && s[i] <= '9')
            ++i;
        return i - start;
    };
    if (i < s.size() && s[i] == '-')
        ++i;
    if (i < s.size() && s[i] == '0')
        ++i;
    else if (digits() == 0)
        return 0;
    if (i < s.size() && s[i] == '.') {
        ++i;
        if (digits() == 0)
            return 0;
    }
    if (i < s.size() && (s[i] == 'e' || s[i] == 'E')) {
        ++i;
        if (i < s.size() && (s[i] == '+' || s[i] == '-'))
            ++i;
        if (digits() == 0)
            return 0;
    }
    return i;
}

inline void skip_json_space(std::string_view& s) noexcept
{
    while (!s.empty() && (s[0] == ' ' || s[0] == '\t' || s[0] == '\r' || s[0] == '\n'))
        s.remove_prefix(1);
}

// Any element that is neither null nor what is wanted is an error, of type or of syntax: either way there is no list.
template <class Element>
inline bool decode_array(std::string_view s, Element&& element)
{
    constexpr std::string_view null = "null";
    skip_json_space(s);
    if (s.starts_with(null)) {
        s.remove_prefix(null.size());
        skip_json_space(s);
        return s.empty();
    }
    if (s.empty() || s[0] != '[')
        return false;
    s.remove_prefix(1);
    skip_json_space(s);
    bool first = true;
    while (!s.empty() && (first ? s[0] != ']' : true)) {
        const bool is_null = s.starts_with(null);
        if (is_null)
            s.remove_prefix(null.size());
        if (!element(s, is_null))
            return false;
        first = false;
        skip_json_space(s);
        if (s.empty())
            return false;
        if (s[0] == ']')
            break;
        if (s[0] != ',')
            return false;
        s.remove_prefix(1);
        skip_json_space(s);
    }
    if (s.empty())
        return false;
    s.remove_prefix(1);
    skip_json_space(s);
    return s.empty();
}

FLIPT_DECL bool decode_string_array(std::string_view json, std::vector<std::string>& out)
{
    out.clear();
    return decode_array(json, [&](std::string_view& s, bool is_null) {
        out.emplace_back();
        if (is_null)
            return true;
        if (s.empty() || s[0] != '"')
            return false;
        std::size_t end = 1;
        while (end < s.size() && s[end] != '"')
            end += s[end] == '\\' ? 2U : 1U;
        if (end >= s.size() || !unescape_json(s.substr(1, end - 1), out.back(), true))
            return false;
        s.remove_prefix(end + 1);
        return true;
    });
}

FLIPT_DECL bool decode_number_array(std::string_view json, std::vector<double>& out)
{
    out.clear();
    return decode_array(json, [&](std::string_view& s, bool is_null) {
        out.push_back(0);
        if (is_null)
            return true;
        const std::size_t n = json_number_size(s);
        if (n == 0 || !parse_float64(s.substr(0, n), out.back()))
            return false;
        s.remove_prefix(n);
        return true;
    });
}

FLIPT_DECL void append_json_string(std::string& out, std::string_view text)
{
    constexpr char digits[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) >= 0x20) {
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[c & 0xF];
        }
    }
    out += '"';
}

} // namespace flipt::inline v0::detail
