// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The standard streams as descriptors: whole writes, reads as bytes come, on POSIX and Windows.
#pragma once

#include <cstddef>
#include <string_view>
#include <system_error>

namespace flipt_cli {

inline constexpr int standard_input = 0;
inline constexpr int standard_output = 1;
inline constexpr int standard_error = 2;

/// Once, before anything is written: a closed stdout becomes an error like others, and bytes stay as they are.
void prepare_descriptors() noexcept;

/// Waits for bytes and gives how many came; 0 at the end and where `ec` is set.
[[nodiscard]] std::size_t read_some(int descriptor, char* to, std::size_t room, std::error_code& ec) noexcept;

/// Writes all of `bytes`; false and `ec` when that is impossible.
bool write_all(int descriptor, std::string_view bytes, std::error_code& ec) noexcept;

[[nodiscard]] bool is_terminal(int descriptor) noexcept;

} // namespace flipt_cli
