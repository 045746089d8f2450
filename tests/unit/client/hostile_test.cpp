// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Broken and hostile peers seen through the whole client, and what is repeated.
#include "harness.hpp"

#include <asio/buffer.hpp>
#include <asio/detached.hpp>
#include <asio/write.hpp>

#include <cstdio>
#include <functional>

namespace {

using namespace client_test;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;

class hostile {
public:
    std::string name;
    std::string bytes;  // the reply
    std::error_code ec; // empty: a good answer
    int status = 0;
};

std::vector<hostile> hostile_replies()
{
    const std::string json = "HTTP/1.1 200 OK\r\nContent-Length: ";
    const std::string size = std::to_string(good_json.size());
    std::vector<hostile> list;
    const auto add = [&](const char* name, std::string bytes, std::error_code ec, int status = 0) {
        hostile h;
        h.name = name;
        h.bytes = std::move(bytes);
        h.ec = ec;
        h.status = status;
        list.push_back(std::move(h));
    };
    add("good", http_ok(good_json), {});
    add("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", errc::protocol_error);
    add("broken status line", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", errc::protocol_error);
    add("TE and CL", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        errc::invalid_response, 200); // chunked wins, and the body is empty
    add("two lengths", json + "5\r\nContent-Length: 6\r\n\r\n{}", errc::protocol_error);
    add("101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", errc::protocol_error);
    std::string informational;
    for (int i = 0; i < 100; ++i)
        informational += "HTTP/1.1 102 Processing\r\n\r\n";
    add("endless 1xx", informational, errc::response_too_large);
    add("a few 1xx", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http_ok(good_json),
        {});
    add("too large by its length", json + "16777217\r\n\r\n{", errc::response_too_large);
    add("truncated in the head", "HTTP/1.1 200 OK\r\nContent-", errc::truncated);
    add("truncated in the body", json + size + "\r\n\r\n" + good_json.substr(0, 20), errc::truncated);
    add("truncated chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ena", errc::truncated);
    add("nothing", "", errc::truncated);
    add("no JSON", http_ok("<html>hello</html>"), errc::invalid_response, 200);
    add("wrong JSON", http_ok(R"({"enabled":"yes"})"), errc::invalid_response, 200);
    add("two documents", http_ok(good_json + "{}"), errc::invalid_response, 200);
    add("an array", http_ok("[]"), errc::invalid_response, 200);
    add("gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", errc::protocol_error);
    add("204", "HTTP/1.1 204 No Content\r\n\r\n", errc::invalid_response, 204);
    add("202", "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", errc::invalid_response, 202);
    add("304", "HTTP/1.1 304 Not Modified\r\n\r\n", errc::unexpected_status, 304);
    add("400", "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}", errc::invalid_argument, 400);
    add("401", "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}", errc::unauthenticated, 401);
    add("403", "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n{}", errc::permission_denied, 403);
    add("404", "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}", errc::not_found, 404);
    add("409", "HTTP/1.1 409 No\r\nContent-Length: 2\r\n\r\n{}", errc::conflict, 409);
    add("429", "HTTP/1.1 429 No\r\nContent-Length: 2\r\n\r\n{}", errc::rate_limited, 429);
    add("500", "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nnot JSON!", errc::server_error, 500);
    return list;
}

const std::string hold_endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

template <class Client>
outcome one_call(const Client& client, asio::io_context& context)
{
    return call(context, client, {.timeout = 5s});
}

} // namespace

TEST_CASE("each broken reply ends with its error, whole or a byte at a time")
{
    for (const hostile& h : hostile_replies())
        for (const std::size_t piece : {std::size_t{0}, std::size_t{1}}) {
            CAPTURE(h.name);
            CAPTURE(h.bytes);
            CAPTURE(piece);
            scripted_peer_thread peer;
            peer->add(script().expect_request().send_pieces(h.bytes, piece).close());
            asio::io_context context;
            flipt::client client(context.get_executor(), settings(peer->url()));
            const outcome out = one_call(client, context);
            CHECK_MESSAGE(out.ec == h.ec, name_of(out.ec));
            CHECK(out.status == h.status);
            if (!h.ec)
                CHECK(out.answer.enabled);
            CHECK(peer->connections() == 1);
        }
}

TEST_CASE("an endless body ends at the limit and not at the deadline")
{
    scripted_peer_thread peer;
    std::string chunk = "4000\r\n" + std::string(0x4000, ' ') + "\r\n";
    peer->add(script()
                  .expect_request()
                  .send(hold_endless)
                  .send(chunk)
                  .send(chunk)
                  .send(chunk)
                  .send(chunk)
                  .send(chunk)
                  .hold());
    asio::io_context context;
    auto c = settings(peer->url());
    c.max_response_size = 65536;
    flipt::client client(context.get_executor(), c);
    const outcome out = one_call(client, context);
    CHECK_MESSAGE(out.ec == errc::response_too_large, name_of(out.ec));
}

TEST_CASE("a reply of exactly the limit is read, one byte more is not")
{
    for (const std::size_t spare : {std::size_t{1}, std::size_t{0}}) {
        scripted_peer_thread peer;
        peer->add(script().expect_request().reply(good_json).repeat());
        asio::io_context context;
        auto c = settings(peer->url());
        c.max_response_size = good_json.size() - spare;
        flipt::client client(context.get_executor(), c);
        const outcome out = one_call(client, context);
        CHECK_MESSAGE(out.ec == (spare != 0 ? make_error_code(errc::response_too_large) : std::error_code()),
                      name_of(out.ec));
    }
}

TEST_CASE("a redirect is not followed and the token goes nowhere else")
{
    for (const int status : {301, 302, 303, 307, 308}) {
        scripted_peer_thread other;
        scripted_peer_thread peer;
        peer->add(script().expect_request().send("HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " +
                                                 other->url() + "/evaluate/v1/boolean\r\nContent-Length: 0\r\n\r\n"));
        asio::io_context context;
        flipt::client client(context.get_executor(), settings(peer->url(), 2), flipt::jwt_token("secret.token.bytes"));
        const outcome out = one_call(client, context);
        CHECK_MESSAGE(out.ec == errc::unexpected_status, name_of(out.ec));
        CHECK(out.status == status);
        CHECK(other->connections() == 0);
        CHECK(peer->connections() == 1);
        CHECK(peer->requests().size() == 1);
    }
}

TEST_CASE("what follows a reply is never taken for the next one")
{
    std::string other = good_json;
    other.replace(other.find("true"), 4, "false");
    for (const bool same_packet : {true, false}) {
        CAPTURE(same_packet);
        // A peer in this thread: what it has written is there for the client to read when it returns.
        asio::io_context context;
        asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
        flipt::client client(context.get_executor(),
                             settings("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port())));
        const auto serve = [&](const std::string& bytes) {
            cancellable_call<flipt::client<>> c(context, client);
            context.poll();
            asio::ip::tcp::socket socket = acceptor.accept();
            CHECK(run_until(context, [&] { return socket.available() != 0; }));
            asio::write(socket, asio::buffer(bytes));
            CHECK(run_until(context, [&] { return c.ended; }));
            CHECK_MESSAGE(!c.out.ec, c.out.what);
            CHECK(c.out.answer.enabled);
            return socket;
        };
        asio::ip::tcp::socket first = serve(http_ok(good_json) + (same_packet ? http_ok(other) : ""));
        if (!same_packet)
            asio::write(first, asio::buffer(http_ok(other)));
        serve(http_ok(good_json)); // on a second connection
    }
}

TEST_CASE("what follows a reply that fills the buffer is not taken for the next one by a call right behind it")
{
    std::string other = good_json;
    other.replace(other.find("true"), 4, "false");
    constexpr std::size_t room = 16 * 1024; // what one read of the client's takes
    const std::string unpadded =
        "HTTP/1.1 200 OK\r\nX: \r\nContent-Length: " + std::to_string(good_json.size()) + "\r\n\r\n" + good_json;
    std::string full = unpadded;
    full.insert(full.find("X: ") + 3, room - unpadded.size(), 'x');
    REQUIRE(full.size() == room);

    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    acceptor.non_blocking(true);
    const flipt::client client(context.get_executor(),
                               settings("http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port())));
    outcome first;
    outcome second;
    bool ended = false;
    const auto both = [&]() -> asio::awaitable<void> {
        co_await evaluate(client, first);
        co_await evaluate(client, second); // in the same turn of the loop
        ended = true;
    };
    asio::co_spawn(context, both, asio::detached);
    const auto serve = [&](const std::string& bytes) {
        asio::ip::tcp::socket socket(context);
        const auto accepted = [&] {
            std::error_code ec;
            acceptor.accept(socket, ec);
            return !ec;
        };
        REQUIRE_MESSAGE(run_until(context, accepted), "no connection for: ", bytes.substr(0, 40));
        CHECK(run_until(context, [&] { return socket.available() != 0; }));
        asio::write(socket, asio::buffer(bytes));
        return socket;
    };
    const asio::ip::tcp::socket one = serve(full + http_ok(other));
    const asio::ip::tcp::socket two = serve(http_ok(good_json)); // on a second connection
    CHECK(run_until(context, [&] { return ended; }));
    CHECK_MESSAGE(!first.ec, first.what);
    CHECK_MESSAGE(!second.ec, second.what);
    CHECK(second.answer.enabled);
}

TEST_CASE("the reply to another request is no answer, and ends the connection")
{
    class asked {
    public:
        std::string name;
        std::string first; // the reply of the first connection
        std::function<asio::awaitable<void>(const flipt::client<>&)> ask;
    };
    const auto with_id = [](const std::string& id) {
        std::string json = good_json;
        const std::string field = "\"requestId\":\"r\",";
        json.replace(json.find(field), field.size(), id.empty() ? "" : "\"requestId\":\"" + id + "\",");
        return json;
    };
    const auto boolean = [](const flipt::client<>& client) -> asio::awaitable<void> {
        flipt::evaluation_request request("flag", "entity");
        request.with_request_id("two");
        (void)co_await client.evaluate_boolean(request, {.timeout = 5s});
    };
    const auto into = [](const flipt::client<>& client) -> asio::awaitable<void> {
        flipt::evaluation_request request("flag", "entity");
        request.with_request_id("two");
        flipt::boolean_evaluation result;
        co_await client.evaluate_boolean(request, result, {.timeout = 5s});
    };
    const auto batch = [](const flipt::client<>& client) -> asio::awaitable<void> {
        flipt::batch_request request;
        flipt::evaluation_request one("flag", "entity");
        one.with_request_id("two");
        request.add(one);
        request.with_request_id("all");
        (void)co_await client.evaluate_batch(request, {.timeout = 5s});
    };
    const auto item = [&](const std::string& id) {
        return "[{\"type\":\"BOOLEAN_EVALUATION_RESPONSE_TYPE\",\"booleanResponse\":" + with_id(id) + "}]";
    };
    const asked list[] = {
        {"boolean", with_id("one"), boolean},
        {"boolean without an id", with_id(""), boolean},
        {"into", with_id("one"), into},
        {"batch", R"({"requestId":"other","responses":)" + item("two") + "}", batch},
        {"item of a batch", R"({"requestId":"all","responses":)" + item("one") + "}", batch},
    };
    for (const asked& a : list) {
        CAPTURE(a.name);
        CAPTURE(a.first);
        scripted_peer_thread peer;
        const bool is_batch = a.name.find("batch") != std::string::npos;
        peer->add(script().expect_request().reply(a.first).hold());
        peer->add(script().expect_request().reply(is_batch ? R"({"requestId":"all","responses":)" + item("two") + "}"
                                                           : with_id("two")));
        asio::io_context context;
        const flipt::client client(context.get_executor(), settings(peer->url(), 2));
        std::error_code ec;
        std::string what;
        try {
            run(context, a.ask(client));
        } catch (const flipt::error& e) {
            ec = e.code();
            what = e.what();
        }
        CHECK_MESSAGE(ec == errc::invalid_response, name_of(ec));
        CHECK_MESSAGE(what.find("requestId") != std::string::npos, what);
        CHECK_NOTHROW(run(context, a.ask(client)));
        CHECK(peer->connections() == 2);
    }
}

TEST_CASE("replies that end the connection, or make its framing doubtful, are not followed by another request on it")
{
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    const std::string as_chunk = "\r\n" + [] {
        char hex[16];
        std::snprintf(hex, sizeof hex, "%zx", good_json.size());
        return std::string(hex);
    }() + "\r\n" + good_json + "\r\n0\r\n\r\n";
    const std::string replies[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(good_json.size()) + "\r\n\r\n" +
            good_json,
        "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(good_json.size()) + "\r\n\r\n" + good_json,
        "HTTP/1.1 200 OK\r\n" + chunked + "Content-Length: 5\r\n" + as_chunk,
    };
    for (const std::string& bytes : replies) {
        CAPTURE(bytes);
        scripted_peer_thread peer;
        peer->add(script().expect_request().send(bytes).hold());
        peer->add(script().expect_request().reply(good_json).repeat());
        asio::io_context context;
        flipt::client client(context.get_executor(), settings(peer->url()));
        const outcome out = one_call(client, context);
        CHECK_MESSAGE(!out.ec, out.what);
        CHECK(!one_call(client, context).ec);
        CHECK(peer->connections() == 2);
    }
}

TEST_CASE("a reply that comes before the request is sent is taken, and a 1xx does not stop the sending")
{
    const std::string big(20'000'000, 'x');
    for (const bool informational : {false, true}) {
        CAPTURE(informational);
        scripted_peer_thread peer;
        if (informational)
            peer->add(script()
                          .expect_bytes(1000)
                          .send("HTTP/1.1 102 Processing\r\n\r\n")
                          .expect_request()
                          .reply(good_json)
                          .hold());
        else
            peer->add(
                script().expect_bytes(1000).send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}").pause(1h));
        asio::io_context context;
        flipt::client client(context.get_executor(), settings(peer->url()));
        flipt::evaluation_request request("flag", "entity");
        request.with("big", big);
        std::error_code ec;
        auto done = [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; };
        client.async_evaluate_boolean(request, {.timeout = 3s}, std::move(done));
        context.run();
        if (informational)
            CHECK_MESSAGE(ec != errc::timed_out, name_of(ec)); // the test's peer refuses what is past 16 MiB
        else
            CHECK_MESSAGE(ec == errc::invalid_argument, name_of(ec));
    }
}

TEST_CASE("what is repeated, and how often")
{
    class repeat {
    public:
        std::string name;
        script play;
        int attempts;
        std::error_code ec;
        std::size_t connections;
    };
    const auto busy = [](const char* extra) {
        return std::string("HTTP/1.1 503 Busy\r\n") + extra + "Content-Length: 2\r\n\r\n{}";
    };
    const repeat cases[] = {
        {"reset mid-reply", script().expect_request().send("HTTP/1.1 200 OK\r\nCon").reset(), 2,
         asio::error::connection_reset, 3},
        {"truncated", script().expect_request().send("HTTP/1.1 200 OK\r\nCon").close(), 2, errc::truncated, 3},
        {"truncated, none allowed", script().expect_request().send("HTTP/1.1 200 OK\r\nCon").close(), 0,
         errc::truncated, 1},
        {"503", script().expect_request().send(busy("Connection: close\r\n")), 2, errc::server_error, 3},
        {"503 none allowed", script().expect_request().send(busy("Connection: close\r\n")), 0, errc::server_error, 1},
        {"503 long Retry-After", script().expect_request().send(busy("Retry-After: 20\r\nConnection: close\r\n")), 2,
         errc::server_error, 1},
        {"500", script().expect_request().send("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}"), 2, errc::server_error,
         1},
        {"404", script().expect_request().send("HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\n{}"), 2, errc::not_found, 1},
        {"401", script().expect_request().send("HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n{}"), 2,
         errc::unauthenticated, 1},
        {"broken HTTP", script().expect_request().send("HTTP/1.1 200 OK\r\nA B\r\n\r\n"), 2, errc::protocol_error, 1},
        {"broken JSON", script().expect_request().send(http_ok("x")), 2, errc::invalid_response, 1},
    };
    for (const repeat& r : cases) {
        CAPTURE(r.name);
        scripted_peer_thread peer;
        peer->add(r.play);
        asio::io_context context;
        flipt::client client(context.get_executor(), settings(peer->url(), r.attempts));
        const outcome out = one_call(client, context);
        CHECK_MESSAGE(out.ec == r.ec, name_of(out.ec));
        CHECK(peer->connections() == r.connections);
        CHECK(out.attempts == static_cast<int>(r.connections));
    }
}

TEST_CASE("a refused connection is tried again, and an answer in the end is an answer")
{
    std::uint16_t port = 0;
    asio::io_context context;
    {
        asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
        port = acceptor.local_endpoint().port();
    }
    flipt::client client(context.get_executor(), settings("http://127.0.0.1:" + std::to_string(port), 2));
    flipt::diagnostics d;
    const outcome out = call(context, client, {.timeout = 2s, .diagnostics = &d});
    CHECK_MESSAGE(out.ec == asio::error::connection_refused, name_of(out.ec));
    CHECK(d.attempts() == 0);

    scripted_peer_thread peer;
    peer->add(
        script().expect_request().send("HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\n{}").expect_request().reset());
    peer->add(script().expect_request().reply(good_json).repeat());
    flipt::client second(context.get_executor(), settings(peer->url(), 2));
    const outcome good = call(context, second, {.timeout = 2s, .diagnostics = &d});
    CHECK_MESSAGE(!good.ec, good.what);
    CHECK(d.attempts() == 3);
    CHECK(d.http_status() == 200);
}

TEST_CASE("a connection that the server closed while it was idle is replaced unseen, also with no repeats allowed")
{
    for (const bool reset : {false, true}) {
        scripted_peer_thread peer;
        // Ends only when the second request has come: the client cannot have noticed before.
        script first = script().expect_request().reply(good_json).expect_request();
        peer->add(reset ? first.reset() : first.close());
        peer->add(script().expect_request().reply(good_json).repeat());
        asio::io_context context;
        flipt::client client(context.get_executor(), settings(peer->url(), 0));
        CHECK(!one_call(client, context).ec);
        flipt::diagnostics d;
        const outcome out = call(context, client, {.timeout = 2s, .retries = 0, .diagnostics = &d});
        CHECK_MESSAGE(!out.ec, out.what);
        CHECK(d.attempts() == 2);
        CHECK(peer->connections() == 2);
    }
}

TEST_CASE("the circuit breaker opens after failures, lets one call through after its pause, and closes with it")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().send("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}").repeat());
    asio::io_context context;
    auto c = settings(peer->url());
    c.circuit.failures = 2;
    c.circuit.pause = 1h;
    flipt::client client(context.get_executor(), c);
    CHECK(one_call(client, context).ec == errc::server_error);
    CHECK(one_call(client, context).ec == errc::server_error);
    CHECK(one_call(client, context).ec == errc::circuit_open);
    CHECK(peer->requests().size() == 2);

    // While the one call is under way no other may go, however many are refused.
    scripted_peer_thread slow;
    slow->add(script().expect_request().close());
    slow->add(script().expect_request().pause(100ms).reply(good_json).repeat());
    c = settings(slow->url());
    c.circuit.failures = 1;
    c.circuit.pause = 1ns;
    flipt::client probing(context.get_executor(), c);
    CHECK(one_call(probing, context).ec == errc::truncated);
    cancellable_call<flipt::client<>> probe(context, probing);
    CHECK(run_until(context, [&] { return slow->requests().size() == 2; }));
    cancellable_call<flipt::client<>> b(context, probing);
    cancellable_call<flipt::client<>> d(context, probing);
    CHECK(run_until(context, [&] { return b.ended && d.ended; }));
    CHECK(b.out.ec == errc::circuit_open);
    CHECK(d.out.ec == errc::circuit_open);
    CHECK(run_until(context, [&] { return probe.ended; }));
    CHECK(!probe.out.ec);
    CHECK(!one_call(probing, context).ec);
}
