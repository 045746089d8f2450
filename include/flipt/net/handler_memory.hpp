// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One reusable block for the one asynchronous operation that an object has under way at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

namespace flipt::inline v0::detail {

/// Asio frees an operation's memory before it calls the handler, so a single block serves a chain of operations. A
/// request that does not fit, or comes while the block is in use, goes to the heap. One thread allocates at a time; it
/// may be freed on any (Asio frees the memory of a cancelled operation before it goes to the handler's strand).
class handler_memory {
public:
    handler_memory() = default;
    handler_memory(const handler_memory&) = delete;
    handler_memory& operator=(const handler_memory&) = delete;

    void* allocate(std::size_t size)
    {
        if (size <= sizeof(storage_) && !used_.load(std::memory_order_acquire)) {
            used_.store(true, std::memory_order_relaxed);
            return &storage_;
        }
        return ::operator new(size);
    }
    void deallocate(void* pointer) noexcept
    {
        if (pointer == static_cast<void*>(&storage_))
            used_.store(false, std::memory_order_release);
        else
            ::operator delete(pointer);
    }

private:
    alignas(std::max_align_t) unsigned char storage_[256];
    std::atomic<bool> used_{false};
};

/// The allocator that gives a handler_memory to Asio.
template <class T>
class handler_allocator {
public:
    using value_type = T;

    explicit handler_allocator(handler_memory& memory) noexcept : memory_(&memory) {}
    template <class U>
    handler_allocator(const handler_allocator<U>& other) noexcept : memory_(other.memory())
    {}

    T* allocate(std::size_t n) { return static_cast<T*>(memory_->allocate(sizeof(T) * n)); }
    void deallocate(T* pointer, std::size_t) noexcept { memory_->deallocate(pointer); }

    [[nodiscard]] handler_memory* memory() const noexcept { return memory_; }

    template <class U>
    friend bool operator==(const handler_allocator& a, const handler_allocator<U>& b) noexcept
    {
        return a.memory() == b.memory();
    }

private:
    handler_memory* memory_;
};

} // namespace flipt::inline v0::detail
