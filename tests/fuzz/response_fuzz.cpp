// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as a reply: no crash, and the same verdict however they arrive (at once, in pieces, cut down, as a stream).
// The first byte of an input chooses HEAD, the limits and the size of the pieces.
#include "flipt/protocol/response_parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace {

using flipt::detail::head_memo;
using flipt::detail::parse_result;
using flipt::detail::parser_limits;
using flipt::detail::response_parser;

struct verdict {
    verdict() = default;

    parse_result result = parse_result::need_more;
    int status = 0;
    std::string body;
    std::string detail;
    std::size_t consumed = 0;
    bool reusable = false;
};

void require(bool holds, const char* what)
{
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

verdict result_of(const response_parser& parser, parse_result result, const char* data)
{
    verdict out;
    out.result = result;
    out.detail = parser.detail();
    if (result == parse_result::complete) {
        out.status = parser.status();
        out.body = parser.body(data);
        out.consumed = parser.consumed();
        out.reusable = parser.reusable();
    } else {
        require(result == parse_result::failed && parser.error() && !out.detail.empty(), "a failure has a reason");
    }
    return out;
}

// `piece` bytes more at each step, each time in memory of exactly the right size and at another address.
verdict feed(std::string_view reply, bool head, const parser_limits& limits, std::size_t piece, bool cut,
             head_memo* memo = nullptr)
{
    response_parser parser;
    parser.reset(head, limits, memo);
    std::string kept;
    parse_result result = parse_result::need_more;
    std::unique_ptr<char[]> exact(new char[0]);
    for (std::size_t at = 0; at < reply.size() && result == parse_result::need_more;) {
        const std::size_t n = std::min(piece, reply.size() - at);
        kept.append(reply.substr(at, n));
        at += n;
        exact.reset(new char[kept.size()]);
        std::memcpy(exact.get(), kept.data(), kept.size());
        result = parser.parse(exact.get(), kept.size());
        kept.assign(exact.get(), kept.size());
        if (cut && result == parse_result::need_more)
            kept.resize(parser.retain(kept.size()));
    }
    if (result == parse_result::need_more)
        result = parser.finish(true);
    return result_of(parser, result, exact.get());
}

verdict stream(std::string_view reply, const parser_limits& limits, std::size_t piece)
{
    response_parser parser;
    parser.reset_streaming(limits);
    verdict out;
    std::string head;
    std::size_t at = 0;
    while (at < reply.size() && out.result == parse_result::need_more) {
        const std::size_t n = std::min(piece, reply.size() - at);
        head.append(reply.substr(at, n));
        at += n;
        out.result = parser.parse(head.data(), head.size());
    }
    if (out.result == parse_result::head_done) {
        out.status = parser.status();
        std::string raw = head.substr(parser.body_offset());
        std::size_t gone = parser.body_offset();
        for (;;) {
            const std::unique_ptr<char[]> exact(new char[raw.size()]);
            std::memcpy(exact.get(), raw.data(), raw.size());
            const auto part = parser.decode(exact.get(), raw.size());
            gone += part.consumed;
            if (part.failed) {
                out.result = parse_result::failed;
                break;
            }
            require(part.offset + part.size <= part.consumed && part.consumed <= raw.size(),
                    "decoded bytes lie inside");
            require(part.done || part.consumed == raw.size(), "all is consumed until the end");
            out.body.append(exact.get() + part.offset, part.size);
            if (part.done) {
                out.result = parse_result::complete;
                break;
            }
            if (at == reply.size()) {
                out.result = parser.finish(true);
                break;
            }
            raw = reply.substr(at, piece);
            at += raw.size();
        }
        out.consumed = gone;
    } else if (out.result == parse_result::need_more) {
        out.result = parser.finish(true);
    }
    out.detail = parser.detail();
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const unsigned choice = data[0];
    const std::string_view reply(reinterpret_cast<const char*>(data) + 1, std::min<std::size_t>(size - 1, 4096));
    parser_limits limits;
    if ((choice & 2U) != 0) {
        limits.head = 200;
        limits.fields = 5;
        limits.informational = 2;
        limits.chunk_line = 8;
        limits.trailers = 24;
        limits.body = 30;
        limits.other_body = 20;
    }
    const bool head = (choice & 1U) != 0;
    const verdict whole = feed(reply, head, limits, reply.size() + 1, false);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2} + (choice >> 2)}) {
        for (const bool cut : {false, true}) {
            const verdict split = feed(reply, head, limits, piece, cut);
            require(split.result == whole.result && split.detail == whole.detail, "the verdict depends on the pieces");
            require(split.status == whole.status && split.body == whole.body, "the reply depends on the pieces");
            require(cut || split.consumed == whole.consumed, "the end depends on the pieces");
            require(split.reusable || !whole.reusable, "reuse depends on the pieces");
        }
        // A stream has no limit on its body, so what passes that limit may go on differently.
        if (head || (choice & 2U) != 0 || whole.detail == "the body passed the size limit" ||
            whole.detail == "Content-Length is over the size limit")
            continue;
        const verdict streamed = stream(reply, limits, piece);
        require(streamed.result == whole.result && streamed.detail == whole.detail, "a stream is judged differently");
        if (whole.result == parse_result::complete)
            require(streamed.body == whole.body && streamed.status == whole.status &&
                        streamed.consumed == whole.consumed,
                    "a stream reads differently");
    }
    static head_memo memo; // of whatever came before
    for (int round = 0; round != 3; ++round) {
        const verdict recalled = feed(reply, head, limits, reply.size() + 1, false, &memo);
        require(recalled.result == whole.result && recalled.detail == whole.detail && recalled.status == whole.status &&
                    recalled.body == whole.body && recalled.consumed == whole.consumed &&
                    recalled.reusable == whole.reusable,
                "an earlier head changes the verdict");
        if (round == 0) // the same under no narrow limits
            feed(reply, false, {}, reply.size() + 1, false, &memo);
    }
    if (whole.result == parse_result::complete) {
        require(whole.consumed <= reply.size() && whole.status >= 200 && whole.status <= 599, "a final status");
        require(!whole.reusable || whole.consumed == reply.size(), "bytes behind a reply end the connection");
        require(whole.body.size() <= (whole.status == 200 ? limits.body : limits.other_body),
                "the body keeps its limit");
    }
    return 0;
}
