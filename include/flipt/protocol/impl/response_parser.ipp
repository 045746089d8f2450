// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/response_parser.hpp: the order of things, and the head of a reply.
#pragma once

#include "flipt/protocol/chars.hpp"
#include "flipt/protocol/response_parser.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace flipt::inline v0::detail {

FLIPT_DECL void response_parser::reset(bool head_request, const parser_limits& limits, head_memo* memo) noexcept
{
    *this = response_parser();
    memo_ = head_request ? nullptr : memo;
    limits_ = limits;
    // Offsets of captured fields are 32 bits wide.
    limits_.head = std::min<std::size_t>(limits.head, 0x7fffffff / std::max<std::size_t>(limits.informational + 1, 1));
    head_request_ = head_request;
}

FLIPT_DECL void response_parser::reset_streaming(const parser_limits& limits) noexcept
{
    reset(false, limits);
    streaming_ = true;
}

FLIPT_DECL parse_result response_parser::fail(errc code, const char* detail) noexcept
{
    error_ = code;
    detail_ = detail;
    state_ = state::failed;
    return parse_result::failed;
}

FLIPT_DECL parse_result response_parser::parse(char* data, std::size_t size) noexcept
{
    if (state_ < state::body_start) {
        if (!recall_head(data, size)) {
            started_ = started_ || size != 0;
            const parse_result head = parse_head(data, size);
            if (head != parse_result::complete)
                return head;
            if (streaming_)
                return parse_result::head_done;
            if (memo_ != nullptr)
                keep_head(data);
        }
    }
    if (state_ == state::body_start) {
        const parse_result begun = start_body();
        if (begun != parse_result::need_more) {
            extra_ = size > pos_;
            return begun;
        }
    }
    switch (state_) {
    case state::failed: return parse_result::failed;
    case state::done: return parse_result::complete;
    case state::body_length:
        if (size - body_begin_ < left_) {
            body_end_ = pos_ = size;
            return parse_result::need_more;
        }
        body_end_ = pos_ = body_begin_ + static_cast<std::size_t>(left_);
        break;
    case state::body_close:
        if (size - body_begin_ > body_limit())
            return fail(errc::response_too_large, "the body passed the size limit");
        body_end_ = pos_ = size;
        return parse_result::need_more;
    default: {
        std::size_t write = decoded_ == 0 ? nowhere : body_end_;
        const parse_result result = decode_chunks(data, size, pos_, write);
        if (write != nowhere) {
            body_end_ = write;
            body_begin_ = write - static_cast<std::size_t>(decoded_);
        }
        if (result != parse_result::complete)
            return result;
    }
    }
    state_ = state::done;
    extra_ = size > pos_;
    return parse_result::complete;
}

namespace response_names {

// A name of 8 to 16 bytes is compared by two reads that overlap, after setting the case bit of what are letters in the
// pattern (and of nothing else: CR with that bit set would be '-').
struct pattern {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t first_case = 0;
    std::uint64_t last_case = 0;
};

consteval pattern make(std::string_view text)
{
    const auto words = [](std::string_view eight, bool letters) {
        std::array<unsigned char, 8> bytes{};
        for (std::size_t i = 0; i != 8; ++i) {
            const char c = eight[i];
            bytes[i] = static_cast<unsigned char>(letters ? (c >= 'a' && c <= 'z' ? 0x20 : 0) : c);
        }
        return std::bit_cast<std::uint64_t>(bytes);
    };
    const std::string_view tail = text.substr(text.size() - 8);
    return {words(text, false), words(tail, false), words(text, true), words(tail, true)};
}

consteval std::uint32_t word(std::string_view four)
{
    std::array<char, 4> bytes{};
    for (std::size_t i = 0; i != 4; ++i)
        bytes[i] = four[i];
    return std::bit_cast<std::uint32_t>(bytes);
}

inline bool same(const char* name, std::size_t size, const pattern& p) noexcept
{
    std::uint64_t first;
    std::uint64_t last;
    std::memcpy(&first, name, 8);
    std::memcpy(&last, name + size - 8, 8);
    return (((first | p.first_case) ^ p.first) | ((last | p.last_case) ^ p.last)) == 0;
}

inline constexpr pattern connection_name = make("connection");
inline constexpr pattern retry_after_name = make("retry-after");
inline constexpr pattern content_type_name = make("content-type");
inline constexpr pattern content_length_name = make("content-length");
inline constexpr pattern content_encoding_name = make("content-encoding");

} // namespace response_names

