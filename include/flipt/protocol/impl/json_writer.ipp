// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/json_writer.hpp.
#pragma once

#include "flipt/protocol/json_scan.hpp"
#include "flipt/protocol/json_writer.hpp"
#include "flipt/types/error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace flipt::inline v0::detail {

FLIPT_DECL bool append_escaped_string(byte_buffer& out, std::string_view text)
{
    constexpr std::size_t step = 256;  // bytes of text between looks at the room
    constexpr std::size_t longest = 6; // bytes of \u00xx
    const std::size_t before = out.size();
    const char* at = text.data();
    const char* const end = at + text.size();
    out.push_back('"');
    while (at != end) {
        // A sequence that starts in this step may end up to 3 bytes behind it.
        char* const start = out.prepare(step * longest + 4);
        char* to = start;
        const char* const stop = at + std::min(step, static_cast<std::size_t>(end - at));
        while (at < stop) {
            const auto c = static_cast<unsigned char>(*at);
            if (c >= 0x80) {
                const std::size_t size = utf8_sequence(at, end);
                if (size == 0) {
                    out.commit(before - out.size()); // unsigned: takes away what was added
                    return false;
                }
                std::memcpy(to, at, size);
                to += size;
                at += size;
                continue;
            }
            ++at;
            if (c >= 0x20) {
                if (c == '"' || c == '\\')
                    *to++ = '\\';
                *to++ = static_cast<char>(c);
                continue;
            }
            *to++ = '\\';
            switch (c) {
            case '\b': *to++ = 'b'; break;
            case '\f': *to++ = 'f'; break;
            case '\n': *to++ = 'n'; break;
            case '\r': *to++ = 'r'; break;
            case '\t': *to++ = 't'; break;
            default:
                std::memcpy(to, "u00", 3);
                to[3] = static_cast<char>('0' + (c >> 4));
                to[4] = "0123456789abcdef"[c & 15];
                to += 5;
            }
        }
        out.commit(static_cast<std::size_t>(to - start));
    }
    out.push_back('"');
    return true;
}

FLIPT_DECL void append_json_number(byte_buffer& out, double value)
{
    if (!std::isfinite(value)) {
        out.append("null");
        return;
    }
    // As Go: plain digits between 1e-6 and 1e21, else an exponent without leading zeros.
    const double size = std::fabs(value);
    constexpr std::size_t room = 40;
    constexpr double exact = 9007199254740992; // up to here the plain digits are the shortest ones, too
    char* const start = out.prepare(room);
    if (size == 0 || (size >= 1e-6 && size < exact)) {
        const auto result = std::to_chars(start, start + room, value, std::chars_format::fixed);
        out.commit(static_cast<std::size_t>(result.ptr - start));
        return;
    }
    char* end = std::to_chars(start, start + room, value, std::chars_format::scientific).ptr;
    if (size >= exact && size < 1e21) { // d.ddde+xx: the digits, and zeros for the rest
        const int exponent = (end[-2] - '0') * 10 + (end[-1] - '0');
        char* to = start + (value < 0 ? 2 : 1);
        char* from = to;
        int written = 0;
        if (*from == '.')
            for (++from; *from != 'e'; ++written)
                *to++ = *from++;
        for (; written < exponent; ++written)
            *to++ = '0';
        end = to;
    } else if (end[-2] == '0' && (end[-3] == '-' || end[-3] == '+')) { // e-07
        end[-2] = end[-1];
        --end;
    }
    out.commit(static_cast<std::size_t>(end - start));
}

FLIPT_DECL void append_json_number(byte_buffer& out, std::int64_t value)
{
    constexpr std::size_t room = 20;
    char* const start = out.prepare(room);
    out.commit(static_cast<std::size_t>(std::to_chars(start, start + room, value).ptr - start));
}

FLIPT_DECL void append_json_number(byte_buffer& out, std::uint64_t value)
{
    constexpr std::size_t room = 20;
    char* const start = out.prepare(room);
    out.commit(static_cast<std::size_t>(std::to_chars(start, start + room, value).ptr - start));
}

FLIPT_DECL std::error_code json_writer::error() const
{
    return ok_ ? std::error_code() : make_error_code(errc::invalid_argument);
}

} // namespace flipt::inline v0::detail
