// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A gRPC server with one fixed reply, the content of the recorded HTTP one. Prints its port.
#include "../support/payload.hpp"
#include "flipt_evaluation.grpc.pb.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <csignal>
#include <cstdio>
#include <sys/prctl.h>

namespace {

class service final : public flipt::evaluation::EvaluationService::CallbackService {
    grpc::ServerUnaryReactor* Boolean(grpc::CallbackServerContext* context, const flipt::evaluation::EvaluationRequest*,
                                      flipt::evaluation::BooleanEvaluationResponse* reply) override
    {
        reply->set_enabled(true);
        reply->set_reason(2);
        reply->set_request_id(std::string(bench::request_id_of_reply));
        reply->set_request_duration_millis(0.035383);
        reply->set_flag_key(std::string(bench::flag_key));
        reply->add_segment_keys("eu");
        grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

} // namespace

int main()
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    service replies;
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&replies);
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    std::printf("%d\n", port);
    std::fflush(stdout);
    server->Wait();
}
