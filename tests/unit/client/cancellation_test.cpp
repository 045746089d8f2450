// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Deadlines, cancellation and destruction at each point where a call can wait.
#include "flipt/testing/certificates.hpp"
#include "flipt/token/refreshing_token.hpp"

#include "harness.hpp"

#include <asio/detached.hpp>
#include <asio/use_awaitable.hpp>

#include <functional>
#include <thread>

namespace {

using namespace client_test;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;

// A token that never comes, unless it is cancelled.
asio::awaitable<std::string> never()
{
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
    co_return "late";
}
using hanging_token = flipt::refreshing_token<asio::awaitable<std::string> (*)()>;

/// A client whose next call waits at one certain point for ever.
class stuck {
public:
    using hanging_client = flipt::client<flipt::any_token>;

    stuck() = default;
    virtual ~stuck() = default;

    std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>(1);
    std::unique_ptr<hanging_client> client;
    std::function<bool()> reached = [] { return true; }; // the call is where it is to be
    std::vector<std::unique_ptr<cancellable_call<hanging_client>>> blockers;
    std::shared_ptr<manual_resolver> resolver = std::make_shared<manual_resolver>();
    std::unique_ptr<scripted_peer_thread> peer;
    std::string entity = "entity";
    std::string big;
    // Makes the next call succeed, for "the client works afterwards"; null where that is impossible here.
    std::function<void()> repair;

    void make(flipt::config settings, flipt::any_token token = flipt::any_token())
    {
        client =
            std::make_unique<hanging_client>(context->get_executor(), std::move(settings), std::move(token), resolver);
    }
};

script good() { return script().expect_request().send(http_ok(good_json)).repeat(); }

class point {
public:
    std::string name;
    std::unique_ptr<stuck> (*make)();
};

std::unique_ptr<stuck> at_resolver()
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(good());
    s->make(settings(s->peer->get().url("flipt.test")));
    stuck* p = s.get();
    s->reached = [p] { return !p->resolver->pending.empty(); };
    s->repair = [p] {
        p->resolver->answer({}, {asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), p->peer->get().port())});
    };
    return s;
}

// Packets to this address are neither answered nor refused (TEST-NET-1), or the route does not exist: then the call
// ends by itself, which the test sees.
std::unique_ptr<stuck> at_handshake()
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(script().hold());
    std::string url = s->peer->get().url();
    s->make(settings("https" + url.substr(4)));
    stuck* p = s.get();
    s->reached = [p] { return p->peer->get().received(0).size() > 100; }; // the ClientHello
    return s;
}

std::unique_ptr<stuck> at_pool()
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(script().expect_request().hold());
    s->peer->get().add(good());
    auto c = settings(s->peer->get().url());
    c.max_connections = 1;
    s->make(std::move(c));
    s->blockers.push_back(std::make_unique<cancellable_call<stuck::hanging_client>>(*s->context, *s->client));
    stuck* p = s.get();
    run_until(*s->context, [p] { return p->peer->get().requests().size() == 1; });
    s->repair = [p] { p->blockers.front()->signal.emit(asio::cancellation_type::terminal); };
    return s;
}

std::unique_ptr<stuck> at_token()
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(good());
    s->make(settings(s->peer->get().url()), flipt::any_token(hanging_token(&never)));
    return s;
}

std::unique_ptr<stuck> at_sending()
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(script().expect_bytes(1000).pause(std::chrono::hours(1)));
    s->peer->get().add(good());
    s->make(settings(s->peer->get().url()));
    s->big.assign(30'000'000, 'x');
    stuck* p = s.get();
    s->reached = [p] { return p->peer->get().received(0).size() >= 1000; };
    s->repair = [] {};
    return s;
}

std::unique_ptr<stuck> after(script first)
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(std::move(first));
    s->peer->get().add(good());
    s->make(settings(s->peer->get().url()));
    stuck* p = s.get();
    s->reached = [p] { return p->peer->get().requests().size() == 1; };
    s->repair = [] {};
    return s;
}

