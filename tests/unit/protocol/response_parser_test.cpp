// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every framing rule and limit of a reply, each case whole, byte by byte, and cut down on the way.
#include "flipt/protocol/response_parser.hpp"

#include "unit/protocol/escaped.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

using namespace flipt::detail;
using namespace std::string_literals;
using flipt::errc;
using flipt_test::escaped;

namespace {

struct outcome {
    outcome() = default;

    parse_result result = parse_result::need_more;
    std::error_code error;
    std::string detail;
    int status = 0;
    std::string body;
    std::size_t consumed = 0;
    bool reusable = false;
};

// Feeds `piece` bytes at a time, each time from memory of exactly that size.
outcome feed(std::string_view reply, std::size_t piece, bool head, const parser_limits& limits, bool clean = true,
             bool cut = false)
{
    response_parser parser;
    parser.reset(head, limits);
    outcome out;
    std::string kept;
    std::unique_ptr<char[]> exact(new char[0]);
    for (std::size_t at = 0; at < reply.size() && out.result == parse_result::need_more;) {
        const std::size_t n = std::min(piece, reply.size() - at);
        kept.append(reply.substr(at, n));
        at += n;
        exact.reset(new char[kept.size()]);
        std::memcpy(exact.get(), kept.data(), kept.size());
        out.result = parser.parse(exact.get(), kept.size());
        kept.assign(exact.get(), kept.size());
        if (cut)
            kept.resize(parser.retain(kept.size()));
    }
    CHECK(parser.started() == !reply.empty());
    if (out.result == parse_result::need_more)
        out.result = parser.finish(clean);
    out.error = parser.error();
    out.detail = parser.detail();
    if (out.result == parse_result::complete) {
        out.status = parser.status();
        out.body = parser.body(exact.get());
        out.consumed = parser.consumed();
        out.reusable = parser.reusable();
    }
    return out;
}

void check_good(std::string_view reply, int status, std::string_view body, bool reusable, bool head = false,
                const parser_limits& limits = {}, std::size_t extra = 0)
{
    for (const std::size_t piece : {reply.size(), std::size_t{1}, std::size_t{7}}) {
        const outcome got = feed(reply, piece, head, limits);
        INFO("reply: ", escaped(reply), " in pieces of ", piece, ": ", got.detail);
        CHECK(got.result == parse_result::complete);
        CHECK(!got.error);
        CHECK(got.status == status);
        CHECK(escaped(got.body) == escaped(body));
        CHECK(got.consumed == reply.size() - extra);
        if (piece == reply.size())
            CHECK(got.reusable == reusable);
        const outcome cut = feed(reply, piece, head, limits, true, true);
        CHECK(cut.result == parse_result::complete);
        CHECK(escaped(cut.body) == escaped(body));
    }
}

void check_bad(std::string_view reply, errc code, std::string_view detail, const parser_limits& limits = {},
               bool clean = true)
{
    for (const std::size_t piece : {reply.size() + 1, std::size_t{1}, std::size_t{7}}) {
        const outcome got = feed(reply, piece, false, limits, clean);
        INFO("reply: ", escaped(reply), " in pieces of ", piece);
        CHECK(got.result == parse_result::failed);
        CHECK(got.error == make_error_code(code));
        CHECK(got.detail == detail);
    }
}

std::string ok(std::string_view fields, std::string_view rest)
{
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(rest);
}

const std::string chunked_head = ok("Transfer-Encoding: chunked\r\n", "");

} // namespace

TEST_CASE("a reply of Flipt's")
{
    const std::string reply = ok("Content-Type: application/json\r\nEtag: \"abc\"\r\nRetry-After:\t3 \r\n"
                                 "Date: Tue, 24 Nov 2026 15:25:03 GMT\r\nContent-Length: 13\r\n",
                                 "{\"flags\": []}");
    check_good(reply, 200, "{\"flags\": []}", true);
    std::string buffer = reply;
    response_parser parser;
    parser.reset(false, {});
    const std::size_t head = reply.find("\r\n\r\n") + 4;
    CHECK(parser.parse(buffer.data(), head) == parse_result::need_more);
    CHECK(parser.expected_size() == reply.size());
    CHECK(parser.parse(buffer.data(), buffer.size()) == parse_result::complete);
    CHECK(parser.content_type(buffer.data()) == "application/json");
    CHECK(parser.etag(buffer.data()) == "\"abc\"");
    CHECK(parser.retry_after(buffer.data()) == "3");
    CHECK(parser.body_offset() == head);
    parser.reset(false, {});
    CHECK_FALSE(parser.started());
    CHECK(parser.status() == 0);
    CHECK(parser.etag(buffer.data()).empty());
}

