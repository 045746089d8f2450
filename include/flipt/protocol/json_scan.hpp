// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// JSON text checked without being read: what simdjson only steps over (unknown fields), and what is handed on as text.
#pragma once

#include "flipt/detail/config.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flipt::inline v0::detail {

enum class json_fault { none, syntax, utf8, depth };

/// The most nesting that can be asked for.
inline constexpr std::size_t json_depth_ceiling = 1024;

// The length (2 to 4) of the well-formed UTF-8 sequence of a character beyond ASCII at `at`, 0 if there is none
// (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF).
[[nodiscard]] FLIPT_DECL std::size_t utf8_sequence(const char* at, const char* end) noexcept;

[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept
{
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const std::size_t size = static_cast<unsigned char>(*at) < 0x80 ? 1 : utf8_sequence(at, end);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

// Behind the white space at `at`.
[[nodiscard]] inline const char* skip_json_space(const char* at, const char* end) noexcept
{
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        ++at;
    return at;
}

// Behind the string whose opening quote is at `at`; null and `fault` set if it is none.
[[nodiscard]] FLIPT_DECL const char* scan_json_string(const char* at, const char* end, json_fault& fault) noexcept;

// Behind the one value at `at` (no white space before it), which is checked by every rule of RFC 8259, its strings to
// be UTF-8 without lone surrogates, and not to nest deeper than `max_depth` arrays and objects (at most
// json_depth_ceiling). Null and `fault` set if it is none. Does not recurse.
[[nodiscard]] FLIPT_DECL const char* scan_json_value(const char* at, const char* end, std::size_t max_depth,
                                                     json_fault& fault) noexcept;

// The code point of the escape \uXXXX (or pair of them) whose backslash is at `at`, and `at` moved behind it; -1 if
// it is broken or a lone surrogate.
[[nodiscard]] FLIPT_DECL std::int32_t read_unicode_escape(const char*& at, const char* end) noexcept;

// Appends the text of the JSON string between its quotes [at, end) to a std::string or byte_buffer. False at a bad
// escape; the bytes themselves are not checked again.
template <class Sink>
[[nodiscard]] bool append_unescaped(Sink& out, const char* at, const char* end)
{
    while (at != end) {
        const void* const found = std::memchr(at, '\\', static_cast<std::size_t>(end - at));
        const char* const backslash = found != nullptr ? static_cast<const char*>(found) : end;
        out.append(std::string_view(at, static_cast<std::size_t>(backslash - at)));
        at = backslash;
        if (at == end)
            break;
        if (end - at < 2)
            return false;
        char plain;
        switch (at[1]) {
        case '"': plain = '"'; break;
        case '\\': plain = '\\'; break;
        case '/': plain = '/'; break;
        case 'b': plain = '\b'; break;
        case 'f': plain = '\f'; break;
        case 'n': plain = '\n'; break;
        case 'r': plain = '\r'; break;
        case 't': plain = '\t'; break;
        case 'u': {
            const std::int32_t code = read_unicode_escape(at, end);
            if (code < 0)
                return false;
            char bytes[4];
            std::size_t size = 0;
            if (code < 0x80) {
                bytes[size++] = static_cast<char>(code);
            } else {
                if (code < 0x800) {
                    bytes[size++] = static_cast<char>(0xc0 | code >> 6);
                } else {
                    if (code < 0x10000) {
                        bytes[size++] = static_cast<char>(0xe0 | code >> 12);
                    } else {
                        bytes[size++] = static_cast<char>(0xf0 | code >> 18);
                        bytes[size++] = static_cast<char>(0x80 | (code >> 12 & 0x3f));
                    }
                    bytes[size++] = static_cast<char>(0x80 | (code >> 6 & 0x3f));
                }
                bytes[size++] = static_cast<char>(0x80 | (code & 0x3f));
            }
            out.append(std::string_view(bytes, size));
            continue;
        }
        default: return false;
        }
        out.push_back(plain);
        at += 2;
    }
    return true;
}

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/json_scan.ipp"
#endif
