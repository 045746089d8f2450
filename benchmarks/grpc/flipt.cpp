// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Ours over gRPC: coroutines that await flipt::grpc_unary with a JWT and a deadline. Every answer is brought to the
// caller's io_context, which the plain callbacks do not do.
#include "flipt/grpc/call.hpp"
#include "flipt/grpc/metadata.hpp"
#include "flipt/token/token.hpp"

#include "../support/meter.hpp"
#include "request.hpp"

#include <asio/io_context.hpp>

#include <grpcpp/create_channel.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

using service = flipt::evaluation::EvaluationService;
using methods = service::StubInterface::async_interface;

struct work {
    long next = 0;
    long end = 0;
    bool good = true;
    bench::meter* meter = nullptr;
};

asio::awaitable<void> caller(service::Stub& stub, flipt::jwt_token& token, work& w)
{
    flipt::evaluation::BooleanEvaluationResponse reply;
    while (w.next < w.end) {
        const auto started = w.meter->now();
        auto context = std::make_unique<grpc::ClientContext>();
        flipt::add_authorization(*context, token);
        flipt::call_options options;
        options.timeout = std::chrono::seconds(10);
        flipt::evaluation::EvaluationRequest request = bench::grpc_request(w.next++);
        reply = co_await flipt::grpc_unary(stub.async(), &methods::Boolean, std::move(request), std::move(context),
                                           options);
        w.meter->add(started);
    }
    w.good = w.good && bench::right(reply);
}

} // namespace

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    asio::io_context io(1);
    const auto channel = grpc::CreateChannel(o.host + ':' + std::to_string(o.port), grpc::InsecureChannelCredentials());
    const auto stub = service::NewStub(channel);
    flipt::jwt_token token(bench::token());
    bench::meter meter(o);
    work w;
    w.meter = &meter;
    const auto perform = [&](long count) {
        if (count == 0)
            return;
        w.next = 0;
        w.end = count;
        for (int i = 0; i < o.in_flight; ++i) {
            auto one = caller(*stub, token, w);
            asio::co_spawn(io, std::move(one), [](std::exception_ptr e) {
                if (e)
                    std::rethrow_exception(e);
            });
        }
        io.run();
        io.restart();
    };
    perform(o.warmup);
    meter.begin();
    perform(o.requests);
    meter.end(w.good);
    std::fflush(stdout);
    std::_Exit(0);
}
