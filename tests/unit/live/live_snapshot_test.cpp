// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Live snapshots against the embedded server: stream, polling, failures, start-up, saved files, namespaces.
#include "flipt/live/live_snapshot.hpp"
#include "flipt/testing/scripted_peer.hpp"

#include "unit/live/live.hpp"

#include <asio/experimental/awaitable_operators.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace {

using namespace std::chrono_literals;
using flipt::errc;
using flipt::testing::fault;
using flipt::testing::flavour;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;
using flipt::testing::server_options;
using flipt::testing::server_thread;
using test::document;
using test::run;
using test::run_until;
using test::settings;

server_options version(flavour v)
{
    server_options out;
    out.version = v;
    return out;
}

std::size_t count(const flipt::testing::server& server, std::string_view part)
{
    const auto all = server.requests();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const auto& r) { return r.target.find(part) != std::string_view::npos; }));
}

bool streaming(const flipt::testing::server& server, std::size_t n = 1) { return server.observe().open_streams == n; }

TEST_CASE("a change is followed by the stream, and told with what changed")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    asio::io_context io;
    flipt::live_options options;
    std::vector<flipt::live_change> told;
    options.on_change = [&](const flipt::live_change& c) { told.push_back(c); };
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
    flipt::reader r = live.reader();
    CHECK(r.current().empty());
    CHECK_FALSE(live.ready());
    run(io, live.wait_ready());
    CHECK(live.ready());
    CHECK(r.current().size() == 3);
    CHECK_FALSE(r.evaluate_boolean_or("f", "e", true));
    CHECK(run_until(io, [&] { return streaming(*server); }));
    CHECK(live.state().streaming);
    CHECK(live.state().digest == server->digest());
    CHECK(live.state().origin == flipt::live_origin::server);
    CHECK_FALSE(live.state().stale_since);

    std::optional<flipt::live_change> awaited;
    live.async_next_change([&](std::error_code ec, flipt::live_change c) {
        CHECK_FALSE(ec);
        awaited = std::move(c);
    });
    server->update("default", document(true, "fresh"));
    CHECK(run_until(io, [&] { return awaited.has_value() && !told.empty(); }));
    CHECK(r.evaluate_boolean_or("f", "e", false));
    CHECK(awaited->sequence == 1);
    CHECK(awaited->flags.added == std::vector<std::string>{"fresh"});
    CHECK(awaited->flags.changed == std::vector<std::string>{"f"});
    CHECK(awaited->flags.removed.empty());
    CHECK(awaited->digest == server->digest());
    CHECK(told.size() == 1);
    CHECK(count(*server, "/snapshot") == 1); // the rest came by the stream
    CHECK(count(*server, "/stream?digest=") == 1);

    // A wait that names the number before gets what it missed.
    std::optional<flipt::live_change> missed;
    live.async_next_change(0, [&](std::error_code, flipt::live_change c) { missed = std::move(c); });
    CHECK(run_until(io, [&] { return missed.has_value(); }));
    CHECK(missed->sequence == 1);
}

TEST_CASE("a stream that ends is opened again, and what happened meanwhile is not lost")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    asio::io_context io;
    flipt::live_snapshot live(io.get_executor(), settings(*server));
    run(io, live.wait_ready());
    CHECK(run_until(io, [&] { return streaming(*server); }));
    for (int round = 0; round < 3; ++round) {
        const bool value = round % 2 == 0;
        server->close_streams();
        server->update("default", document(value));
        CHECK(run_until(io,
                        [&] { return live.evaluate_boolean_or("f", "e", {}, !value) == value && streaming(*server); }));
    }
    CHECK(count(*server, "/stream") >= 4);
}

