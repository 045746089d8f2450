// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Recycled blocks for the calls of one client, so that a call in steady state allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace flipt::inline v0::detail {

/// Free lists by size class, each as long as the most calls there ever were at once, up to a bound. Not thread-safe: it
/// belongs to the engine and its executor. Blocks remember their class, so deallocation needs no size.
class memory_cache {
public:
    memory_cache() = default;
    memory_cache(const memory_cache&) = delete;
    memory_cache& operator=(const memory_cache&) = delete;
    ~memory_cache()
    {
        for (auto& list : lists_)
            while (list.first != nullptr)
                ::operator delete(pop(list));
    }

    void* allocate(std::size_t size)
    {
        const std::size_t which = (size + sizeof(header) + granule - 1) / granule;
        header* block = nullptr;
        if (which < classes && lists_[which].first != nullptr)
            block = pop(lists_[which]);
        else
            block = static_cast<header*>(::operator new(which * granule));
        block->which = which;
        return block + 1;
    }

    void deallocate(void* pointer) noexcept
    {
        header* block = static_cast<header*>(pointer) - 1;
        const std::size_t which = block->which;
        if (which >= classes || lists_[which].length >= max_kept) {
            ::operator delete(block);
            return;
        }
        block->next = lists_[which].first;
        lists_[which].first = block;
        ++lists_[which].length;
    }

private:
    union alignas(std::max_align_t) header {
        std::size_t which; // while in use
        header* next;      // while kept
    };
    struct free_list {
        header* first = nullptr;
        std::size_t length = 0;
    };

    static header* pop(free_list& list) noexcept
    {
        header* block = list.first;
        list.first = block->next;
        --list.length;
        return block;
    }

    static constexpr std::size_t granule = 64;
    static constexpr std::size_t classes = 64; // blocks up to 4 KiB are kept
    static constexpr std::size_t max_kept = 256;

    std::array<free_list, classes> lists_{};
};

} // namespace flipt::inline v0::detail
