// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The embedded server's connections: keep-alive, faults, streams, and what it says it saw.
#include "flipt/testing/server.hpp"

#include "loopback.hpp"

#include <doctest/doctest.h>

#include <atomic>

using namespace flipt::testing;
using namespace std::chrono_literals;

namespace {

constexpr const char* boolean_route = "/evaluate/v1/boolean";
constexpr const char* body = R"({"flagKey":"f","entityId":"e","requestId":"r"})";

/// Everything that comes back for one request on a connection of its own, until the server ends it.
std::string all_after_one_request(server& s, asio::error_code* how = nullptr)
{
    test::connection c(s.port());
    c.send(test::connection::request("POST", boolean_route, "Connection: close\r\n", body));
    const auto bytes = c.read_all();
    if (how != nullptr)
        *how = c.error;
    return bytes;
}

server_options quick_idle()
{
    server_options o;
    o.idle_timeout = 30ms;
    return o;
}

} // namespace

TEST_CASE("one connection carries many requests, and pipelined ones are answered in order")
{
    server_thread s;
    s->set_boolean("f", any_entity, true);
    test::connection c(s->port());
    for (int i = 0; i < 5; ++i)
        CHECK(c.ask("POST", boolean_route, "", body).status == 200);
    c.send(test::connection::request("GET", "/health", "", "") + test::connection::request("GET", "/nope", "", ""));
    CHECK(c.read_reply().status == 200);
    CHECK(c.read_reply().status == 404);
    const auto seen = s->observe();
    CHECK(seen.requests == 7);
    CHECK(seen.connections == 1);
    CHECK(seen.open_connections == 1);
    REQUIRE(seen.each.size() == 1);
    CHECK(seen.each[0].requests == 7);
    const auto recorded = s->requests();
    REQUIRE(recorded.size() == 7);
    CHECK(recorded[0].method == "POST");
    CHECK(recorded[0].target == boolean_route);
    CHECK(recorded[0].body == body);
    CHECK(s->last_request().target == "/nope");
    CHECK(c.ask("GET", "/health", "Connection: close\r\n").header("Connection") == "close");
    CHECK_FALSE(c.read_more());
    CHECK(c.error == asio::error::eof);
    CHECK(s->wait_until([](const observations& o) { return o.open_connections == 0; }));
}

TEST_CASE("connections are counted: current, peak and all")
{
    server_thread s;
    {
        test::connection a(s->port());
        test::connection b(s->port());
        CHECK(s->wait_until([](const observations& o) { return o.open_connections == 2; }));
    }
    CHECK(s->wait_until([](const observations& o) { return o.open_connections == 0; }));
    test::connection c(s->port());
    CHECK(s->wait_until([](const observations& o) { return o.connections == 3 && o.peak_connections == 2; }));
}

TEST_CASE("an idle connection is closed after its time, and at once by close_idle")
{
    server_thread s(quick_idle());
    test::connection c(s->port());
    CHECK(c.ask("GET", "/health").status == 200);
    CHECK_FALSE(c.read_more());
    CHECK(c.error == asio::error::eof);

    server_thread patient;
    test::connection d(patient->port());
    CHECK(d.ask("GET", "/health").status == 200);
    patient->close_idle();
    CHECK_FALSE(d.read_more());
    CHECK(d.error == asio::error::eof);
}

TEST_CASE("what is no HTTP gets 400 and the end of the connection")
{
    server_thread s;
    test::connection c(s->port());
    c.send("nonsense\r\n\r\n");
    const auto all = c.read_all();
    CAPTURE(all);
    CHECK(all.find("HTTP/1.1 400 Bad Request\r\n") == 0);
    CHECK(s->request_count() == 0);
}

TEST_CASE("100-continue is answered before the body")
{
    server_thread s;
    test::connection c(s->port());
    c.send("POST /evaluate/v1/boolean HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(c.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
    c.data.clear();
    c.send("{}");
    CHECK(c.read_reply().status == 404);
}

TEST_CASE("faults that replace the reply")
{
    server_thread s;
    s->set_boolean("f", any_entity, true);
    test::connection c(s->port());
    s->add(fault().status(503, "{\"busy\":true}").header("Retry-After", "1").times(2));
    for (int i = 0; i < 2; ++i) {
        const auto got = c.ask("POST", boolean_route, "", body);
        CHECK(got.status == 503);
        CHECK(got.header("Retry-After") == "1");
        CHECK(got.body == "{\"busy\":true}");
    }
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);

    s->add(fault().on("/meta").status(500));
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);
    CHECK(c.ask("GET", "/meta/info").status == 500);
    CHECK(c.ask("GET", "/meta/info").status == 200);

    s->add(fault().raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
    CHECK(c.ask("POST", boolean_route, "", body).body == "hi");
    s->add(fault().extra("HTTP/1.1 200 OK\r\n"));
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);
    CHECK(c.read_until("HTTP/1.1 200 OK\r\n"));
    CHECK(c.data == "HTTP/1.1 200 OK\r\n");

    s->add(fault().times(0).status(500));
    test::connection d(s->port());
    for (int i = 0; i < 3; ++i)
        CHECK(d.ask("GET", "/health").status == 500);
    s->clear_faults();
    CHECK(d.ask("GET", "/health").status == 200);
}

