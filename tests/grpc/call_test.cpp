// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Unary and streaming calls of generated stubs as Asio operations.
#include "flipt/grpc/call.hpp"
#include "flipt/grpc/metadata.hpp"
#include "flipt/token/static_token.hpp"

#include "server.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <doctest/doctest.h>
#include <grpcpp/create_channel.h>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

namespace {

using namespace std::chrono_literals;

template <class T>
T run(asio::io_context& io, asio::awaitable<T> work)
{
    auto done = asio::co_spawn(io, std::move(work), asio::use_future);
    io.restart();
    io.run();
    return done.get();
}

grpc_test::request ask(const std::string& flag)
{
    grpc_test::request made;
    made.set_flag_key(flag);
    return made;
}

std::error_code code_of(asio::io_context& io, asio::awaitable<grpc_test::boolean> work)
{
    try {
        run(io, std::move(work));
    } catch (const flipt::error& e) {
        return e.code();
    }
    return {};
}

struct fixture {
    fixture() : channel(grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials()))
    {
        stub = grpc_test::stub::NewStub(channel);
        streams = grpc_test::stream_stub::NewStub(channel);
    }
    asio::awaitable<grpc_test::boolean> boolean(const std::string& flag, flipt::call_options options = {})
    {
        return flipt::grpc_unary(stub->async(), &grpc_test::stub_type::Boolean, ask(flag), nullptr, options);
    }

    asio::io_context io;
    grpc_test::server server;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<grpc_test::stub::Stub> stub;
    std::unique_ptr<grpc_test::stream_stub::Stub> streams;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a unary call is awaited on the caller's executor")
{
    auto work = [](fixture& f) -> asio::awaitable<bool> {
        const auto before = std::this_thread::get_id();
        const auto answer = co_await f.boolean("here");
        CHECK(answer.flag_key() == "here");
        CHECK(std::this_thread::get_id() == before);
        co_return answer.enabled();
    };
    const bool enabled = run(io, work(*this));
    CHECK(enabled);
}

TEST_CASE_FIXTURE(fixture, "the token of a call arrives once, under the lower-case key")
{
    auto context = std::make_unique<grpc::ClientContext>();
    flipt::add_authorization(*context, flipt::jwt_token("abc.def"));
    run(io, flipt::grpc_unary(stub->async(), &grpc_test::stub_type::Boolean, ask("a"), std::move(context)));
    auto none = std::make_unique<grpc::ClientContext>();
    flipt::add_authorization(*none, flipt::no_token());
    run(io, flipt::grpc_unary(stub->async(), &grpc_test::stub_type::Boolean, ask("a"), std::move(none)));
    const auto seen = server.seen();
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == "JWT abc.def");
    CHECK(seen[1] == "-");

    grpc::ClientContext refused;
    CHECK_THROWS_AS(flipt::add_authorization(refused, flipt::jwt_token("a\nb")), flipt::error);
    CHECK_THROWS_AS(flipt::add_authorization(refused, flipt::jwt_token("")), flipt::error);
}

TEST_CASE_FIXTURE(fixture, "a refusal has the code it has over HTTP, and the server's words")
{
    flipt::diagnostics report;
    flipt::call_options options;
    options.diagnostics = &report;
    const std::error_code missing = code_of(io, boolean("missing", options));
    CHECK(missing == flipt::errc::not_found);
    CHECK(report.http_status() == 404);
    CHECK(report.server_message() == "flag \"default/missing\" not found");
    const std::error_code denied = code_of(io, boolean("denied"));
    CHECK(denied == flipt::errc::unauthenticated);
}

TEST_CASE_FIXTURE(fixture, "the deadline ends a call")
{
    flipt::diagnostics report;
    flipt::call_options options;
    options.timeout = 50ms;
    options.diagnostics = &report;
    const std::error_code ec = code_of(io, boolean("hang", options));
    CHECK(ec == flipt::errc::timed_out);
    CHECK(report.http_status() == 0);
}

