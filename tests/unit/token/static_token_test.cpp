// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Tokens set by the program, also while they are in use.
#include "flipt/token/provider.hpp"
#include "flipt/token/static_token.hpp"

#include "freed_memory.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

namespace {

using flipt::client_token;
using flipt::jwt_token;
using flipt::v0::detail::make_provider;
using flipt::v0::detail::token_state;
using flipt::v0::detail::token_view;

TEST_CASE("each policy has its scheme")
{
    jwt_token jwt("a");
    client_token client("b");
    CHECK(jwt.scheme == "JWT");
    CHECK(jwt.token() == "a");
    CHECK(client.scheme == "Bearer");
    CHECK(client.token() == "b");
    CHECK(flipt::no_token::scheme.empty());
}

TEST_CASE("all copies of a handle see a new token")
{
    jwt_token one("first");
    jwt_token two = one;
    jwt_token three = std::move(two);
    const std::uint64_t version = three.version();
    CHECK(three.token() == "first");
    one.set("second");
    CHECK(three.version() != version);
    CHECK(three.token() == "second");
    CHECK(one.token() == "second");
    CHECK(two.token() == "second"); // NOLINT: moving copies
    jwt_token other("other");
    other = one;
    CHECK(other.token() == "second");
    other.set("");
    CHECK(one.token().empty());
}

TEST_CASE("a view stays whole while another thread sets the token")
{
    jwt_token handle(std::string(1000, 'a'));
    std::atomic<bool> stop{false};
    std::vector<std::thread> writers;
    for (int w = 0; w < 2; ++w) {
        writers.emplace_back([handle, &stop, w] {
            for (int i = 0; !stop; ++i)
                handle.set(std::string(1000, static_cast<char>('a' + (i + w) % 26)));
        });
    }
    std::vector<std::thread> readers;
    std::atomic<int> torn{0};
    for (int r = 0; r < 2; ++r) {
        readers.emplace_back([handle, &torn] {
            auto provider = make_provider(handle);
            for (int i = 0; i < 20000; ++i) {
                token_view view;
                std::error_code ec;
                const token_state state = provider->look({}, {}, view, ec);
                if (state != token_state::ready || view.token != std::string(1000, view.token.front()))
                    ++torn;
            }
        });
    }
    for (std::thread& t : readers)
        t.join();
    stop = true;
    for (std::thread& t : writers)
        t.join();
    CHECK(torn == 0);
}

TEST_CASE("no token stays in freed memory when it is replaced and when its client ends")
{
    constexpr std::string_view text = "a-token-that-must-not-stay-in-memory-0123456789";
    const token_test::freed_memory_watch watch(text);
    {
        jwt_token handle{std::string(text)};
        auto provider = make_provider(handle);
        token_view view;
        std::error_code ec;
        CHECK(provider->look({}, {}, view, ec) == token_state::ready);
        CHECK(view.token == text);
        jwt_token copy = handle;
        CHECK(copy.token() == text);
        handle.set("another");
        CHECK(provider->look({}, {}, view, ec) == token_state::ready);
        CHECK(copy.token() == "another");
        handle.set(std::string(text));
        CHECK(provider->look({}, {}, view, ec) == token_state::ready);
    }
    CHECK(watch.hits() == 0);
}

} // namespace
