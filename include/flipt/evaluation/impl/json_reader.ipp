// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A strict one-pass reader of JSON text that says where and why it stopped.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/impl/text_store.ipp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flipt::inline v0::detail {

// Every function returns false after a failure, with the position at fault and a reason.
class json_reader {
public:
    // Objects and arrays nest at most `max_depth` deep, the outermost one included.
    explicit json_reader(std::string_view text, std::size_t max_depth = 64) noexcept
        : begin_(text.data()), p_(text.data()), end_(text.data() + text.size()), depth_left_(max_depth)
    {}

    [[nodiscard]] std::size_t offset() const noexcept { return static_cast<std::size_t>(p_ - begin_); }
    [[nodiscard]] const char* position() const noexcept { return p_; }
    [[nodiscard]] std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - p_); }
    [[nodiscard]] const char* problem() const noexcept { return problem_; }
    void skip_to(const char* p) noexcept { p_ = p; }

    bool fail(const char* why) noexcept
    {
        if (problem_ == nullptr)
            problem_ = why;
        return false;
    }

    [[gnu::always_inline]] void space() noexcept
    {
        if (p_ != end_ && static_cast<unsigned char>(*p_) <= ' ')
            skip_space();
    }

    // Whether these bytes come next, at least one.
    [[nodiscard]] bool at_text(const char* text, std::size_t size) const noexcept
    {
        return size != 0 && size <= left() && std::memcmp(text, p_, size) == 0;
    }

    // Whether what was read may hold anything but ASCII. If so, the document has to be checked for UTF-8.
    [[nodiscard]] bool wide() const noexcept { return wide_ != 0; }

    [[nodiscard]] char peek() const noexcept { return p_ == end_ ? '\0' : *p_; }
    [[nodiscard]] bool at_end() const noexcept { return p_ == end_; }

    // null stands for the value a member would have if it were absent.
    bool null() noexcept { return peek() == 'n' && literal("null"); }

    // The text between the quotes: a view of the document, or of the arena when it had escapes.
    bool string(std::string_view& out)
    {
#if defined(__SSE2__)
        // Most are short and plain.
        if (end_ - p_ > 16 && *p_ == '"') {
            const block_ends b = ends_of(p_ + 1);
            wide_ |= b.wide;
            if (b.ends != 0)
                if (const int n = std::countr_zero(b.ends); p_[n + 1] == '"') {
                    out = {p_ + 1, static_cast<std::size_t>(n)};
                    p_ += n + 2;
                    return true;
                }
        }
#endif
        return any_string(out);
    }

    bool boolean(bool& out) noexcept
    {
        if (peek() == 't' && literal("true")) {
            out = true;
            return true;
        }
        if (peek() == 'f' && literal("false")) {
            out = false;
            return true;
        }
        return fail("expected true or false");
    }

    // A number of a few digits without sign or exponent, as its digits and how many are behind the point; nothing is
    // read when it is of another form.
    bool short_number(std::uint32_t& digits, std::uint32_t& behind) noexcept
    {
        const char* q = p_;
        const char* const most = end_ - p_ > 8 ? p_ + 8 : end_;
        const char* point = nullptr;
        std::uint32_t value = 0;
        for (; q != most; ++q) {
            if (const unsigned digit = static_cast<unsigned char>(*q) - unsigned{'0'}; digit <= 9)
                value = value * 10 + digit;
            else if (*q == '.' && point == nullptr && q != p_)
                point = q;
            else
                break;
        }
        if (q == most || q == p_ || *q == 'e' || *q == 'E' || *q == '.' || (point != nullptr && q == point + 1))
            return false;
        if (*p_ == '0' && q - p_ > 1 && point != p_ + 1)
            return false;
        digits = value;
        behind = point == nullptr ? 0 : static_cast<std::uint32_t>(q - point - 1);
        p_ = q;
        return true;
    }

    bool number(std::string_view& out) noexcept
    {
        const std::size_t n = json_number_size({p_, left()});
        if (n == 0)
            return fail("expected a number");
        out = {p_, n};
        p_ += n;
        return true;
    }

    // Calls member(key) at the value of every member.
    template <class F>
    bool object(F&& member)
    {
        if (peek() != '{')
            return fail("expected an object");
        if (!enter())
            return false;
        if (peek() == '}')
            return leave();
        for (;;) {
            std::string_view key;
            if (!string(key))
                return false;
            space();
            if (peek() != ':')
                return fail("expected ':'");
            ++p_;
            space();
            if (!member(key))
                return false;
            space();
            if (peek() == '}')
                return leave();
            if (peek() != ',')
                return fail("expected ',' or '}'");
            ++p_;
            space();
        }
    }

    // Calls element(index) at every element.
    template <class F>
    bool array(F&& element)
    {
        if (peek() != '[')
            return fail("expected an array");
        if (!enter())
            return false;
        if (peek() == ']')
            return leave();
        for (std::size_t i = 0;; ++i) {
            if (!element(i))
                return false;
            space();
            if (peek() == ']')
                return leave();
            if (peek() != ',')
                return fail("expected ',' or ']'");
            ++p_;
            space();
        }
    }

    // Checks and skips a value of any kind.
    bool skip()
    {
        switch (peek()) {
        case '{': return object([&](std::string_view) { return skip(); });
        case '[': return array([&](std::size_t) { return skip(); });
        case '"': {
            std::string_view s;
            return string(s);
        }
        case 't':
        case 'f': {
            bool b = false;
            return boolean(b);
        }
        case 'n': return literal("null") || fail("expected a value");
        default: {
            std::string_view n;
            return number(n) || fail("expected a value");
        }
        }
    }

    // How many objects and arrays may still begin within each other.
    [[nodiscard]] std::size_t depth_left() const noexcept { return depth_left_; }

    // Whether it was the depth that it stopped at.
    [[nodiscard]] bool too_deep() const noexcept { return too_deep_; }

