// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The routes below /evaluate/v1.
#pragma once

#include "flipt/testing/impl/route_body.ipp"

namespace flipt::inline v0::testing {

FLIPT_DECL router::outcome router::evaluate(const std::string& environment, const evaluation_request& query)
{
    outcome out;
    if (v2() && !store_.has_namespace(environment, query.namespace_key)) {
        out.result = evaluation_failure(5, "namespace \"" + query.namespace_key + "\" not found");
        return out;
    }
    out.result = store_.evaluate(environment, query.namespace_key, query.flag_key, query.entity_id, query.context);
    if (std::holds_alternative<std::monostate>(out.result)) {
        const auto name = query.flag_key.empty() ? query.namespace_key : query.namespace_key + "/" + query.flag_key;
        out.result = evaluation_failure(5, "flag \"" + name + "\" not found");
    }
    out.type = std::holds_alternative<boolean_evaluation>(out.result) ? flag_type::boolean : flag_type::variant;
    return out;
}

FLIPT_DECL http_reply router::evaluate_one(const http_request& request, flag_type type)
{
    const auto began = std::chrono::steady_clock::now();
    simdjson::dom::parser parser;
    simdjson::dom::object body;
    if (const auto wrong = detail::parse_body(parser, request.body, body); !wrong.empty())
        return error_reply(3, wrong);
    evaluation_request query;
    if (!detail::read_evaluation(body, query))
        return error_reply(3, detail::wrong_types);
    http_reply reply;
    const auto environment = environment_of(request, query.environment_key, reply);
    if (!environment)
        return reply;
    const auto out = evaluate(*environment, query);
    if (const auto* failure = std::get_if<evaluation_failure>(&out.result))
        return error_reply(failure->code, failure->message);
    if (out.type != type)
        return error_reply(3, "flag type " + std::string(to_string(out.type)) + " invalid");
    const auto id = query.request_id.empty() ? random_uuid() : query.request_id;
    const auto times = detail::times_json(std::chrono::steady_clock::now() - began, options_.now());
    reply.body = type == flag_type::boolean ? boolean_json(std::get<boolean_evaluation>(out.result), query, id, times)
                                            : variant_json(std::get<variant_evaluation>(out.result), query, id, times);
    return reply;
}

FLIPT_DECL http_reply router::evaluate_batch(const http_request& request)
{
    const auto began = std::chrono::steady_clock::now();
    simdjson::dom::parser parser;
    simdjson::dom::object body;
    if (const auto wrong = detail::parse_body(parser, request.body, body); !wrong.empty())
        return error_reply(3, wrong);
    evaluation_request head;
    if (!detail::read_evaluation(body, head))
        return error_reply(3, detail::wrong_types);
    std::vector<evaluation_request> queries;
    simdjson::dom::element list;
    if (body.at_key("requests").get(list) == simdjson::SUCCESS && !list.is_null()) {
        simdjson::dom::array items;
        if (list.get(items) != simdjson::SUCCESS)
            return error_reply(3, detail::wrong_types);
        for (const auto item : items) {
            simdjson::dom::object object;
            if (item.get(object) != simdjson::SUCCESS || !detail::read_evaluation(object, queries.emplace_back()))
                return error_reply(3, detail::wrong_types);
        }
    }
    std::vector<outcome> outcomes;
    http_reply reply;
    for (const auto& query : queries) {
        const auto environment = environment_of(request, query.environment_key, reply);
        if (!environment)
            return reply;
        outcomes.push_back(evaluate(*environment, query));
        const auto* failure = std::get_if<evaluation_failure>(&outcomes.back().result);
        if (failure != nullptr && failure->code != 5 && !v2())
            return error_reply(failure->code, failure->message);
    }
    const auto times = detail::times_json(std::chrono::steady_clock::now() - began, options_.now());
    detail::json_text json;
    json.open('{').member("requestId", head.request_id.empty() ? random_uuid() : head.request_id);
    json.key("responses").open('[');
    for (std::size_t i = 0; i < queries.size(); ++i) {
        const auto& query = queries[i];
        json.open('{');
        if (const auto* failure = std::get_if<evaluation_failure>(&outcomes[i].result)) {
            const auto reason =
                failure->code == 5 ? error_evaluation_reason::not_found : error_evaluation_reason::unknown;
            json.member("type", "ERROR_EVALUATION_RESPONSE_TYPE").key("errorResponse").open('{');
            json.member("flagKey", query.flag_key).member("namespaceKey", query.namespace_key);
            json.member("reason", to_string(reason)).close('}');
        } else if (const auto* b = std::get_if<boolean_evaluation>(&outcomes[i].result)) {
            json.member("type", "BOOLEAN_EVALUATION_RESPONSE_TYPE");
            json.member_raw("booleanResponse", boolean_json(*b, query, query.request_id, times));
        } else {
            const auto& v = std::get<variant_evaluation>(outcomes[i].result);
            json.member("type", "VARIANT_EVALUATION_RESPONSE_TYPE");
            json.member_raw("variantResponse", variant_json(v, query, query.request_id, times));
        }
        json.close('}');
    }
    json.close(']').raw(times.substr(0, times.find(',')));
    reply.body = json.close('}').take();
    return reply;
}

FLIPT_DECL std::string router::boolean_json(const boolean_evaluation& b, const evaluation_request& query,
                                            const std::string& request_id, const std::string& times) const
{
    detail::json_text json;
    json.open('{').member("enabled", b.enabled).member("reason", to_string(b.reason));
    json.member("requestId", request_id).raw(times).member("flagKey", query.flag_key);
    detail::append_segments(json, b.segment_keys);
    return json.close('}').take();
}

FLIPT_DECL std::string router::variant_json(const variant_evaluation& v, const evaluation_request& query,
                                            const std::string& request_id, const std::string& times) const
{
    const bool null_attachment = v2() && v.variant_attachment.empty() && !v.variant_key.empty();
    detail::json_text json;
    json.open('{').member("match", v.match);
    detail::append_segments(json, v.segment_keys);
    json.member("reason", to_string(v.reason)).member("variantKey", v.variant_key);
    json.member("variantAttachment", null_attachment ? std::string("null") : v.variant_attachment);
    json.member("requestId", request_id).raw(times).member("flagKey", query.flag_key);
    return json.close('}').take();
}

} // namespace flipt::inline v0::testing
