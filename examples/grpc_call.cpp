// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A JWT in the metadata of one gRPC call: grpc_call HOST:PORT JWT [FLAG]. Plaintext, so only for a server on this
// machine.
#include "flipt/grpc/call.hpp"
#include "flipt/grpc/metadata.hpp"
#include "flipt/token/token.hpp"

#include "flipt_evaluation.grpc.pb.h" // generated from Flipt's evaluation.proto, or a part of it

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <grpcpp/create_channel.h>

#include <iostream>
#include <memory>

using service = flipt::evaluation::EvaluationService;
using methods = service::StubInterface::async_interface;

asio::awaitable<void> ask(std::string address, std::string jwt, std::string flag)
{
    const auto stub = service::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));

    flipt::evaluation::EvaluationRequest request;
    request.set_namespace_key("default");
    request.set_flag_key(flag);
    request.set_entity_id("ada");

    auto context = std::make_unique<grpc::ClientContext>();
    flipt::add_authorization(*context, flipt::jwt_token(jwt)); // authorization: JWT <jwt>

    const auto answer = co_await flipt::grpc_unary(stub->async(), &methods::Boolean, request, std::move(context));
    std::cout << answer.flag_key() << (answer.enabled() ? " is on\n" : " is off\n");
}

int main(int argc, char** argv)
{
    if (argc != 3 && argc != 4) {
        std::cerr << "usage: grpc_call HOST:PORT JWT [FLAG]\n";
        return 2;
    }
    asio::io_context io;
    auto done = asio::co_spawn(io, ask(argv[1], argv[2], argc > 3 ? argv[3] : "dark-mode"), asio::use_future);
    io.run();
    try {
        done.get();
    } catch (const flipt::error& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