TEST_CASE("a mute stream does not hide a change: the watchdog finds it")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    asio::io_context io;
    flipt::live_options options;
    options.watchdog = 20ms;
    // What a branch's stream does: no head, no word, for ever.
    server->add(fault().on("/client/v2/environments/default/namespaces/default/stream").times(0).no_answer());
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
    run(io, live.wait_ready());
    server->update("default", document(true));
    CHECK(run_until(io, [&] { return live.evaluate_boolean_or("f", "e", {}, false); }));
    CHECK(run_until(io, [&] { return count(*server, "/stream") >= 2; })); // that one was given up
}

/// One that follows the server's stream; no watchdog asks beside it.
flipt::live_snapshot<> follow(asio::io_context& io, flipt::testing::server& from,
                              std::chrono::steady_clock::duration request_timeout)
{
    flipt::config c = settings(from);
    c.request_timeout = request_timeout;
    flipt::live_options options;
    options.watchdog = 24h;
    flipt::live_snapshot<> live(io.get_executor(), c, flipt::no_token(), options);
    run(io, live.wait_ready());
    CHECK(run_until(io, [&] { return streaming(from) && live.state().streaming; }));
    return live;
}

TEST_CASE("a stream's message does not wait for an answer that is long in coming")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    asio::io_context io;
    const flipt::live_snapshot<> live = follow(io, *server, 10min);
    for (const bool value : {true, false}) {
        const std::size_t before = count(*server, "/snapshot");
        server->add(fault().on("/client/v2/environments/default/namespaces/default/snapshot").no_answer());
        live.refresh();
        CHECK(run_until(io, [&] { return count(*server, "/snapshot") == before + 1; }));
        server->update("default", document(value));
        CHECK(run_until(io, [&] { return live.evaluate_boolean_or("f", "e", {}, !value) == value; }));
        CHECK(live.state().failures == 0);
        // It may have been sent before refresh() was called: that is answered, too.
        CHECK(run_until(io, [&] { return count(*server, "/snapshot") == before + 2; }));
    }
    CHECK(count(*server, "/stream") == 1);
    CHECK_FALSE(live.state().last_error);
    CHECK(live.last_sequence() == 2);
    server->update("default", document(true)); // the loop goes on
    CHECK(run_until(io, [&] { return live.last_sequence() == 3; }));
}

TEST_CASE("a busy stream does not keep refresh() from being answered, if only with a failure")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    asio::io_context io;
    constexpr auto timeout = 300ms;
    const flipt::live_snapshot<> live = follow(io, *server, timeout);
    const std::size_t before = count(*server, "/snapshot");
    server->add(fault().on("/client/v2/environments/default/namespaces/default/snapshot").no_answer().times(0));
    live.refresh();
    auto begun = std::chrono::steady_clock::now();
    for (const std::size_t asked : {before + 1, before + 2}) { // it is given up for the first message only
        CHECK(run_until(io, [&] { return count(*server, "/snapshot") == asked; }));
        if (asked == before + 1)
            begun = std::chrono::steady_clock::now();
        server->update("default", document(asked == before + 1));
    }
    CHECK(run_until(io, [&] { return live.last_sequence() == 2; }));
    CHECK(std::chrono::steady_clock::now() - begun >= timeout); // the second question had its time
    CHECK(count(*server, "/snapshot") == before + 2);
}

TEST_CASE("v1 is asked in an interval, and an unchanged document is not sent again")
{
    server_thread server(version(flavour::v1));
    server->load(document(false));
    asio::io_context io;
    flipt::live_options options;
    options.interval = 5ms;
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
    run(io, live.wait_ready());
    CHECK(live.current()->rules() == flipt::rule_set::server_v1);
    CHECK(run_until(io, [&] { return count(*server, "/internal/v1/evaluation/snapshot/namespace/default") >= 3; }));
    const auto last = server->last_request();
    CHECK(last.header("If-None-Match") == server->digest());
    CHECK(last.header("X-Flipt-Accept-Server-Version") == "1.47.0");
    CHECK(live.last_sequence() == 0);
    server->update("default", document(true));
    CHECK(run_until(io, [&] { return live.evaluate_boolean_or("f", "e", {}, false); }));
    CHECK(count(*server, "/stream") == 0);
}

