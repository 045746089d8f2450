// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Numbers for tokens that no two tokens of the process share, so that one policy may take another's place.
#pragma once

#include <atomic>
#include <cstdint>

namespace flipt::inline v0::detail {

// Never 0, which stands for no token, and never the same twice. Any thread.
[[nodiscard]] inline std::uint64_t next_token_generation() noexcept
{
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

} // namespace flipt::inline v0::detail
