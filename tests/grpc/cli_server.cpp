// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A gRPC server for cli_test.py: prints its port, then takes lines `set true|false` and answers `ok`, until stdin ends.
#include "flag_source.hpp"

#include <iostream>
#include <string>

namespace {

using namespace grpc_test;

// Refuses calls without the token, and hangs, fails or answers as the flag's key says.
template <class Request>
server::handler guarded(std::function<void(call&, const Request&)> answer)
{
    return [answer](const std::shared_ptr<call>& c) {
        if (c->metadata("authorization") != "JWT " + std::string(secret_token))
            return c->finish(denied());
        answer(*c, c->as<Request>());
    };
}

template <class Answer>
void evaluate(call& c, const wire::EvaluationRequest& asked)
{
    if (asked.flag_key() == "hang")
        return;
    if (asked.flag_key() == "missing")
        return c.finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "flag \"default/missing\" not found"));
    if (asked.flag_key() == "other")
        return c.finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "flag type VARIANT_FLAG_TYPE invalid"));
    if (asked.flag_key() == "garbage") {
        c.send_bytes("\xff");
        return c.finish();
    }
    Answer made;
    made.set_flag_key(asked.flag_key());
    made.set_reason(2);
    made.add_segment_keys(asked.namespace_key());
    c.answer(made);
}

} // namespace

int main()
{
    flag_source source(true);
    server flipt_server;
    source.install(flipt_server);
    using wire::EvaluationRequest;
    flipt_server.on("Boolean", guarded<EvaluationRequest>(&evaluate<wire::BooleanEvaluationResponse>));
    flipt_server.on("Variant", guarded<EvaluationRequest>(&evaluate<wire::VariantEvaluationResponse>));
    flipt_server.on("Batch",
                    guarded<wire::BatchEvaluationRequest>([](call& c, const wire::BatchEvaluationRequest& all) {
                        wire::BatchEvaluationResponse made;
                        for (const auto& one : all.requests())
                            made.add_responses()->mutable_boolean_response()->set_flag_key(one.flag_key());
                        c.answer(made);
                    }));
    flipt_server.on("ListFlags", guarded<wire::ListFlagRequest>([](call& c, const wire::ListFlagRequest& asked) {
                        wire::FlagList made;
                        made.add_flags()->set_key("of-" + asked.namespace_key());
                        made.set_total_count(1);
                        c.answer(made);
                    }));
    std::cout << flipt_server.port() << std::endl;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line == "streams") // until one is open
            source.wait_for_streams(1);
        else
            source.set(line == "set true");
        std::cout << "ok" << std::endl;
    }
}