TEST_CASE("a server without the stream route is asked in the interval")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    server->add(fault().on("/client/v2/environments/default/namespaces/default/stream").times(0).status(404, "{}"));
    asio::io_context io;
    flipt::live_options options;
    options.interval = 5ms;
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
    run(io, live.wait_ready());
    server->update("default", document(true));
    CHECK(run_until(io, [&] { return live.evaluate_boolean_or("f", "e", {}, false); }));
    CHECK(count(*server, "/stream") == 1);
    CHECK_FALSE(live.state().streaming);
}

TEST_CASE("an environment the server does not have is an error, not the default's flags")
{
    server_thread server(version(flavour::v2));
    server->load(document(true));
    asio::io_context io;
    flipt::config c = settings(*server);
    c.environment_key = "nope";
    flipt::live_options options;
    options.start = flipt::live_start::fail;
    flipt::live_snapshot live(io.get_executor(), c, flipt::no_token(), options);
    std::error_code ec;
    try {
        run(io, live.wait_ready());
    } catch (const flipt::error& e) {
        ec = e.code();
    }
    CHECK(ec == flipt::errc::not_found);
    CHECK(live.current()->empty());
    CHECK(live.state().last_error == flipt::errc::not_found);
}

TEST_CASE("several namespaces and environments share one object")
{
    server_thread server(version(flavour::v2));
    server->load(document(true));
    server->add_environment("prod");
    server->in("game", "prod").load(document(false, "only-here", "game"));
    asio::io_context io;
    flipt::live_options options;
    options.namespaces.emplace_back("default");
    options.namespaces.emplace_back("game", "prod");
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
    run(io, live.wait_ready());
    flipt::reader game = live.reader("game", "prod");
    CHECK(live.reader().evaluate_boolean_or("f", "e", false));
    CHECK_FALSE(game.evaluate_boolean_or("f", "e", true));
    CHECK(game.evaluate_boolean_or("only-here", "e", false));
    CHECK_THROWS_AS((void)live.reader("game"), flipt::error);
    CHECK(run_until(io, [&] { return streaming(*server, 2); }));
    server->in("game", "prod").load(document(true, "only-here", "game"));
    CHECK(run_until(io, [&] { return game.evaluate_boolean_or("f", "e", false); }));
    CHECK(count(*server, "/meta/info") <= 2);
}

TEST_CASE("waiting for the first load ends at its deadline with the last failure")
{
    server_thread server(version(flavour::v2));
    server->add(fault().times(0).status(503, "{}"));
    asio::io_context io;
    flipt::live_snapshot live(io.get_executor(), settings(*server));
    std::string what;
    std::error_code ec;
    try {
        run(io, live.wait_ready(30ms));
    } catch (const flipt::error& e) {
        ec = e.code();
        what = e.what();
    }
    CHECK(ec == flipt::errc::timed_out);
    CHECK(what.find("the server failed") != std::string::npos);
    CHECK(live.state().failures >= 1);
    CHECK(live.state().stale_since);
    server->clear_faults();
    server->load(document(true));
    run(io, live.wait_ready());
    CHECK(live.evaluate_boolean_or("f", "e", {}, false));
    CHECK_FALSE(live.state().stale_since);
    CHECK_FALSE(live.state().last_error);
}

