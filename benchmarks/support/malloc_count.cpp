// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Preloaded: counts what a process allocates, by operator new and by malloc.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

std::atomic<std::uint64_t> calls{0}, bytes{0}, by_new{0};

void count(std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(size, std::memory_order_relaxed);
}

void* allocate(std::size_t size)
{
    by_new.fetch_add(1, std::memory_order_relaxed);
    count(size);
    if (void* block = __libc_malloc(size == 0 ? 1 : size))
        return block;
    throw std::bad_alloc();
}

void* allocate_aligned(std::size_t size, std::size_t alignment)
{
    by_new.fetch_add(1, std::memory_order_relaxed);
    count(size);
    if (void* block = __libc_memalign(alignment, size))
        return block;
    throw std::bad_alloc();
}

} // namespace

extern "C" {

void bench_allocations(std::uint64_t* c, std::uint64_t* b, std::uint64_t* n)
{
    *c = calls;
    *b = bytes;
    *n = by_new;
}

void* malloc(std::size_t size) noexcept
{
    count(size);
    return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) noexcept
{
    count(n * size);
    return __libc_calloc(n, size);
}
void* realloc(void* block, std::size_t size) noexcept
{
    count(size);
    return __libc_realloc(block, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    count(size);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept
{
    count(size);
    *out = __libc_memalign(alignment, size);
    return *out == nullptr ? 12 : 0;
}

} // extern "C"

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t a) { return allocate_aligned(size, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t size, std::align_val_t a)
{
    return allocate_aligned(size, static_cast<std::size_t>(a));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept
{
    by_new.fetch_add(1, std::memory_order_relaxed);
    count(size);
    return __libc_malloc(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept
{
    by_new.fetch_add(1, std::memory_order_relaxed);
    count(size);
    return __libc_malloc(size);
}
