// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/url.hpp.
#pragma once

#include "flipt/protocol/chars.hpp"
#include "flipt/protocol/url.hpp"

#include <algorithm>
#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL bool is_ipv4(std::string_view text) noexcept
{
    int numbers = 0;
    std::size_t i = 0;
    while (numbers != 4) {
        const std::size_t begin = i;
        unsigned value = 0;
        while (i != text.size() && is_digit(text[i]) && i - begin < 4)
            value = value * 10 + static_cast<unsigned>(text[i++] - '0');
        if (i == begin || value > 255 || i - begin > 3 || (text[begin] == '0' && i - begin > 1))
            return false;
        if (++numbers == 4)
            break;
        if (i == text.size() || text[i] != '.')
            return false;
        ++i;
    }
    return i == text.size();
}

FLIPT_DECL bool is_ipv6(std::string_view text) noexcept
{
    int groups = 0;
    bool gap = false;
    std::size_t i = 0;
    if (text.substr(0, 2) == "::") {
        gap = true;
        i = 2;
    }
    while (i != text.size()) {
        const std::size_t begin = i;
        while (i != text.size() && hex_value(text[i]) >= 0)
            ++i;
        if (i != text.size() && text[i] == '.') // an IPv4 tail stands for two groups
            return is_ipv4(text.substr(begin)) && (gap ? groups + 2 < 8 : groups + 2 == 8);
        if (i == begin || i - begin > 4)
            return false;
        ++groups;
        if (i == text.size())
            break;
        if (text[i++] != ':' || i == text.size())
            return false; // another byte, or a lone colon at the end
        if (text[i] == ':') {
            if (std::exchange(gap, true))
                return false;
            ++i;
        }
    }
    return gap ? groups < 8 : groups == 8;
}

namespace url_parts {

inline std::error_code refuse(std::string& why, std::string_view text)
{
    why.assign("endpoint: ").append(text);
    return errc::invalid_config;
}

// Letters, digits, '-', '.' and '_': what resolvers and certificates know. No percent-encoding, no IDN.
inline bool is_host_name(std::string_view host) noexcept
{
    if (host.empty() || host.size() > 253)
        return false;
    std::size_t label = 0;
    for (std::size_t i = 0; i <= host.size(); ++i) {
        if (i == host.size() || host[i] == '.') {
            if (label > 63 || (label == 0 && i + 1 < host.size()) || (label == 0 && i <= 1))
                return false; // an empty label; one dot at the very end is the root
            label = 0;
            continue;
        }
        if (!is_class(host[i], char_unreserved) || host[i] == '~')
            return false;
        ++label;
    }
    return true;
}

// The last label starts with a digit-only run: some resolvers read such names as addresses (1.2.3, 0x7f.1, 127.1).
inline bool looks_numeric(std::string_view host) noexcept
{
    if (!host.empty() && host.back() == '.')
        host.remove_suffix(1);
    const std::string_view last = host.substr(host.rfind('.') + 1);
    if (last.substr(0, 2) == "0x") {
        for (const char c : last.substr(2))
            if (hex_value(c) < 0)
                return false;
        return true;
    }
    for (const char c : last)
        if (!is_digit(c))
            return false;
    return !last.empty();
}

// Dots may be percent-encoded: %2e%2e climbs in many servers, too.
inline bool is_dot_segment(std::string_view segment) noexcept
{
    int dots = 0;
    while (!segment.empty()) {
        if (segment.front() == '.')
            segment.remove_prefix(1);
        else if (segment.size() >= 3 && equals_lower(segment.substr(0, 3), "%2e"))
            segment.remove_prefix(3);
        else
            return false;
        ++dots;
    }
    return dots == 1 || dots == 2;
}

inline std::error_code check_prefix(std::string_view path, std::string& why)
{
    std::size_t begin = 1;
    for (std::size_t i = 0; i <= path.size(); ++i) {
        if (i == path.size() || path[i] == '/') {
            if (i >= begin && is_dot_segment(path.substr(begin, i - begin)))
                return refuse(why, "the path may not hold \".\" or \"..\" segments");
            begin = i + 1;
            continue;
        }
        if (path[i] == '%') {
            if (path.size() - i < 3 || hex_value(path[i + 1]) < 0 || hex_value(path[i + 2]) < 0)
                return refuse(why, "'%' in the path is not followed by two hexadecimal digits");
            if (path[i + 1] == '0' && path[i + 2] == '0')
                return refuse(why, "the path may not hold an encoded NUL");
        } else if (!is_class(path[i], char_path)) {
            return refuse(why, "the path holds a character that must be percent-encoded");
        }
    }
    return {};
}

} // namespace url_parts

