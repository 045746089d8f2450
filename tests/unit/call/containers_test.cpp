// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The recycled blocks of calls, and the lists they stand in.
#include "flipt/call/intrusive_list.hpp"
#include "flipt/call/memory_cache.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <vector>

namespace {

using flipt::detail::intrusive_list;
using flipt::detail::list_hook;
using flipt::detail::memory_cache;

struct one;
struct two;

class element : public list_hook<one>, public list_hook<two> {
public:
    explicit element(int n) : number(n) {}
    int number;
};

template <class List>
std::string content(const List& list)
{
    std::string out;
    for (element* e = list.front(); e != nullptr; e = list.after(*e))
        out += std::to_string(e->number);
    return out;
}

} // namespace

TEST_CASE("freed blocks are given out again by size, aligned and writable to their end")
{
    memory_cache cache;
    for (const std::size_t size : {std::size_t{1}, std::size_t{48}, std::size_t{49}, std::size_t{1000},
                                   std::size_t{4016}, std::size_t{4017}, std::size_t{100'000}}) {
        CAPTURE(size);
        void* first = cache.allocate(size);
        CHECK(reinterpret_cast<std::uintptr_t>(first) % alignof(std::max_align_t) == 0);
        std::memset(first, 1, size);
        void* second = cache.allocate(size);
        CHECK(first != second);
        std::memset(second, 2, size);
        cache.deallocate(first);
        void* third = cache.allocate(size);
        if (size < 4000)
            CHECK(third == first);
        std::memset(third, 3, size);
        cache.deallocate(second);
        cache.deallocate(third);
    }
}

TEST_CASE("a bounded number of blocks is kept")
{
    memory_cache cache;
    std::vector<void*> blocks;
    for (int i = 0; i < 1000; ++i)
        blocks.push_back(cache.allocate(100));
    for (void* block : blocks)
        cache.deallocate(block); // ASan tells if any is lost or freed twice
}

TEST_CASE("an element leaves its list from anywhere, and may stand in two")
{
    element a(1);
    element b(2);
    element c(3);
    intrusive_list<element, one> list;
    intrusive_list<element, two> other;
    CHECK(list.empty());
    CHECK(list.front() == nullptr);
    CHECK(list.back() == nullptr);
    CHECK(list.pop_front() == nullptr);
    list.push_back(a);
    list.push_back(b);
    list.push_back(c);
    other.push_back(c);
    other.push_back(a);
    CHECK(content(list) == "123");
    CHECK(content(other) == "31");
    CHECK(list.back() == &c);
    static_cast<list_hook<one>&>(b).unlink();
    CHECK(!static_cast<list_hook<one>&>(b).linked());
    static_cast<list_hook<one>&>(b).unlink(); // again: nothing
    CHECK(content(list) == "13");
    list.push_back(b);
    CHECK(content(list) == "132");
    CHECK(list.pop_front() == &a);
    CHECK(content(other) == "31");
    CHECK(list.pop_front() == &c);
    CHECK(list.pop_front() == &b);
    CHECK(list.empty());
}
