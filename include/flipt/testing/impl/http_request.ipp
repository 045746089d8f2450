// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/http_request.hpp.
#pragma once

#include "flipt/testing/http_request.hpp"

#include <algorithm>

namespace flipt::inline v0::testing {

namespace detail {

inline char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}
inline bool is_token(std::string_view text) noexcept
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}
inline std::string_view trimmed(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}
inline int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

} // namespace detail

FLIPT_DECL const std::string* http_request::find(std::string_view name) const noexcept
{
    for (const auto& header : headers)
        if (detail::equal_ignoring_case(header.first, name))
            return &header.second;
    return nullptr;
}

FLIPT_DECL http_request_parser::state http_request_parser::refuse(int status, std::string_view reason)
{
    bad_ = true;
    bad_status_ = status;
    bad_reason_ = reason;
    return state::bad;
}

FLIPT_DECL http_request_parser::state http_request_parser::feed(std::string_view bytes)
{
    buffer_.append(bytes);
    return poll();
}

FLIPT_DECL http_request_parser::state http_request_parser::poll()
{
    if (bad_)
        return state::bad;
    if (head_size_ == 0) {
        if (scanned_ == 0) // empty lines before a request are skipped (RFC 9112 section 2.2)
            buffer_.erase(0, std::min(buffer_.find_first_not_of("\r\n"), buffer_.size()));
        const auto from = scanned_ < 3 ? 0 : scanned_ - 3;
        const auto end = buffer_.find("\r\n\r\n", from);
        scanned_ = buffer_.size();
        if (std::min(end, buffer_.size()) > max_head_)
            return refuse(431, "request head too large");
        if (end == buffer_.npos)
            return state::needs_more;
        request_ = http_request();
        body_size_ = 0;
        if (!read_head(std::string_view(buffer_).substr(0, end + 2)))
            return state::bad;
        head_size_ = end + 4;
    }
    return buffer_.size() - head_size_ >= body_size_ ? state::complete : state::needs_more;
}

FLIPT_DECL http_request http_request_parser::take()
{
    const auto size = head_size_ + body_size_;
    request_.body = buffer_.substr(head_size_, body_size_);
    taken_ = buffer_.substr(0, size);
    buffer_.erase(0, size);
    head_size_ = body_size_ = scanned_ = 0;
    continue_ = false;
    return std::exchange(request_, http_request());
}

FLIPT_DECL bool http_request_parser::read_head(std::string_view head)
{
    const auto bad = [this](std::string_view why) {
        refuse(400, why);
        return false;
    };
    if (head.find('\0') != head.npos)
        return bad("NUL in the head");
    auto line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(line.size() + 2);
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == line.npos || last == first)
        return bad("malformed request line");
    request_.method.assign(line.substr(0, first));
    request_.target.assign(line.substr(first + 1, last - first - 1));
    const auto version = line.substr(last + 1);
    if (!detail::is_token(request_.method) || request_.target.empty() ||
        request_.target.find_first_of(" \t\r\n") != request_.target.npos)
        return bad("malformed request line");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        refuse(505, "HTTP version not supported");
        return false;
    }
    request_.http_1_0 = version == "HTTP/1.0";
    request_.keep_alive = !request_.http_1_0;

    bool sized = false;
    while (!head.empty()) {
        line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size() + 2);
        const auto colon = line.find(':');
        if (colon == line.npos || !detail::is_token(line.substr(0, colon)))
            return bad("malformed header");
        const auto name = line.substr(0, colon);
        const auto value = detail::trimmed(line.substr(colon + 1));
        if (value.find_first_of("\r\n") != value.npos)
            return bad("bare CR or LF in a header");
        request_.headers.emplace_back(name, value);
        if (detail::equal_ignoring_case(name, "content-length")) {
            if (sized || value.empty() || value.size() > 15 || value.find_first_not_of("0123456789") != value.npos)
                return bad("bad Content-Length");
            sized = true;
            body_size_ = static_cast<std::size_t>(std::stoull(std::string(value)));
            if (body_size_ > max_body_) {
                refuse(413, "request body too large");
                return false;
            }
        } else if (detail::equal_ignoring_case(name, "transfer-encoding")) {
            refuse(501, "Transfer-Encoding of requests is not supported");
            return false;
        } else if (detail::equal_ignoring_case(name, "connection")) {
            if (detail::equal_ignoring_case(value, "close"))
                request_.keep_alive = false;
            else if (detail::equal_ignoring_case(value, "keep-alive"))
                request_.keep_alive = true;
        } else if (detail::equal_ignoring_case(name, "expect")) {
            continue_ = detail::equal_ignoring_case(value, "100-continue") && !request_.http_1_0;
        }
    }
    if (!request_.http_1_0 && !request_.has_header("host"))
        return bad("no Host");
    return true;
}

FLIPT_DECL std::string percent_decode(std::string_view text, bool plus_is_space)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && detail::hex_value(text[i + 1]) >= 0 &&
            detail::hex_value(text[i + 2]) >= 0) {
            out += static_cast<char>(detail::hex_value(text[i + 1]) * 16 + detail::hex_value(text[i + 2]));
            i += 2;
        } else {
            out += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

FLIPT_DECL std::string query_value(std::string_view query, std::string_view name)
{
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        if (percent_decode(pair.substr(0, equals), true) == name)
            return equals == pair.size() ? std::string() : percent_decode(pair.substr(equals + 1), true);
    }
    return {};
}

} // namespace flipt::inline v0::testing
