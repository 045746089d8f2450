// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The URL of a Flipt server, taken apart once: scheme, host, port, path prefix and the value of Host.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/types/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

/// Where requests go. Equal endpoints are one origin.
class endpoint {
public:
    endpoint() = default;

    bool tls = false;
    std::string host;       ///< lower-case, no brackets
    bool literal = false;   ///< host is an IPv4 or IPv6 address: nothing to resolve, no SNI (RFC 6066 3)
    bool v6 = false;        ///< host is an IPv6 address
    std::uint16_t port = 0; ///< never 0 after a successful parse
    std::string prefix;     ///< "" or "/a/b", percent-encoding as given, no trailing slash
    std::string host_field; ///< the value of the Host field: brackets for IPv6, the port only when not the default

    friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Parses `scheme://host[:port][/prefix]` (RFC 3986, http and https only). On errc::invalid_config `out` is untouched
/// and `why` names the offending part; it never repeats what could be a secret (userinfo, query).
FLIPT_DECL std::error_code parse_endpoint(std::string_view text, endpoint& out, std::string& why);

/// Dotted decimal IPv4 as inet_pton reads it: four numbers up to 255, no leading zeros.
[[nodiscard]] FLIPT_DECL bool is_ipv4(std::string_view text) noexcept;

/// IPv6 without brackets or zone id (RFC 4291 2.2), an IPv4 tail included.
[[nodiscard]] FLIPT_DECL bool is_ipv6(std::string_view text) noexcept;

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/url.ipp"
#endif