TEST_CASE("what is tolerated, because nobody can misread it")
{
    check_good("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", 200, "x", true);
    check_good("HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx", 200, "x", true);
    check_good("HTTP/1.1 200 caf\xe9 \t!\r\nContent-Length: 0\r\n\r\n", 200, "", true);
    check_good(ok("X: caf\xc3\xa9\xff\r\nCONTENT-length:1\r\n", "x"), 200, "x", true);
    check_good(ok("Content-Length:  \t 00000000000000000000000003 \t\r\n", "abc"), 200, "abc", true);
    check_good(ok("X:\r\nY: \t \r\n!#$%&'*+-.^_`|~09azAZ: v\r\ncontent-length: 0\r\n", ""), 200, "", true);
    check_good(ok("transfer-ENCODING: \tCHUNKED\r\n", "0\r\n\r\n"), 200, "", true);
    check_good(ok("Content-Encoding: Identity\r\nContent-Encoding:\r\nContent-Length: 1\r\n", "x"), 200, "x", true);
    check_good("HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", 599, "", true);
    // A long value with HTAB and obs-text at every place of a block of sixteen.
    for (std::size_t n = 0; n != 40; ++n)
        check_good(ok("X: " + std::string(n, 'v') + "\t\xff" + std::string(n, 'w') + "\r\nContent-Length: 2\r\n", "ok"),
                   200, "ok", true);
}

