// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The head of a reply: every rule of its grammar and framing.
#include "unit/protocol/feed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace flipt_test;
using namespace std::string_literals;

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

TEST_CASE("a head that is the same again is recalled, with what it said")
{
    const std::string fields = "Content-Type: application/json\r\nEtag: \"abc\"\r\nRetry-After: 3\r\n"
                               "Date: Tue, 24 Nov 2026 15:25:03 GMT\r\nContent-Length: 13\r\n";
    head_memo memo;
    for (const std::string& reply : {ok(fields, "{\"flags\": []}"), ok(fields, "{\"flags\":[1]}"),
                                     ok("Connection: close\r\n" + fields, "{\"flags\":[2]}"),
                                     ok(fields, "{\"flags\":[3]}"), ok(fields, "{\"flags\":[4]}")}) {
        const bool close = reply.find("close") != std::string::npos;
        const std::size_t head = reply.find("\r\n\r\n") + 4;
        std::string buffer = reply;
        response_parser parser;
        parser.reset(false, {}, &memo);
        CHECK(parser.parse(buffer.data(), head) == parse_result::need_more);
        CHECK(parser.started());
        CHECK(parser.expected_size() == reply.size());
        CHECK(parser.parse(buffer.data(), buffer.size()) == parse_result::complete);
        CHECK(parser.status() == 200);
        CHECK(parser.content_type(buffer.data()) == "application/json");
        CHECK(parser.etag(buffer.data()) == "\"abc\"");
        CHECK(parser.retry_after(buffer.data()) == "3");
        CHECK(parser.body(buffer.data()) == reply.substr(head));
        CHECK(parser.reusable() == !close);
        parser.reset(true, {}, &memo); // the reply to HEAD has no body, whatever its head says
        CHECK(parser.parse(buffer.data(), head) == parse_result::complete);
        CHECK(parser.body_size() == 0);
    }
}

namespace {

// The verdict on `reply`, behind `before` on the same connection, must be the one that a parser without memory gives.
void check_after(const std::string& before, const std::string& reply)
{
    INFO("before: ", escaped(before), ", then: ", escaped(reply));
    for (const std::size_t piece : {reply.size(), std::size_t{5}}) {
        head_memo memo;
        (void)feed(before, before.size(), false, {}, true, false, &memo);
        response_parser plain;
        response_parser recalled;
        plain.reset(false, {});
        recalled.reset(false, {}, &memo);
        std::string one = reply;
        std::string other = reply;
        parse_result expected = parse_result::need_more;
        parse_result got = parse_result::need_more;
        for (std::size_t n = std::min(piece, reply.size()); expected == parse_result::need_more && got == expected;
             n = std::min(n + piece, reply.size())) {
            expected = plain.parse(one.data(), n);
            got = recalled.parse(other.data(), n);
            CHECK(recalled.expected_size() == plain.expected_size());
            if (n == reply.size())
                break;
        }
        CHECK(got == expected);
        CHECK(recalled.error() == plain.error());
        CHECK(std::string(recalled.detail()) == plain.detail());
        CHECK(recalled.status() == plain.status());
        CHECK(recalled.consumed() == plain.consumed());
        CHECK(recalled.reusable() == plain.reusable());
        CHECK(recalled.body(other.data()) == plain.body(one.data()));
        CHECK(recalled.etag(other.data()) == plain.etag(one.data()));
        CHECK(recalled.retry_after(other.data()) == plain.retry_after(one.data()));
        CHECK(recalled.content_type(other.data()) == plain.content_type(one.data()));
    }
}

} // namespace

TEST_CASE("a head that differs in digits is recalled, with the numbers it has now")
{
    const std::string before = ok("Etag: \"v1\"\r\nRetry-After: 3\r\nDate: Tue, 24 Nov 2026 15:25:03 GMT\r\n"
                                  "Content-Length: 02\r\n",
                                  "12");
    const std::string after = ok("Etag: \"v7\"\r\nRetry-After: 8\r\nDate: Tue, 24 Nov 2027 00:25:59 GMT\r\n"
                                 "Content-Length: 11\r\n",
                                 "{\"flags\":1}");
    check_after(before, after);
    head_memo memo;
    (void)feed(before, before.size(), false, {}, true, false, &memo);
    response_parser parser;
    parser.reset(false, {}, &memo);
    std::string buffer = after;
    CHECK(parser.parse(buffer.data(), buffer.size()) == parse_result::complete);
    CHECK(parser.etag(buffer.data()) == "\"v7\"");
    CHECK(parser.retry_after(buffer.data()) == "8");
    CHECK(parser.body(buffer.data()) == "{\"flags\":1}");
}

