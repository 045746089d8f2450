// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Reads one HTTP/1.x reply out of a growing buffer, in place: framing rules and limits (RFC 9112 2-7, RFC 9110 6).
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"

#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

/// What a reply may measure; the defaults are those of `config`.
struct parser_limits {
    std::size_t head = limit_options().head;                   ///< status line, fields and the empty line, bytes
    std::size_t fields = limit_options().fields;               ///< fields of a head; and of a trailer section
    std::size_t informational = limit_options().informational; ///< 1xx replies before the final one
    std::size_t chunk_line = limit_options().chunk_line;       ///< chunk size and extensions without CRLF, bytes
    std::size_t trailers = limit_options().trailers;           ///< trailer section with its empty line, bytes
    std::size_t body = 16 * 1024 * 1024;       ///< decoded body of a 200, bytes; not applied to a stream
    std::size_t other_body = 16 * 1024 * 1024; ///< the same of any other status

    [[nodiscard]] static parser_limits from(const limit_options& options, std::size_t body,
                                            std::size_t other_body) noexcept
    {
        return {options.head, options.fields, options.informational, options.chunk_line, options.trailers,
                body,         other_body};
    }
};

enum class parse_result : std::uint8_t {
    need_more, ///< read more bytes behind those given, then call again
    head_done, ///< streaming only: status and fields are known; go on with decode(), or with collect() and parse()
    complete,  ///< the whole reply is there
    failed,    ///< error() and detail() say why; the connection cannot be used any more
};

class head_memo;

/// Incremental, in place, without allocation. Remembers offsets, never pointers: the buffer may move between calls.
/// Strict where two readers could disagree about framing, tolerant elsewhere; every limit is checked as bytes arrive.
class response_parser {
public:
    /// Some bytes of a streamed body.
    struct decoded {
        std::size_t offset = 0;   ///< of the body bytes in the data given to decode()
        std::size_t size = 0;     ///< of the body bytes; 0 is usual (a chunk line alone)
        std::size_t consumed = 0; ///< bytes of the data that are done with; all of them unless `done`
        bool done = false;        ///< the body ended
        bool failed = false;      ///< error() and detail() say why
    };

    response_parser() = default;

    /// Makes ready for the reply to one request. `head_request`: the method was HEAD, so no body follows. `memo`, if
    /// not null, must live until the reply is read; whatever it holds, the outcome is the same.
    FLIPT_DECL void reset(bool head_request, const parser_limits& limits, head_memo* memo = nullptr) noexcept;
    /// Makes ready for a reply whose body is taken by decode() as it arrives. limits.body is not applied.
    FLIPT_DECL void reset_streaming(const parser_limits& limits) noexcept;

    /// `data` holds everything received since the start of the reply, `size` bytes. A chunked body is compacted within
    /// it.
    FLIPT_DECL parse_result parse(char* data, std::size_t size) noexcept;
    /// After need_more, with the same `size`: how many bytes at the front of the buffer are still needed. The caller
    /// may cut it down to that and read on behind them; chunked framing leaves holes that would otherwise only grow the
    /// buffer.
    FLIPT_DECL std::size_t retain(std::size_t size) noexcept;
    /// The peer ended its side. `clean`: by FIN without TLS, or by close_notify. Gives complete or failed, never else.
    FLIPT_DECL parse_result finish(bool clean) noexcept;

    /// Streaming, after head_done: takes raw bytes from body_offset() on, each byte once, and shifts body bytes
    /// together.
    FLIPT_DECL decoded decode(char* data, std::size_t size) noexcept;
    /// Streaming, after head_done and before decode(): read the body as a whole after all (an error's JSON), limited by
    /// limits.other_body or, of a 200, limits.body. Call parse() with the same buffer next.
    void collect() noexcept { streaming_ = false; }

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] std::size_t body_offset() const noexcept { return body_begin_; }
    [[nodiscard]] std::size_t body_size() const noexcept { return body_end_ - body_begin_; }
    [[nodiscard]] std::string_view body(const char* data) const noexcept { return {data + body_begin_, body_size()}; }

    /// protocol_error, truncated or response_too_large after `failed`.
    [[nodiscard]] std::error_code error() const noexcept
    {
        return error_ == errc{} ? std::error_code() : make_error_code(error_);
    }
    /// A static text that says exactly what was wrong; "" when nothing was. Holds no byte of the peer's.
    [[nodiscard]] const char* detail() const noexcept { return detail_; }

    /// Bytes of the buffer that belong to this reply, after `complete`.
    [[nodiscard]] std::size_t consumed() const noexcept { return pos_; }
    /// After `complete` (or decoded::done): the connection may carry another request.
    [[nodiscard]] bool reusable() const noexcept { return state_ == state::done && keep_alive_ && !extra_; }
    /// Any byte of a reply was seen.
    [[nodiscard]] bool started() const noexcept { return started_; }
    /// Bytes the whole reply takes from the start of the buffer once Content-Length is known, else 0.
    [[nodiscard]] std::size_t expected_size() const noexcept
    {
        return framing_ == framing::length ? body_begin_ + static_cast<std::size_t>(left_) : 0;
    }

    [[nodiscard]] std::string_view etag(const char* data) const noexcept { return etag_.in(data); }
    [[nodiscard]] std::string_view retry_after(const char* data) const noexcept { return retry_after_.in(data); }
    [[nodiscard]] std::string_view content_type(const char* data) const noexcept { return content_type_.in(data); }

