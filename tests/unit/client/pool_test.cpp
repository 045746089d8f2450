// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Many calls over few connections, from one thread and from several; connections that may not be used again.
#include "flipt/testing/certificates.hpp"

#include "harness.hpp"

#include <asio/detached.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <sys/resource.h>
#include <thread>

namespace {

using namespace client_test;
using flipt::testing::any_entity;
using flipt::testing::fault;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;
using flipt::testing::server_thread;

asio::awaitable<void> count(const flipt::client<>& client, int id, std::vector<int>& order, int& failed)
{
    flipt::evaluation_request request("flag", "entity");
    const std::string name = std::to_string(id);
    request.with_request_id(name);
    try {
        const flipt::boolean_evaluation answer = co_await client.evaluate_boolean(request, {.timeout = 60s});
        if (answer.request_id != name)
            ++failed; // somebody else's answer
    } catch (const std::system_error&) {
        ++failed;
    }
    order.push_back(id);
}

} // namespace

TEST_CASE("many calls wait in order for few connections, and never more than the limit are open")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    for (const std::size_t limit : {1U, 3U}) {
        asio::io_context context(1);
        auto c = settings(server->url());
        c.max_connections = limit;
        const std::size_t before = server->observe().connections;
        flipt::client client(context.get_executor(), c);
        std::vector<int> order;
        int failed = 0;
        for (int i = 0; i < 200; ++i)
            asio::co_spawn(context, count(client, i, order, failed), asio::detached);
        context.run();
        CHECK(failed == 0);
        CHECK(order.size() == 200);
        if (limit == 1)
            CHECK(std::is_sorted(order.begin(), order.end()));
        CHECK(server->observe().connections - before <= limit);
    }
}

TEST_CASE("ten thousand calls at once over sixteen connections all get their own answer")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    flipt::client client(context.get_executor(), settings(server->url()));
    std::vector<int> order;
    int failed = 0;
    for (int i = 0; i < 10'000; ++i)
        asio::co_spawn(context, count(client, i, order, failed), asio::detached);
    context.run();
    CHECK(failed == 0);
    CHECK(order.size() == 10'000);
    CHECK(server->observe().connections == 16);
}

TEST_CASE("a connection is not used again after an error, a timeout or a cancellation")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    flipt::client client(context.get_executor(), settings(server->url()));
    CHECK(!call(context, client).ec);
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 1);

    server->add(fault().no_answer());
    CHECK(call(context, client, {.timeout = 30ms}).ec == errc::timed_out);
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 2);

    server->add(fault().no_answer());
    {
        const auto seen = server->request_count();
        cancellable_call<flipt::client<>> c(context, client);
        CHECK(run_until(context, [&] { return server->request_count() > seen; }));
        c.signal.emit(asio::cancellation_type::terminal);
        CHECK(run_until(context, [&] { return c.ended; }));
    }
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 3);

    server->add(fault().status(404, "{}"));
    CHECK(call(context, client).ec == errc::not_found); // an answer: the connection is well
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 3);

    server->add(fault().raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\n{}"));
    CHECK(call(context, client).ec == errc::protocol_error);
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 4);

    server->add(fault().mid_body());
    CHECK(call(context, client).ec == errc::truncated);
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 5);
}

TEST_CASE("a call that ends just as a connection is handed to it leaves that one open")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    auto c = settings(server->url());
    c.max_connections = 1;
    const flipt::client<> client(context.get_executor(), c);
    std::optional<cancellable_call<flipt::client<>>> waits;
    bool waiting = false;
    bool answered = false;
    client.async_evaluate_boolean(flipt::evaluation_request("flag", "entity"),
                                  [&](std::error_code ec, const flipt::boolean_evaluation&) {
                                      CHECK(!ec);
                                      CHECK(waiting);
                                      answered = true;
                                      // In the turn in which the connection went from this call to that one.
                                      waits->signal.emit(asio::cancellation_type::terminal);
                                  });
    waits.emplace(context, client);
    asio::post(context, [&] { waiting = true; });
    CHECK(run_until(context, [&] { return answered && waits->ended; }));
    CHECK_MESSAGE(waits->out.ec == asio::error::operation_aborted, name_of(waits->out.ec));
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 1);
}

TEST_CASE("connections that the server closes while idle, and those idle too long, are replaced unseen")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    flipt::client client(context.get_executor(), settings(server->url()));
    CHECK(!call(context, client).ec);
    server->close_idle();
    CHECK(server->wait_until([](const auto& o) { return o.open_connections == 0; }));
    flipt::diagnostics d;
    CHECK(!call(context, client, {.retries = 0, .diagnostics = &d}).ec);
    CHECK(server->observe().connections == 2);
    CHECK(d.attempts() == 1); // noticed before anything was written

    auto c = settings(server->url());
    c.idle_timeout = 1ns;
    flipt::client hasty(context.get_executor(), c);
    CHECK(!call(context, hasty).ec);
    CHECK(!call(context, hasty).ec);
    CHECK(server->observe().connections == 4);
    hasty.close_idle();
    client.close_idle();
    CHECK(server->wait_until([](const auto& o) { return o.open_connections == 0; }));
}