// The limits of the head do not depend on how it arrives, so that the same bytes pass under the same limits again.
FLIPT_DECL bool response_parser::recall_head(const char* data, std::size_t size) noexcept
{
    if (memo_ == nullptr || memo_->size_ == 0 || size < memo_->size_ || memo_->size_ > limits_.head ||
        memo_->behind_.fields_ > limits_.fields)
        return false;
    std::uint64_t length = memo_->behind_.left_;
    if (std::memcmp(data, memo_->bytes_.data(), memo_->size_) != 0 && !like_memo(data, length))
        return false;
    const parser_limits limits = limits_;
    head_memo* const memo = memo_;
    *this = memo->behind_;
    limits_ = limits;
    memo_ = memo;
    left_ = length;
    return true;
}

// Whether only numbers differ that change nothing; gives the length of the body.
FLIPT_DECL bool response_parser::like_memo(const char* data, std::uint64_t& length) const noexcept
{
    constexpr std::size_t exact = sizeof("HTTP/1.1 200") - 1; // there digits count
    const char* const known = memo_->bytes_.data();
    if (std::memcmp(data, known, exact) != 0 || !same_but_digits(data + exact, known + exact, memo_->size_ - exact))
        return false;
    return !memo_->behind_.has_length_ || read_length(memo_->behind_.content_length_.in(data), length) == nullptr;
}

FLIPT_DECL void response_parser::keep_head(const char* data) noexcept
{
    if (head_begin_ != 0 || body_begin_ > memo_->bytes_.size()) // 1xx replies came before it, or it is long
        return;
    if (has_length_ && framing_ != framing::length) // a length that means something else
        return;
    memo_->size_ = body_begin_;
    memo_->behind_ = *this;
    std::memcpy(memo_->bytes_.data(), data, body_begin_);
}

FLIPT_DECL response_parser::field_id response_parser::identify(const char* name, std::size_t size) noexcept
{
    switch (size) {
    case 4: {
        std::uint32_t word;
        std::memcpy(&word, name, 4);
        word |= 0x20202020U; // all four are letters in what it is compared with
        if (word == response_names::word("date") || word == response_names::word("vary"))
            return field_id::ignored;
        return word == response_names::word("etag") ? field_id::etag : field_id::other;
    }
    case 10:
        return response_names::same(name, size, response_names::connection_name) ? field_id::connection
                                                                                 : field_id::other;
    case 11:
        return response_names::same(name, size, response_names::retry_after_name) ? field_id::retry_after
                                                                                  : field_id::other;
    case 12:
        return response_names::same(name, size, response_names::content_type_name) ? field_id::content_type
                                                                                   : field_id::other;
    case 14:
        return response_names::same(name, size, response_names::content_length_name) ? field_id::content_length
                                                                                     : field_id::other;
    case 16:
        return response_names::same(name, size, response_names::content_encoding_name) ? field_id::content_encoding
                                                                                       : field_id::other;
    case 17: return equals_lower({name, size}, "transfer-encoding") ? field_id::transfer_encoding : field_id::other;
    default: return field_id::other;
    }
}

