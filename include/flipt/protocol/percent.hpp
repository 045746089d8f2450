// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Percent-encoding of what users choose (keys, namespaces, page tokens) into a request target (RFC 3986 2.1).
#pragma once

#include "flipt/protocol/chars.hpp"

#include <cstddef>
#include <string_view>

namespace flipt::inline v0::detail {

/// Appends `text` with every byte but the unreserved ones as %XX. Buffer is std::string or byte_buffer.
template <class Buffer>
void append_percent_encoded(Buffer& out, std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::size_t done = 0;
    for (std::size_t i = 0; i != text.size(); ++i) {
        if (is_class(text[i], char_unreserved))
            continue;
        const auto byte = static_cast<unsigned char>(text[i]);
        const char encoded[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        out.append(text.substr(done, i - done));
        out.append(std::string_view(encoded, 3));
        done = i + 1;
    }
    out.append(text.substr(done));
}

/// Appends one path segment: no byte of `text` can end it, start a query or climb out of it. "." and ".." become %2E
/// and %2E%2E, which is as far as a client can go: RFC 3986 6.2.2.2 lets a proxy decode and then remove them.
template <class Buffer>
void append_segment(Buffer& out, std::string_view text)
{
    if (text == ".")
        out.append(std::string_view("%2E"));
    else if (text == "..")
        out.append(std::string_view("%2E%2E"));
    else
        append_percent_encoded(out, text);
}

/// Appends the value of one `name=value` of a query. A space becomes %20, never '+'.
template <class Buffer>
void append_query_value(Buffer& out, std::string_view text)
{
    append_percent_encoded(out, text);
}

} // namespace flipt::inline v0::detail