TEST_CASE("keep-alive")
{
    check_good("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false);
    check_good("HTTP/1.0 200 OK\r\nConnection: x , Keep-Alive\r\nContent-Length: 1\r\n\r\nx", 200, "x", true);
    check_good("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 1\r\n\r\nx", 200, "x", false);
    check_good(ok("Connection: foo\r\nConnection: ,\tCLOSE ,\r\nContent-Length: 1\r\n", "x"), 200, "x", false);
    check_good(ok("Connection: closed\r\nContent-Length: 1\r\n", "x"), 200, "x", true);
    check_good(ok("", "to the end"), 200, "to the end", false);
    check_good("HTTP/1.0 200\r\nConnection: keep-alive\r\n\r\nto the end", 200, "to the end", false);
    check_good(ok("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"), 200, "x", false);
    check_good(ok("Content-Length: 1\r\n", "x\r\n"), 200, "x", false, false, {}, 2);
    check_good(ok("Content-Length: 1\r\n", "xHTTP/1.1 200 OK\r\n\r\n"), 200, "x", false, false, {}, 19);
    check_good(ok("Transfer-Encoding: chunked\r\n", "0\r\n\r\n\r\n"), 200, "", false, false, {}, 2);
    check_good(ok("Content-Length: 0\r\n", "y"), 200, "", false, false, {}, 1);
}

TEST_CASE("replies without a body")
{
    check_good("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true);
    check_good("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, "", true);
    check_good("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", 204, "", false);
    check_good("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", 204, "", false);
    check_good("HTTP/1.1 304 Not Modified\r\nContent-Length: 300\r\n\r\n", 304, "", true);
    check_good("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, "", true);
    check_good(ok("Content-Length: 300\r\n", ""), 200, "", true, true);
    check_good(ok("Transfer-Encoding: chunked\r\n", ""), 200, "", true, true);
    check_good(ok("", ""), 200, "", true, true);
    check_good("HTTP/1.1 204 No Content\r\n\r\nz", 204, "", false, false, {}, 1);
}

TEST_CASE("1xx replies")
{
    check_good("HTTP/1.1 100 Continue\r\n\r\n" + ok("Content-Length: 1\r\n", "x"), 200, "x", true);
    check_good(
        "HTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\nHTTP/1.1 100\r\n\r\n" +
            ok("Content-Length: 1\r\n", "x"),
        200, "x", true);
    check_bad("HTTP/1.1 100 Continue\r\nContent-Length: 1\r\n\r\nx", errc::protocol_error,
              "a 1xx reply that announces a body");
    check_bad("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n", errc::protocol_error,
              "a 1xx reply that announces a body");
    check_bad("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", errc::protocol_error,
              "101 Switching Protocols, which was not asked for");
    std::string many;
    for (int i = 0; i != 16; ++i)
        many += "HTTP/1.1 102 Processing\r\n\r\n";
    check_good(many + ok("Content-Length: 0\r\n", ""), 200, "", true);
    check_bad(many + "HTTP/1.1 102 Processing\r\n\r\n" + ok("Content-Length: 0\r\n", ""), errc::response_too_large,
              "too many 1xx replies");
    check_bad(many, errc::truncated, "the connection ended within the head of the reply");
}

TEST_CASE("broken status lines")
{
    const auto bad = [](std::string_view line, std::string_view detail) {
        check_bad(std::string(line) + "\r\nContent-Length: 0\r\n\r\n", errc::protocol_error, detail);
    };
    for (const char* line : {"SSH-2.0-OpenSSH", "\x15\x03\x01", "http/1.1 200 OK", "\r\nHTTP/1.1 200 OK",
                             " HTTP/1.1 200 OK", "HTTP/2.0 200 OK", "ICY 200 OK", "HTTP/11 200 OK"})
        bad(line, "the reply does not start with HTTP/1.");
    for (const char* line : {"HTTP/1.2 200 OK", "HTTP/1.10 200 OK", "HTTP/1.1\t200 OK", "HTTP/1. 200 OK"})
        bad(line, "bad HTTP version in the status line");
    for (const char* line : {"HTTP/1.1 20 OK", "HTTP/1.1  200 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 2x0 OK",
                             "HTTP/1.1 +20 OK", "HTTP/1.1 -20 OK", "HTTP/1.1 200OK", "HTTP/1.1 200\tOK"})
        bad(line, "the status code is not three digits");
    for (const char* line : {"HTTP/1.1 099 x", "HTTP/1.1 000 x", "HTTP/1.1 600 x", "HTTP/1.1 999 x"})
        bad(line, "the status code is not between 100 and 599");
    bad("HTTP/1.1 200 O\x01K", "a control byte in the status line");
    bad("HTTP/1.1 200 O\0K"s, "a control byte in the status line");
    bad("HTTP/1.1 200 O\x7fK", "a control byte in the status line");
    bad("HTTP/1.1 200 O\rK", "a bare CR in the status line");
    bad("HTTP/1.1 200 OK\r", "a bare CR in the status line");
    check_bad("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", errc::protocol_error,
              "the status line ends in LF without CR");
}

TEST_CASE("broken header fields")
{
    const auto bad = [](std::string_view fields, std::string_view detail) {
        check_bad(ok(fields, "body"), errc::protocol_error, detail);
    };
    bad("X : a\r\n", "white space before the colon of a field");
    bad("Content-Length : 4\r\n", "white space before the colon of a field");
    bad("Transfer-Encoding\t: chunked\r\n", "white space before the colon of a field");
    bad("X: a\r\n b\r\n", "a folded header line, or white space before a field name");
    bad("X: a\r\n\tb\r\n", "a folded header line, or white space before a field name");
    bad(" X: a\r\n", "a folded header line, or white space before a field name");
    bad(": a\r\n", "an empty field name");
    for (const std::string& name : {"X(Y"s, "X\0Y"s, "X\x80"s, "X@Y"s, "X/Y"s, "X\"Y"s, "no colon"s.substr(0, 2) + "{"})
        bad(name + ": a\r\n", "a bad byte in a field name");
    bad("no-colon\r\n", "a bad byte in a field name");
    bad("no-colon\n", "a bad byte in a field name");
    // With the case bit set CR is '-': it must not be.
    bad("Content\rLength: 4\r\n", "a bad byte in a field name");
    bad("Transfer\rEncoding: chunked\r\n", "a bad byte in a field name");
    bad("X: a\nY: b\r\n", "a header line ends in LF without CR");
    bad("X: a\rb\r\n", "a bare CR in a field value");
    bad("X: a\r\r\n", "a bare CR in a field value");
    bad("X: a\0b\r\n"s, "a control byte in a field value");
    bad("X: a\x1f\r\n", "a control byte in a field value");
    bad("X: a\x7f\r\n", "a control byte in a field value");
    check_bad("HTTP/1.1 200 OK\r\nX: a\r\n\rb", errc::protocol_error, "a bare CR at the end of the head");
    check_bad("HTTP/1.1 200 OK\r\nX: a\r\n\nb", errc::protocol_error, "a bad byte in a field name");
    for (std::size_t n = 0; n != 40; ++n) // at every place of a block of sixteen
        bad("X: " + std::string(n, 'v') + "\x01" + std::string(40, 'w') + "\r\n", "a control byte in a field value");
}

TEST_CASE("broken framing fields")
{
    const auto bad = [](std::string_view fields, std::string_view detail) {
        check_bad(ok(fields, "0\r\n\r\n"), errc::protocol_error, detail);
    };
    for (const char* value : {"-1", "+5", "0x5", "5a", "5 5", "5,5", "5, 5", "1e1", "5.0", "\xb2", "5;"})
        bad("Content-Length: " + std::string(value) + "\r\n", "a Content-Length that is not a number");
    bad("Content-Length:\r\n", "an empty Content-Length");
    bad("Content-Length: \t \r\n", "an empty Content-Length");
    bad("Content-Length: 18446744073709551616\r\n", "a Content-Length beyond 64 bits");
    bad("Content-Length: 99999999999999999999\r\n", "a Content-Length beyond 64 bits");
    bad("Content-Length: 5\r\nContent-Length: 6\r\n", "more than one Content-Length");
    bad("Content-Length: 5\r\ncontent-length: 5\r\n", "more than one Content-Length");
    bad("Transfer-Encoding: chunked\r\nContent-Length: x\r\n", "a Content-Length that is not a number");
    for (const char* value : {"", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "xchunked",
                              "chunked;q=1", "\"chunked\"", ", chunked", "chunked,", "chunke"})
        bad("Transfer-Encoding: " + std::string(value) + "\r\n", "a Transfer-Encoding other than one \"chunked\"");
    bad("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "a Transfer-Encoding other than one \"chunked\"");
    check_bad("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errc::protocol_error,
              "a Transfer-Encoding in an HTTP/1.0 reply");
    for (const char* value : {"gzip", "br", "identity, gzip", "x"})
        bad("Content-Length: 5\r\nContent-Encoding: " + std::string(value) + "\r\n",
            "a Content-Encoding that was not asked for");
    bad("Content-Encoding: gzip\r\n", "a Content-Encoding that was not asked for");
}

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
