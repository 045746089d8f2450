// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshots over gRPC: of both majors, as a stream, and kept live through everything that can happen to a stream.
#include "flipt/evaluation/snapshot.hpp"
#include "flipt/grpc/live_snapshot.hpp"
#include "flipt/token/static_token.hpp"

#include "flag_source.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>

namespace {

using namespace grpc_test;

const std::string header = "JWT " + std::string(secret_token);

// An io_context that a thread of its own runs.
class background {
public:
    background() : work_(asio::make_work_guard(io)), thread_([this] { io.run(); }) {}
    ~background()
    {
        work_.reset();
        io.stop();
        thread_.join();
    }
    template <class T>
    T await(asio::awaitable<T> work)
    {
        return asio::co_spawn(io, std::move(work), asio::use_future).get();
    }
    asio::io_context io;

private:
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;
};

flipt::live_options quick()
{
    flipt::live_options options;
    options.interval = 50ms;
    options.watchdog = 500ms;
    options.ready_timeout = 30s;
    return options;
}

bool all_carry_the_token(server& from)
{
    for (const std::string& value : from.seen())
        if (value != header)
            return false;
    return true;
}

} // namespace

TEST_CASE("a snapshot is the document of the HTTP API, of either major")
{
    for (const bool v2 : {true, false}) {
        CAPTURE(v2);
        asio::io_context io;
        flag_source source(v2);
        server flipt_server;
        source.install(flipt_server);
        flipt::grpc_client flags(io.get_executor(), settings_for(flipt_server), flipt::jwt_token(secret_token));
        const flipt::snapshot_document got = run(io, flags.snapshot());
        CHECK(got.version == (v2 ? flipt::server_version::v2 : flipt::server_version::v1));
        CHECK(got.etag == source.digest());
        const std::string constraint = v2 ? "{" : R"({"id":"",)";
        CHECK(
            got.json ==
            R"({"namespace":{"key":"default"},"flags":[{"key":"f","name":"","description":"","enabled":false,)"
            R"("type":"BOOLEAN_FLAG_TYPE","rules":[],"rollouts":[{"type":"SEGMENT_ROLLOUT_TYPE","rank":1,)"
            R"("segment":{"value":true,"segmentOperator":"OR_SEGMENT_OPERATOR","segments":[{"key":"reds",)"
            R"("name":"","description":"","matchType":"ALL_SEGMENT_MATCH_TYPE","constraints":[)" +
                constraint +
                R"("type":"STRING_CONSTRAINT_COMPARISON_TYPE","property":"team","operator":"eq","value":"red"}]}]}}]}])" +
                (v2 ? ",\"digest\":\"" + source.digest() + "\"}" : "}"));
        const flipt::snapshot_document same = run(io, flags.snapshot(flipt::list_options(), got.etag));
        CHECK(same.not_modified);
        CHECK(same.json.empty());
        CHECK(source.infos() == 1);
        CHECK(all_carry_the_token(flipt_server));
        auto parsed = flipt::snapshot::parse(got.json, v2 ? flipt::rule_set::server_v2 : flipt::rule_set::server_v1);
        REQUIRE(parsed.ok());
        const auto red = parsed->evaluate_boolean("f", "ada", {{"team", "red"}});
        CHECK(red.enabled);
        const auto blue = parsed->evaluate_boolean("f", "ada", {{"team", "blue"}});
        CHECK_FALSE(blue.enabled);
    }
}

TEST_CASE("a stream gives each document, its end, its error, and can be cancelled")
{
    flag_source source(true);
    server flipt_server;
    source.install(flipt_server);
    background threads;
    flipt::grpc_client flags(threads.io.get_executor(), settings_for(flipt_server), flipt::jwt_token(secret_token));
    auto stream = flags.snapshot_stream();
    const auto first = threads.await(stream.next());
    REQUIRE(first.has_value());
    CHECK(first->etag == source.digest());
    source.set(true);
    const auto second = threads.await(stream.next());
    REQUIRE(second.has_value());
    CHECK(second->etag == source.digest());
    CHECK(second->json.find("\"enabled\":true") != std::string::npos);
    source.end_streams(grpc::Status::OK);
    const auto none = threads.await(stream.next());
    CHECK_FALSE(none.has_value());
    const auto again = threads.await(stream.next());
    CHECK_FALSE(again.has_value());

    // With the digest it has nothing comes until something changes.
    auto known = flags.snapshot_stream(flipt::list_options(), source.digest());
    auto waiting = asio::co_spawn(threads.io, known.next(), asio::use_future);
    REQUIRE(source.wait_for_streams(2));
    source.set(false);
    const auto changed = waiting.get();
    REQUIRE(changed.has_value());
    CHECK(changed->etag == source.digest());
    source.end_streams(grpc::Status(grpc::StatusCode::INTERNAL, "it broke"));
    std::error_code ec;
    try {
        threads.await(known.next());
    } catch (const flipt::error& e) {
        ec = e.code();
    }
    CHECK(ec == flipt::errc::server_error);

    auto idle = flags.snapshot_stream(flipt::list_options(), source.digest());
    flipt::call_options options;
    options.timeout = 50ms;
    try {
        threads.await(idle.next(options));
    } catch (const flipt::error& e) {
        ec = e.code();
    }
    CHECK(ec == flipt::errc::timed_out);
    {
        auto dropped = flags.snapshot_stream(flipt::list_options(), "not forty digits: the document comes at once");
        const auto one = threads.await(dropped.next());
        CHECK(one.has_value());
    }
    CHECK(flipt_server.wait_for_cancelled(1));
    CHECK(all_carry_the_token(flipt_server));
}

