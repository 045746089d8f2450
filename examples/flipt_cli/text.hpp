// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Text from elsewhere made fit to be shown: escaped, cut, and without tokens; and times as text.
#pragma once

#include "flipt/token/secret.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flipt_cli {

/// `text` on one line and harmless to a terminal: control characters, bytes that are no UTF-8 and marks that reorder
/// text become \n, \t, \xNN or \u{NNNN}. At most `limit` bytes come back; what is cut ends in "...".
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = static_cast<std::size_t>(-1));

/// 2026-11-24T15:25:03.142Z
[[nodiscard]] std::string rfc3339(std::chrono::system_clock::time_point time);

/// `text` without a UTF-8 sequence that is cut off at its end.
[[nodiscard]] std::string_view whole_characters(std::string_view text) noexcept;

/// Takes tokens out of text that a server had a hand in: those it was told of, and whatever looks like a JWT.
class redactor {
public:
    redactor() = default;

    void add(std::string_view token);
    /// The content of a token file, as it is now. A file without a usable token adds nothing.
    void add_file(const std::string& path);

    [[nodiscard]] std::string operator()(std::string_view text) const;

private:
    std::vector<flipt::secret> tokens_;
};

} // namespace flipt_cli
