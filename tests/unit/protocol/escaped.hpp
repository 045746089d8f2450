// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bytes as a failure message shows them.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace flipt_test {

/// `text` with every byte that is not printable ASCII as \r, \n or \xNN; long runs are cut in the middle.
inline std::string escaped(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i != text.size(); ++i) {
        if (text.size() > 600 && i == 300) {
            out += "…(" + std::to_string(text.size() - 600) + " bytes)…";
            i = text.size() - 300;
        }
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte == '\r') {
            out += "\\r";
        } else if (byte == '\n') {
            out += "\\n";
        } else if (byte < 0x20 || byte >= 0x7f) {
            char digits[8];
            std::snprintf(digits, sizeof digits, "\\x%02x", static_cast<unsigned>(byte));
            out += digits;
        } else {
            out += text[i];
        }
    }
    return out;
}

} // namespace flipt_test
