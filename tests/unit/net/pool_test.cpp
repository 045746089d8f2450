// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The pool's bookkeeping, the memory of handlers, and the order of addresses.
#include "flipt/net/handler_memory.hpp"
#include "flipt/net/pool.hpp"
#include "flipt/net/resolver.hpp"

#include <asio/io_context.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <ostream>
#include <string>

using namespace std::chrono_literals;

namespace {

using flipt::detail::connection;
using flipt::detail::pool;

std::chrono::steady_clock::time_point at(std::chrono::steady_clock::duration d)
{
    return std::chrono::steady_clock::time_point(100h + d);
}

// An open socket, connected to nothing: the pool only asks whether it is open.
void open(connection& c, std::chrono::steady_clock::duration used)
{
    if (!c.io.is_open())
        c.io.socket().open(asio::ip::tcp::v4());
    c.last_used = at(used);
}

} // namespace

TEST_CASE("the pool never makes more connections than its limit")
{
    asio::io_context context;
    pool p(context.get_executor(), 2, 8s);
    connection* a = p.take(at(0s));
    connection* b = p.take(at(0s));
    REQUIRE(a != nullptr);
    REQUIRE(b != nullptr);
    CHECK(a != b);
    CHECK(p.take(at(0s)) == nullptr);
    p.give_back(*a); // closed: to be opened again
    CHECK(p.take(at(0s)) == a);
    CHECK(p.size() == 2);
    pool none(context.get_executor(), 0, 8s);
    CHECK(none.take(at(0s)) != nullptr); // a limit of zero would stop everything
    CHECK(none.take(at(0s)) == nullptr);
}

TEST_CASE("the pool gives the latest used open connection first, then closed ones")
{
    asio::io_context context;
    pool p(context.get_executor(), 3, 8s);
    connection* a = p.take(at(0s));
    connection* b = p.take(at(0s));
    connection* c = p.take(at(0s));
    open(*a, 1s);
    open(*b, 2s);
    p.give_back(*a);
    p.give_back(*b);
    p.give_back(*c);
    CHECK(p.take(at(3s)) == b);
    CHECK(p.take(at(3s)) == a);
    CHECK(p.take(at(3s)) == c);
}

TEST_CASE("the pool closes what was idle too long")
{
    asio::io_context context;
    pool p(context.get_executor(), 3, 8s);
    connection* a = p.take(at(0s));
    connection* b = p.take(at(0s));
    open(*a, 1s);
    open(*b, 5s);
    p.give_back(*a);
    p.give_back(*b);
    p.close_expired(at(8999ms));
    CHECK(a->io.is_open());
    p.close_expired(at(9s));
    CHECK(!a->io.is_open());
    CHECK(b->io.is_open());
    CHECK(p.take(at(12s)) == b);
    p.give_back(*b);
    connection* again = p.take(at(13s));
    REQUIRE(again != nullptr);
    CHECK(!again->io.is_open());

    pool forever(context.get_executor(), 1, std::chrono::steady_clock::duration::max());
    connection* c = forever.take(at(0s));
    open(*c, 0s);
    forever.give_back(*c);
    forever.close_expired(at(1000h));
    CHECK(forever.take(at(1000h))->io.is_open());

    pool unlimited(context.get_executor(), 1, 0s);
    connection* d = unlimited.take(at(0s));
    open(*d, 0s);
    unlimited.give_back(*d);
    unlimited.close_expired(at(1000h));
    CHECK(unlimited.take(at(1000h))->io.is_open());
    unlimited.give_back(*d);
    unlimited.close_idle();
    CHECK(!unlimited.take(at(0s))->io.is_open());
}

TEST_CASE("the memory of a handler is one block, and the heap beyond it")
{
    flipt::detail::handler_memory memory;
    void* first = memory.allocate(100);
    void* second = memory.allocate(100); // while the first is in use
    CHECK(first != second);
    memory.deallocate(first);
    void* third = memory.allocate(256);
    CHECK(third == first);
    void* fourth = memory.allocate(257);
    CHECK(fourth != first);
    memory.deallocate(second);
    memory.deallocate(third);
    memory.deallocate(fourth);
    CHECK(memory.allocate(1) == first);
}

TEST_CASE("addresses of two families take turns, the first one's choice first")
{
    const auto address = [](const char* text) { return asio::ip::tcp::endpoint(asio::ip::make_address(text), 1); };
    const auto order = [&](std::initializer_list<const char*> texts) {
        flipt::host_resolver::addresses list;
        for (const char* text : texts)
            list.push_back(address(text));
        flipt::detail::interleave_families(list);
        std::string out;
        for (const auto& a : list)
            out += a.address().to_string() + " ";
        return out;
    };
    CHECK(order({}).empty());
    CHECK(order({"1.0.0.1", "1.0.0.2"}) == "1.0.0.1 1.0.0.2 ");
    CHECK(order({"::1", "::2", "::3", "1.0.0.1"}) == "::1 1.0.0.1 ::2 ::3 ");
    CHECK(order({"1.0.0.1", "1.0.0.2", "::1"}) == "1.0.0.1 ::1 1.0.0.2 ");
}
