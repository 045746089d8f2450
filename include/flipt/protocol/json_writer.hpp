// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// JSON text (RFC 8259) appended to a byte buffer: strings, numbers, and a writer that places the commas.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"

#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flipt::inline v0::detail {

// True if any of the 8 bytes is a quote, a backslash, a control character or no ASCII. Borrows between the bytes can
// only come from a byte that is one of those itself, so the answer for all 8 together is exact.
[[nodiscard, gnu::always_inline]] inline bool needs_escape(std::uint64_t bytes) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101;
    const std::uint64_t hits =
        bytes | (bytes - ones * 0x20) | ((bytes ^ (ones * 0x22)) - ones) | ((bytes ^ (ones * 0x5c)) - ones);
    return (hits & (ones * 0x80)) != 0;
}
#if defined(__SSE2__)
[[nodiscard, gnu::always_inline]] inline bool needs_escape(__m128i bytes) noexcept
{
    // Signed: bytes from 0x80 up are less than 0x20, too.
    const __m128i hits = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
        _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)));
    return _mm_movemask_epi8(hits) != 0;
}
#endif

// write_plain_string() for 16 bytes and more, without the quotes.
[[nodiscard]] inline bool copy_plain_blocks(char* to, const char* from, std::size_t size) noexcept
{
    for (std::size_t at = 0;;) {
#if defined(__SSE2__)
        const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + at));
        if (needs_escape(block))
            return false;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), block);
#else
        std::uint64_t halves[2];
        std::memcpy(halves, from + at, 16);
        if (needs_escape(halves[0]) || needs_escape(halves[1]))
            return false;
        std::memcpy(to + at, halves, 16);
#endif
        if (at + 16 == size)
            return true;
        at = at + 32 <= size ? at + 16 : size - 16; // the last block overlaps the one before
    }
}

// The way most strings go: writes `text` in quotes to `to` and returns the place behind it, or null (with some bytes
// written) if anything in it needs a closer look. At least size() + 2 bytes must be free. Inlined: most are short.
[[nodiscard, gnu::always_inline]] inline char* write_plain_string(char* to, std::string_view text) noexcept
{
    const char* from = text.data();
    const std::size_t size = text.size();
    *to++ = '"';
    if (size >= 16) {
        if (!copy_plain_blocks(to, from, size))
            return nullptr;
    } else if (size >= 8) {
        std::uint64_t first, last;
        std::memcpy(&first, from, 8);
        std::memcpy(&last, from + size - 8, 8);
#if defined(__SSE2__)
        if (needs_escape(_mm_set_epi64x(static_cast<long long>(last), static_cast<long long>(first))))
            return nullptr;
#else
        if (needs_escape(first) || needs_escape(last))
            return nullptr;
#endif
        std::memcpy(to, &first, 8);
        std::memcpy(to + size - 8, &last, 8);
    } else if (size >= 4) {
        std::uint32_t first, last;
        std::memcpy(&first, from, 4);
        std::memcpy(&last, from + size - 4, 4);
        if (needs_escape(first | std::uint64_t{last} << 32))
            return nullptr;
        std::memcpy(to, &first, 4);
        std::memcpy(to + size - 4, &last, 4);
    } else if (size != 0) {
        const char a = from[0], b = from[size / 2], c = from[size - 1];
        const std::uint64_t bytes = static_cast<unsigned char>(a) | std::uint64_t{static_cast<unsigned char>(b)} << 8 |
                                    std::uint64_t{static_cast<unsigned char>(c)} << 16;
        if (needs_escape(bytes | 0x2020202020000000))
            return nullptr;
        to[0] = a;
        to[size / 2] = b;
        to[size - 1] = c;
    }
    to += size;
    *to++ = '"';
    return to;
}

// The long way: escapes, and checks that the rest is UTF-8. On false `out` is as it was.
[[nodiscard]] FLIPT_DECL bool append_escaped_string(byte_buffer& out, std::string_view text);

/// Appends `text` as a JSON string. False (and nothing appended) if it is not valid UTF-8.
[[nodiscard]] inline bool append_json_string(byte_buffer& out, std::string_view text)
{
    char* const start = out.prepare(text.size() + 2);
    if (char* const end = write_plain_string(start, text)) {
        out.commit(static_cast<std::size_t>(end - start));
        return true;
    }
    return append_escaped_string(out, text);
}

/// Appends a number. A double is the shortest text that reads back the same, in the form Go's encoding/json gives it
/// (what Flipt prints); one that is not finite becomes `null`.
FLIPT_DECL void append_json_number(byte_buffer& out, double value);
FLIPT_DECL void append_json_number(byte_buffer& out, std::int64_t value);
FLIPT_DECL void append_json_number(byte_buffer& out, std::uint64_t value);

/// Writes a JSON document in order and places the commas. It does not check that the calls make a document: every
/// begin needs its end, and in an object a key before each value. The buffer must outlive it.
class json_writer {
public:
    explicit json_writer(byte_buffer& out) noexcept : out_(out) {}

    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }

    json_writer& key(std::string_view name)
    {
        value(name);
        out_.push_back(':');
        comma_ = false;
        return *this;
    }

    /// A string. One that is not UTF-8 is written as "" and makes ok() false.
    json_writer& value(std::string_view text)
    {
        separate();
        if (!append_json_string(out_, text)) {
            ok_ = false;
            out_.append("\"\"");
        }
        return *this;
    }
    json_writer& value(const char* text) { return value(std::string_view(text)); }
    json_writer& value(bool yes) { return raw(yes ? "true" : "false"); }
    json_writer& value(double number)
    {
        separate();
        append_json_number(out_, number);
        return *this;
    }
    template <class Integer>
        requires std::is_integral_v<Integer>
    json_writer& value(Integer number)
    {
        separate();
        if constexpr (std::is_signed_v<Integer>)
            append_json_number(out_, static_cast<std::int64_t>(number));
        else
            append_json_number(out_, static_cast<std::uint64_t>(number));
        return *this;
    }
    json_writer& null() { return raw("null"); }

    /// A value that is JSON text already; it is not looked at.
    json_writer& raw(std::string_view json)
    {
        separate();
        out_.append(json);
        return *this;
    }

    /// key() and value() in one.
    template <class Value>
    json_writer& member(std::string_view name, const Value& content)
    {
        return key(name).value(content);
    }

    /// False once a string was not UTF-8.
    [[nodiscard]] bool ok() const noexcept { return ok_; }
    /// The same as an errc: invalid_argument.
    [[nodiscard]] FLIPT_DECL std::error_code error() const;

private:
    void separate()
    {
        if (comma_)
            out_.push_back(',');
        comma_ = true;
    }
    json_writer& open(char bracket)
    {
        separate();
        out_.push_back(bracket);
        comma_ = false;
        return *this;
    }
    json_writer& close(char bracket)
    {
        out_.push_back(bracket);
        comma_ = true;
        return *this;
    }

    byte_buffer& out_;
    bool comma_ = false;
    bool ok_ = true;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/json_writer.ipp"
#endif