TEST_CASE("faults that cut the reply, and how the connection ends")
{
    server_thread s;
    s->set_boolean("f", any_entity, true);
    const auto whole = all_after_one_request(*s);
    const auto head = whole.find("\r\n\r\n") + 4;
    asio::error_code how;

    s->add(fault().close());
    CHECK(all_after_one_request(*s, &how) == "");
    CHECK(how == asio::error::eof);
    s->add(fault().reset());
    CHECK(all_after_one_request(*s, &how) == "");
    CHECK(how == asio::error::connection_reset);
    s->add(fault().mid_head());
    CHECK(all_after_one_request(*s, &how).size() == head / 2);
    CHECK(how == asio::error::eof);
    s->add(fault().mid_body().half_close());
    const auto half = all_after_one_request(*s, &how);
    CHECK(half.size() > head);
    CHECK(half.size() < whole.size());
    CHECK(how == asio::error::eof);
    s->add(fault().after(1).close());
    CHECK(all_after_one_request(*s, &how) == "H");
    s->add(fault().after(1'000'000).close());
    CHECK(all_after_one_request(*s, &how).size() > head);
    s->add(fault().after_reply().close());
    CHECK(all_after_one_request(*s, &how).size() > head);

    s->reject_connections(1);
    test::connection rejected(s->port());
    CHECK_FALSE(rejected.read_more());
    CHECK(rejected.error == asio::error::connection_reset);
    CHECK(all_after_one_request(*s).find("HTTP/1.1 200 OK") == 0);
}

TEST_CASE("faults in time: late, in pieces, and never")
{
    server_thread s;
    s->set_boolean("f", any_entity, true);
    test::connection c(s->port());
    s->add(fault().delay(40ms));
    const auto began = std::chrono::steady_clock::now();
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);
    CHECK(std::chrono::steady_clock::now() - began >= 40ms);
    s->add(fault().pieces(1));
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);
    s->add(fault().pieces(100, 1ms));
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);
    s->add(fault().split_at(5).split_at(60));
    CHECK(c.ask("POST", boolean_route, "", body).status == 200);

    s->add(fault().no_answer());
    c.send(test::connection::request("POST", boolean_route, "", body));
    CHECK(s->wait_until([](const observations& o) { return o.requests == 5; }));
    s->stop(); // ends the one that waits too
    CHECK(c.read_all() == "");
}

TEST_CASE("a fault knows where its pieces end")
{
    const fault f = fault().pieces(10).split_at(3).split_at(25);
    CHECK(f.piece_end(0, 30) == 3);
    CHECK(f.piece_end(3, 30) == 13);
    CHECK(f.piece_end(13, 30) == 23);
    CHECK(f.piece_end(23, 30) == 25);
    CHECK(f.piece_end(25, 30) == 30);
    CHECK(fault().cut(10, 20) == 20);
    CHECK(fault().mid_head().cut(10, 20) == 5);
    CHECK(fault().mid_body().cut(10, 20) == 15);
    CHECK(fault().after(7).cut(10, 20) == 7);
}

