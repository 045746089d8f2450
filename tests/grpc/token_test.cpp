// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The token by interceptor and by call credentials: once, refreshed, awaited, bounded.
#include "flipt/grpc/call.hpp"
#include "flipt/grpc/interceptor.hpp"
#include "flipt/grpc/metadata.hpp"
#include "flipt/testing/certificates.hpp"
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/refreshing_token.hpp"
#include "flipt/token/static_token.hpp"

#include "server.hpp"

#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_future.hpp>

#include <doctest/doctest.h>
#include <grpcpp/create_channel.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using factory = std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>;

grpc_test::request ask(const std::string& flag)
{
    grpc_test::request made;
    made.set_flag_key(flag);
    return made;
}

std::shared_ptr<grpc::Channel> channel_with(const std::string& address, factory interceptor)
{
    std::vector<factory> all;
    all.push_back(std::move(interceptor));
    return grpc::experimental::CreateCustomChannelWithInterceptors(address, grpc::InsecureChannelCredentials(),
                                                                   grpc::ChannelArguments(), std::move(all));
}

// An io_context that a thread of its own runs, for policies that fetch.
class background {
public:
    background() : work_(asio::make_work_guard(io)), thread_([this] { io.run(); }) {}
    ~background()
    {
        work_.reset();
        io.stop();
        thread_.join();
    }
    asio::io_context io;

private:
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    std::thread thread_;
};

// A refresh that takes as long as the test wants. Its timer is touched on the io_context's only thread.
class slow_login {
public:
    explicit slow_login(asio::io_context& io) : state_(std::make_shared<state>(io)) {}

    asio::awaitable<std::string> operator()()
    {
        const auto kept = state_;
        const int number = ++kept->calls;
        kept->started.release();
        std::error_code ec;
        co_await kept->gate.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        co_return "token-" + std::to_string(number);
    }
    void wait_until_started() { state_->started.acquire(); }
    void open()
    {
        asio::post(state_->gate.get_executor(),
                   [kept = state_] { kept->gate.expires_at(std::chrono::steady_clock::time_point::min()); });
    }
    [[nodiscard]] int calls() const { return state_->calls; }

private:
    struct state {
        explicit state(asio::io_context& io) : gate(io, std::chrono::steady_clock::time_point::max()) {}
        asio::steady_timer gate;
        std::atomic<int> calls{0};
        std::counting_semaphore<> started{0};
    };
    std::shared_ptr<state> state_;
};

grpc::Status call(grpc_test::stub::Stub& stub, grpc::ClientContext& context, const std::string& flag = "a")
{
    grpc_test::boolean answer;
    return stub.Boolean(&context, ask(flag), &answer);
}

std::future<std::pair<std::error_code, std::string>> call_async(grpc_test::stub::Stub& stub,
                                                                flipt::call_options options = {},
                                                                std::unique_ptr<grpc::ClientContext> context = nullptr)
{
    auto promise = std::make_shared<std::promise<std::pair<std::error_code, std::string>>>();
    auto future = promise->get_future();
    auto report = std::make_shared<flipt::diagnostics>();
    options.diagnostics = report.get();
    flipt::async_grpc_unary(stub.async(), &grpc_test::stub_type::Boolean, ask("a"), std::move(context), options,
                            [promise, report](std::error_code ec, const grpc_test::boolean&) {
                                promise->set_value({ec, report->server_message()});
                            });
    return future;
}

} // namespace

TEST_CASE("an interceptor sends the token once, replaces what is there, and sees a changed one")
{
    grpc_test::server server;
    const flipt::jwt_token token("one");
    const auto stub = grpc_test::stub::NewStub(channel_with(server.address(), flipt::make_token_interceptor(token)));

    grpc::ClientContext plain;
    const auto first = call(*stub, plain);
    CHECK(first.ok());
    grpc::ClientContext doubled;
    flipt::add_authorization(doubled, flipt::client_token("other"));
    doubled.AddMetadata("authorization", "third");
    call(*stub, doubled);
    token.set("two");
    const auto answer = call_async(*stub).get();
    CHECK(!answer.first);
    grpc::ClientContext refused;
    const auto denied = call(*stub, refused, "denied"); // a fixed token stays what it is
    CHECK(denied.error_code() == grpc::StatusCode::UNAUTHENTICATED);
    CHECK(server.seen() == std::vector<std::string>{"JWT one", "JWT one", "JWT two", "JWT two"});
}