TEST_CASE_FIXTURE(fixture, "per-operation cancellation cancels the call")
{
    asio::cancellation_signal signal;
    std::optional<std::error_code> got;
    flipt::async_grpc_unary(
        stub->async(), &grpc_test::stub_type::Boolean, ask("hang"), nullptr, {},
        asio::bind_executor(io.get_executor(),
                            asio::bind_cancellation_slot(
                                signal.slot(), [&](std::error_code ec, const grpc_test::boolean&) { got = ec; })));
    server.wait_for_calls(1);
    CHECK(!got);
    asio::post(io, [&] { signal.emit(asio::cancellation_type::terminal); });
    io.run();
    REQUIRE(got.has_value());
    CHECK(*got == asio::error::operation_aborted);
}

TEST_CASE_FIXTURE(fixture, "an answer over the channel's limit is too large")
{
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(1000);
    const auto small = grpc_test::stub::NewStub(
        grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
    const std::error_code ec =
        code_of(io, flipt::grpc_unary(small->async(), &grpc_test::stub_type::Boolean, ask("big")));
    CHECK(ec == flipt::errc::response_too_large);
}

TEST_CASE_FIXTURE(fixture, "an io_context that goes first takes the handler with it")
{
    auto alive = std::make_shared<int>(1);
    {
        asio::io_context other;
        flipt::async_grpc_unary(
            stub->async(), &grpc_test::stub_type::Boolean, ask("hang"), nullptr,
            flipt::call_options{200ms, {}, nullptr},
            asio::bind_executor(other.get_executor(), [alive](std::error_code, const grpc_test::boolean&) {}));
        server.wait_for_calls(1);
        CHECK(alive.use_count() == 2);
    }
    CHECK(alive.use_count() == 1);
}

namespace {

asio::awaitable<std::string> read_all(grpc_test::stream_stub::Stub& streams, std::string key,
                                      flipt::call_options options)
{
    grpc_test::stream_request asked;
    asked.set_key(key);
    auto reader = flipt::grpc_stream(streams.async(), &grpc_test::stream_stub_type::EvaluationSnapshotNamespaceStream,
                                     asked, nullptr, options);
    std::string all;
    try {
        for (;;) {
            const auto message = co_await reader.next();
            if (!message)
                break;
            all += message->digest() + " ";
        }
        const auto again = co_await reader.next();
        all += again ? "more" : "end";
    } catch (const flipt::error& e) {
        all += e.code().message();
    }
    co_return all;
}

} // namespace

TEST_CASE_FIXTURE(fixture, "a stream gives its messages, then its end or its error")
{
    const std::string good = run(io, read_all(*streams, "good", {}));
    CHECK(good == "one two end");
    const std::string broken = run(io, read_all(*streams, "broken", {}));
    CHECK(broken == "one two " + make_error_code(flipt::errc::server_error).message());
    flipt::call_options options;
    options.timeout = 1s; // enough for two messages on a busy machine
    const std::string late = run(io, read_all(*streams, "hang", options));
    CHECK(late == "one two " + make_error_code(flipt::errc::timed_out).message());
}

TEST_CASE_FIXTURE(fixture, "a stream is cancelled from its reader and by destroying it")
{
    grpc_test::stream_request asked;
    asked.set_key("hang");
    auto reader =
        flipt::grpc_stream(streams->async(), &grpc_test::stream_stub_type::EvaluationSnapshotNamespaceStream, asked);
    asio::cancellation_signal signal;
    std::string all;
    auto keep = [&](std::error_code ec, const std::optional<grpc_test::document>& message) {
        all += message ? message->digest() : ec.message();
    };
    auto next = [&] {
        reader.async_next(asio::bind_executor(io.get_executor(), asio::bind_cancellation_slot(signal.slot(), keep)));
    };
    next();
    io.run();
    io.restart();
    next();
    io.run();
    CHECK(all == "onetwo");
    all.clear();
    io.restart();
    next();
    reader.async_next(asio::bind_executor(io.get_executor(), [&](std::error_code ec, const auto&) {
        CHECK(ec == asio::error::already_started);
        signal.emit(asio::cancellation_type::total);
    }));
    io.run();
    CHECK(all == std::error_code(asio::error::operation_aborted).message());

    auto unread =
        flipt::grpc_stream(streams->async(), &grpc_test::stream_stub_type::EvaluationSnapshotNamespaceStream, asked);
    server.wait_for_calls(2);
}