private:
    enum class state : std::uint8_t {
        status_line,
        reason,
        reason_lf,
        field_start,
        name,
        value,
        value_lf,
        head_lf,
        body_start,
        body_length,
        body_close,
        chunk_size,
        chunk_space,
        chunk_extension,
        chunk_size_lf,
        chunk_data,
        chunk_cr,
        chunk_lf,
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_value_lf,
        trailer_lf,
        done,
        failed,
    };
    enum class framing : std::uint8_t { unknown, none, length, chunked, close };
    enum class field_id : std::uint8_t {
        other,
        connection,
        content_encoding,
        content_length,
        content_type,
        etag,
        retry_after,
        transfer_encoding,
        ignored,
    };
    struct range {
        std::uint32_t offset = 0;
        std::uint32_t size = 0;
        [[nodiscard]] std::string_view in(const char* data) const noexcept { return {data + offset, size}; }
    };

    FLIPT_DECL static field_id identify(const char* name, std::size_t size) noexcept;
    static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

    FLIPT_DECL parse_result fail(errc code, const char* detail) noexcept;
    [[nodiscard]] std::size_t body_limit() const noexcept { return status_ == 200 ? limits_.body : limits_.other_body; }
    FLIPT_DECL parse_result parse_head(const char* data, std::size_t size) noexcept;
    FLIPT_DECL bool recall_head(const char* data, std::size_t size) noexcept;
    FLIPT_DECL bool like_memo(const char* data, std::uint64_t& length) const noexcept;
    FLIPT_DECL void keep_head(const char* data) noexcept;
    FLIPT_DECL bool take_field(const char* data, std::string_view value) noexcept;
    FLIPT_DECL static const char* read_length(std::string_view value, std::uint64_t& length) noexcept;
    FLIPT_DECL bool take_content_length(std::string_view value) noexcept;
    FLIPT_DECL bool take_connection(std::string_view value) noexcept;
    FLIPT_DECL parse_result end_head() noexcept;
    FLIPT_DECL parse_result start_body() noexcept;
    FLIPT_DECL parse_result decode_chunks(char* data, std::size_t size, std::size_t& read, std::size_t& write) noexcept;
    FLIPT_DECL parse_result decode_trailers(const char* data, std::size_t size, std::size_t& read) noexcept;

    parser_limits limits_;
    std::size_t pos_ = 0;         // everything before it is done with
    std::size_t head_begin_ = 0;  // of the current head (1xx heads come before it)
    std::size_t mark_ = 0;        // name of the current field
    std::size_t value_begin_ = 0; // value of the current field
    std::size_t body_begin_ = 0;
    std::size_t body_end_ = 0;
    std::uint64_t left_ = 0;     // Content-Length, or what is left of the chunk
    std::uint64_t decoded_ = 0;  // body bytes out of chunks so far
    std::uint64_t overhead_ = 0; // bytes of chunk framing so far
    std::size_t line_ = 0;       // bytes of the chunk line or trailer section so far
    std::size_t fields_ = 0;
    std::size_t informational_ = 0;
    const char* detail_ = "";
    head_memo* memo_ = nullptr;
    range etag_;
    range retry_after_;
    range content_type_;
    range content_length_;
    int status_ = 0;
    errc error_ = errc{};
    state state_ = state::status_line;
    framing framing_ = framing::unknown;
    field_id field_ = field_id::other;
    bool http_1_0_ = false;
    bool head_request_ = false;
    bool streaming_ = false;
    bool started_ = false;
    bool has_length_ = false;
    bool has_chunked_ = false;
    bool coded_ = false; // a Content-Encoding other than identity
    bool close_ = false;
    bool keep_ = false;
    bool keep_alive_ = false;
    bool extra_ = false;
};

/// A head that was read on a connection, and how the parser stood behind it. Servers send the same one over and over,
/// but for its date and the length of the body. A head that differs from this one by digits in the place of digits,
/// behind the status code, need not be read again: digits are no part of a name or an option that the parser knows, so
/// all but the number in Content-Length comes out the same.
class head_memo {
public:
    head_memo() = default;
    head_memo(const head_memo&) = delete;
    head_memo& operator=(const head_memo&) = delete;
    ~head_memo() { OPENSSL_cleanse(bytes_.data(), size_); }

private:
    friend class response_parser;

    std::size_t size_ = 0; // 0: nothing
    response_parser behind_;
    std::array<char, 384> bytes_; // a longer head is not kept
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/response_parser.ipp"
#endif
