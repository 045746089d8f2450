// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One stream from its request to its end: what it brings, and what is said of how it ended.
#include "flipt/call/engine.hpp"
#include "flipt/live/http_transport.hpp"
#include "flipt/testing/certificates.hpp"
#include "flipt/token/refreshing_token.hpp"

#include "unit/live/live.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using flipt::errc;
using flipt::testing::fault;
using flipt::testing::server_options;
using flipt::testing::server_thread;

class collecting_sink final : public flipt::detail::stream_sink {
public:
    void on_stream_head() override { ++heads; }
    void on_document(std::string_view json) override { documents.emplace_back(json); }

    int heads = 0;
    std::vector<std::string> documents;
};

template <class Policy = flipt::no_token>
class follower {
public:
    explicit follower(const flipt::config& settings, Policy policy = Policy(), std::string environment = "default",
                      std::string name_space = "default")
        : sink(std::make_shared<collecting_sink>()),
          calls_(std::make_shared<flipt::detail::engine>(
              io.get_executor(), settings, std::make_unique<flipt::detail::policy_provider<Policy>>(std::move(policy)),
              nullptr))
    {
        flipt::detail::http_live_transport way(calls_);
        way.follow(flipt::live_namespace(std::move(name_space), std::move(environment)), std::string(), sink,
                   signal.slot(), [this](std::error_code ec, const flipt::diagnostics& d) {
                       ended = ec;
                       details = d;
                   });
    }
    follower(const follower&) = delete;
    follower& operator=(const follower&) = delete;
    ~follower() { calls_->shutdown(); }

    /// How it ended.
    std::error_code end()
    {
        REQUIRE(test::run_until(io, [this] { return ended.has_value(); }));
        return *ended;
    }

    asio::io_context io;
    asio::cancellation_signal signal;
    std::shared_ptr<collecting_sink> sink;
    std::optional<std::error_code> ended;
    flipt::diagnostics details;

private:
    std::shared_ptr<flipt::detail::engine> calls_;
};

std::string chunk(const std::string& bytes)
{
    constexpr char digits[] = "0123456789abcdef";
    std::string size;
    for (int shift = 20; shift >= 0; shift -= 4)
        size += digits[bytes.size() >> shift & 15];
    return size + "\r\n" + bytes + "\r\n";
}

std::string message(const std::string& document) { return "{\"result\":" + document + "}\n"; }

const std::string chunked_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_CASE("a stream brings its documents wherever the bytes are cut, and ends well with the last chunk")
{
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
        CAPTURE(piece);
        server_thread server;
        const std::string bytes =
            chunked_head + chunk(message("{\"a\":1}") + "\n") + chunk(message("{\"b\":2}")) + "0\r\n\r\n";
        server->add(fault().raw(bytes).pieces(piece));
        follower<> f(test::settings(*server));
        CHECK_FALSE(f.end());
        CHECK(f.sink->heads == 1);
        CHECK(f.sink->documents == std::vector<std::string>{"{\"a\":1}", "{\"b\":2}"});
        CHECK(f.details.http_status() == 200);
        CHECK(f.details.attempts() == 1);
    }
}

TEST_CASE("a stream without a length ends well with the connection")
{
    server_thread server;
    server->add(fault().raw("HTTP/1.1 200 OK\r\n\r\n" + message("{}")).after_reply().close());
    follower<> f(test::settings(*server));
    CHECK_FALSE(f.end());
    CHECK(f.sink->documents == std::vector<std::string>{"{}"});
}

