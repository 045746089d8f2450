// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What may stand in gRPC metadata. gRPC aborts the program on anything else, so nothing is handed to it unchecked.
#pragma once

#include <algorithm>
#include <string_view>

namespace flipt::inline v0::detail {

[[nodiscard]] inline bool is_metadata_key(std::string_view name) noexcept
{
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    });
}

// Without outer spaces: an implementation may take them off, as readers of HTTP do (gRPC over HTTP/2,
// "Custom-Metadata").
[[nodiscard]] inline bool is_metadata_value(std::string_view text) noexcept
{
    if (!text.empty() && (text.front() == ' ' || text.back() == ' '))
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

} // namespace flipt::inline v0::detail
