// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Percent-encoding of what users choose (keys, namespaces, page tokens) into a request target (RFC 3986 2.1).
#pragma once

#include "flipt/protocol/chars.hpp"
#include "flipt/protocol/json_scan.hpp"

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

/// Whether `text` stays one path segment on its way. Encoding is not enough: Flipt's gateway decodes %2F before it
/// splits the path and drops a slash at the end, and proxies decode and then remove dots (RFC 3986 6.2.2.2). So what
/// is empty, "." or "..", or holds a '/', could name another route. Nothing of Flipt's has a name that is no UTF-8.
[[nodiscard]] inline bool is_segment(std::string_view text) noexcept
{
    return !text.empty() && text != "." && text != ".." && text.find('/') == text.npos && is_utf8(text);
}

/// Appends one path segment: no byte of `text` can end it, start a query or climb out of it. False, and nothing
/// appended, for what is no segment.
template <class Buffer>
[[nodiscard]] bool append_segment(Buffer& out, std::string_view text)
{
    if (!is_segment(text))
        return false;
    append_percent_encoded(out, text);
    return true;
}

/// Appends {environment}/namespaces/{namespace}, as the paths of v2 have it. False where append_segment is.
template <class Buffer>
[[nodiscard]] bool append_place(Buffer& out, std::string_view environment, std::string_view name_space)
{
    if (!append_segment(out, environment))
        return false;
    out.append(std::string_view("/namespaces/"));
    return append_segment(out, name_space);
}

/// Appends the value of one `name=value` of a query. A space becomes %20, never '+'.
template <class Buffer>
void append_query_value(Buffer& out, std::string_view text)
{
    append_percent_encoded(out, text);
}

} // namespace flipt::inline v0::detail