TEST_CASE("what was saved serves when the server is away, and its digest is not fetched again")
{
    const test::temporary_path file("saved");
    server_thread server(version(flavour::v2));
    server->load(document(true));
    flipt::live_options options;
    options.save_file = file.str();
    {
        asio::io_context io;
        flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
        run(io, live.wait_ready());
        CHECK(run_until(io, [&] { return !file.read().empty(); }));
        CHECK_FALSE(live.state().save_error);
    }
    SUBCASE("away: after the first failure")
    {
        server->add(fault().times(0).reset());
        asio::io_context io;
        flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
        run(io, live.wait_ready());
        CHECK(live.state().origin == flipt::live_origin::saved_file);
        CHECK(live.state().stale_since);
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
        server->clear_faults();
        CHECK(run_until(io, [&] { return !live.state().stale_since; }));
        CHECK(live.state().origin == flipt::live_origin::server);
        CHECK(live.last_sequence() == 0);
    }
    SUBCASE("start from it at once, refresh behind it")
    {
        options.start = flipt::live_start::saved;
        server->update("default", document(false));
        asio::io_context io;
        flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
        CHECK(live.ready()); // before anything ran
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
        CHECK(run_until(io, [&] { return live.last_sequence() == 1; }));
        CHECK_FALSE(live.evaluate_boolean_or("f", "e", {}, true));
    }
    SUBCASE("an unchanged document is confirmed with 304")
    {
        asio::io_context io;
        options.start = flipt::live_start::saved;
        flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
        CHECK(run_until(io, [&] { return !live.state().stale_since; }));
        const auto all = server->requests();
        const auto fetched = std::find_if(all.rbegin(), all.rend(), [](const auto& r) {
            return r.target.find("/snapshot") != std::string_view::npos;
        });
        CHECK(fetched->header("If-None-Match") == server->digest());
    }
    SUBCASE("a damaged file is not used")
    {
        file.write(file.read() + "x");
        server->add(fault().times(0).reset());
        asio::io_context io;
        options.document = document(false);
        flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
        run(io, live.wait_ready());
        CHECK(live.state().origin == flipt::live_origin::document);
        CHECK(live.state().save_error == flipt::errc::invalid_snapshot);
    }
}

TEST_CASE("a document that cannot be used changes nothing")
{
    server_thread server(version(flavour::v1));
    server->load(document(true));
    asio::io_context io;
    flipt::live_options options;
    options.interval = 5ms;
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
    run(io, live.wait_ready());
    server->add(fault().times(0).status(200, "{\"flags\":[{\"key\":3}]}"));
    CHECK(run_until(io, [&] { return live.state().last_error == flipt::errc::invalid_snapshot; }));
    CHECK(live.evaluate_boolean_or("f", "e", {}, false));
    CHECK(live.state().last_error_detail.find("flags") != std::string::npos);
    server->clear_faults();
    CHECK(run_until(io, [&] { return !live.state().stale_since; }));
}

TEST_CASE("a document that is asked for may nest as deep as the limit, and no deeper")
{
    const std::string deep = document(true).insert(1, "\"more\":{\"a\":[{\"b\":[0]}]},"); // five deep
    for (const std::size_t limit : {std::size_t{5}, std::size_t{4}}) {
        CAPTURE(limit);
        scripted_peer_thread peer;
        peer->add(script().expect_request().reply(deep).repeat());
        asio::io_context io;
        flipt::config c;
        c.endpoint = peer->url();
        c.server = flipt::server_version::v1;
        c.limits.json_depth = limit;
        flipt::live_options options;
        options.start = flipt::live_start::fail;
        const flipt::live_snapshot live(io.get_executor(), c, flipt::no_token(), options);
        std::error_code ended;
        try {
            run(io, live.wait_ready());
        } catch (const flipt::error& e) {
            ended = e.code();
        }
        CHECK(ended == (limit == 5 ? std::error_code() : make_error_code(errc::response_too_large)));
        CHECK(live.evaluate_boolean_or("f", "e", {}, false) == (limit == 5));
    }
}

TEST_CASE("a digest that no header carries does not stop the questions")
{
    std::string odd = document(true);
    odd.insert(odd.size() - 1, R"(,"digest":"abc ")");
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(odd).repeat());
    asio::io_context io;
    flipt::config c;
    c.endpoint = peer->url();
    c.server = flipt::server_version::v1;
    flipt::live_options options;
    options.interval = 5ms;
    flipt::live_snapshot live(io.get_executor(), c, flipt::no_token(), options);
    run(io, live.wait_ready());
    CHECK(live.state().digest.empty());
    CHECK(run_until(io, [&] { return peer->requests().size() > 3; }));
    CHECK(!live.state().last_error);
}