FLIPT_DECL parse_result response_parser::parse_head(const char* data, std::size_t size) noexcept
{
    // The head may not pass its limit: what lies behind it is not looked at, so the verdict is the same however the
    // bytes arrive.
    const std::size_t stop = size - head_begin_ > limits_.head ? head_begin_ + limits_.head : size;
    const char* const end = data + stop;
    const char* p = data + pos_;
    const auto at = [data](const char* where) { return static_cast<std::size_t>(where - data); };
    const auto suspend = [&](state where) {
        if (at(end) == head_begin_ + limits_.head)
            return fail(errc::response_too_large, "the head of the reply passed its size limit");
        state_ = where;
        pos_ = at(p);
        return parse_result::need_more;
    };
    for (;;) {
        switch (state_) {
        case state::status_line: {
            // "HTTP/1.1 200" and the byte behind it.
            const std::size_t have = at(end) - head_begin_;
            if (have < 13) {
                constexpr std::string_view start = "HTTP/1.";
                const std::size_t n = std::min(have, start.size());
                if (n != 0 && std::memcmp(p, start.data(), n) != 0)
                    return fail(errc::protocol_error, "the reply does not start with HTTP/1.");
                return suspend(state::status_line);
            }
            if (std::memcmp(p, "HTTP/1.", 7) != 0)
                return fail(errc::protocol_error, "the reply does not start with HTTP/1.");
            if ((p[7] != '0' && p[7] != '1') || p[8] != ' ')
                return fail(errc::protocol_error, "bad HTTP version in the status line");
            if (!is_digit(p[9]) || !is_digit(p[10]) || !is_digit(p[11]) || (p[12] != ' ' && p[12] != '\r'))
                return fail(errc::protocol_error, "the status code is not three digits");
            http_1_0_ = p[7] == '0';
            status_ = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
            if (status_ < 100 || status_ > 599)
                return fail(errc::protocol_error, "the status code is not between 100 and 599");
            p += 12;
        }
            [[fallthrough]];
        case state::reason:
            p = skip_value(p, end);
            if (p == end)
                return suspend(state::reason);
            if (*p != '\r')
                return fail(errc::protocol_error,
                            *p == '\n' ? "the status line ends in LF without CR" : "a control byte in the status line");
            ++p;
            [[fallthrough]];
        case state::reason_lf:
            if (p == end)
                return suspend(state::reason_lf);
            if (*p != '\n')
                return fail(errc::protocol_error, "a bare CR in the status line");
            ++p;
            state_ = state::field_start;
            continue;

        case state::field_start:
            if (p == end)
                return suspend(state::field_start);
            if (*p == '\r') {
                ++p;
                state_ = state::head_lf;
                continue;
            }
            if (*p == ' ' || *p == '\t')
                return fail(errc::protocol_error, "a folded header line, or white space before a field name");
            mark_ = at(p);
            if (end - p >= 18) {
                const unsigned size_of_name = find_colon16(p);
                if (size_of_name <= 16) {
                    field_ = identify(p, size_of_name);
                    if (field_ != field_id::other) {
                        p += size_of_name;
                        goto name_known;
                    }
                }
            }
            [[fallthrough]];
        case state::name:
            p = skip_token(p, end);
            if (p == end)
                return suspend(state::name);
            if (*p != ':')
                return fail(errc::protocol_error, *p == ' ' || *p == '\t' ? "white space before the colon of a field"
                                                                          : "a bad byte in a field name");
            if (at(p) == mark_)
                return fail(errc::protocol_error, "an empty field name");
            field_ = identify(data + mark_, at(p) - mark_);
        name_known:
            ++p;
            value_begin_ = at(p);
            [[fallthrough]];
        case state::value:
            p = skip_value(p, end);
            if (p == end)
                return suspend(state::value);
            if (*p != '\r')
                return fail(errc::protocol_error,
                            *p == '\n' ? "a header line ends in LF without CR" : "a control byte in a field value");
            ++p;
            [[fallthrough]];
        case state::value_lf:
            if (p == end)
                return suspend(state::value_lf);
            if (*p != '\n')
                return fail(errc::protocol_error, "a bare CR in a field value");
            ++p;
            if (++fields_ > limits_.fields)
                return fail(errc::response_too_large, "the reply has too many header fields");
            if (field_ < field_id::ignored && field_ != field_id::other) {
                const char* first = data + value_begin_;
                const char* last = p - 2;
                while (first != last && (*first == ' ' || *first == '\t'))
                    ++first;
                while (first != last && (last[-1] == ' ' || last[-1] == '\t'))
                    --last;
                if (!take_field(data, {first, static_cast<std::size_t>(last - first)}))
                    return parse_result::failed;
            }
            state_ = state::field_start;
            continue;

        default: // head_lf
            if (p == end)
                return suspend(state::head_lf);
            if (*p != '\n')
                return fail(errc::protocol_error, "a bare CR at the end of the head");
            ++p;
            pos_ = at(p);
            const parse_result result = end_head();
            if (result != parse_result::need_more)
                return result;
            return parse_head(data, size); // after a 1xx reply; bounded by limits.informational
        }
    }
}

