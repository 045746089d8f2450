// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Feeds a reply to the parser whole, byte by byte and cut down on the way, and checks the verdict.
#pragma once

#include "flipt/protocol/response_parser.hpp"

#include "unit/protocol/escaped.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt_test {

using flipt::errc;
using flipt::detail::head_memo;
using flipt::detail::parse_result;
using flipt::detail::parser_limits;
using flipt::detail::response_parser;

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
inline outcome feed(std::string_view reply, std::size_t piece, bool head, const parser_limits& limits,
                    bool clean = true, bool cut = false, head_memo* memo = nullptr)
{
    response_parser parser;
    parser.reset(head, limits, memo);
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

// The same with the memo of a connection: whatever came before on it, and then this reply itself, under any limits.
inline void check_recalled(const outcome& plain, std::string_view reply, std::size_t piece, bool head,
                           const parser_limits& limits, bool clean)
{
    static head_memo memo;
    for (int round = 0; round != 3; ++round) {
        const outcome got = feed(reply, piece, head, limits, clean, false, &memo);
        CHECK(got.result == plain.result);
        CHECK(got.error == plain.error);
        CHECK(got.detail == plain.detail);
        CHECK(got.status == plain.status);
        CHECK(escaped(got.body) == escaped(plain.body));
        CHECK(got.consumed == plain.consumed);
        CHECK(got.reusable == plain.reusable);
        if (round == 0)
            (void)feed(reply, reply.size() + 1, false, {}, true, false, &memo);
    }
}

inline void check_good(std::string_view reply, int status, std::string_view body, bool reusable, bool head = false,
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
        check_recalled(got, reply, piece, head, limits, true);
        const outcome cut = feed(reply, piece, head, limits, true, true);
        CHECK(cut.result == parse_result::complete);
        CHECK(escaped(cut.body) == escaped(body));
    }
}

inline void check_bad(std::string_view reply, errc code, std::string_view detail, const parser_limits& limits = {},
                      bool clean = true)
{
    for (const std::size_t piece : {reply.size() + 1, std::size_t{1}, std::size_t{7}}) {
        const outcome got = feed(reply, piece, false, limits, clean);
        INFO("reply: ", escaped(reply), " in pieces of ", piece);
        CHECK(got.result == parse_result::failed);
        check_recalled(got, reply, piece, false, limits, clean);
        CHECK(got.error == make_error_code(code));
        CHECK(got.detail == detail);
    }
}

inline std::string ok(std::string_view fields, std::string_view rest)
{
    return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n" + std::string(rest);
}

inline const std::string chunked_head = ok("Transfer-Encoding: chunked\r\n", "");

} // namespace flipt_test
