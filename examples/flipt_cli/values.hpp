// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Values of options: durations, counts and key=value pairs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flipt_cli {

/// A decimal number with ms, s or m ("1.5s", "250ms"); a bare number is seconds. Zero stays zero, which means "off";
/// what is less than a nanosecond is one. Nothing for anything else, and for more than thirty years.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) noexcept;

/// Decimal digits, from `least` to `most`.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text, std::uint64_t least,
                                                       std::uint64_t most) noexcept;

/// Splits at the first '='; the key may not be empty, the value may be anything.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> parse_pair(std::string_view text);

/// 1, true, yes, on; 0, false, no, off, and nothing at all.
[[nodiscard]] std::optional<bool> parse_switch(std::string_view text) noexcept;

} // namespace flipt_cli
