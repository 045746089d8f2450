// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The scripted peer plays what it was told, and keeps what it heard.
#include "flipt/testing/scripted_peer.hpp"

#include "loopback.hpp"

#include <doctest/doctest.h>

using namespace flipt::testing;
using namespace std::chrono_literals;

TEST_CASE("each connection has its script, and requests are kept exactly")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply("{}").expect_request().reply("[1]"));
    peer->add(script().expect_request().send_each_byte("HTTP/1.1 204 No Content\r\n\r\n").close());
    test::connection one(peer->port());
    const auto request = test::connection::request("POST", "/x", "A:  b \r\n", "body");
    one.send(request + request); // pipelined
    CHECK(one.read_reply().body == "{}");
    CHECK(one.read_reply().body == "[1]");
    CHECK_FALSE(one.read_more());
    CHECK(one.error == asio::error::eof);
    for (int i = 0; i < 2; ++i) { // the last script again
        test::connection two(peer->port());
        two.send(test::connection::request("GET", "/y", "", ""));
        CHECK(two.read_all() == "HTTP/1.1 204 No Content\r\n\r\n");
    }
    CHECK(peer->wait_finished(3));
    CHECK(peer->connections() == 3);
    const auto requests = peer->requests();
    REQUIRE(requests.size() == 4);
    CHECK(requests[0] == request);
    CHECK(requests[1] == request);
    CHECK(peer->received(0) == request + request);
    CHECK(peer->received(9) == "");
}

TEST_CASE("the ends: reset, half-close, hold, and bytes counted")
{
    scripted_peer_thread peer;
    peer->add(script().expect_bytes(3).send("early").reset());
    peer->add(script().send("x").half_close().expect_close());
    peer->add(script().pause(5ms).send_pieces("abcdef", 2, 1ms).hold());
    test::connection a(peer->port());
    a.send("12345");
    (void)a.read_all();
    CHECK(a.error == asio::error::connection_reset);
    test::connection b(peer->port());
    CHECK(b.read_all() == "x");
    CHECK(b.error == asio::error::eof);
    b.send("still read");
    b.socket().shutdown(asio::ip::tcp::socket::shutdown_send);
    CHECK(peer->wait_finished(2));
    CHECK(peer->received(1) == "still read");
    test::connection c(peer->port());
    CHECK(c.read_until("abcdef"));
    CHECK(peer->finished() == 2);
    c.socket().close();
    CHECK(peer->wait_finished(3));
}

TEST_CASE("repeat goes on until the peer leaves, and no script at all is silence")
{
    scripted_peer_thread peer;
    {
        test::connection silent(peer->port());
        silent.send("anything");
    }
    CHECK(peer->wait_finished(1));
    peer->add(script().expect_request().reply("{}").repeat());
    peer->add(script().expect_request().reply("{}").repeat());
    {
        test::connection c(peer->port());
        for (int i = 0; i < 20; ++i)
            CHECK(c.ask("GET", "/").body == "{}");
    }
    CHECK(peer->wait_finished(2));
    CHECK(peer->requests().size() == 20);
}

TEST_CASE("over TLS a close is without close_notify and finish is with it")
{
    const certificate_authority ca;
    scripted_peer_thread peer{tls_settings(ca.issue_localhost())};
    peer->add(script().expect_request().send("cut").close());
    peer->add(script().expect_request().send("whole").finish());
    asio::ssl::context context(asio::ssl::context::tls_client);
    test::connection cut(peer->port(), context);
    cut.send(test::connection::request("GET", "/", "", ""));
    CHECK(cut.read_all() == "cut");
    CHECK(cut.error == asio::ssl::error::stream_truncated);
    test::connection whole(peer->port(), context);
    whole.send(test::connection::request("GET", "/", "", ""));
    CHECK(whole.read_all() == "whole");
    CHECK(whole.error == asio::error::eof);
    CHECK(peer->url("localhost").find("https://localhost:") == 0);
}