TEST_CASE("digits that count are never recalled: of the status line, of lengths that mean something else")
{
    const auto status = [](std::string_view line, std::string_view fields, std::string_view rest) {
        return std::string(line) + "\r\n" + std::string(fields) + "\r\n" + std::string(rest);
    };
    check_after(status("HTTP/1.1 200 OK", "Content-Length: 2\r\n", "12"),
                status("HTTP/1.0 200 OK", "Content-Length: 2\r\n", "12"));
    check_after(status("HTTP/1.1 200 OK", "Content-Length: 2\r\n", "12"),
                status("HTTP/1.1 500 OK", "Content-Length: 2\r\n", "12"));
    check_after(status("HTTP/1.1 200 OK", "Content-Length: 2\r\n", "12"),
                status("HTTP/1.1 204 OK", "Content-Length: 0\r\n", ""));
    check_after(status("HTTP/1.1 204 No", "Content-Length: 0\r\n", ""),
                status("HTTP/1.1 204 No", "Content-Length: 5\r\n", ""));
    check_after(status("HTTP/1.1 304 No", "Content-Length: 0\r\n", ""),
                status("HTTP/1.1 304 No", "Content-Length: 5\r\n", ""));
    check_after(status("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "0\r\n\r\n"),
                status("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", "0\r\n\r\n"));
    check_after(status("HTTP/1.1 200 OK", "Content-Length: 00000000000000000002\r\n", "12"),
                status("HTTP/1.1 200 OK", "Content-Length: 99999999999999999999\r\n", "12"));
    check_after(status("HTTP/1.1 200 OK", "Content-Length: 00000002\r\n", "12"),
                status("HTTP/1.1 200 OK", "Content-Length: 99999999\r\n", "12")); // beyond the limit of the body
}

TEST_CASE("any byte of a head in the place of any other: recalled or not, the verdict is the same")
{
    const std::string before = ok("Content-Type: text/9; v=1\r\nX-1: 7\r\nConnection: x0, keep-alive\r\nEtag: \"1\"\r\n"
                                  "Content-Encoding: identity\r\nDate: Tue, 24 Nov 2026 15:25:03 GMT\r\n"
                                  "Content-Length: 3\r\n",
                                  "123");
    for (std::size_t at = 0; at != before.size(); ++at)
        for (const char c : {'0', '5', '9', '/', ':', 'a', ' ', '\r', '\n', '\0', '\x7f', '\xb1'}) {
            std::string reply = before;
            reply[at] = c;
            check_after(before, reply);
        }
}

TEST_CASE("a recalled head is held to the limits of this reply, not of the one it was read from")
{
    const std::string reply = ok("A: 1\r\nB: 2\r\nContent-Length: 5\r\n", "12345");
    const std::size_t head = reply.size() - 5;
    head_memo memo;
    const auto with = [&](const parser_limits& limits) {
        (void)feed(reply, reply.size(), false, {}, true, false, &memo);
        const outcome got = feed(reply, reply.size(), false, limits, true, false, &memo);
        const outcome plain = feed(reply, reply.size(), false, limits);
        CHECK(got.error == plain.error);
        CHECK(got.detail == plain.detail);
        return got.error;
    };
    parser_limits limits;
    limits.head = head;
    limits.fields = 3;
    limits.body = 5;
    CHECK(!with(limits));
    limits.body = 4;
    CHECK(with(limits) == errc::response_too_large);
    limits.body = 5;
    limits.fields = 2;
    CHECK(with(limits) == errc::response_too_large);
    limits.fields = 3;
    limits.head = head - 1;
    CHECK(with(limits) == errc::response_too_large);
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