TEST_CASE("a call without a token that can be sent is not sent")
{
    grpc_test::server server;
    const auto stub =
        grpc_test::stub::NewStub(channel_with(server.address(), flipt::make_token_interceptor(flipt::jwt_token(""))));
    grpc::ClientContext context;
    const auto status = call(*stub, context);
    CHECK(status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
    CHECK(status.error_message() == "flipt: no token that can be sent: the token is empty");
    const auto answer = call_async(*stub).get();
    CHECK(answer.first == flipt::errc::unauthenticated);

    const auto streams = grpc_test::stream_stub::NewStub(
        channel_with(server.address(), flipt::make_token_interceptor(flipt::jwt_token("a\nb"))));
    auto reader = flipt::grpc_stream(streams->async(), &grpc_test::stream_stub_type::EvaluationSnapshotNamespaceStream,
                                     grpc_test::stream_request());
    std::promise<std::error_code> ended;
    reader.async_next([&](std::error_code ec, const auto&) { ended.set_value(ec); });
    CHECK(ended.get_future().get() == flipt::errc::unauthenticated);
    CHECK(server.seen().empty());
}

TEST_CASE("a slow refresh is awaited once by all calls, and no thread is blocked")
{
    grpc_test::server server;
    background threads;
    slow_login login(threads.io);
    const auto stub = grpc_test::stub::NewStub(channel_with(
        server.address(), flipt::make_token_interceptor(threads.io.get_executor(), flipt::refreshing_token(login))));
    std::vector<std::future<std::pair<std::error_code, std::string>>> answers;
    for (int i = 0; i < 50; ++i) // more than gRPC has threads
        answers.push_back(call_async(*stub));
    auto blocking = std::async(std::launch::async, [&] {
        grpc::ClientContext context;
        return call(*stub, context).error_code();
    });
    login.wait_until_started();
    CHECK(server.seen().empty());
    login.open();
    for (auto& answer : answers)
        CHECK(!answer.get().first);
    CHECK(blocking.get() == grpc::StatusCode::OK);
    CHECK(login.calls() == 1);
    for (const auto& value : server.seen())
        CHECK(value == "JWT token-1");
}

TEST_CASE("a stream waits for its token too")
{
    grpc_test::server server;
    background threads;
    slow_login login(threads.io);
    const auto streams = grpc_test::stream_stub::NewStub(channel_with(
        server.address(), flipt::make_token_interceptor(threads.io.get_executor(), flipt::refreshing_token(login))));
    auto reader = flipt::grpc_stream(streams->async(), &grpc_test::stream_stub_type::EvaluationSnapshotNamespaceStream,
                                     grpc_test::stream_request());
    std::promise<std::string> got;
    reader.async_next([&](std::error_code ec, const std::optional<grpc_test::document>& message) {
        got.set_value(message ? message->digest() : ec.message());
    });
    login.wait_until_started();
    login.open();
    CHECK(got.get_future().get() == "one");
    CHECK(server.seen() == std::vector<std::string>{"JWT token-1"});
}

TEST_CASE("waiting for a token ends with the deadline, with TryCancel, and with the io_context")
{
    grpc_test::server server;
    {
        background threads;
        slow_login login(threads.io);
        const auto stub = grpc_test::stub::NewStub(
            channel_with(server.address(),
                         flipt::make_token_interceptor(threads.io.get_executor(), flipt::refreshing_token(login))));
        flipt::call_options options;
        options.timeout = 50ms;
        const auto late = call_async(*stub, options).get();
        CHECK(late.first == flipt::errc::timed_out);

        auto context = std::make_unique<grpc::ClientContext>();
        grpc::ClientContext& kept = *context;
        auto cancelled = call_async(*stub, {}, std::move(context));
        kept.TryCancel();
        const auto stopped = cancelled.get();
        CHECK(stopped.first == flipt::errc::unexpected_status); // not by the operation's own cancellation

        grpc::ClientContext early;
        early.TryCancel();
        const auto status = call(*stub, early);
        CHECK(status.error_code() == grpc::StatusCode::CANCELLED);
        CHECK(server.seen().empty());
        login.open();
        const auto fine = call_async(*stub).get();
        CHECK(!fine.first);
    }
    std::unique_ptr<grpc_test::stub::Stub> stub;
    std::future<std::pair<std::error_code, std::string>> orphan;
    {
        background threads;
        slow_login login(threads.io);
        stub = grpc_test::stub::NewStub(
            channel_with(server.address(),
                         flipt::make_token_interceptor(threads.io.get_executor(), flipt::refreshing_token(login))));
        orphan = call_async(*stub);
        login.wait_until_started();
    }
    CHECK(orphan.get().first == asio::error::not_connected);
    const auto after = call_async(*stub).get();
    CHECK(after.first == asio::error::not_connected); // UNAVAILABLE
    CHECK(server.seen() == std::vector<std::string>{"JWT token-1"});
}

TEST_CASE("a refused token is fetched anew for the next call")
{
    grpc_test::server server;
    background threads;
    slow_login login(threads.io);
    login.open();
    flipt::refresh_options options;
    options.initial_backoff = 0ms;
    const auto stub = grpc_test::stub::NewStub(
        channel_with(server.address(), flipt::make_token_interceptor(threads.io.get_executor(),
                                                                     flipt::refreshing_token(login, options))));
    grpc::ClientContext first;
    const auto denied = call(*stub, first, "denied");
    CHECK(denied.error_code() == grpc::StatusCode::UNAUTHENTICATED);
    grpc::ClientContext second;
    call(*stub, second);
    CHECK(server.seen() == std::vector<std::string>{"JWT token-1", "JWT token-2"});
}

TEST_CASE("a refresh that fails, and a policy that needs more than a channel, fail the call without secrets")
{
    grpc_test::server server;
    background threads;
    auto fail = []() -> asio::awaitable<std::string> {
        throw std::system_error(std::make_error_code(std::errc::connection_refused), "secret-in-text");
        co_return std::string();
    };
    const auto stub = grpc_test::stub::NewStub(channel_with(
        server.address(), flipt::make_token_interceptor(threads.io.get_executor(), flipt::refreshing_token(fail))));
    const auto answer = call_async(*stub).get();
    CHECK(answer.first == asio::error::not_connected);
    CHECK(answer.second.find("secret-in-text") == std::string::npos);
    const std::string path = "kubernetes-token-of-token-test";
    std::ofstream(path) << "service-account-s3cret";
    const auto logs_in = grpc_test::stub::NewStub(channel_with(
        server.address(), flipt::make_token_interceptor(threads.io.get_executor(), flipt::kubernetes_token(path))));
    const auto refused = call_async(*logs_in).get();
    std::remove(path.c_str());
    CHECK(refused.first == flipt::errc::unauthenticated);
    CHECK(refused.second.find("logs in at the server") != std::string::npos);
    CHECK(refused.second.find("s3cret") == std::string::npos);
    CHECK_THROWS_AS((void)flipt::make_token_interceptor(asio::any_io_executor(), flipt::refreshing_token(fail)),
                    flipt::error);
}

TEST_CASE("call credentials send the token on a secure channel")
{
    const flipt::testing::certificate_authority authority;
    const auto leaf = authority.issue_localhost();
    grpc::SslServerCredentialsOptions server_options;
    server_options.pem_key_cert_pairs.push_back({leaf.private_key_pem, leaf.certificate_pem});
    grpc_test::server server(grpc::SslServerCredentials(server_options));
    grpc::SslCredentialsOptions client_options;
    client_options.pem_root_certs = authority.certificate_pem();
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("localhost");

    background threads;
    slow_login login(threads.io);
    login.open();
    const auto credentials = grpc::CompositeChannelCredentials(
        grpc::SslCredentials(client_options),
        flipt::make_token_credentials(threads.io.get_executor(), flipt::refreshing_token(login),
                                      std::chrono::steady_clock::duration::max()));
    const auto stub = grpc_test::stub::NewStub(grpc::CreateCustomChannel(server.address(), credentials, arguments));
    grpc::ClientContext context;
    const auto status = call(*stub, context);
    CHECK_MESSAGE(status.ok(), status.error_message());

    const auto bare = grpc_test::stub::NewStub(
        grpc::CreateCustomChannel(server.address(), grpc::SslCredentials(client_options), arguments));
    grpc::ClientContext per_call;
    per_call.set_credentials(flipt::make_token_credentials(flipt::jwt_token("mine")));
    call(*bare, per_call);
    grpc::ClientContext empty;
    empty.set_credentials(flipt::make_token_credentials(flipt::jwt_token("")));
    const auto refused = call(*bare, empty);
    CHECK(!refused.ok());
    CHECK(server.seen() == std::vector<std::string>{"JWT token-1", "JWT mine"});
}
