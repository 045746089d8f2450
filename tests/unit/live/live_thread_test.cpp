// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A live snapshot on a thread of its own: begun, read, waited for and ended from this one.
#include "flipt/live/live_thread.hpp"

#include "unit/live/live.hpp"

#include <asio/post.hpp>
#include <asio/use_future.hpp>

#include <doctest/doctest.h>

#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using flipt::testing::fault;
using flipt::testing::server_thread;
using test::document;
using test::settings;

/// What the future came to: an error code, none for a value. It has ten seconds.
template <class T>
std::error_code code_of(std::future<T>& f)
{
    if (f.wait_for(10s) != std::future_status::ready)
        return std::make_error_code(std::errc::timed_out);
    try {
        (void)f.get();
    } catch (const std::system_error& e) {
        return e.code();
    }
    return {};
}

TEST_CASE("a thread of its own loads the flags, follows changes and is read from this one")
{
    server_thread server;
    server->load(document(false));
    flipt::live_thread live(settings(*server));
    auto ready = live->async_wait_ready(asio::use_future);
    CHECK_FALSE(code_of(ready));
    CHECK(live->ready());
    flipt::reader r = live.get().reader();
    CHECK_FALSE(r.evaluate_boolean_or("f", "e", true));

    auto next = (*live).async_next_change(0, asio::use_future);
    server->update("default", document(true));
    REQUIRE(next.wait_for(10s) == std::future_status::ready);
    const flipt::live_change change = next.get();
    CHECK(change.sequence == 1);
    CHECK(change.flags.changed == std::vector<std::string>{"f"});
    CHECK(r.evaluate_boolean_or("f", "e", false));
}

TEST_CASE("its executor is its own thread, where on_change is called too")
{
    server_thread server;
    server->load(document(false));
    std::promise<std::thread::id> told;
    flipt::live_options options;
    options.on_change = [&](const flipt::live_change&) { told.set_value(std::this_thread::get_id()); };
    flipt::live_thread live(settings(*server), flipt::client_token("one"), options);
    std::promise<std::thread::id> ran;
    asio::post(live.get_executor(), [&] { ran.set_value(std::this_thread::get_id()); });
    const std::thread::id its = ran.get_future().get();
    CHECK(its != std::this_thread::get_id());
    auto ready = live->async_wait_ready(asio::use_future);
    CHECK_FALSE(code_of(ready));
    CHECK(server->last_request().header("Authorization") == "Bearer one");
    auto changed = told.get_future();
    server->update("default", document(true));
    REQUIRE(changed.wait_for(10s) == std::future_status::ready);
    CHECK(changed.get() == its);
}

TEST_CASE("its end does not wait for a server that says nothing, and ends the waits; readers stay good")
{
    server_thread server;
    server->load(document(true));
    std::future<void> never;
    std::future<flipt::live_change> no_change;
    std::optional<flipt::reader> r;
    {
        flipt::live_thread loaded(settings(*server));
        auto ready = loaded->async_wait_ready(asio::use_future);
        CHECK_FALSE(code_of(ready));
        r.emplace(loaded->reader());
        no_change = loaded->async_next_change(asio::use_future);

        server->add(fault().times(0).no_answer());
        flipt::live_thread waiting(settings(*server));
        never = waiting->async_wait_ready(0s, asio::use_future);
    }
    CHECK(code_of(never) == asio::error::operation_aborted);
    CHECK(code_of(no_change) == asio::error::operation_aborted);
    CHECK(r->evaluate_boolean_or("f", "e", false));
}

TEST_CASE("settings that cannot work are refused before a thread begins")
{
    flipt::live_options options;
    options.interval = 0s;
    std::error_code ec;
    try {
        const flipt::live_thread live(flipt::config(), flipt::no_token(), options);
    } catch (const flipt::error& e) {
        ec = e.code();
    }
    CHECK(ec == flipt::errc::invalid_config);
}

} // namespace
