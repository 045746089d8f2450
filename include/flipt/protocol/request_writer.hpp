// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Writes an HTTP/1.1 request, head and body, into one buffer (RFC 9112 3, 5; RFC 9110 5.5).
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/protocol/url.hpp"

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

/// Checks config::headers: names are tokens and none that the client itself answers for, values hold no control byte.
/// On errc::invalid_config `why` says which field and why; it never repeats a value.
FLIPT_DECL std::error_code check_headers(const std::vector<std::pair<std::string, std::string>>& headers,
                                         std::string& why);

/// True if every byte may stand in a field value: no CR, LF, NUL or other control but HTAB.
[[nodiscard]] FLIPT_DECL bool is_field_value(std::string_view value) noexcept;

/// The part of every request's head that stays the same: Host, User-Agent, Accept, config::headers and Authorization.
/// Built when the client is made and again when the token changes. Holds the token, so it lives in wiped memory.
class head_template {
public:
    head_template() = default;

    /// `headers` passed check_headers. No `token`, no Authorization. errc::invalid_token when scheme or token hold
    /// bytes that are no field value; the template is then empty.
    FLIPT_DECL std::error_code build(const endpoint& to,
                                     const std::vector<std::pair<std::string, std::string>>& headers,
                                     std::string_view scheme = {}, std::string_view token = {});

    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    [[nodiscard]] std::string_view view() const noexcept { return bytes_.view(); }
    /// config::headers name a Content-Type of their own.
    [[nodiscard]] bool has_content_type() const noexcept { return has_content_type_; }

private:
    byte_buffer bytes_;
    bool has_content_type_ = false;
};

/// Writes one request behind what `out` holds (a caller clears it first):
/// `begin`, any number of `field`, then `end_no_body`, or `begin_body`, the body appended to `out`, `end_body`.
class request_writer {
public:
    explicit request_writer(byte_buffer& out) noexcept : out_(&out) {}

    /// Request line and fixed fields. The target is the parts in a row (prefix, path, query), percent-encoded already.
    template <class... Parts>
    void begin(const head_template& fixed, std::string_view method, const Parts&... target)
    {
        begin_parts(fixed, method, std::string_view(target)...);
    }

    /// One more field. `name` is a token of ours; a `value` that is no field value is errc::invalid_argument and
    /// nothing is written.
    FLIPT_DECL std::error_code field(std::string_view name, std::string_view value);

    /// Ends a head that announces no body.
    void end_no_body() { out_->append("\r\n"); }

    /// Ends the head with a Content-Length to be filled in: the JSON body is appended to the buffer next.
    void begin_body()
    {
        constexpr std::string_view tail = "Content-Type: application/json\r\nContent-Length:            \r\n\r\n";
        constexpr std::string_view type = "Content-Type: application/json\r\n";
        out_->append(has_content_type_ ? tail.substr(type.size()) : tail);
        body_ = out_->size();
    }

    /// Fills in the length of all that was appended since begin_body. errc::invalid_argument above 99,999,999,999
    /// bytes.
    std::error_code end_body() noexcept
    {
        // Right-aligned: the spaces before the number are the optional white space of RFC 9112 5.
        std::size_t length = out_->size() - body_;
        char* last = out_->data() + body_ - 5;
        for (std::size_t i = 0; i != slot; ++i) {
            *last-- = static_cast<char>('0' + length % 10);
            length /= 10;
            if (length == 0)
                return {};
        }
        return errc::invalid_argument;
    }

    /// Where a body is appended, between begin_body and end_body.
    [[nodiscard]] byte_buffer& buffer() noexcept { return *out_; }

    /// Where the body starts in the buffer, after begin_body.
    [[nodiscard]] std::size_t body_offset() const noexcept { return body_; }

private:
    static constexpr std::size_t slot = 11;

    template <class... Views>
    void begin_parts(const head_template& fixed, std::string_view method, const Views&... target)
    {
        has_content_type_ = fixed.has_content_type();
        constexpr std::string_view version = " HTTP/1.1\r\n";
        const std::string_view head = fixed.view();
        const std::size_t size = method.size() + 1 + (target.size() + ... + 0) + version.size() + head.size();
        char* p = out_->prepare(size);
        p = put(p, method);
        *p++ = ' ';
        ((p = put(p, target)), ...);
        p = put(p, version);
        put(p, head);
        out_->commit(size);
    }
    static char* put(char* p, std::string_view text) noexcept
    {
        if (!text.empty())
            std::memcpy(p, text.data(), text.size());
        return p + text.size();
    }

    byte_buffer* out_;
    std::size_t body_ = 0;
    bool has_content_type_ = false;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/request_writer.ipp"
#endif
