// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as an endpoint, and any bytes as a path segment: nothing gets where it must not.
#include "flipt/protocol/percent.hpp"
#include "flipt/protocol/url.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

void require(bool holds, const char* what)
{
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::unique_ptr<char[]> exact(new char[size]);
    const std::string_view text(exact.get(), size);
    for (std::size_t i = 0; i != size; ++i)
        exact[i] = static_cast<char>(data[i]);

    flipt::detail::endpoint parsed;
    std::string why;
    if (const std::error_code ec = flipt::detail::parse_endpoint(text, parsed, why)) {
        require(ec == flipt::errc::invalid_config && !why.empty(), "a refusal says why");
        require(parsed == flipt::detail::endpoint(), "a refusal leaves the result alone");
    } else {
        require(!parsed.host.empty() && parsed.port != 0 && !parsed.host_field.empty(), "host and port are there");
        require(parsed.prefix.empty() || (parsed.prefix.front() == '/' && parsed.prefix.back() != '/'),
                "the prefix's form");
        for (const char c : parsed.host_field + parsed.prefix)
            require(c > ' ' && c < 0x7f && c != '?' && c != '#' && c != '\\', "bytes of a request head");
        // What was understood, written out again, means the same.
        flipt::detail::endpoint again;
        const std::string plain = (parsed.tls ? "https://" : "http://") + parsed.host_field + parsed.prefix;
        require(!flipt::detail::parse_endpoint(plain, again, why) && again == parsed, "parsing is stable");
    }

    std::string segment;
    const bool utf8 = simdjson::validate_utf8(text.data(), text.size());
    if (!flipt::detail::append_segment(segment, text)) {
        require(segment.empty(), "a refusal appends nothing");
        require(!utf8 || text.empty() || text == "." || text == ".." || text.find('/') != text.npos,
                "a refusal has a reason");
        return 0;
    }
    require(utf8, "a name is UTF-8");
    require(segment.find("%2F") == segment.npos, "no slash, however it is written");
    require(segment != "." && segment != "..", "a dot segment");
    std::string decoded;
    for (std::size_t i = 0; i < segment.size(); ++i) {
        const char c = segment[i];
        if (c != '%') {
            require(flipt::detail::is_class(c, flipt::detail::char_unreserved), "an unreserved byte");
            decoded += c;
            continue;
        }
        require(segment.size() - i >= 3, "two digits behind '%'");
        decoded +=
            static_cast<char>(flipt::detail::hex_value(segment[i + 1]) * 16 + flipt::detail::hex_value(segment[i + 2]));
        i += 2;
    }
    require(decoded == text, "decoding gives the bytes back");
    return 0;
}