TEST_CASE("each request carries the token of the moment")
{
    server_thread server(version(flavour::v2));
    server->load(document(true));
    asio::io_context io;
    flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::client_token("one"));
    run(io, live.wait_ready());
    CHECK(run_until(io, [&] { return streaming(*server); }));
    CHECK(server->last_request().header("Authorization") == "Bearer one");
    live.token_policy().set("two");
    server->close_streams();
    CHECK(run_until(io, [&] { return count(*server, "/stream") == 2; }));
    CHECK(server->last_request().header("Authorization") == "Bearer two");
}

TEST_CASE("a worker parses and saves")
{
    const test::temporary_path file("worker");
    server_thread server(version(flavour::v2));
    server->load(document(true));
    asio::io_context io;
    asio::thread_pool pool(1);
    flipt::live_options options;
    options.worker = pool.get_executor();
    options.save_file = file.str();
    {
        flipt::live_snapshot live(io.get_executor(), settings(*server), flipt::no_token(), options);
        run(io, live.wait_ready());
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
        server->update("default", document(false));
        run(io, [](auto& l) -> asio::awaitable<void> { co_await l.next_change(0); }(live));
        CHECK_FALSE(live.evaluate_boolean_or("f", "e", {}, true));
    }
    io.run();
    pool.join();
    CHECK_FALSE(file.read().empty());
}

TEST_CASE("destruction ends every wait with operation_aborted, and readers stay good")
{
    server_thread server(version(flavour::v2));
    server->load(document(true));
    asio::io_context io;
    auto live = std::make_unique<flipt::live_snapshot<>>(io.get_executor(), settings(*server));
    run(io, live->wait_ready());
    flipt::reader r = live->reader();
    std::vector<std::error_code> ended;
    live->async_next_change([&](std::error_code ec, const flipt::live_change&) { ended.push_back(ec); });
    auto awaited = asio::co_spawn(io, live->next_change(), asio::use_future);
    io.restart();
    io.poll();
    CHECK(ended.empty());
    live.reset();
    io.restart();
    io.run(); // ends: nothing is left
    CHECK(ended == std::vector<std::error_code>{asio::error::operation_aborted});
    std::error_code thrown;
    try {
        awaited.get();
    } catch (const flipt::error& e) {
        thrown = e.code();
    }
    CHECK(thrown == asio::error::operation_aborted);
    CHECK(r.evaluate_boolean_or("f", "e", false));
}

TEST_CASE("a wait can be cancelled, with every type, and the live snapshot goes on")
{
    server_thread server(version(flavour::v2));
    server->load(document(false));
    asio::io_context io;
    flipt::live_snapshot live(io.get_executor(), settings(*server));
    run(io, live.wait_ready());
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        std::optional<std::error_code> ended;
        auto handler = [&](std::error_code ec, const flipt::live_change&) { ended = ec; };
        live.async_next_change(asio::bind_cancellation_slot(signal.slot(), handler));
        io.restart();
        io.poll();
        signal.emit(type);
        CHECK(run_until(io, [&] { return ended.has_value(); }));
        CHECK(*ended == asio::error::operation_aborted);
    }
    server->update("default", document(true));
    CHECK(run_until(io, [&] { return live.last_sequence() == 1; }));
}

TEST_CASE("a wait that is cancelled before its first turn ends, too")
{
    asio::io_context io;
    flipt::config nobody;
    nobody.endpoint = "http://127.0.0.1:1";
    flipt::live_snapshot live(io.get_executor(), nobody);
    for (const auto type :
         {asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total}) {
        asio::cancellation_signal signal;
        std::vector<std::error_code> ended;
        auto on_change = [&](std::error_code ec, const flipt::live_change&) { ended.push_back(ec); };
        auto on_ready = [&](std::error_code ec) { ended.push_back(ec); };
        auto begin = [&] {
            live.async_next_change(asio::bind_cancellation_slot(signal.slot(), on_change));
            signal.emit(type);
            live.async_wait_ready(0s, asio::bind_cancellation_slot(signal.slot(), on_ready));
            signal.emit(type);
        };
        begin();
        asio::post(io, begin);
        CHECK(run_until(io, [&] { return ended.size() == 4; }));
        CHECK(ended == std::vector<std::error_code>(4, asio::error::operation_aborted));
    }
}

