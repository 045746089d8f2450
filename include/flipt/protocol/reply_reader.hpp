// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Replies of Flipt read into typed answers.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/response.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

/// One message of a stream route: the text of `result`, or an error.
class stream_message {
public:
    stream_message() = default;

    std::string_view result; ///< the text of the result object, a view into the message read; empty for an error
    bool is_error = false;
    int grpc_code = 0;         ///< of an error
    std::string error_message; ///< of an error; UNTRUSTED
};

/// Reads replies with simdjson (on demand); kept and reused by a client so that in the steady state nothing is
/// allocated: an answer's strings and vectors are reused, and so is simdjson's index of the document. That takes about
/// 6 bytes for each of the largest document so far; above 1 MiB it is given back by the next one below 64 KiB.
/// Documents that are only checked or handed on (validate, read_stream_message) need no index.
///
/// What is checked, in every document (anything else is errc::invalid_response):
/// - exactly one JSON object by every rule of RFC 8259, no byte order mark, nothing but white space after it, valid
///   UTF-8, no lone surrogate; fields that are not known are skipped, but checked as fully as the rest, which simdjson
///   would not do;
/// - known fields are of their type (null is none), finite, times RFC 3339; a missing one is the zero value of proto3;
/// - no known field twice. An escaped key counts as the key it spells;
/// - an enumerator this version does not know becomes `unknown`, but an unknown flag type or response type is an error;
/// - nesting at most `max_depth` (the outermost object is 1), else errc::response_too_large.
///
/// Precondition of every function: byte_buffer::padding bytes behind `json + size` can be read (what they hold does not
/// matter). On an error the answer may be partly filled, and detail() says why. Not thread safe.
class reply_reader {
public:
    /// `max_depth` counts as 1024 if it is more.
    FLIPT_DECL explicit reply_reader(std::size_t max_depth = 64);
    FLIPT_DECL reply_reader(reply_reader&&) noexcept;
    FLIPT_DECL reply_reader& operator=(reply_reader&&) noexcept;
    FLIPT_DECL ~reply_reader();

    /// 200 of POST /evaluate/v1/boolean.
    [[nodiscard]] FLIPT_DECL std::error_code read_boolean(const char* json, std::size_t size, boolean_evaluation& out);
    /// 200 of POST /evaluate/v1/variant.
    [[nodiscard]] FLIPT_DECL std::error_code read_variant(const char* json, std::size_t size, variant_evaluation& out);
    /// 200 of POST /evaluate/v1/batch; another number of responses than `expected_count` is an error.
    [[nodiscard]] FLIPT_DECL std::error_code read_batch(const char* json, std::size_t size, batch_evaluation& out,
                                                        std::size_t expected_count);
    /// 200 of GET /api/v1/namespaces/{ns}/flags; `append` adds the flags of a further page to those in `out`.
    [[nodiscard]] FLIPT_DECL std::error_code read_flags(const char* json, std::size_t size, flag_list& out,
                                                        bool append = false);
    /// One flag: 200 of v1's GET /api/v1/namespaces/{ns}/flags/{key}.
    [[nodiscard]] FLIPT_DECL std::error_code read_flag(const char* json, std::size_t size, flag& out);

    /// The body of an error status: {"code","message"}, or the same in {"error":…} as stream routes have it. Anything
    /// else gives an empty message and code 0.
    FLIPT_DECL void read_server_error(const char* json, std::size_t size, std::string& message, int& grpc_code);

    /// 200 of GET /meta/info: v2 has "build", v1 has "version" in its place.
    [[nodiscard]] FLIPT_DECL std::error_code read_meta_version(const char* json, std::size_t size, server_version& out);

    /// One message of a stream route. Its result is checked to be one object of well-formed JSON.
    [[nodiscard]] FLIPT_DECL std::error_code read_stream_message(const char* json, std::size_t size,
                                                                 stream_message& out);

    /// 200 of POST /auth/v1/method/kubernetes/serviceaccount: `token` becomes the clientToken, a missing or empty one
    /// is an error; `expires_at` the authentication's expiresAt, if it has one.
    [[nodiscard]] FLIPT_DECL std::error_code read_kubernetes_token(const char* json, std::size_t size,
                                                                   byte_buffer& token,
                                                                   std::optional<timestamp_type>& expires_at);

    /// 200 of v2's GET …/resources/flipt.core.Flag/{key}: `payload` becomes a view of the payload's text in `json`.
    [[nodiscard]] FLIPT_DECL std::error_code read_flag_resource(const char* json, std::size_t size,
                                                                std::string_view& payload);

    /// Whether it is exactly one well-formed JSON document (an object), for replies handed on as text.
    [[nodiscard]] FLIPT_DECL std::error_code validate(const char* json, std::size_t size);

    /// A server echoes the id of a request that has one: with another, this is the reply to something else.
    [[nodiscard]] FLIPT_DECL std::error_code check_id(std::string_view sent, std::string_view echoed);

    /// A list goes on behind the page that was asked for: with the same token it would never end.
    [[nodiscard]] FLIPT_DECL std::error_code check_next_page(std::string_view asked, std::string_view next);

    /// Why the last read failed, such as `field "timestamp" is not an RFC 3339 time`; empty if it did not. Holds
    /// nothing of the peer's. Valid until the next read.
    [[nodiscard]] FLIPT_DECL std::string_view detail() const noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/reply_reader.ipp"
#endif