TEST_CASE("a live snapshot follows the stream, through its end, its errors and a restart of the server")
{
    flag_source source(true);
    auto flipt_server = std::make_unique<server>();
    source.install(*flipt_server);
    const int port = flipt_server->port();
    background threads;
    flipt::grpc_live_snapshot live(threads.io.get_executor(), settings_for(*flipt_server),
                                   flipt::jwt_token(secret_token), quick());
    threads.await(live.wait_ready());
    flipt::reader reader = live.reader();
    CHECK_FALSE(reader.evaluate_boolean_or("f", "ada", true));
    CHECK(live.state().server == flipt::server_version::v2);
    REQUIRE(source.wait_for_streams(1));
    CHECK(live.state().streaming);

    std::uint64_t last = 0;
    const auto becomes = [&](bool enabled) {
        const flipt::live_change change = threads.await(live.next_change(last));
        last = change.sequence;
        CHECK(change.flags.changed == std::vector<std::string>{"f"});
        CHECK(change.digest == source.digest());
        CHECK(reader.evaluate_boolean_or("f", "ada", !enabled) == enabled);
    };
    source.set(true);
    becomes(true);
    source.end_streams(grpc::Status::OK);
    REQUIRE(source.wait_for_streams(2));
    source.set(false);
    becomes(false);
    source.end_streams(grpc::Status(grpc::StatusCode::INTERNAL, "it broke"));
    REQUIRE(source.wait_for_streams(3));
    source.set(true);
    becomes(true);
    CHECK(all_carry_the_token(*flipt_server));

    flipt_server.reset(); // streams are cut
    source.end_streams(grpc::Status::CANCELLED);
    source.set(false); // nobody hears it
    CHECK(reader.evaluate_boolean_or("f", "ada", false));
    flipt_server = std::make_unique<server>(grpc::InsecureServerCredentials(), port);
    REQUIRE(flipt_server->port() == port);
    source.install(*flipt_server);
    becomes(false);
    REQUIRE(source.wait_for_streams(4));
    source.set(true);
    becomes(true);
    CHECK(all_carry_the_token(*flipt_server));
}

TEST_CASE("connections that the server keeps ending with GOAWAY lose no change")
{
    flag_source source(true);
    server flipt_server(grpc::InsecureServerCredentials(), 0, 60); // milliseconds
    source.install(flipt_server);
    background threads;
    flipt::grpc_live_snapshot live(threads.io.get_executor(), settings_for(flipt_server),
                                   flipt::jwt_token(secret_token), quick());
    threads.await(live.wait_ready());
    flipt::reader reader = live.reader();
    bool enabled = false;
    std::uint64_t last = 0;
    std::size_t streams = 0;
    for (int i = 0; i < 5; ++i) {
        REQUIRE(source.wait_for_streams(++streams)); // each time a connection's age has ended
        enabled = !enabled;
        source.set(enabled);
        const flipt::live_change change = threads.await(live.next_change(last));
        last = change.sequence;
        CHECK(reader.evaluate_boolean_or("f", "ada", !enabled) == enabled);
    }
    flipt::config settings = settings_for(flipt_server);
    settings.retry.retries = 10; // a slow machine may meet the end of several connections in one call
    flipt::grpc_client flags(threads.io.get_executor(), settings, flipt::jwt_token(secret_token));
    for (int i = 0; i < 100; ++i) {
        const flipt::boolean_evaluation got = threads.await(flags.evaluate_boolean(ask("a")));
        CHECK(got.enabled);
    }
}

TEST_CASE("a live snapshot of a v1 server asks in an interval, with the etag")
{
    flag_source source(false);
    server flipt_server;
    source.install(flipt_server);
    background threads;
    flipt::grpc_live_snapshot live(threads.io.get_executor(), settings_for(flipt_server),
                                   flipt::jwt_token(secret_token), quick());
    threads.await(live.wait_ready());
    flipt::reader reader = live.reader();
    REQUIRE(source.wait_for_unchanged(2));
    auto change = asio::co_spawn(threads.io, live.next_change(0), asio::use_future);
    source.set(true);
    CHECK(change.get().flags.changed == std::vector<std::string>{"f"});
    CHECK(reader.evaluate_boolean_or("f", "ada", false));
    CHECK_FALSE(live.state().streaming);
    CHECK(live.state().server == flipt::server_version::v1);
    CHECK(all_carry_the_token(flipt_server));
}

TEST_CASE("a live snapshot that a token is refused for fails at its start")
{
    server flipt_server;
    flipt_server.on("GetInfo", [](const std::shared_ptr<call>& c) { c->finish(denied()); });
    background threads;
    flipt::live_options options = quick();
    options.start = flipt::live_start::fail;
    flipt::grpc_live_snapshot live(threads.io.get_executor(), settings_for(flipt_server),
                                   flipt::jwt_token(secret_token), options);
    std::error_code ec;
    try {
        threads.await(live.wait_ready());
    } catch (const flipt::error& e) {
        ec = e.code();
    }
    CHECK(ec == flipt::errc::unauthenticated);
}

TEST_CASE("a live snapshot of a namespace that cannot be asked for is refused when it is made")
{
    asio::io_context io;
    for (const flipt::live_namespace& bad :
         {flipt::live_namespace("\xff"), flipt::live_namespace("a", "\xc3\xa4"), flipt::live_namespace("a", "x ")}) {
        flipt::live_options options;
        options.namespaces.push_back(bad);
        std::error_code ec;
        try {
            const flipt::grpc_live_snapshot live(io.get_executor(), flipt::config(), flipt::no_token(), options);
        } catch (const flipt::error& e) {
            ec = e.code();
        }
        CHECK(ec == flipt::errc::invalid_config);
    }
}
