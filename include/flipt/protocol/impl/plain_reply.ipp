// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Replies of the one shape that Flipt's servers give an evaluation, read in one pass in front of simdjson.
#pragma once

#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/digits.hpp"
#include "flipt/protocol/json_scan.hpp"
#include "flipt/types/response.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace flipt::inline v0::detail {

namespace plain_text {

// A text of at least 8 bytes known at compile time, as words to compare; the last one overlaps the one before.
template <std::size_t Size>
struct exact {
    consteval exact(const char (&text)[Size]) // implicit: stands as a template argument
    {
        static_assert(Size > 8);
        for (std::size_t i = 0; i != words.size(); ++i) {
            std::array<char, 8> bytes{};
            for (std::size_t j = 0; j != 8; ++j)
                bytes[j] = text[offset(i) + j];
            words[i] = std::bit_cast<std::uint64_t>(bytes);
        }
    }
    static constexpr std::size_t size = Size - 1;
    static constexpr std::size_t offset(std::size_t word) noexcept { return word * 8 + 8 > size ? size - 8 : word * 8; }
    std::array<std::uint64_t, (Size + 6) / 8> words{};
};

template <exact Text>
[[nodiscard]] inline bool is_at(const char* at) noexcept
{
    std::uint64_t differences = 0;
    for (std::size_t i = 0; i != Text.words.size(); ++i) {
        std::uint64_t bytes;
        std::memcpy(&bytes, at + Text.offset(i), 8);
        if (i == 0 && bytes != Text.words[0])
            return false;
        differences |= bytes ^ Text.words[i];
    }
    return differences == 0;
}

// Without a call: most texts are shorter than what a call of memcpy costs.
inline void copy(char* to, const char* from, std::size_t size) noexcept
{
    if (size >= 16) {
        for (std::size_t at = 0; at + 16 < size; at += 16)
            std::memcpy(to + at, from + at, 16);
        std::memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        std::memcpy(to, from, 8);
        std::memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        std::memcpy(to, from, 4);
        std::memcpy(to + size - 4, from + size - 4, 4);
    } else {
        for (std::size_t at = 0; at != size; ++at)
            to[at] = from[at];
    }
}

} // namespace plain_text