FLIPT_DECL std::error_code parse_endpoint(std::string_view text, endpoint& out, std::string& why)
{
    using url_parts::refuse;
    if (text.empty())
        return refuse(why, "is empty; expected http://host or https://host");
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            return refuse(why, "holds a control character");
    }
    const std::size_t separator = text.find("://");
    if (separator == std::string_view::npos)
        return refuse(why, "has no scheme; expected http:// or https://");
    const std::string_view scheme = text.substr(0, separator);
    endpoint parsed;
    if (equals_lower(scheme, "https"))
        parsed.tls = true;
    else if (!equals_lower(scheme, "http"))
        return refuse(why, "the scheme is neither http nor https");

    std::string_view rest = text.substr(separator + 3);
    const std::size_t authority_end = std::min(rest.find_first_of("/?#\\"), rest.size());
    const std::string_view authority = rest.substr(0, authority_end);
    rest.remove_prefix(authority_end);
    // An '@' behind the authority is a path character, unless it is the rest of a password with '/' or '#' in it: such
    // a URL fails below without being repeated.
    if (authority.find('@') != std::string_view::npos)
        return refuse(why, "user information is not supported (set a token policy instead)");
    if (rest.find('?') < rest.find('#'))
        return refuse(why, "a query is not supported");
    if (rest.find('#') != std::string_view::npos)
        return refuse(why, "a fragment is not supported");

    std::string_view port;
    bool has_port = false;
    if (!authority.empty() && authority.front() == '[') {
        const std::size_t close = authority.find(']');
        if (close == std::string_view::npos)
            return refuse(why, "the host has '[' without ']'");
        const std::string_view host = authority.substr(1, close - 1);
        if (host.find('%') != std::string_view::npos)
            return refuse(why, "a zone id in an IPv6 address is not supported");
        if (!is_ipv6(host))
            return refuse(why, "the host between '[' and ']' is not an IPv6 address");
        parsed.host = host;
        parsed.literal = parsed.v6 = true;
        const std::string_view behind = authority.substr(close + 1);
        if (!behind.empty() && behind.front() != ':')
            return refuse(why, "something other than a port stands behind ']'");
        has_port = !behind.empty();
        port = behind.substr(has_port ? 1 : 0);
    } else {
        const std::size_t colon = std::min(authority.find(':'), authority.size());
        parsed.host = authority.substr(0, colon);
        has_port = colon != authority.size();
        port = authority.substr(has_port ? colon + 1 : colon);
        if (port.find(':') != std::string_view::npos)
            return refuse(why, "the host holds more than one ':' (an IPv6 address needs brackets)");
        if (parsed.host.empty())
            return refuse(why, "the host is missing");
    }
    for (char& c : parsed.host)
        c = to_lower(c);
    if (!parsed.v6) {
        parsed.literal = is_ipv4(parsed.host);
        if (!parsed.literal && !url_parts::is_host_name(parsed.host))
            return refuse(why, "the host holds a character or a label that no host name may have");
        if (!parsed.literal && url_parts::looks_numeric(parsed.host))
            return refuse(why, "the host is neither a name nor a complete IPv4 address");
    }

    const std::uint16_t standard = parsed.tls ? 443 : 80;
    parsed.port = standard;
    if (has_port) {
        unsigned value = 0;
        for (const char c : port) {
            if (!is_digit(c))
                return refuse(why, "the port is not a number");
            value = value * 10 + static_cast<unsigned>(c - '0');
            if (value > 65535)
                break;
        }
        if (value == 0 || value > 65535)
            return refuse(why, port.empty() ? "the port is empty" : "the port is not between 1 and 65535");
        parsed.port = static_cast<std::uint16_t>(value);
    }

    if (const std::error_code ec = url_parts::check_prefix(rest, why))
        return ec;
    while (!rest.empty() && rest.back() == '/')
        rest.remove_suffix(1);
    parsed.prefix = rest;

    parsed.host_field = parsed.v6 ? "[" + parsed.host + "]" : parsed.host;
    if (parsed.port != standard)
        parsed.host_field += ":" + std::to_string(parsed.port);
    out = std::move(parsed);
    return {};
}

} // namespace flipt::inline v0::detail
