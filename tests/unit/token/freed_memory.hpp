// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Sees what is in memory that goes back to the heap.
#pragma once

#include <string_view>

namespace token_test {

/// Counts the blocks freed during its life that still hold `needle`. One at a time; blocks of any thread count.
class freed_memory_watch {
public:
    explicit freed_memory_watch(std::string_view needle) noexcept;
    freed_memory_watch(const freed_memory_watch&) = delete;
    freed_memory_watch& operator=(const freed_memory_watch&) = delete;
    ~freed_memory_watch();

    [[nodiscard]] int hits() const noexcept;
};

/// Whether the bytes hold the needle. Not inlined: the compiler must not know what a wiped block holds.
[[nodiscard]] bool holds(const void* bytes, unsigned long size, std::string_view needle) noexcept;

} // namespace token_test
