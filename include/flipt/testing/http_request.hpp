// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A bounded sans-io parser of HTTP/1.1 requests, for the embedded server.
#pragma once

#include "flipt/detail/config.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::testing {

/// One request as it came.
class http_request {
public:
    http_request() = default;

    /// The first value of a header, its name in any case; empty when there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept
    {
        const auto* found = find(name);
        return found == nullptr ? std::string_view() : std::string_view(*found);
    }
    [[nodiscard]] bool has_header(std::string_view name) const noexcept { return find(name) != nullptr; }
    /// The target without its query.
    [[nodiscard]] std::string_view path() const noexcept
    {
        return std::string_view(target).substr(0, target.find('?'));
    }
    /// What stands behind the '?', still percent-encoded.
    [[nodiscard]] std::string_view query() const noexcept
    {
        const auto mark = target.find('?');
        return mark == target.npos ? std::string_view() : std::string_view(target).substr(mark + 1);
    }

    std::string method;
    std::string target;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool http_1_0 = false;
    bool keep_alive = true;

private:
    FLIPT_DECL const std::string* find(std::string_view name) const noexcept;
};

/// Takes bytes in pieces of any size and cuts requests out of them. Bodies need a Content-Length; a request with a
/// Transfer-Encoding is refused. Not thread-safe.
class http_request_parser {
public:
    enum class state {
        needs_more, ///< feed() it
        complete,   ///< take() the request
        bad         ///< not HTTP, or past a limit; the connection is to be closed
    };

    explicit http_request_parser(std::size_t max_head = 64 * 1024, std::size_t max_body = 16 * 1024 * 1024) noexcept
        : max_head_(max_head), max_body_(max_body)
    {}

    /// Adds bytes behind those that are there (pipelined requests stay for later).
    FLIPT_DECL state feed(std::string_view bytes);
    /// Looks for the next request in the bytes that are there.
    [[nodiscard]] FLIPT_DECL state poll();
    /// The complete request. The parser then goes on with what came behind it: call poll().
    [[nodiscard]] FLIPT_DECL http_request take();
    /// The exact bytes of the request that take() gave last.
    [[nodiscard]] const std::string& taken_bytes() const noexcept { return taken_; }

    /// Bytes of a request that has begun (or of one that waits to be polled).
    [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size(); }
    /// True once the head of the present request was read and its body is not there yet and 100-continue was asked for.
    [[nodiscard]] bool wants_continue() const noexcept { return head_size_ != 0 && continue_; }
    void continued() noexcept { continue_ = false; }
    /// The status a bad request deserves, and the text that says why.
    [[nodiscard]] int bad_status() const noexcept { return bad_status_; }
    [[nodiscard]] std::string_view bad_reason() const noexcept { return bad_reason_; }

private:
    FLIPT_DECL state refuse(int status, std::string_view reason);
    FLIPT_DECL bool read_head(std::string_view head);

    std::size_t max_head_;
    std::size_t max_body_;
    std::string buffer_;
    std::string taken_;
    http_request request_;
    std::size_t head_size_ = 0; // 0 while the head is not complete
    std::size_t body_size_ = 0;
    std::size_t scanned_ = 0;
    bool continue_ = false;
    bool bad_ = false;
    int bad_status_ = 400;
    std::string_view bad_reason_;
};

/// Percent-decoded text; `plus_is_space` for query values. Broken escapes stay as they are.
[[nodiscard]] FLIPT_DECL std::string percent_decode(std::string_view text, bool plus_is_space = false);
/// The first value of a parameter of a query, decoded; empty when it is not there.
[[nodiscard]] FLIPT_DECL std::string query_value(std::string_view query, std::string_view name);

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/http_request.ipp"
#endif