FLIPT_DECL bool response_parser::take_field(const char* data, std::string_view value) noexcept
{
    const range where{static_cast<std::uint32_t>(value.data() - data), static_cast<std::uint32_t>(value.size())};
    switch (field_) {
    case field_id::content_length: content_length_ = where; return take_content_length(value);
    case field_id::connection: return take_connection(value);
    case field_id::transfer_encoding:
        // Codings that were not asked for cannot be undone, and "chunked" twice or not last cannot be trusted.
        if (has_chunked_ || !equals_lower(value, "chunked")) {
            fail(errc::protocol_error, "a Transfer-Encoding other than one \"chunked\"");
            return false;
        }
        has_chunked_ = true;
        return true;
    case field_id::content_encoding:
        coded_ = coded_ || (!value.empty() && !equals_lower(value, "identity"));
        return true;
    case field_id::content_type:
        if (content_type_.offset == 0)
            content_type_ = where;
        return true;
    case field_id::etag:
        if (etag_.offset == 0)
            etag_ = where;
        return true;
    case field_id::retry_after:
        if (retry_after_.offset == 0)
            retry_after_ = where;
        return true;
    default: return true;
    }
}

// Null, or what is wrong with it.
FLIPT_DECL const char* response_parser::read_length(std::string_view value, std::uint64_t& length) noexcept
{
    if (value.empty())
        return "an empty Content-Length";
    length = 0;
    for (const char c : value) {
        const auto digit = static_cast<unsigned char>(c - '0');
        if (digit > 9)
            return "a Content-Length that is not a number";
        constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
        if (length > most / 10 || (length == most / 10 && digit > most % 10))
            return "a Content-Length beyond 64 bits";
        length = length * 10 + digit;
    }
    return nullptr;
}

FLIPT_DECL bool response_parser::take_content_length(std::string_view value) noexcept
{
    const char* const wrong = has_length_ ? "more than one Content-Length" : read_length(value, left_);
    if (wrong != nullptr) {
        fail(errc::protocol_error, wrong);
        return false;
    }
    has_length_ = true;
    return true;
}

FLIPT_DECL bool response_parser::take_connection(std::string_view value) noexcept
{
    while (!value.empty()) {
        const std::size_t comma = std::min(value.find(','), value.size());
        std::string_view option = value.substr(0, comma);
        value.remove_prefix(std::min(comma + 1, value.size()));
        while (!option.empty() && (option.front() == ' ' || option.front() == '\t'))
            option.remove_prefix(1);
        while (!option.empty() && (option.back() == ' ' || option.back() == '\t'))
            option.remove_suffix(1);
        close_ = close_ || equals_lower(option, "close");
        keep_ = keep_ || equals_lower(option, "keep-alive");
    }
    return true;
}

// need_more: that was a 1xx reply, another head follows.
FLIPT_DECL parse_result response_parser::end_head() noexcept
{
    if (status_ < 200) {
        if (status_ == 101)
            return fail(errc::protocol_error, "101 Switching Protocols, which was not asked for");
        if (has_chunked_ || (has_length_ && left_ != 0))
            return fail(errc::protocol_error, "a 1xx reply that announces a body");
        if (++informational_ > limits_.informational)
            return fail(errc::response_too_large, "too many 1xx replies");
        head_begin_ = pos_;
        left_ = 0;
        fields_ = 0;
        status_ = 0;
        etag_ = retry_after_ = content_type_ = range();
        has_length_ = coded_ = close_ = keep_ = false;
        state_ = state::status_line;
        return parse_result::need_more;
    }
    body_begin_ = body_end_ = pos_;
    keep_alive_ = !close_ && (!http_1_0_ || keep_);
    if (has_chunked_ && http_1_0_) // RFC 9112 6.1: its framing is faulty
        return fail(errc::protocol_error, "a Transfer-Encoding in an HTTP/1.0 reply");
    if (head_request_ || status_ == 204 || status_ == 304) {
        framing_ = framing::none;
        if (status_ == 204 && (has_chunked_ || (has_length_ && left_ != 0)))
            keep_alive_ = false; // somebody may think that a body follows
    } else if (has_chunked_) {
        framing_ = framing::chunked;
        if (has_length_)
            keep_alive_ = false; // RFC 9112 6.3: perhaps an attempt at smuggling
        left_ = 0;
    } else if (has_length_) {
        framing_ = framing::length;
    } else {
        framing_ = framing::close;
        keep_alive_ = false;
    }
    state_ = state::body_start;
    return parse_result::complete;
}

} // namespace flipt::inline v0::detail

#include "flipt/protocol/impl/response_body.ipp"