TEST_CASE("a wait loses against something that is there at once")
{
    using namespace asio::experimental::awaitable_operators;
    asio::io_context io;
    flipt::config nobody;
    nobody.endpoint = "http://127.0.0.1:1";
    flipt::live_snapshot live(io.get_executor(), nobody);
    bool ended = false;
    auto race = [](auto& snapshot) -> asio::awaitable<void> {
        co_await (asio::post(asio::use_awaitable) || snapshot.next_change());
        co_await (asio::post(asio::use_awaitable) || snapshot.wait_ready(0s));
    };
    asio::co_spawn(io, race(live), [&](const std::exception_ptr& e) { ended = !e; });
    CHECK(run_until(io, [&] { return ended; }));
}

TEST_CASE("the io_context may go away under a live snapshot that was destroyed")
{
    server_thread server(version(flavour::v2));
    server->load(document(true));
    {
        asio::io_context io;
        flipt::live_snapshot live(io.get_executor(), settings(*server));
        run(io, live.wait_ready());
        CHECK(run_until(io, [&] { return streaming(*server); }));
        live.async_next_change([](std::error_code, const flipt::live_change&) {});
        io.poll();
    } // stop() is in the queue and never runs
    CHECK(server->wait_until([](const auto& seen) { return seen.open_connections == 0; }));
}

TEST_CASE("settings that cannot work are refused")
{
    asio::io_context io;
    flipt::live_options options;
    options.namespaces.emplace_back("a");
    options.namespaces.emplace_back("a");
    CHECK_THROWS_AS(flipt::live_snapshot(io.get_executor(), flipt::config(), flipt::no_token(), options), flipt::error);
    options.namespaces.back() = flipt::live_namespace("b");
    options.save_file = options.namespaces.back().save_file = "flags"; // each would replace the other's
    std::error_code refused;
    try {
        flipt::live_snapshot(io.get_executor(), flipt::config(), flipt::no_token(), options);
    } catch (const flipt::error& e) {
        refused = e.code();
    }
    CHECK(refused == errc::invalid_config);
    options.save_file.clear();
    for (const char* bad : {"a/b", "..", "\xff"}) { // no request can name them
        options.namespaces.back() = flipt::live_namespace(bad);
        CHECK_THROWS_AS(flipt::live_snapshot(io.get_executor(), flipt::config(), flipt::no_token(), options),
                        flipt::error);
        options.namespaces.back() = flipt::live_namespace("a", bad);
        CHECK_THROWS_AS(flipt::live_snapshot(io.get_executor(), flipt::config(), flipt::no_token(), options),
                        flipt::error);
    }
    options.namespaces.back() = flipt::live_namespace("a", "staging ");
    std::string what;
    try {
        flipt::live_snapshot(io.get_executor(), flipt::config(), flipt::no_token(), options);
    } catch (const flipt::error& e) {
        CHECK(e.code() == errc::invalid_config);
        what = e.what();
    }
    CHECK_MESSAGE(what.find("white space") != std::string::npos, what);
    flipt::config nowhere; // nothing to ask v2 with
    nowhere.environment_key.clear();
    nowhere.server = flipt::server_version::v2;
    CHECK_THROWS_AS(flipt::live_snapshot(io.get_executor(), nowhere), flipt::error);
    options.namespaces.pop_back();
    options.interval = 0s;
    CHECK_THROWS_AS(flipt::live_snapshot(io.get_executor(), flipt::config(), flipt::no_token(), options), flipt::error);
}

} // namespace
