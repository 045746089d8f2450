// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/response_parser.hpp: the body of a reply, by length, in chunks or to the end.
#pragma once

#include "flipt/protocol/chars.hpp"
#include "flipt/protocol/response_parser.hpp"

#include <algorithm>
#include <cstring>

namespace flipt::inline v0::detail {

FLIPT_DECL std::size_t response_parser::retain(std::size_t size) noexcept
{
    // Every chunk byte received so far was taken in, so only framing that is done with lies behind the body.
    if (state_ > state::body_close && state_ < state::done && decoded_ != 0 && pos_ == size)
        pos_ = size = body_end_;
    return size;
}

FLIPT_DECL parse_result response_parser::finish(bool clean) noexcept
{
    switch (state_) {
    case state::failed: return parse_result::failed;
    case state::done: return parse_result::complete;
    case state::body_start:
    case state::body_close:
        // In body_start only a stream can be: its head came, and nobody asked for the body.
        if (framing_ != framing::close)
            break;
        if (!clean)
            return fail(errc::truncated, "the connection broke while it was to mark the end of the body");
        state_ = state::done;
        return parse_result::complete;
    default: break;
    }
    if (!started_)
        return fail(errc::truncated, "the connection ended before a reply");
    if (state_ < state::body_start)
        return fail(errc::truncated, "the connection ended within the head of the reply");
    return fail(errc::truncated, "the connection ended within the body of the reply");
}

FLIPT_DECL response_parser::decoded response_parser::decode(char* data, std::size_t size) noexcept
{
    decoded out;
    if (state_ == state::body_start) {
        limits_.body = limits_.other_body = static_cast<std::size_t>(-1);
        start_body();
    }
    switch (state_) {
    case state::failed: out.failed = true; return out;
    case state::done: out.done = true; break;
    case state::body_length:
        out.size = out.consumed = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
        left_ -= out.size;
        if (left_ == 0)
            state_ = state::done;
        break;
    case state::body_close: out.size = out.consumed = size; break;
    default: {
        std::size_t write = nowhere;
        const std::uint64_t before = decoded_;
        const parse_result result = decode_chunks(data, size, out.consumed, write);
        if (write != nowhere) {
            out.size = static_cast<std::size_t>(decoded_ - before);
            out.offset = write - out.size;
        }
        if (result == parse_result::complete)
            state_ = state::done;
    }
    }
    out.failed = state_ == state::failed;
    out.done = state_ == state::done;
    extra_ = extra_ || (out.done && out.consumed < size);
    return out;
}

// need_more: a body is to be read.
FLIPT_DECL parse_result response_parser::start_body() noexcept
{
    if (coded_ && framing_ != framing::none)
        return fail(errc::protocol_error, "a Content-Encoding that was not asked for");
    switch (framing_) {
    case framing::length:
        if (left_ > body_limit())
            return fail(errc::response_too_large, "Content-Length is over the size limit");
        if (left_ == 0)
            break;
        state_ = state::body_length;
        return parse_result::need_more;
    case framing::chunked: state_ = state::chunk_size; return parse_result::need_more;
    case framing::close: state_ = state::body_close; return parse_result::need_more;
    default: break;
    }
    state_ = state::done;
    return parse_result::complete;
}

FLIPT_DECL parse_result response_parser::decode_chunks(char* data, std::size_t size, std::size_t& read,
                                                       std::size_t& write) noexcept
{
    // Framing that outweighs the data would let a peer send without end below the body's limit.
    constexpr std::uint64_t free_overhead = 64 * 1024;
    constexpr std::uint64_t overhead_per_byte = 8;
    while (read != size) {
        if (state_ == state::chunk_data) {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size - read, left_));
            if (write == nowhere)
                write = read;
            if (write != read)
                std::memmove(data + write, data + read, n);
            read += n;
            write += n;
            decoded_ += n;
            left_ -= n;
            if (left_ == 0)
                state_ = state::chunk_cr;
            continue;
        }
        if (state_ >= state::trailer_start)
            return decode_trailers(data, size, read);
        const char c = data[read++];
        if (++overhead_ > free_overhead && (overhead_ - free_overhead) / overhead_per_byte > decoded_)
            return fail(errc::response_too_large, "chunk framing outweighs the data");
        switch (state_) {
        case state::chunk_size:
            if (const int digit = hex_value(c); digit >= 0) {
                if (left_ >> 60 != 0)
                    return fail(errc::protocol_error, "a chunk size beyond 64 bits");
                left_ = left_ << 4 | static_cast<unsigned>(digit);
                break;
            }
            if (line_ == 0)
                return fail(errc::protocol_error, "a chunk size that is not a hexadecimal number");
            [[fallthrough]];
        case state::chunk_space: // white space is allowed before ';' only (RFC 9112 7.1.1)
            if (c == ';')
                state_ = state::chunk_extension;
            else if (c == ' ' || c == '\t')
                state_ = state::chunk_space;
            else if (c == '\r' && state_ == state::chunk_size)
                state_ = state::chunk_size_lf;
            else
                return fail(errc::protocol_error, "a bad byte behind a chunk size");
            break;
        case state::chunk_extension:
            if (c == '\r')
                state_ = state::chunk_size_lf;
            else if (!is_class(c, char_value))
                return fail(errc::protocol_error, "a control byte in a chunk extension");
            break;
        case state::chunk_size_lf:
            if (c != '\n')
                return fail(errc::protocol_error, "a bare CR in a chunk-size line");
            line_ = 0;
            if (left_ == 0) {
                state_ = state::trailer_start;
                fields_ = 0;
                continue;
            }
            if (left_ > body_limit() || decoded_ > body_limit() - left_)
                return fail(errc::response_too_large, "the body passed the size limit");
            state_ = state::chunk_data;
            continue;
        case state::chunk_cr:
            if (c != '\r')
                return fail(errc::protocol_error, "no CRLF behind the data of a chunk");
            state_ = state::chunk_lf;
            continue;
        default: // chunk_lf
            if (c != '\n')
                return fail(errc::protocol_error, "no CRLF behind the data of a chunk");
            state_ = state::chunk_size;
            continue;
        }
        if (state_ != state::chunk_size_lf && ++line_ > limits_.chunk_line)
            return fail(errc::response_too_large, "a chunk-size line passed its size limit");
    }
    return parse_result::need_more;
}

