// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A strict walk over one JSON document whose shape is known, in one pass and without an index.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/protocol/json_scan.hpp"
#include "flipt/types/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

// Why not simdjson here: replies are a few hundred bytes, where its first stage alone costs more than this whole walk,
// and what its on-demand front end steps over stays unchecked. (tests/fuzz/reply_fuzz.cpp compares the two.)
//
// Every function that reads moves over one value and what it is not is an error: it returns false, and error() and
// detail() say why. Names given to them appear in detail(). Bytes of padding behind the document may be read, but mean
// nothing.
class json_cursor {
public:
    explicit json_cursor(std::size_t max_depth) : max_depth_(std::min(max_depth, json_depth_ceiling)) {}

    // Starts at a document. `size + byte_buffer::padding` bytes can be read.
    void open(const char* json, std::size_t size) noexcept
    {
        at_ = json;
        end_ = json + size;
        depth_ = 0;
        reset();
        space();
    }

    // Nothing but white space follows the document.
    [[nodiscard]] bool close()
    {
        space();
        return at_ == end_ || fail({}, "something follows the document");
    }

    // An object: on_member(key) is called for every member and must move over its value. The key is a view that ends
    // with the next read.
    template <class OnMember>
    [[nodiscard]] bool members(std::string_view name, OnMember on_member)
    {
        if (!enter('{'))
            return no_container(name, '{');
        if (peek() == '}')
            return leave();
        while (true) {
            std::string_view key;
            if (peek() != '"')
                return malformed();
            if (!next_text(key))
                return false;
            if (!pass(':'))
                return malformed();
            if (!on_member(key))
                return false;
            if (pass(','))
                continue;
            return at_ < end_ && *at_ == '}' ? leave() : malformed();
        }
    }

    // An array: on_element() is called before each element and must move over it.
    template <class OnElement>
    [[nodiscard]] bool elements(std::string_view name, OnElement on_element)
    {
        if (!enter('['))
            return no_container(name, '[');
        if (peek() == ']')
            return leave();
        while (true) {
            if (!on_element())
                return false;
            if (pass(','))
                continue;
            return at_ < end_ && *at_ == ']' ? leave() : malformed();
        }
    }

    // A string, written to a std::string or byte_buffer (which it replaces).
    template <class Sink>
    [[nodiscard]] bool string(std::string_view name, Sink& out)
    {
        std::string_view raw;
        bool escaped = false;
        if (peek() != '"')
            return fail(name, "is not a string");
        if (!next_string(raw, escaped))
            return false;
        out.clear();
        if (!escaped) {
            out.append(raw);
            return true;
        }
        return append_unescaped(out, raw.data(), raw.data() + raw.size()) || malformed();
    }

    // A string as a view that ends with the next read.
    [[nodiscard]] bool text(std::string_view name, std::string_view& out)
    {
        return peek() == '"' ? next_text(out) : fail(name, "is not a string");
    }

    [[nodiscard]] bool boolean(std::string_view name, bool& out)
    {
        const auto left = end_ - at_;
        if (left >= 4 && std::memcmp(at_, "true", 4) == 0) {
            out = true;
            at_ += 4;
            return true;
        }
        if (left >= 5 && std::memcmp(at_, "false", 5) == 0) {
            out = false;
            at_ += 5;
            return true;
        }
        return fail(name, "is not a boolean");
    }

    // A number times 10^shift, rounded to the nearest integer (halves away from zero); digits beyond the 18th are cut.
    [[nodiscard]] FLIPT_DECL bool scaled_number(std::string_view name, int shift, std::int64_t& out);

    // A number that is an integer from 0 to `most`, without fraction or exponent.
    [[nodiscard]] FLIPT_DECL bool count(std::string_view name, std::uint64_t most, std::uint64_t& out);

    // Any value, checked by every rule; its text is a view into the document.
    [[nodiscard]] FLIPT_DECL bool raw(std::string_view& out);
    [[nodiscard]] bool skip()
    {
        std::string_view ignored;
        return raw(ignored);
    }

    // These return false, for `return fail(…)`.
    FLIPT_DECL bool fail(std::string_view field, std::string_view what, errc why = errc::invalid_response);
    bool twice(std::string_view field) { return fail(field, "comes twice"); }
    FLIPT_DECL bool malformed(json_fault fault = json_fault::syntax);

    void reset() noexcept
    {
        failed_ = false;
        detail_.clear();
    }
    [[nodiscard]] std::error_code error() const noexcept { return failed_ ? make_error_code(why_) : std::error_code(); }
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

private:
    [[nodiscard]] char peek() const noexcept { return at_ < end_ ? *at_ : '\0'; }
    void space() noexcept
    {
        while (static_cast<unsigned char>(*at_) <= ' ' && at_ < end_ &&
               (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t'))
            ++at_;
    }
    // Over `mark` and the white space around it, if it is next. That may be the first byte of the padding: what comes
    // then sees that it is behind the end.
    [[nodiscard]] bool pass(char mark) noexcept
    {
        if (*at_ != mark) {
            space();
            if (*at_ != mark)
                return false;
        }
        ++at_;
        if (static_cast<unsigned char>(*at_) <= ' ')
            space();
        return true;
    }

    [[nodiscard]] bool enter(char bracket) noexcept
    {
        if (peek() != bracket || depth_ == max_depth_)
            return false;
        ++depth_;
        ++at_;
        space();
        return true;
    }
    [[nodiscard]] bool leave() noexcept
    {
        ++at_;
        --depth_;
        return true;
    }
    FLIPT_DECL bool no_container(std::string_view name, char bracket);

    // The string at at_, which is a quote: its bytes between the quotes.
    [[nodiscard]] bool next_string(std::string_view& raw, bool& escaped)
    {
#if defined(__SSE2__)
        const char* const from = at_ + 1;
        for (const char* block_at = from; block_at < end_; block_at += 16) {
            const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block_at));
            const int hits = _mm_movemask_epi8(_mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
                _mm_cmplt_epi8(block, _mm_set1_epi8(0x20))));
            if (hits != 0) {
                const char* const hit = block_at + std::countr_zero(static_cast<unsigned>(hits));
                if (*hit != '"' || hit >= end_)
                    break;
                raw = std::string_view(from, static_cast<std::size_t>(hit - from));
                at_ = hit + 1;
                return true;
            }
        }
#endif
        return next_awkward_string(raw, escaped);
    }
    [[nodiscard]] FLIPT_DECL bool next_awkward_string(std::string_view& raw, bool& escaped);

    [[nodiscard]] bool next_text(std::string_view& out)
    {
        bool escaped = false;
        if (!next_string(out, escaped))
            return false;
        return !escaped || unescape_to_scratch(out);
    }
    [[nodiscard]] FLIPT_DECL bool unescape_to_scratch(std::string_view& out);

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::size_t depth_ = 0;
    std::size_t max_depth_;
    bool failed_ = false;
    errc why_ = errc::invalid_response;
    std::string scratch_;
    std::string detail_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/json_cursor.ipp"
#endif
