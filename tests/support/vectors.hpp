// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The recorded evaluations as requests with their right answers, for programs that check every answer they get.
#pragma once

#include "flipt/types/error.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <simdjson.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace hostile {

/// One recorded evaluation.
class recorded {
public:
    recorded() = default;

    flipt::evaluation_request request;
    bool boolean = false;
    int status = 0;     ///< 200, or what the server refused it with
    bool on = false;    ///< enabled, or match
    std::string reason; ///< as on the wire
    std::string variant;
    std::vector<std::string> segments; ///< sorted
};

inline std::vector<std::string> sorted(std::vector<std::string> list)
{
    std::sort(list.begin(), list.end());
    return list;
}

/// What is wrong with an answer; empty when nothing is.
inline std::string difference(const recorded& asked, const flipt::boolean_evaluation& got)
{
    if (asked.status != 200)
        return "an answer where an error was due";
    if (got.flag_key != asked.request.flag_key || got.enabled != asked.on || to_string(got.reason) != asked.reason ||
        sorted(got.segment_keys) != asked.segments)
        return "another answer";
    return {};
}
inline std::string difference(const recorded& asked, const flipt::variant_evaluation& got)
{
    if (asked.status != 200)
        return "an answer where an error was due";
    if (got.flag_key != asked.request.flag_key || got.match != asked.on || to_string(got.reason) != asked.reason ||
        got.variant_key != asked.variant || sorted(got.segment_keys) != asked.segments)
        return "another answer";
    return {};
}

/// Reads a file of tests/data/conformance.
inline std::vector<recorded> read_vectors(const std::string& path)
{
    std::vector<recorded> out;
    simdjson::dom::parser parser;
    const simdjson::padded_string text = simdjson::padded_string::load(path);
    for (simdjson::dom::element line : parser.parse_many(text)) {
        recorded& one = out.emplace_back();
        const simdjson::dom::object request = line["request"];
        for (const auto field : request) {
            if (field.key == "context") {
                for (const auto pair : simdjson::dom::object(field.value))
                    one.request.context.emplace_back(pair.key, std::string_view(pair.value));
                continue;
            }
            const std::string_view value = field.value;
            if (field.key == "namespaceKey")
                one.request.namespace_key = value;
            else if (field.key == "flagKey")
                one.request.flag_key = value;
            else if (field.key == "entityId")
                one.request.entity_id = value;
            else if (field.key != "requestId")
                throw std::runtime_error("an unknown field in " + path + ": " + std::string(field.key));
        }
        one.boolean = std::string_view(line["type"]) == "boolean";
        one.status = static_cast<int>(std::int64_t(line["status"]));
        if (one.status != 200)
            continue;
        const simdjson::dom::object response = line["response"];
        one.on = bool(response[one.boolean ? "enabled" : "match"]);
        one.reason = std::string_view(response["reason"]);
        if (!one.boolean)
            one.variant = std::string_view(response["variantKey"]);
        for (const std::string_view segment : simdjson::dom::array(response["segmentKeys"]))
            one.segments.emplace_back(segment);
        std::sort(one.segments.begin(), one.segments.end());
    }
    return out;
}

} // namespace hostile
