// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The body of a reply: chunks, truncation, limits and streams.
#include "unit/protocol/feed.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace flipt_test;
using namespace std::string_literals;

TEST_CASE("chunked bodies")
{
    const auto good = [](std::string_view body, std::string_view decoded) {
        check_good(chunked_head + std::string(body), 200, decoded, true);
    };
    good("0\r\n\r\n", "");
    good("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde");
    good("A\r\n0123456789\r\na\r\nabcdefghij\r\n0000\r\n\r\n", "0123456789abcdefghij");
    good("00000000000000000000000000000003\r\nabc\r\n0\r\n\r\n", "abc");
    good("3;name=value;x=\"y z;\"\r\nabc\r\n0;last\r\n\r\n", "abc");
    good("3 \t ;x\r\nabc\r\n0\r\n\r\n", "abc");
    good("3;\xff\r\nabc\r\n0\r\n\r\n", "abc");
    good("2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    good("1\r\na\r\n0\r\nX-Checksum: 5\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\n\r\n", "a");

    const auto bad = [](std::string_view body, std::string_view detail) {
        check_bad(chunked_head + std::string(body), errc::protocol_error, detail);
    };
    for (const char* line : {"x", "-1", "+3", " 3", "\r\n3", ";x", "", "0x"})
        bad(std::string(line) + "\r\nabc\r\n0\r\n\r\n",
            line == "0x"s ? "a bad byte behind a chunk size" : "a chunk size that is not a hexadecimal number");
    for (const char* line : {"3 ", "3x", "3 3", "3,", "3\t"})
        bad(std::string(line) + "\r\nabc\r\n0\r\n\r\n", "a bad byte behind a chunk size");
    bad("3\nabc\r\n0\r\n\r\n", "a bad byte behind a chunk size");
    bad("10000000000000000\r\n", "a chunk size beyond 64 bits");
    bad("fffffffffffffffff\r\n", "a chunk size beyond 64 bits");
    bad("3\rabc\r\n0\r\n\r\n", "a bare CR in a chunk-size line");
    bad("3;x\ry\r\nabc\r\n0\r\n\r\n", "a bare CR in a chunk-size line");
    bad("3;x\ny\r\nabc\r\n0\r\n\r\n", "a control byte in a chunk extension");
    bad("3;x\0y\r\nabc\r\n0\r\n\r\n"s, "a control byte in a chunk extension");
    bad("3\r\nabcd\r\n0\r\n\r\n", "no CRLF behind the data of a chunk");
    bad("3\r\nabc\n0\r\n\r\n", "no CRLF behind the data of a chunk");
    bad("3\r\nabc0\r\n\r\n", "no CRLF behind the data of a chunk");
    bad("3\r\nabc\r0\r\n\r\n", "no CRLF behind the data of a chunk");
    bad("0\r\nX y: a\r\n\r\n", "a bad byte in the name of a trailer field");
    bad("0\r\nX: a\r\n b\r\n\r\n", "a bad byte in the name of a trailer field");
    bad("0\r\n\nX", "a bad byte in the name of a trailer field");
    bad("0\r\n: a\r\n\r\n", "an empty field name in the trailers");
    bad("0\r\nX: a\nY: b\r\n\r\n", "a control byte in a trailer field");
    bad("0\r\nX: a\0\r\n\r\n"s, "a control byte in a trailer field");
    bad("0\r\nX: a\rb\r\n\r\n", "a bare CR in a trailer field");
    bad("0\r\n\rX", "a bare CR at the end of the trailers");
}

TEST_CASE("truncation at every byte")
{
    const std::vector<std::string> replies = {
        ok("Content-Length: 3\r\n", "abc"),
        chunked_head + "3;x\r\nabc\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n",
    };
    for (const std::string& reply : replies) {
        for (std::size_t n = 0; n != reply.size(); ++n) {
            const std::string_view part = std::string_view(reply).substr(0, n);
            const std::size_t head_end = reply.rfind("\r\n\r\n", reply.find("abc")) + 4;
            const bool in_head = reply.find("abc") == std::string::npos || n < head_end;
            const char* detail = n == 0    ? "the connection ended before a reply"
                                 : in_head ? "the connection ended within the head of the reply"
                                           : "the connection ended within the body of the reply";
            check_bad(part, errc::truncated, detail);
        }
    }
    check_bad(ok("", "to the end"), errc::truncated, "the connection broke while it was to mark the end of the body",
              {}, false);
    check_bad(ok("", ""), errc::truncated, "the connection broke while it was to mark the end of the body", {}, false);
    // A known length that is met needs no clean close.
    CHECK(feed(ok("Content-Length: 1\r\n", "x"), 1, false, {}, false).result == parse_result::complete);
}

TEST_CASE("limits, at the limit and one beyond")
{
    parser_limits limits;
    SUBCASE("head")
    {
        const std::string reply = ok("X: " + std::string(100, 'v') + "\r\nContent-Length: 1\r\n", "x");
        limits.head = reply.size() - 1;
        check_good(reply, 200, "x", true, false, limits);
        --limits.head;
        check_bad(reply, errc::response_too_large, "the head of the reply passed its size limit", limits);
        check_bad("HTTP/1.1 200 " + std::string(70000, 'r'), errc::response_too_large,
                  "the head of the reply passed its size limit");
        check_bad(ok(std::string(70000, 'n'), ""), errc::response_too_large,
                  "the head of the reply passed its size limit");
        limits.head = 5;
        check_bad(reply, errc::response_too_large, "the head of the reply passed its size limit", limits);
    }
    SUBCASE("fields")
    {
        std::string fields = "Content-Length: 1\r\n";
        for (int i = 1; i != 256; ++i)
            fields += "X: y\r\n";
        check_good(ok(fields, "x"), 200, "x", true);
        check_bad(ok(fields + "X: y\r\n", "x"), errc::response_too_large, "the reply has too many header fields");
    }
    SUBCASE("Content-Length, before the body")
    {
        limits.body = 10;
        check_good(ok("Content-Length: 10\r\n", "0123456789"), 200, "0123456789", true, false, limits);
        check_bad(ok("Content-Length: 11\r\n", ""), errc::response_too_large, "Content-Length is over the size limit",
                  limits);
        check_bad(ok("Content-Length: 18446744073709551615\r\n", ""), errc::response_too_large,
                  "Content-Length is over the size limit");
        check_good(ok("Content-Length: 11\r\n", ""), 200, "", true, true, limits);
    }
    SUBCASE("another status, in each framing")
    {
        limits.body = 10;
        limits.other_body = 5;
        const std::string head = "HTTP/1.1 404 Not Found\r\n";
        const char* const passed = "the body passed the size limit";
        check_good(head + "Content-Length: 5\r\n\r\n01234", 404, "01234", true, false, limits);
        check_bad(head + "Content-Length: 6\r\n\r\n", errc::response_too_large, "Content-Length is over the size limit",
                  limits);
        check_good(head + "\r\n01234", 404, "01234", false, false, limits);
        check_bad(head + "\r\n012345", errc::response_too_large, passed, limits);
        const std::string chunks = head + "Transfer-Encoding: chunked\r\n\r\n";
        check_good(chunks + "5\r\n01234\r\n0\r\n\r\n", 404, "01234", true, false, limits);
        check_bad(chunks + "5\r\n01234\r\n1\r\n", errc::response_too_large, passed, limits);
    }
    SUBCASE("a body to the end")
    {
        limits.body = 10;
        check_good(ok("", "0123456789"), 200, "0123456789", false, false, limits);
        check_bad(ok("", "0123456789a"), errc::response_too_large, "the body passed the size limit", limits);
    }
    SUBCASE("chunks")
    {
        limits.body = 10;
        check_good(chunked_head + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", 200, "0123456789", true, false, limits);
        check_bad(chunked_head + "5\r\n01234\r\n6\r\n", errc::response_too_large, "the body passed the size limit",
                  limits);
        check_bad(chunked_head + "ffffffffffffffff\r\n", errc::response_too_large, "the body passed the size limit",
                  limits);
        check_bad(chunked_head + "5\r\n01234\r\nffffffffffffffff\r\n", errc::response_too_large,
                  "the body passed the size limit", limits);
    }
    SUBCASE("chunk lines")
    {
        check_good(chunked_head + "1;" + std::string(4094, 'e') + "\r\nx\r\n0\r\n\r\n", 200, "x", true);
        check_bad(chunked_head + "1;" + std::string(4095, 'e') + "\r\nx\r\n0\r\n\r\n", errc::response_too_large,
                  "a chunk-size line passed its size limit");
        check_good(chunked_head + std::string(4095, '0') + "1\r\nx\r\n0\r\n\r\n", 200, "x", true);
        check_bad(chunked_head + std::string(4096, '0') + "1\r\nx\r\n0\r\n\r\n", errc::response_too_large,
                  "a chunk-size line passed its size limit");
    }
    SUBCASE("chunk framing that outweighs the data")
    {
        std::string body;
        std::string decoded;
        for (int i = 0; i != 20000; ++i) { // the usual worst case is fine
            body += "1\r\nx\r\n";
            decoded += 'x';
        }
        const outcome fine = feed(chunked_head + body + "0\r\n\r\n", 1 << 20, false, {});
        CHECK(fine.result == parse_result::complete);
        CHECK(fine.body == decoded);
        body.clear();
        for (int i = 0; i != 100; ++i)
            body += "1;" + std::string(2000, 'e') + "\r\nx\r\n";
        const outcome refused = feed(chunked_head + body, 1 << 20, false, {});
        CHECK(refused.error == make_error_code(errc::response_too_large));
        CHECK(refused.detail == "chunk framing outweighs the data");
    }
    SUBCASE("trailers")
    {
        limits.trailers = 20;
        const std::string field = "X: " + std::string(13, 'v') + "\r\n";
        check_good(chunked_head + "0\r\n" + field + "\r\n", 200, "", true, false, limits);
        check_bad(chunked_head + "0\r\nY" + field + "\r\n", errc::response_too_large,
                  "the trailer section passed its size limit", limits);
        limits.trailers = 10000;
        limits.fields = 2;
        check_good(chunked_head + "0\r\nA: b\r\nA: b\r\n\r\n", 200, "", true, false, limits);
        check_bad(chunked_head + "0\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", errc::response_too_large,
                  "the reply has too many trailer fields", limits);
    }
}

TEST_CASE("a stream gives its body as it arrives")
{
    parser_limits limits;
    limits.body = 4; // not applied
    const std::string body = "6\r\n{\"a\":1\r\n2;x\r\n}\n\r\n8\r\n{\"b\":2}\n\r\n0\r\nX: y\r\n\r\n";
    const std::string whole = chunked_head + body;
    for (std::size_t piece = 1; piece <= whole.size(); ++piece) {
        response_parser parser;
        parser.reset_streaming(limits);
        std::string buffer;
        std::string got;
        std::size_t at = 0;
        parse_result result = parse_result::need_more;
        while (result == parse_result::need_more) {
            buffer += whole.substr(at, piece);
            at += std::min(piece, whole.size() - at);
            result = parser.parse(buffer.data(), buffer.size());
        }
        INFO("pieces of ", piece, " of ", escaped(whole));
        REQUIRE(result == parse_result::head_done);
        CHECK(parser.status() == 200);
        std::string raw = buffer.substr(parser.body_offset());
        for (;;) {
            const auto part = parser.decode(raw.data(), raw.size());
            REQUIRE_FALSE(part.failed);
            got += raw.substr(part.offset, part.size);
            CHECK(part.consumed == raw.size());
            if (part.done)
                break;
            REQUIRE(at < whole.size());
            raw = whole.substr(at, piece);
            at += raw.size();
        }
        CHECK(got == "{\"a\":1}\n{\"b\":2}\n");
        CHECK(at == whole.size());
        CHECK(parser.reusable());
    }
}

TEST_CASE("a stream that ends wrong, or was an error after all")
{
    const auto start = [](response_parser& parser, std::string& reply) {
        parser.reset_streaming({});
        REQUIRE(parser.parse(reply.data(), reply.size()) == parse_result::head_done);
    };
    response_parser parser;
    SUBCASE("broken off")
    {
        std::string reply = chunked_head + "5\r\nab";
        start(parser, reply);
        const auto part = parser.decode(reply.data() + parser.body_offset(), 5);
        CHECK(part.size == 2);
        CHECK(parser.finish(true) == parse_result::failed);
        CHECK(parser.error() == make_error_code(errc::truncated));
    }
    SUBCASE("a bad chunk")
    {
        std::string reply = chunked_head + "zz";
        start(parser, reply);
        CHECK(parser.decode(reply.data() + parser.body_offset(), 2).failed);
        CHECK(parser.error() == make_error_code(errc::protocol_error));
        CHECK(parser.decode(reply.data(), 1).failed);
    }
    SUBCASE("to the end of the connection")
    {
        std::string reply = ok("", "abc");
        start(parser, reply);
        const auto part = parser.decode(reply.data() + parser.body_offset(), 3);
        CHECK(part.size == 3);
        CHECK_FALSE(part.done);
        CHECK(parser.finish(true) == parse_result::complete);
        CHECK_FALSE(parser.reusable());
    }
    SUBCASE("an error's body is collected")
    {
        std::string reply = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\n{\"code\": 16}";
        start(parser, reply);
        CHECK(parser.status() == 401);
        parser.collect();
        CHECK(parser.parse(reply.data(), reply.size()) == parse_result::complete);
        CHECK(parser.body(reply.data()) == "{\"code\": 16}");
        CHECK(parser.reusable());
    }
    SUBCASE("bytes behind the end")
    {
        std::string reply = ok("Content-Length: 1\r\n", "xy");
        start(parser, reply);
        const auto part = parser.decode(reply.data() + parser.body_offset(), 2);
        CHECK(part.done);
        CHECK(part.consumed == 1);
        CHECK_FALSE(parser.reusable());
    }
    SUBCASE("no body at all")
    {
        std::string reply = "HTTP/1.1 304 x\r\n\r\n";
        start(parser, reply);
        CHECK(parser.decode(reply.data(), 0).done);
        CHECK(parser.reusable());
    }
}
