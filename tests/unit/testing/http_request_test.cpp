// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The request parser of the embedded server.
#include "flipt/testing/http_request.hpp"

#include <doctest/doctest.h>

using flipt::testing::http_request_parser;
using state = flipt::testing::http_request_parser::state;

TEST_CASE("a request in one piece and byte by byte is the same")
{
    const std::string bytes =
        "POST /a%20b?x=1&y=%32 HTTP/1.1\r\nHost: h\r\nX-One:  two \r\ncontent-LENGTH: 5\r\n\r\nhello";
    for (const std::size_t size : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
        http_request_parser parser;
        state s = state::needs_more;
        for (std::size_t i = 0; i < bytes.size(); i += size) {
            CHECK(s == state::needs_more);
            s = parser.feed(std::string_view(bytes).substr(i, size));
        }
        REQUIRE(s == state::complete);
        const auto request = parser.take();
        CHECK(parser.taken_bytes() == bytes);
        CHECK(parser.buffered() == 0);
        CHECK(request.method == "POST");
        CHECK(request.path() == "/a%20b");
        CHECK(request.query() == "x=1&y=%32");
        CHECK(request.header("x-one") == "two");
        CHECK(request.header("none") == "");
        CHECK(request.body == "hello");
        CHECK(request.keep_alive);
        CHECK(flipt::testing::query_value(request.query(), "y") == "2");
        CHECK(flipt::testing::percent_decode(request.path()) == "/a b");
    }
}

TEST_CASE("pipelined requests come out one after the other")
{
    http_request_parser parser;
    CHECK(parser.feed("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.0\r\n\r\nGET /3") == state::complete);
    CHECK(parser.take().target == "/1");
    CHECK(parser.poll() == state::complete);
    const auto second = parser.take();
    CHECK(second.target == "/2");
    CHECK(second.http_1_0);
    CHECK_FALSE(second.keep_alive);
    CHECK(parser.poll() == state::needs_more);
}

TEST_CASE("Connection decides whether it goes on")
{
    http_request_parser parser;
    REQUIRE(parser.feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n\r\n") == state::complete);
    CHECK_FALSE(parser.take().keep_alive);
}

TEST_CASE("what is no request is refused")
{
    for (const char* bytes :
         {"GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "GET / x HTTP/1.1\r\nHost: h\r\n\r\n",
          "G(T / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\n folded: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
        CAPTURE(bytes);
        http_request_parser parser;
        CHECK(parser.feed(bytes) == state::bad);
        CHECK(parser.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n") == state::bad);
    }
}

TEST_CASE("limits hold as the bytes arrive")
{
    http_request_parser head(100);
    CHECK(head.feed("GET / HTTP/1.1\r\n") == state::needs_more);
    CHECK(head.feed(std::string(200, 'a')) == state::bad);
    CHECK(head.bad_status() == 431);
    http_request_parser body(1000, 10);
    CHECK(body.feed("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n") == state::bad);
    CHECK(body.bad_status() == 413);
    http_request_parser exact(1000, 10);
    CHECK(exact.feed("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123456789") == state::complete);
}

TEST_CASE("100-continue is asked for once")
{
    http_request_parser parser;
    CHECK(parser.feed("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n") ==
          state::needs_more);
    CHECK(parser.wants_continue());
    parser.continued();
    CHECK_FALSE(parser.wants_continue());
    CHECK(parser.feed("x") == state::complete);
}

TEST_CASE("percent-decoding leaves broken escapes alone")
{
    using flipt::testing::percent_decode;
    CHECK(percent_decode("%41%2f%zz%4") == "A/%zz%4");
    CHECK(percent_decode("a+b", true) == "a b");
    CHECK(percent_decode("a+b") == "a+b");
    CHECK(flipt::testing::query_value("a=1&b=&c&a=2", "a") == "1");
    CHECK(flipt::testing::query_value("a=1&b=&c", "c") == "");
    CHECK(flipt::testing::query_value("", "c") == "");
}
