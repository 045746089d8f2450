// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A JWT in every gRPC call of a channel, by an interceptor: grpc_interceptor HOST:PORT JWT [FLAG]. Plaintext, so only
// for a server on this machine.
#include "flipt/grpc/interceptor.hpp"
#include "flipt/token/token.hpp"

#include "flipt_evaluation.grpc.pb.h" // generated from Flipt's evaluation.proto, or a part of it

#include <grpcpp/create_channel.h>

#include <iostream>
#include <memory>
#include <vector>

int main(int argc, char** argv)
{
    if (argc != 3 && argc != 4) {
        std::cerr << "usage: grpc_interceptor HOST:PORT JWT [FLAG]\n";
        return 2;
    }
    std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(flipt::make_token_interceptor(flipt::jwt_token(argv[2]))); // authorization: JWT <jwt>
    const auto channel = grpc::experimental::CreateCustomChannelWithInterceptors(
        argv[1], grpc::InsecureChannelCredentials(), grpc::ChannelArguments(), std::move(interceptors));
    const auto stub = flipt::evaluation::EvaluationService::NewStub(channel);

    flipt::evaluation::EvaluationRequest request;
    request.set_namespace_key("default");
    request.set_flag_key(argc > 3 ? argv[3] : "dark-mode");
    request.set_entity_id("ada");
    flipt::evaluation::BooleanEvaluationResponse answer;
    grpc::ClientContext context;
    const grpc::Status status = stub->Boolean(&context, request, &answer);
    if (!status.ok()) {
        std::cerr << status.error_message() << '\n';
        return 1;
    }
    std::cout << answer.flag_key() << (answer.enabled() ? " is on\n" : " is off\n");
}