TEST_CASE("settings may be the longest duration there is: a call ends and its connection is kept")
{
    const flipt::testing::certificate_authority authority;
    flipt::testing::server_options options;
    options.tls = flipt::testing::tls_settings(authority.issue_localhost());
    server_thread server(options);
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    auto c = settings(server->url());
    c.tls.ca_pem = authority.certificate_pem();
    c.connect_timeout = clock::duration::max();
    c.request_timeout = clock::duration::max();
    c.idle_timeout = clock::duration::max();
    flipt::client client(context.get_executor(), c);
    for (int i = 0; i < 5; ++i) {
        const outcome out = call(context, client);
        CHECK_MESSAGE(!out.ec, out.what);
    }
    CHECK(server->observe().connections == 1);
}

TEST_CASE("the second address is tried when the first does not connect, and a name is asked once for many calls")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    auto resolver = std::make_shared<manual_resolver>();
    flipt::client client(context.get_executor(), settings(server->url("flipt.test")), flipt::no_token(), resolver);
    std::vector<int> order;
    int failed = 0;
    for (int i = 0; i < 20; ++i)
        asio::co_spawn(context, count(client, i, order, failed), asio::detached);
    CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
    for (int i = 0; i < 50; ++i)
        context.poll();
    CHECK(resolver->asked.size() == 1);
    std::uint16_t closed = 0;
    {
        asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
        closed = acceptor.local_endpoint().port();
    }
    resolver->answer({},
                     {{asio::ip::address_v4::loopback(), closed}, {asio::ip::address_v4::loopback(), server->port()}});
    CHECK(run_until(context, [&] { return order.size() == 20; }));
    CHECK(failed == 0);

    // A failure reaches every waiter, and the next call asks again.
    flipt::client second(context.get_executor(), settings(server->url("flipt.test")), flipt::no_token(), resolver);
    cancellable_call<flipt::client<>> a(context, second);
    cancellable_call<flipt::client<>> b(context, second);
    CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
    for (int i = 0; i < 50; ++i)
        context.poll();
    resolver->answer(asio::error::host_not_found, {});
    CHECK(run_until(context, [&] { return a.ended && b.ended; }));
    CHECK_MESSAGE(a.out.ec == asio::error::host_not_found, name_of(a.out.ec));
    CHECK_MESSAGE(b.out.ec == asio::error::host_not_found, name_of(b.out.ec));
    cancellable_call<flipt::client<>> again(context, second);
    CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
    resolver->answer({}, {{asio::ip::address_v4::loopback(), server->port()}});
    CHECK(run_until(context, [&] { return again.ended; }));
    CHECK(!again.out.ec);
}

TEST_CASE("while the resolver fails the last addresses serve, unless there is no such name")
{
    flipt::testing::server_options options;
#if defined(__linux__)
    options.address = "127.0.0.2"; // no other test takes a port there while this one has closed it
#endif
    std::optional<server_thread> server;
    const auto start = [&] {
        server.emplace(options);
        (*server)->set_boolean("flag", any_entity, true);
        options.port = (*server)->port();
    };
    start();
    asio::io_context context(1);
    const auto resolver = std::make_shared<manual_resolver>();
    const flipt::client<> client(context.get_executor(), settings((*server)->url("flipt.test")), flipt::no_token(),
                                 resolver);
    const flipt::host_resolver::addresses known{{asio::ip::make_address(options.address), options.port}};
    const auto resolved_call = [&](std::error_code ec, const flipt::host_resolver::addresses& list) {
        cancellable_call<flipt::client<>> c(context, client);
        CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
        if (!resolver->pending.empty())
            resolver->answer(ec, list);
        CHECK(run_until(context, [&] { return c.ended; }));
        return c.out.ec;
    };
    const auto refused_call = [&] {
        server.reset();
        return call(context, client).ec;
    };
    std::error_code ec = resolved_call({}, known);
    CHECK_MESSAGE(!ec, name_of(ec));
    ec = refused_call(); // so that the name is looked up for the next one
    CHECK_MESSAGE(ec == asio::error::connection_refused, name_of(ec));

    start();
    ec = resolved_call(asio::error::host_not_found_try_again, {});
    CHECK_MESSAGE(!ec, name_of(ec));
    ec = refused_call();
    CHECK_MESSAGE(ec == asio::error::host_not_found_try_again, name_of(ec));

    start();
    ec = resolved_call(asio::error::host_not_found, {});
    CHECK_MESSAGE(ec == asio::error::host_not_found, name_of(ec));
    ec = resolved_call({}, known);
    CHECK_MESSAGE(!ec, name_of(ec));
    CHECK(resolver->asked.size() == 4);
}