// The minute of the last time read: replies that follow each other are mostly of the same one.
class minute_memo {
public:
    [[nodiscard]] bool is_at(const char* at) const noexcept
    {
        std::array<std::uint64_t, 2> bytes;
        std::memcpy(bytes.data(), at, sizeof(bytes));
        return ((bytes[0] ^ text_[0]) | (bytes[1] ^ text_[1])) == 0;
    }
    // `text` is an RFC 3339 time, and `when` the same. Only those are kept whose whole minute timestamp_type has.
    void keep(std::string_view text, timestamp_type when) noexcept
    {
        constexpr timestamp_type from{}, to = timestamp_type(std::chrono::hours(24 * 365 * 200));
        if (text.back() != 'Z' || when < from || when > to)
            return;
        std::memcpy(text_.data(), text.data(), sizeof(text_));
        start_ = std::chrono::floor<std::chrono::minutes>(when);
    }
    [[nodiscard]] timestamp_type start() const noexcept { return start_; }

private:
    // Something true from the start: any bytes may come.
    std::array<std::uint64_t, 2> text_ = std::bit_cast<std::array<std::uint64_t, 2>>(
        std::array<char, 16>{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', 'T', '0', '0', ':', '0', '0'});
    timestamp_type start_{};
};

// Known members in any order, none twice; strings of plain ASCII (escapes in an attachment only); decimal numbers as
// they are printed; a space at most behind a comma. Anything else is a surprise: the reader is false, its answer partly
// filled, and simdjson reads it all again, so that what is accepted, and what is said of the rest, is simdjson's
// choice. What this accepts it reads as simdjson does (a unit test and reply_fuzz compare them). Worth it: some 600
// instructions for a boolean answer of 235 bytes where simdjson and its checks take 2,290 (3,250 without NDEBUG). For a
// batch of ten with everything else in its request, 26,369 in place of 60,262.
//
// Up to 64 bytes behind the document can be read, which may hold anything, such as an older reply's end. No step looks
// further than that: each member begins, and each string ends, before the end of the document. That the last brace is
// its last byte then says that all of it was in there.
class plain_reply {
public:
    // Nesting of what this reads: segments, in an answer, in a response of a batch.
    template <class Answer>
    static constexpr std::size_t depth = std::is_same_v<Answer, batch_evaluation> ? 5 : 2;

    plain_reply(const char* json, std::size_t size, minute_memo& minute) noexcept
        : at_(json), end_(json + size), minute_(minute)
    {}

    template <class Answer>
    [[nodiscard]] bool read(Answer& out)
    {
        return opens() && members(out) && at_ == end_;
    }
    // With as many responses as that.
    [[nodiscard]] bool read(batch_evaluation& out, std::size_t expected_count)
    {
        if (!opens() || at_ == end_)
            return false;
        out.duration = {};
        std::size_t used = 0;
        for (const char* before = nullptr; before != at_;) {
            before = at_;
            if (member<"\"requestId\":\"">() && !(first(0) && string(out.request_id) && next()))
                break;
            if (member<"\"responses\":[">()) {
                const bool fresh = first(1);
                const unsigned seen = seen_;
                if (!fresh || !responses(out.responses, used, expected_count))
                    return false;
                seen_ = seen;
                if (!next())
                    break;
            }
            if (member<"\"requestDurationMillis\":">() && !(first(2) && millis(out.duration) && next()))
                break;
        }
        if (!closed() || at_ != end_ || used != expected_count)
            return false;
        if (first(0))
            out.request_id.clear();
        out.responses.resize(used);
        return true;
    }

private:
    bool members(boolean_evaluation& out)
    {
        if (at_ >= end_)
            return false;
        seen_ = 0;
        out.enabled = false;
        out.reason = evaluation_reason::unknown;
        out.duration = {};
        out.timestamp = {};
        for (const char* before = nullptr; before != at_;) { // once, if they come in the servers' order
            before = at_;
            if (member<"\"enabled\":">() && !(first(0) && truth(out.enabled) && next()))
                break;
            if (member<"\"reason\":\"">() && !(first(1) && reason(out.reason) && next()))
                break;
            if (member<"\"requestId\":\"">() && !(first(2) && string(out.request_id) && next()))
                break;
            if (member<"\"requestDurationMillis\":">() && !(first(3) && millis(out.duration) && next()))
                break;
            if (member<"\"timestamp\":\"">() && !(first(4) && time(out.timestamp) && next()))
                break;
            if (member<"\"flagKey\":\"">() && !(first(5) && string(out.flag_key) && next()))
                break;
            if (member<"\"segmentKeys\":[">() && !(first(6) && strings(out.segment_keys) && next()))
                break;
        }
        if (!closed())
            return false;
        if (seen_ != 0x7f) {
            if (first(2))
                out.request_id.clear();
            if (first(5))
                out.flag_key.clear();
            if (first(6))
                out.segment_keys.clear();
        }
        return true;
    }

    bool members(variant_evaluation& out)
    {
        if (at_ >= end_)
            return false;
        seen_ = 0;
        out.match = false;
        out.reason = evaluation_reason::unknown;
        out.duration = {};
        out.timestamp = {};
        for (const char* before = nullptr; before != at_;) {
            before = at_;
            if (member<"\"match\":">() && !(first(0) && truth(out.match) && next()))
                break;
            if (member<"\"segmentKeys\":[">() && !(first(1) && strings(out.segment_keys) && next()))
                break;
            if (member<"\"reason\":\"">() && !(first(2) && reason(out.reason) && next()))
                break;
            if (member<"\"variantKey\":\"">() && !(first(3) && string(out.variant_key) && next()))
                break;
            if (member<"\"variantAttachment\":\"">() && !(first(4) && escaped(out.variant_attachment) && next()))
                break;
            if (member<"\"requestId\":\"">() && !(first(5) && string(out.request_id) && next()))
                break;
            if (member<"\"requestDurationMillis\":">() && !(first(6) && millis(out.duration) && next()))
                break;
            if (member<"\"timestamp\":\"">() && !(first(7) && time(out.timestamp) && next()))
                break;
            if (member<"\"flagKey\":\"">() && !(first(8) && string(out.flag_key) && next()))
                break;
        }
        if (!closed())
            return false;
        if (seen_ != 0x1ff) {
            if (first(1))
                out.segment_keys.clear();
            if (first(3))
                out.variant_key.clear();
            if (first(4))
                out.variant_attachment.clear();
            if (first(5))
                out.request_id.clear();
            if (first(8))
                out.flag_key.clear();
        }
        return true;
    }

    template <plain_text::exact Name>
    bool member() noexcept
    {
        if (!plain_text::is_at<Name>(at_))
            return false;
        at_ += Name.size;
        return true;
    }
    bool members(error_evaluation& out)
    {
        if (at_ >= end_)
            return false;
        seen_ = 0;
        out.reason = error_evaluation_reason::unknown;
        for (const char* before = nullptr; before != at_;) {
            before = at_;
            if (member<"\"flagKey\":\"">() && !(first(0) && string(out.flag_key) && next()))
                break;
            if (member<"\"namespaceKey\":\"">() && !(first(1) && string(out.namespace_key) && next()))
                break;
            if (member<"\"reason\":\"">()) {
                if (!first(2) || !member<"NOT_FOUND_ERROR_EVALUATION_REASON\"">())
                    break;
                out.reason = error_evaluation_reason::not_found;
                if (!next())
                    break;
            }
        }
        if (!closed())
            return false;
        if (first(0))
            out.flag_key.clear();
        if (first(1))
            out.namespace_key.clear();
        return true;
    }

    // A response of a batch: its type, then the answer, as they are printed.
    bool response(batch_item& item)
    {
        if (!member<"{\"type\":\"">())
            return false;
        if (member<"BOOLEAN_EVALUATION_RESPONSE_TYPE\"">())
            return next() && member<"\"booleanResponse\":{">() && members(as<boolean_evaluation>(item)) && end('}');
        if (member<"VARIANT_EVALUATION_RESPONSE_TYPE\"">())
            return next() && member<"\"variantResponse\":{">() && members(as<variant_evaluation>(item)) && end('}');
        return member<"ERROR_EVALUATION_RESPONSE_TYPE\"">() && next() && member<"\"errorResponse\":{">() &&
               members(as<error_evaluation>(item)) && end('}');
    }
    template <class Answer>
    static Answer& as(batch_item& item) // the one there, for its memory
    {
        Answer* const there = std::get_if<Answer>(&item);
        return there != nullptr ? *there : item.emplace<Answer>();
    }
    bool responses(std::vector<batch_item>& out, std::size_t& used, std::size_t most)
    {
        if (end(']'))
            return true;
        do {
            if (used == most || at_ >= end_)
                return false;
            if (used == out.size())
                out.emplace_back();
            if (!response(out[used++]))
                return false;
        } while (next());
        return end(']');
    }

    // Whether it was not seen before.
    bool first(unsigned bit) noexcept
    {
        const unsigned before = seen_;
        seen_ |= 1U << bit;
        return seen_ != before;
    }
    bool opens() noexcept { return at_ != end_ && *at_++ == '{'; }
    bool end(char bracket) noexcept
    {
        if (*at_ != bracket)
            return false;
        ++at_;
        return true;
    }
    // Behind a value: whether another one may follow. Else closed() says whether the object ended.
    bool next() noexcept
    {
        if (*at_ != ',') {
            closed_ = *at_ == '}';
            return false;
        }
        at_ += at_[1] == ' ' ? 2 : 1;
        return at_ < end_;
    }
    bool closed() noexcept
    {
        if (!closed_)
            return false;
        closed_ = false;
        ++at_;
        return true;
    }

    bool truth(bool& out) noexcept
    {
        out = std::memcmp(at_, "true", 4) == 0;
        if (!out && std::memcmp(at_, "false", 5) != 0)
            return false;
        at_ += out ? 4 : 5;
        return true;
    }

    bool reason(evaluation_reason& out) noexcept
    {
        if (member<"MATCH_EVALUATION_REASON\"">())
            out = evaluation_reason::match;
        else if (member<"DEFAULT_EVALUATION_REASON\"">())
            out = evaluation_reason::default_value;
        else if (member<"FLAG_DISABLED_EVALUATION_REASON\"">())
            out = evaluation_reason::flag_disabled;
        else
            return false; // this may be one that is not known
        return true;
    }

    // Up to 9 digits, and 6 behind the point.
    bool millis(std::chrono::nanoseconds& out) noexcept
    {
        constexpr std::array<std::uint64_t, 6> scale = {100000, 10000, 1000, 100, 10, 1};
        std::uint64_t whole = 0;
        const char* at = at_;
        const auto digit = [&] { return static_cast<unsigned>(static_cast<unsigned char>(*at)) - '0'; };
        if (*at == '0') {
            ++at;
        } else {
            for (unsigned d = digit(); d <= 9 && at != at_ + 9; d = digit()) {
                whole = whole * 10 + d;
                ++at;
            }
            if (at == at_)
                return false;
        }
        whole *= 1000000;
        if (*at == '.') {
            ++at;
            constexpr std::uint64_t tops = 0x8080808080808080;
            const std::uint64_t values = digits::load8(at) ^ 0x3030303030303030;
            const std::uint64_t others = ((values + 0x7676767676767676) | values) & tops; // a carry is from another one
            const auto places = static_cast<unsigned>(std::countr_zero(others)) / 8;
            if (places == 0 || places > 6)
                return false;
            whole += digits::number8(values << (64 - 8 * places)) * scale[places - 1];
            at += places;
        }
        at_ = at; // what follows must be a comma or brace
        out = std::chrono::nanoseconds(static_cast<std::int64_t>(whole));
        return true;
    }

    bool time(timestamp_type& out) noexcept
    {
        using namespace digits;
        const char* const at = at_;
        if (minute_.is_at(at) && at[16] == ':' && at[19] == '.' && at[29] == 'Z' && at[30] == '"') {
            const int second = two_digits(at + 17);
            const std::uint64_t values = match8(load8(at + 20), "00000000");
            const auto last = static_cast<unsigned>(static_cast<unsigned char>(at[28])) - '0';
            if (second < 0 || second > 59 || values == no_match || last > 9)
                return false;
            const std::uint64_t nanos = digits::number8(values) * 10 + last;
            at_ += 31;
            out = minute_.start() +
                  std::chrono::nanoseconds(second * std::int64_t{1000000000} + static_cast<std::int64_t>(nanos));
            return true;
        }
        return other_time(out);
    }
    [[gnu::noinline]] bool other_time(timestamp_type& out) noexcept
    {
        std::string_view text;
        if (!plain(text))
            return false;
        const std::optional<timestamp_type> when = parse_rfc3339(text);
        if (!when)
            return false;
        out = *when;
        minute_.keep(text, out);
        return true;
    }

    bool string(std::string& out)
    {
        std::string_view text;
        if (!plain(text))
            return false;
        if (out.size() == text.size()) // often: a request id, or the same flag again
            plain_text::copy(out.data(), text.data(), text.size());
        else
            out.assign(text);
        return true;
    }
    bool escaped(std::string& out)
    {
        const char* const from = at_;
        const char* to = special(from);
        if (to != nullptr && *to == '"')
            return string(out);
        while (to != nullptr && *to == '\\')
            to = to + 2 < end_ ? special(to + 2) : nullptr;
        if (to == nullptr)
            return false;
        at_ = to + 1;
        out.clear();
        return append_unescaped(out, from, to);
    }
    bool strings(std::vector<std::string>& out)
    {
        std::size_t used = 0;
        if (*at_ != ']') {
            do {
                if (used != 0 && *++at_ == ' ')
                    ++at_;
                if (*at_++ != '"')
                    return false;
                if (used == out.size())
                    out.emplace_back();
                if (!string(out[used++]))
                    return false;
            } while (*at_ == ',');
            if (*at_ != ']')
                return false;
        }
        ++at_;
        if (used != out.size())
            out.resize(used);
        return true;
    }

    // What stands between here and the next quote.
    bool plain(std::string_view& text) noexcept
    {
        const char* const to = special(at_);
        if (to == nullptr || *to != '"')
            return false;
        text = std::string_view(at_, static_cast<std::size_t>(to - at_));
        at_ = to + 1;
        return true;
    }
    // The next quote or backslash in the document; null where something that is not plain comes first, or neither.
    [[nodiscard]] const char* special(const char* at) const noexcept
    {
#if defined(__SSE2__)
        do {
            const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
            // Signed: bytes from 0x80 up are less than 0x20, too.
            const int hits = _mm_movemask_epi8(_mm_or_si128(
                _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
                _mm_cmplt_epi8(block, _mm_set1_epi8(0x20))));
            if (hits != 0) {
                at += std::countr_zero(static_cast<unsigned>(hits));
                return at < end_ && (*at == '"' || *at == '\\') ? at : nullptr;
            }
            at += 16;
        } while (at < end_);
#else
        for (; at < end_; ++at) {
            const auto c = static_cast<unsigned char>(*at);
            if (c == '"' || c == '\\')
                return at;
            if (c < 0x20 || c >= 0x80)
                break;
        }
#endif
        return nullptr;
    }

    const char* at_;
    const char* const end_;
    minute_memo& minute_;
    unsigned seen_ = 0;
    bool closed_ = false;
};

} // namespace flipt::inline v0::detail
