// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every limit of config, seen through the whole client: what is exactly as large is read, one more is too large.
#include "harness.hpp"

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace client_test;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;

const std::string ok = "HTTP/1.1 200 OK\r\n";

std::string hex(std::size_t n)
{
    std::ostringstream out;
    out << std::hex << n;
    return out.str();
}

std::string chunked(const std::string& extension, const std::string& trailers)
{
    return ok + "Transfer-Encoding: chunked\r\n\r\n" + hex(good_json.size()) + extension + "\r\n" + good_json +
           "\r\n0\r\n" + trailers + "\r\n";
}

// `answer`, an object, with an unknown member whose arrays nest so that all of it is `depth` deep.
std::string nested(const std::string& answer, std::size_t depth)
{
    const std::size_t arrays = depth - 1;
    return answer.substr(0, answer.size() - 1) + ",\"more\":" + std::string(arrays, '[') + std::string(arrays, ']') +
           "}";
}

// A good reply, and how large it is in the unit of a limit.
class limited {
public:
    const char* name;
    std::size_t& (*limit)(flipt::config&);
    std::size_t size;
    std::string reply;
};

std::vector<limited> limited_replies()
{
    const std::string length = "Content-Length: " + std::to_string(good_json.size()) + "\r\n";
    const std::string head = ok + "X-More: " + std::string(100, 'v') + "\r\n" + length + "\r\n";
    const std::string extension = ";" + std::string(50, 'e');
    const std::string trailer = "X: " + std::string(40, 'v') + "\r\n";
    const auto fields = [](flipt::config& c) -> std::size_t& { return c.limits.fields; };
    return {
        {"head", [](flipt::config& c) -> std::size_t& { return c.limits.head; }, head.size(), head + good_json},
        {"fields", fields, 3, ok + length + "A: b\r\nA: b\r\n\r\n" + good_json},
        {"fields of the trailers", fields, 3, chunked("", "A: b\r\nA: b\r\nA: b\r\n")},
        {"informational", [](flipt::config& c) -> std::size_t& { return c.limits.informational; }, 2,
         "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + http_ok(good_json)},
        {"chunk_line", [](flipt::config& c) -> std::size_t& { return c.limits.chunk_line; },
         hex(good_json.size()).size() + extension.size(), chunked(extension, "")},
        {"trailers", [](flipt::config& c) -> std::size_t& { return c.limits.trailers; },
         trailer.size() + std::string("\r\n").size(), chunked("", trailer)},
        {"json_depth", [](flipt::config& c) -> std::size_t& { return c.limits.json_depth; }, 9,
         http_ok(nested(good_json, 9))},
        {"max_response_size", [](flipt::config& c) -> std::size_t& { return c.max_response_size; }, good_json.size(),
         http_ok(good_json)},
        {"max_response_size of chunks", [](flipt::config& c) -> std::size_t& { return c.max_response_size; },
         good_json.size(), chunked("", "")},
    };
}

} // namespace

TEST_CASE("each limit: a reply of just that size is read, one over it is too large")
{
    for (const limited& one : limited_replies())
        for (const std::size_t over : {std::size_t{0}, std::size_t{1}})
            for (const std::size_t piece : {std::size_t{0}, std::size_t{1}}) {
                INFO(one.name, ", ", over, " over, in pieces of ", piece, ": ", one.reply);
                scripted_peer_thread peer;
                peer->add(script().expect_request().send_pieces(one.reply, piece).hold());
                asio::io_context context;
                flipt::config c = settings(peer->url());
                one.limit(c) = one.size - over;
                const flipt::client client(context.get_executor(), c);
                const outcome out = call(context, client, {.timeout = 5s});
                if (over == 0) {
                    CHECK_MESSAGE(!out.ec, name_of(out.ec));
                    CHECK(out.answer.enabled);
                } else {
                    CHECK_MESSAGE(out.ec == errc::response_too_large, name_of(out.ec));
                }
            }
}

TEST_CASE("limits of a snapshot and of a list: size, nesting, all pages together")
{
    const std::string document = nested(R"({"namespace":{"key":"default"},"flags":[]})", 9);
    const std::string first = R"({"flags":[],"nextPageToken":"next"})";
    const std::string last = R"({"flags":[]})";
    const auto end_of = [](const std::vector<std::string>& replies, auto set, auto ask) {
        scripted_peer_thread peer;
        script s;
        for (const std::string& reply : replies)
            s.expect_request().reply(reply);
        peer->add(s.hold());
        asio::io_context context;
        flipt::config c = settings(peer->url());
        c.server = flipt::server_version::v1;
        set(c);
        const flipt::client client(context.get_executor(), c);
        std::error_code ended = make_error_code(errc::server_error);
        ask(client, [&](std::error_code ec, const auto&) { ended = ec; });
        context.run();
        return ended;
    };
    const auto snapshot = [](const flipt::client<>& c, auto done) { c.async_snapshot({}, {}, {}, done); };
    const auto list = [](const flipt::client<>& c, auto done) { c.async_list_flags({}, done); };
    for (const std::size_t over : {std::size_t{0}, std::size_t{1}}) {
        CAPTURE(over);
        const std::error_code expected = over == 0 ? std::error_code() : make_error_code(errc::response_too_large);
        CHECK(end_of(
                  {document}, [&](flipt::config& c) { c.limits.snapshot = document.size() - over; }, snapshot) ==
              expected);
        CHECK(end_of({document}, [&](flipt::config& c) { c.limits.json_depth = 9 - over; }, snapshot) == expected);
        CHECK(end_of(
                  {first, last}, [&](flipt::config& c) { c.limits.snapshot = first.size() + last.size() - over; },
                  list) == expected);
    }
}