TEST_CASE("four threads run the client on a strand, and calls come from outside")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(4);
    auto guard = asio::make_work_guard(context);
    flipt::jwt_token token("first.token.text");
    std::optional<flipt::client<flipt::jwt_token>> client;
    client.emplace(asio::make_strand(context), settings(server->url()), token);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] { context.run(); });
    constexpr int calls = 2000;
    std::atomic<int> done{0};
    std::atomic<int> failed{0};
    std::thread setter([&] {
        for (int i = 0; i < 200; ++i)
            token.set("token.number." + std::to_string(i));
    });
    auto coroutine = [](const flipt::client<flipt::jwt_token>& c, std::atomic<int>& ended,
                        std::atomic<int>& bad) -> asio::awaitable<void> {
        flipt::evaluation_request request("flag", "entity");
        try {
            const flipt::boolean_evaluation answer = co_await c.evaluate_boolean(request, {.timeout = 60s});
            if (!answer.enabled)
                ++bad;
        } catch (const std::system_error&) {
            ++bad;
        }
        ++ended;
    };
    for (int i = 0; i < calls; ++i) {
        if (i % 2 == 0) {
            asio::co_spawn(context, coroutine(*client, done, failed), asio::detached);
        } else {
            client->async_evaluate_boolean(flipt::evaluation_request("flag", "entity"),
                                           flipt::call_options{.timeout = 60s},
                                           [&](std::error_code ec, const flipt::boolean_evaluation& answer) {
                                               if (ec || !answer.enabled)
                                                   ++failed;
                                               ++done;
                                           });
        }
    }
    setter.join();
    const auto end = clock::now() + 60s;
    while (done != calls && clock::now() < end)
        std::this_thread::yield();
    CHECK(done == calls);
    CHECK(failed == 0);
    // The setter may have come last of all: what was set before a call began is what it sends.
    asio::co_spawn(context, coroutine(*client, done, failed), asio::detached);
    while (done != calls + 1 && clock::now() < end)
        std::this_thread::yield();
    CHECK(done == calls + 1);
    CHECK(failed == 0);
    CHECK(server->last_request().header("authorization") == "JWT token.number.199");
    client.reset();
    guard.reset();
    for (auto& thread : threads)
        thread.join();
}

TEST_CASE("a handler that throws does so through run(), and the client goes on")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    const flipt::client client(context.get_executor(), settings(server->url()));
    client.async_evaluate_boolean(flipt::evaluation_request("flag", "entity"),
                                  [](std::error_code, const flipt::boolean_evaluation&) { throw 42; });
    CHECK_THROWS_AS(context.run(), int);
    CHECK(!call(context, client).ec);
    CHECK(server->observe().connections == 1);
}

// UBSan asks for descriptors itself.
#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("without a file descriptor to spare a call fails, and works when there is one again")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    const flipt::client client(context.get_executor(), settings(server->url()));
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlimit low = limit;
    low.rlim_cur = 0; // what is open stays open
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    const outcome out = call(context, client, {.timeout = 2s});
    ::setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_MESSAGE(out.ec == asio::error::no_descriptors, name_of(out.ec));
    CHECK(!call(context, client, {.timeout = 2s}).ec);
}
#endif

TEST_CASE("a coroutine that goes on on another executor's thread may call the client, too")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    asio::thread_pool workers(2);
    const flipt::client client(context.get_executor(), settings(server->url()));
    const auto here = std::this_thread::get_id();
    int failed = 0;
    const auto calls = [&](bool away) -> asio::awaitable<void> {
        const flipt::evaluation_request request("flag", "entity");
        for (int i = 0; i < 100; ++i) {
            if (away)
                co_await asio::post(asio::bind_executor(workers, asio::use_awaitable));
            const bool on = co_await client.evaluate_boolean_or(request, false);
            if (!on || std::this_thread::get_id() != here)
                ++failed;
        }
    };
    for (const bool away : {true, false, true, false})
        asio::co_spawn(context, calls(away), asio::detached);
    context.run();
    workers.join();
    CHECK(failed == 0);
}

TEST_CASE("deadlines that come sooner and sooner arm the timer anew while other threads run the strand")
{
    server_thread server;
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(3);
    auto guard = asio::make_work_guard(context);
    std::optional<flipt::client<>> client;
    client.emplace(asio::make_strand(context), settings(server->url()));
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] { context.run(); });
    constexpr int calls = 600;
    std::atomic<int> done{0};
    for (int i = 0; i < calls; ++i) {
        // Some of them may miss their deadline on a busy machine: that is no matter here.
        client->async_evaluate_boolean(flipt::evaluation_request("flag", "entity"),
                                       {.timeout = std::chrono::microseconds(90'000 - i % 30 * 2'900)},
                                       [&](std::error_code, const flipt::boolean_evaluation&) {
                                           if (++done == calls)
                                               guard.reset();
                                       });
    }
    while (done < calls)
        std::this_thread::yield();
    client.reset();
    for (std::thread& thread : threads)
        thread.join();
    CHECK(done == calls);
}