TEST_CASE("the v2 stream: silence until there is something, then each change once")
{
    server_thread s;
    s->load("default", R"({"namespace":{"key":"default"}, "flags":[]})");
    test::connection c(s->port());
    const auto open = [](test::connection& on, const std::string& query, const char* headers = "") {
        on.send(test::connection::request("GET", "/client/v2/environments/default/namespaces/default/stream" + query,
                                          headers, ""));
    };
    const auto first = s->digest();
    open(c, "?digest=" + first);
    CHECK(s->wait_until([](const observations& o) { return o.open_streams == 1; }));
    s->update("default", R"({"namespace":{"key":"default"}, "flags":[{"key":"a"}]})");
    const auto second = s->digest();
    REQUIRE(c.read_until("}\n\r\n"));
    CHECK(c.data.find("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n") == 0);
    CHECK(c.data.find("\r\n{\"result\":{\"namespace\":{\"key\":\"default\"},\"flags\":[{\"key\":\"a\"}],\"digest\":\"" +
                      second + "\"}}\n\r\n") != std::string::npos);
    c.data.clear();
    s->update("default", R"({"namespace":{"key":"default"}, "flags":[{"key":"b"}]})");
    REQUIRE(c.read_until("}\n\r\n"));
    CHECK(c.data.find("\"flags\":[{\"key\":\"b\"}]") != std::string::npos);

    test::connection events(s->port());
    open(events, "", "Accept: text/event-stream\r\n");
    REQUIRE(events.read_until("\n\n\r\n"));
    CHECK(events.data.find("id: " + s->digest().substr(0, 9) + "\ndata: {\"etag\":\"" + s->digest() +
                           "\",\"type\":\"refetchEvaluation\"}\n\n") != std::string::npos);

    test::connection bad(s->port());
    open(bad, "?digest=abc");
    const auto refused = bad.read_reply();
    CHECK(refused.status == 400);
    CHECK(refused.body == "{\"error\":{\"code\":3,\"message\":\"invalid field digest: must be a 40-character "
                          "string\",\"details\":[]}}\n");

    c.socket().close(); // the server notices
    CHECK(s->wait_until([](const observations& o) { return o.open_streams == 1; }));
    s->close_streams();
    events.data.clear();
    CHECK(events.read_all() == "");
    CHECK(s->wait_until([](const observations& o) { return o.open_streams == 0; }));
}

TEST_CASE("a flag set in code changes the snapshot and wakes the stream")
{
    server_thread s;
    test::connection c(s->port());
    const auto before = s->digest();
    c.send(test::connection::request(
        "GET", "/client/v2/environments/default/namespaces/default/stream?digest=" + before, "", ""));
    CHECK(s->wait_until([](const observations& o) { return o.open_streams == 1; }));
    s->set_boolean("f", any_entity, true);
    REQUIRE(c.read_until("}\n\r\n"));
    CHECK(c.data.find("\"key\":\"f\"") != std::string::npos);
    CHECK(s->digest() != before);
}

TEST_CASE("a stream without authentication is refused in a chunk of its own")
{
    server_options o;
    o.auth.client_tokens = {"t"};
    server_thread s(o);
    test::connection c(s->port());
    const auto got = c.ask("GET", "/client/v2/environments/default/namespaces/default/stream");
    CHECK(got.status == 401);
    CHECK(got.header("Transfer-Encoding") == "chunked");
    CHECK(got.header("Www-Authenticate") == "");
    CHECK(got.body == "{\"error\":{\"code\":16,\"message\":\"request was not authenticated\",\"details\":[]}}\n");
}

TEST_CASE("it listens on ::1 too")
{
    server_options o;
    o.address = "::1";
    std::unique_ptr<server_thread> s;
    try {
        s = std::make_unique<server_thread>(o);
    } catch (const std::system_error&) {
        MESSAGE("no IPv6 here");
        return;
    }
    CHECK((*s)->url() == "http://[::1]:" + std::to_string((*s)->port()));
    test::connection c((*s)->port(), "::1");
    CHECK(c.ask("GET", "/health").status == 200);
}

TEST_CASE("it runs on a context of many threads, and stops with calls in flight")
{
    asio::io_context context;
    std::atomic<int> answered = 0;
    {
        server s(context.get_executor());
        s.set_boolean("f", any_entity, true);
        std::vector<std::thread> workers;
        for (int i = 0; i < 3; ++i)
            workers.emplace_back([&] { context.run(); });
        std::vector<std::thread> clients;
        for (int i = 0; i < 4; ++i)
            clients.emplace_back([&] {
                test::connection c(s.port());
                for (int n = 0; n < 50; ++n)
                    answered += c.ask("POST", boolean_route, "", body).status == 200 ? 1 : 0;
            });
        for (int n = 0; n < 50; ++n)
            s.set_boolean("g" + std::to_string(n), any_entity, true);
        for (auto& t : clients)
            t.join();
        s.add(fault().no_answer());
        test::connection hanging(s.port());
        hanging.send(test::connection::request("POST", boolean_route, "", body));
        CHECK(s.wait_until([](const observations& o) { return o.requests == 201; }));
        s.stop();
        s.stop();
        for (auto& t : workers)
            t.join(); // nothing is left to do
        CHECK(hanging.read_all() == "");
    }
    CHECK(answered == 200);
}

TEST_CASE("a server may be destroyed before its context runs, and a context with its connections waiting")
{
    {
        asio::io_context context;
        {
            server s(context.get_executor());
        }
        context.run();
    }
    asio::io_context context;
    server s(context.get_executor());
    test::connection c(s.port());
    c.send("GET ");
    context.run_for(20ms);
}