// Trailer fields are checked like header fields and dropped (RFC 9110 6.5.1: nothing here may change the reply).
FLIPT_DECL parse_result response_parser::decode_trailers(const char* data, std::size_t size, std::size_t& read) noexcept
{
    while (read != size) {
        const char c = data[read++];
        if (++line_ > limits_.trailers)
            return fail(errc::response_too_large, "the trailer section passed its size limit");
        switch (state_) {
        case state::trailer_start:
            if (c == '\r') {
                state_ = state::trailer_lf;
                break;
            }
            state_ = state::trailer_name;
            if (c == ':')
                return fail(errc::protocol_error, "an empty field name in the trailers");
            [[fallthrough]];
        case state::trailer_name:
            if (c == ':')
                state_ = state::trailer_value;
            else if (!is_class(c, char_token))
                return fail(errc::protocol_error, "a bad byte in the name of a trailer field");
            break;
        case state::trailer_value:
            if (c == '\r')
                state_ = state::trailer_value_lf;
            else if (!is_class(c, char_value))
                return fail(errc::protocol_error, "a control byte in a trailer field");
            break;
        case state::trailer_value_lf:
            if (c != '\n')
                return fail(errc::protocol_error, "a bare CR in a trailer field");
            if (++fields_ > limits_.fields)
                return fail(errc::response_too_large, "the reply has too many trailer fields");
            state_ = state::trailer_start;
            break;
        default: // trailer_lf
            if (c != '\n')
                return fail(errc::protocol_error, "a bare CR at the end of the trailers");
            return parse_result::complete;
        }
    }
    return parse_result::need_more;
}

} // namespace flipt::inline v0::detail