private:
    bool enter() noexcept
    {
        if (depth_left_ == 0) {
            too_deep_ = true;
            return fail("nested too deeply");
        }
        --depth_left_;
        ++p_;
        space();
        return true;
    }
    bool leave() noexcept
    {
        ++depth_left_;
        ++p_;
        return true;
    }

    [[gnu::noinline]] bool any_string(std::string_view& out)
    {
        if (peek() != '"')
            return fail("expected a string");
        const char* const start = p_ + 1;
        const char* q = start;
        bool escaped = false;
        for (;;) {
            q = plain_run(q);
            if (q == end_) {
                p_ = q;
                return fail("a string does not end");
            }
            if (*q == '"')
                break;
            if (*q != '\\') {
                p_ = q;
                return fail("a control character in a string");
            }
            escaped = true;
            q += 2;
            if (q > end_) {
                p_ = end_;
                return fail("a string does not end");
            }
        }
        out = {start, static_cast<std::size_t>(q - start)};
        if (escaped) {
            if (seen_.empty())
                seen_.resize(seen_size);
            // Documents repeat such texts (attachments): what was undone once is recognised by its bytes.
            seen_text& seen = seen_[static_cast<std::size_t>(hash_bytes(out)) % seen_size];
            if (seen.raw != out) {
                if (!unescape_json(out, scratch_, false))
                    return fail("a bad escape in a string");
                seen = {out, arena_.keep(scratch_)};
            }
            out = seen.text;
        }
        p_ = q + 1;
        return true;
    }

    [[gnu::noinline]] void skip_space() noexcept
    {
        while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t'))
            ++p_;
    }

    bool literal(std::string_view word) noexcept
    {
        if (left() < word.size() || std::memcmp(p_, word.data(), word.size()) != 0)
            return false;
        p_ += word.size();
        return true;
    }

#if defined(__SSE2__)
    // Of sixteen bytes, a bit each: what ends a run of plain string bytes, and what is no ASCII.
    struct block_ends {
        unsigned ends;
        unsigned wide;
    };
    static block_ends ends_of(const char* p) noexcept
    {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v);
        const __m128i ends =
            _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        return {static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(control, ends))),
                static_cast<unsigned>(_mm_movemask_epi8(v))};
    }
#endif

    // The first byte from `q` on that ends a run of plain string bytes: a quote, a backslash, a control, or the end.
    const char* plain_run(const char* q) noexcept
    {
#if defined(__SSE2__)
        for (; end_ - q >= 16; q += 16) {
            const block_ends b = ends_of(q);
            wide_ |= b.wide;
            if (b.ends != 0)
                return q + std::countr_zero(b.ends);
        }
#endif
        if constexpr (std::endian::native == std::endian::little) {
            constexpr std::uint64_t ones = 0x0101010101010101U;
            constexpr std::uint64_t highs = 0x8080808080808080U;
            while (end_ - q >= 8) {
                const auto w = load<std::uint64_t>(q);
                const std::uint64_t quote = w ^ ones * '"';
                const std::uint64_t slash = w ^ ones * '\\';
                wide_ |= (w & highs) != 0 ? 1U : 0U;
                // Exact below the first hit, which is all that is asked.
                const std::uint64_t hit =
                    (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w)) & highs;
                if (hit != 0)
                    return q + std::countr_zero(hit) / 8;
                q += 8;
            }
        }
        for (; q != end_ && *q != '"' && *q != '\\' && static_cast<unsigned char>(*q) >= 0x20; ++q)
            wide_ |= static_cast<unsigned char>(*q) & 0x80U;
        return q;
    }

    struct seen_text {
        std::string_view raw; // of the document
        std::string_view text;
    };
    static constexpr std::size_t seen_size = 512;

    const char* begin_;
    const char* p_;
    const char* end_;
    const char* problem_ = nullptr;
    std::size_t depth_left_;
    unsigned wide_ = 0;
    bool too_deep_ = false;
    std::string scratch_;
    text_arena arena_;
    std::vector<seen_text> seen_;
};

} // namespace flipt::inline v0::detail