TEST_CASE("a stream that ends within a message is cut off, however the end is marked")
{
    const std::string half = message("{}") + "{\"result\":{\"a";
    server_thread server;
    std::error_code expected = errc::truncated;
    SUBCASE("by the connection") { server->add(fault().raw("HTTP/1.1 200 OK\r\n\r\n" + half).after_reply().close()); }
    SUBCASE("by the last chunk") { server->add(fault().raw(chunked_head + chunk(half) + "0\r\n\r\n")); }
    SUBCASE("by a length")
    {
        server->add(
            fault().raw("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(half.size()) + "\r\n\r\n" + half));
    }
    SUBCASE("but blanks are none")
    {
        server->add(fault().raw("HTTP/1.1 200 OK\r\n\r\n" + message("{}") + " \r").after_reply().close());
        expected = {};
    }
    follower<> f(test::settings(*server));
    CHECK(f.end() == expected);
    CHECK(f.sink->documents == std::vector<std::string>{"{}"});
    CHECK(f.details.detail() == (expected ? "the stream ended within a message" : ""));
}

TEST_CASE("a stream that breaks says how, and keeps what it brought before")
{
    const std::string begun = chunked_head + chunk(message("{}"));
    server_thread server;
    errc expected{};
    std::size_t brought = 1;
    SUBCASE("cut off")
    {
        server->add(fault().raw(begun).after_reply().close());
        expected = errc::truncated;
    }
    SUBCASE("a chunk without a size")
    {
        server->add(fault().raw(begun + "what\r\n"));
        expected = errc::protocol_error;
    }
    SUBCASE("no HTTP")
    {
        server->add(fault().raw("SSH-2.0-OpenSSH\r\n\r\n"));
        expected = errc::protocol_error;
        brought = 0;
    }
    SUBCASE("a head that is cut off")
    {
        server->add(fault().raw("HTTP/1.1 200 OK\r\nTransfer-").after_reply().close());
        expected = errc::truncated;
        brought = 0;
    }
    SUBCASE("a message that is no JSON")
    {
        server->add(fault().raw(begun + chunk("{\"result\":{]}\n")));
        expected = errc::invalid_response;
    }
    SUBCASE("an error in its place, of a code that is known")
    {
        server->add(fault().raw(begun + chunk("{\"error\":{\"code\":7,\"message\":\"no\"}}\n")));
        expected = errc::permission_denied;
    }
    SUBCASE("an error that says it is none")
    {
        server->add(fault().raw(begun + chunk("{\"error\":{\"code\":0,\"message\":\"no\"}}\n")));
        expected = errc::server_error;
    }
    follower<> f(test::settings(*server));
    CHECK(f.end() == expected);
    CHECK(f.sink->documents.size() == brought);
}

TEST_CASE("without a limit of a snapshot a message is as long as it is")
{
    server_thread server;
    server->add(fault().raw(chunked_head + chunk(message("{\"k\":\"" + std::string(2000, 'x') + "\"}")) + "0\r\n\r\n"));
    flipt::config c = test::settings(*server);
    c.limits.snapshot = std::numeric_limits<std::size_t>::max();
    follower<> f(c);
    CHECK_FALSE(f.end());
    CHECK(f.sink->documents.size() == 1);
}

TEST_CASE("a message as long as the limit of a snapshot comes, one byte more ends the stream")
{
    const std::string document = "{\"k\":\"" + std::string(2000, 'x') + "\"}";
    for (const std::size_t over : {std::size_t{0}, std::size_t{1}, std::size_t{1000}}) {
        CAPTURE(over);
        server_thread server;
        server->add(fault().raw(chunked_head + chunk(message(document)) + "0\r\n\r\n"));
        flipt::config c = test::settings(*server);
        c.limits.snapshot = document.size() - over;
        follower<> f(c);
        CHECK(f.end() == (over == 0 ? std::error_code() : make_error_code(errc::response_too_large)));
        CHECK(f.sink->documents.size() == (over == 0 ? 1U : 0U));
    }
}

TEST_CASE("a stream that never began is no stream")
{
    server_thread server;
    SUBCASE("closed") { server->add(fault().close()); }
    SUBCASE("reset") { server->add(fault().reset()); }
    follower<> f(test::settings(*server));
    CHECK(f.end() == asio::error::connection_reset);
    CHECK(f.sink->heads == 0);
    CHECK(f.details.http_status() == 0);
}

TEST_CASE("a refusal is an error with the server's words, however it is framed")
{
    server_thread server;
    SUBCASE("with a length, in pieces")
    {
        server->add(fault().status(403, "{\"code\":7,\"message\":\"not you\"}").pieces(1));
    }
    SUBCASE("until the end of the connection")
    {
        server->add(fault()
                        .raw("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n"
                             "{\"code\":7,\"message\":\"not you\"}")
                        .after_reply()
                        .close());
    }
    follower<> f(test::settings(*server));
    CHECK(f.end() == errc::permission_denied);
    CHECK(f.details.http_status() == 403);
    CHECK(f.details.server_message() == "not you");
    CHECK(f.sink->heads == 0);
}

TEST_CASE("another success than 200 is no stream")
{
    server_thread server;
    server->add(fault().raw("HTTP/1.1 204 No Content\r\n\r\n"));
    follower<> f(test::settings(*server));
    CHECK(f.end() == errc::unexpected_status);
    CHECK(f.details.http_status() == 204);
}

TEST_CASE("a document of megabytes comes over TLS as it does without")
{
    static const flipt::testing::certificate_authority authority;
    const std::string big = "{\"k\":\"" + std::string(2'000'000, 'x') + "\"}";
    server_options options;
    bool tls = false;
    SUBCASE("plain") {}
    SUBCASE("TLS")
    {
        tls = true;
        options.tls = flipt::testing::tls_settings(authority.issue_localhost());
    }
    server_thread server(options);
    server->add(fault().raw(chunked_head + chunk(message(big)) + "0\r\n\r\n"));
    flipt::config c = test::settings(*server);
    if (tls)
        c.tls.ca_pem = authority.certificate_pem();
    follower<> f(c);
    CHECK_FALSE(f.end());
    REQUIRE(f.sink->documents.size() == 1);
    CHECK(f.sink->documents[0] == big);
}

TEST_CASE("a stream is cancelled at any moment")
{
    server_thread server;
    server->load(test::document(true));
    follower<> f(test::settings(*server));
    std::size_t before = 0;
    SUBCASE("before anything ran") {}
    SUBCASE("after its first document")
    {
        before = 1;
        CHECK(test::run_until(f.io, [&] { return !f.sink->documents.empty(); }));
        CHECK(f.sink->documents[0].find("\"flags\":[{\"key\":\"on\"") != std::string::npos);
    }
    f.signal.emit(asio::cancellation_type::terminal);
    CHECK(f.end() == asio::error::operation_aborted);
    CHECK(f.sink->documents.size() == before);
}

/// Gives "token.1", "token.2", …; throws from the call `bad_from` on.
class issue {
public:
    int* asked;
    int bad_from;
    asio::awaitable<std::string> operator()() const { return give(++*asked, bad_from); }

private:
    static asio::awaitable<std::string> give(int number, int bad_from)
    {
        if (number >= bad_from)
            throw std::runtime_error("private words");
        co_return "token." + std::to_string(number);
    }
};

TEST_CASE("a refused token is renewed once and the stream asked for again")
{
    int asked = 0;
    server_thread server;
    flipt::config c = test::settings(*server);
    const std::string path = "/client/v2";
    SUBCASE("and taken")
    {
        using duration = std::chrono::steady_clock::duration;
        for (const duration timeout : {duration(10s), duration(0s), duration::max()}) {
            asked = 0;
            c.request_timeout = timeout;
            server->add(fault().on(path).status(401, "{}"));
            server->add(fault().on(path).raw(chunked_head + chunk(message("{}")) + "0\r\n\r\n"));
            follower f(c, flipt::refreshing_token(issue{&asked, 100}));
            CHECK_FALSE(f.end());
            CHECK(f.sink->documents.size() == 1);
            CHECK(asked == 2);
            CHECK(f.details.attempts() == 2);
            CHECK(server->last_request().header("Authorization") == "JWT token.2");
        }
    }
    SUBCASE("and refused again")
    {
        server->add(fault().on(path).times(0).status(401, "{}"));
        follower f(c, flipt::refreshing_token(issue{&asked, 100}));
        CHECK(f.end() == errc::unauthenticated);
        CHECK(f.details.attempts() == 2);
        CHECK(server->request_count() == 2);
    }
    SUBCASE("but there is none")
    {
        follower f(c, flipt::refreshing_token(issue{&asked, 1}));
        CHECK(f.end() == errc::invalid_token);
        CHECK(server->request_count() == 0);
        CHECK(f.details.detail().find("private") == std::string::npos);
    }
}

TEST_CASE("a namespace or environment that would reach another route is refused before anything is sent")
{
    server_thread server;
    for (const std::string bad : {"", ".", "..", "default/", "a/b"}) {
        CAPTURE(bad);
        follower there(test::settings(*server), flipt::no_token(), "default", bad);
        CHECK(there.end() == errc::invalid_argument);
        CHECK(there.details.detail().find("path") != std::string::npos);
        follower other(test::settings(*server), flipt::no_token(), bad);
        CHECK(other.end() == errc::invalid_argument);
    }
    CHECK(server->observe().connections == 0);
}

TEST_CASE("an environment that is no header value is refused before anything is sent")
{
    server_thread server;
    for (const std::string bad : {"a\r\nX-Evil: b", "default ", "\tdefault"}) {
        follower f(test::settings(*server), flipt::no_token(), bad);
        CHECK(f.end() == errc::invalid_argument);
    }
    CHECK(server->observe().connections == 0);
}

} // namespace
