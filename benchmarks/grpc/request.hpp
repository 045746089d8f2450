// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What both gRPC clients ask.
#pragma once

#include "../support/payload.hpp"
#include "flipt_evaluation.grpc.pb.h"

#include <string>

namespace bench {

inline flipt::evaluation::EvaluationRequest grpc_request(long i)
{
    flipt::evaluation::EvaluationRequest r;
    std::string entity_id;
    entity(i, entity_id);
    r.set_namespace_key("default");
    r.set_flag_key(std::string(flag_key));
    r.set_entity_id(entity_id);
    (*r.mutable_context())["region"] = "eu";
    (*r.mutable_context())["level"] = "12";
    return r;
}

inline bool right(const flipt::evaluation::BooleanEvaluationResponse& r)
{
    return r.enabled() && r.flag_key() == flag_key && r.segment_keys_size() == 1 &&
           r.request_id() == request_id_of_reply;
}

} // namespace bench
