// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Writes an HTTP/1.1 request, head and body, into one buffer (RFC 9112 3, 5; RFC 9110 5.5).
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/protocol/url.hpp"

#include <cstddef>
#include <cstdint>
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

/// Checks a name of the configuration that requests carry: UTF-8, no control byte. `field` is what config calls it;
/// `why` as above.
FLIPT_DECL std::error_code check_name(const char* field, std::string_view value, std::string& why);

/// Checks config::environment_key: a name as above, and is_whole_field_value.
FLIPT_DECL std::error_code check_environment(std::string_view value, std::string& why);

/// True if every byte may stand in a field value: no CR, LF, NUL or other control but HTAB.
[[nodiscard]] FLIPT_DECL bool is_field_value(std::string_view value) noexcept;

/// True if a field value arrives as it is: without outer white space, which readers take off (RFC 9110 5.5). A name
/// that loses its spaces on the way is another name.
[[nodiscard]] FLIPT_DECL bool is_whole_field_value(std::string_view value) noexcept;

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
    /// Another one for each build of any template, never 0.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

private:
    byte_buffer bytes_;
    std::uint64_t id_ = 0;
    bool has_content_type_ = false;
};

/// What the first bytes of a connection's buffer are. They stay there when it is cleared, so that the next request that
/// begins alike (the same server, token, route, environment and namespace) is written from there on.
class request_start {
public:
    request_start() = default;

    /// The bytes are gone.
    void forget() noexcept { head_ = 0; }

private:
    friend class request_writer;

    std::uint64_t head_ = 0; // id of the head_template; 0: nothing is known
    const char* path_ = nullptr;
    std::string environment_;
    std::string name_space_;
    std::size_t body_ = 0;
    std::size_t size_ = 0;
};

/// Writes one request behind what `out` holds (a caller clears it first):
/// `begin`, any number of `field`, then `end_no_body`, or `begin_body`, the body appended to `out`, `end_body`.
/// `start`, if not null, belongs to the buffer, and only writers that have it write there.
class request_writer {
public:
    explicit request_writer(byte_buffer& out, request_start* start = nullptr) noexcept : out_(&out), start_(start) {}

    /// Request line and fixed fields. The target is the parts in a row (prefix, path, query), percent-encoded already.
    template <class... Parts>
    void begin(const head_template& fixed, std::string_view method, const Parts&... target)
    {
        begin_parts(fixed, method, std::string_view(target)...);
    }

    /// One more field. `name` is a token of ours; a `value` that is no whole field value is errc::invalid_argument and
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

    /// In place of all up to begin_body() and the start of the body: true if the (cleared) buffer still begins with
    /// what remember() saw. `path` is a constant, compared by its address.
    [[nodiscard]] bool repeat(const head_template& fixed, std::string_view path, std::string_view environment,
                              std::string_view name_space) noexcept
    {
        if (start_ == nullptr || start_->head_ != fixed.id() || start_->path_ != path.data() || !out_->empty() ||
            !same(start_->environment_, environment) || !same(start_->name_space_, name_space))
            return false;
        out_->commit(start_->size_);
        body_ = start_->body_;
        std::memset(out_->data() + body_ - 4 - slot, ' ', slot);
        return true;
    }
    /// The request written so far may begin the next one, too. Say it after begin_body(), with the last parameters that
    /// went into it.
    void remember(const head_template& fixed, std::string_view path, std::string_view environment,
                  std::string_view name_space)
    {
        if (start_ == nullptr || !from_front_)
            return;
        start_->environment_.assign(environment);
        start_->name_space_.assign(name_space);
        start_->path_ = path.data();
        start_->body_ = body_;
        start_->size_ = out_->size();
        start_->head_ = fixed.id();
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
        if (start_ != nullptr)
            start_->forget();
        from_front_ = out_->empty();
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
    // Names are short: mostly not worth a call of memcmp.
    static bool same(std::string_view a, std::string_view b) noexcept
    {
        if (a.size() != b.size())
            return false;
        if (a.size() < 4 || a.size() > 16)
            return a == b;
        const auto differ = [&]<class Word>(Word) { // in the first or the last word, which overlap
            Word words[4];
            const std::size_t last = a.size() - sizeof(Word);
            std::memcpy(&words[0], a.data(), sizeof(Word));
            std::memcpy(&words[1], b.data(), sizeof(Word));
            std::memcpy(&words[2], a.data() + last, sizeof(Word));
            std::memcpy(&words[3], b.data() + last, sizeof(Word));
            return ((words[0] ^ words[1]) | (words[2] ^ words[3])) != 0;
        };
        return a.size() < 8 ? !differ(std::uint32_t{}) : !differ(std::uint64_t{});
    }
    static char* put(char* p, std::string_view text) noexcept
    {
        if (!text.empty())
            std::memcpy(p, text.data(), text.size());
        return p + text.size();
    }

    byte_buffer* out_;
    request_start* start_;
    std::size_t body_ = 0;
    bool has_content_type_ = false;
    bool from_front_ = false;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/request_writer.ipp"
#endif