std::unique_ptr<stuck> at_reply() { return after(script().expect_request().hold()); }
std::unique_ptr<stuck> at_head() { return after(script().expect_request().send("HTTP/1.1 200 O").hold()); }
std::unique_ptr<stuck> at_body()
{
    return after(script().expect_request().send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{").hold());
}

std::unique_ptr<stuck> at_pause()
{
    auto s = std::make_unique<stuck>();
    s->peer = std::make_unique<scripted_peer_thread>();
    s->peer->get().add(script()
                           .expect_request()
                           .send("HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n")
                           .expect_request()
                           .send(http_ok(good_json)));
    s->make(settings(s->peer->get().url(), 2));
    stuck* p = s.get();
    s->reached = [p] { return p->peer->get().requests().size() == 1; };
    s->repair = [] {};
    return s;
}

const point points[] = {
    {"resolver", &at_resolver}, {"handshake", &at_handshake}, {"pool", &at_pool},
    {"token", &at_token},       {"sending", &at_sending},     {"reply", &at_reply},
    {"head", &at_head},         {"body", &at_body},           {"pause", &at_pause},
};

asio::awaitable<void> evaluate_big(stuck& s, outcome& out, flipt::call_options options)
{
    flipt::evaluation_request request("flag", "entity");
    if (!s.big.empty())
        request.with("big", s.big);
    try {
        out.answer = co_await s.client->evaluate_boolean(std::move(request), options);
    } catch (const std::system_error& e) {
        out.ec = e.code();
        out.what = e.what();
    }
    out.done = true;
}

/// The call that gets stuck, cancellable.
class stuck_call {
public:
    stuck_call(stuck& s, flipt::call_options options = {})
    {
        auto on_end = [this](std::exception_ptr) { ended = true; };
        asio::co_spawn(*s.context, evaluate_big(s, out, options),
                       asio::bind_cancellation_slot(signal.slot(), std::move(on_end)));
        CHECK(run_until(*s.context, [&] { return s.reached(); }));
        for (int i = 0; i < 20; ++i) // whatever is ready now
            s.context->poll();
        s.context->restart();
    }

    asio::cancellation_signal signal;
    outcome out;
    bool ended = false;
};

} // namespace

TEST_CASE("a call that is cancelled ends at once wherever it waits, and the next one works")
{
    for (const point& where : points) {
        CAPTURE(where.name);
        auto s = where.make();
        stuck_call c(*s);
        CHECK(!c.ended);
        c.signal.emit(asio::cancellation_type::terminal);
        for (int i = 0; i < 20; ++i) // what is ready now, and not the next tick of the timer
            s->context->poll();
        CHECK(c.ended);
        CHECK_MESSAGE(c.out.ec == asio::error::operation_aborted, name_of(c.out.ec));
        if (s->repair) {
            s->reached = [] { return true; };
            s->repair();
            s->big.clear();
            stuck_call next(*s, {.timeout = 3s, .retries = 0});
            CHECK(run_until(*s->context, [&] { return next.ended; }));
            CHECK_MESSAGE(!next.out.ec, next.out.what);
            CHECK(next.out.answer.enabled);
        }
        s->client.reset();
        s->resolver->pending.clear();
        s->context->run();
    }
}

TEST_CASE("every type of cancellation ends a call")
{
    for (const auto type :
         {asio::cancellation_type::total, asio::cancellation_type::partial, asio::cancellation_type::terminal}) {
        auto s = at_reply();
        const auto& client = *s->client;
        std::error_code ec;
        asio::cancellation_signal signal;
        auto on_end = [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; };
        client.async_evaluate_boolean(flipt::evaluation_request("flag", "entity"),
                                      asio::bind_cancellation_slot(signal.slot(), std::move(on_end)));
        CHECK(run_until(*s->context, [&] { return s->reached(); }));
        signal.emit(type);
        CHECK(run_until(*s->context, [&] { return static_cast<bool>(ec); }));
        CHECK(ec == asio::error::operation_aborted);
    }
}

TEST_CASE("a call obeys its deadline wherever it waits")
{
    for (const point& where : points) {
        CAPTURE(where.name);
        auto s = where.make();
        const auto begin = clock::now();
        stuck_call c(*s, {.timeout = 60ms});
        CHECK(run_until(*s->context, [&] { return c.ended; }));
        CHECK(clock::now() - begin < 5s);
        if (where.name == "pause") { // the answer at hand is better than a deadline
            CHECK_MESSAGE(c.out.ec == errc::server_error, name_of(c.out.ec));
        } else {
            CHECK_MESSAGE(c.out.ec == errc::timed_out, name_of(c.out.ec));
            CHECK(clock::now() - begin >= 59ms);
        }
        s->client.reset();
        s->resolver->pending.clear();
        s->context->run();
    }
}

TEST_CASE("destroying the client ends a call wherever it waits")
{
    for (const point& where : points) {
        CAPTURE(where.name);
        auto s = where.make();
        stuck_call c(*s);
        CHECK(!c.ended);
        s->client.reset();
        for (int i = 0; i < 20; ++i)
            s->context->poll();
        CHECK(c.ended);
        s->context->restart();
        s->context->run();
        CHECK_MESSAGE(c.out.ec == asio::error::operation_aborted, name_of(c.out.ec));
    }
}

TEST_CASE("an io_context that is destroyed takes the calls along wherever they wait")
{
    for (const point& where : points) {
        CAPTURE(where.name);
        auto s = where.make();
        stuck_call c(*s);
        stuck_call second(*s); // something that the end of the first might wake
        s->context->stop();
        s->client.reset();
        CHECK(!c.ended);
        s->context.reset();
        CHECK(!c.ended);
    }
}

namespace {

asio::awaitable<void> owner(std::unique_ptr<stuck::hanging_client> client, std::string big, flipt::call_options options)
{
    flipt::evaluation_request request("flag", "entity");
    request.with("big", big);
    co_await client->evaluate_boolean(std::move(request), options);
}

} // namespace

TEST_CASE("an io_context that is destroyed takes along a coroutine that owns its client")
{
    for (const point& where : points)
        for (const auto timeout : {clock::duration::zero(), clock::duration(10s)}) {
            CAPTURE(where.name);
            auto s = where.make();
            asio::co_spawn(*s->context, owner(std::move(s->client), s->big, {.timeout = timeout}), asio::detached);
            CHECK(run_until(*s->context, [&] { return s->reached(); }));
            for (int i = 0; i < 20; ++i)
                s->context->poll();
            s->context->stop();
            s->blockers.clear();
            s->context.reset(); // ASan tells what is left
        }
}

TEST_CASE("a peer that dribbles runs into the deadline of the whole call")
{
    scripted_peer_thread peer;
    peer.get().add(script().expect_request().send_pieces(http_ok(good_json), 1, 20ms).hold());
    asio::io_context context(1);
    flipt::client client(context.get_executor(), settings(peer->url(), 2));
    const auto begin = clock::now();
    const outcome out = call(context, client, {.timeout = 100ms});
    CHECK_MESSAGE(out.ec == errc::timed_out, name_of(out.ec));
    CHECK(clock::now() - begin < 1s);
    CHECK(peer->connections() == 1);
}

TEST_CASE("a deadline that has passed already ends the call, and zero is none")
{
    scripted_peer_thread peer;
    peer.get().add(script().expect_request().pause(30ms).reply(good_json).repeat());
    asio::io_context context(1);
    auto c = settings(peer->url());
    c.request_timeout = 1ms;
    flipt::client client(context.get_executor(), c);
    CHECK(call(context, client, {.timeout = -1s}).ec == errc::timed_out);
    CHECK(call(context, client, {.timeout = clock::duration::min()}).ec == errc::timed_out);
    CHECK(call(context, client).ec == errc::timed_out);
    CHECK(!call(context, client, {.timeout = 0s}).ec);
    CHECK(!call(context, client, {.timeout = clock::duration::max()}).ec);
}

TEST_CASE("run() goes on while a call without a deadline waits for an answer from another thread")
{
    scripted_peer_thread peer;
    peer.get().add(good());
    asio::io_context context(1);
    auto resolver = std::make_shared<manual_resolver>();
    flipt::client client(context.get_executor(), settings(peer->url("flipt.test")), flipt::no_token(), resolver);
    bool answered = false;
    auto on_answer = [&](std::error_code ec, const flipt::boolean_evaluation&) { answered = !ec; };
    client.async_evaluate_boolean(flipt::evaluation_request("flag", "entity"), {.timeout = 0s}, std::move(on_answer));
    context.poll();
    REQUIRE(resolver->pending.size() == 1);
    std::thread other(
        [&] { resolver->answer({}, {asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), peer->port())}); });
    context.restart();
    context.run();
    other.join();
    CHECK(answered);
}

TEST_CASE("a resolver's answer after the end of the client is ignored")
{
    asio::io_context context(1);
    auto resolver = std::make_shared<manual_resolver>();
    {
        flipt::client client(context.get_executor(), settings("http://flipt.test"), flipt::no_token(), resolver);
        CHECK(call(context, client, {.timeout = 5ms}).ec == errc::timed_out);
    }
    context.restart();
    context.run();
    REQUIRE(resolver->pending.size() == 1);
    resolver->answer({}, {});
    context.restart();
    CHECK(context.run() == 0);
}
