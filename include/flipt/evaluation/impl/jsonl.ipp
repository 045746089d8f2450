// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of jsonl.hpp.
#pragma once

#include "flipt/detail/random.hpp"
#include "flipt/evaluation/go_quote.hpp"
#include "flipt/evaluation/impl/json_reader.ipp"
#include "flipt/evaluation/jsonl.hpp"

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

// The server makes up an id for a request that has none.
inline std::string random_request_id()
{
    thread_local random_source random;
    constexpr char digits[] = "0123456789abcdef";
    std::string id = "xxxxxxxx-xxxx-4xxx-9xxx-xxxxxxxxxxxx";
    for (char& c : id)
        if (c == 'x')
            c = digits[random.bits() & 0xF];
    return id;
}

class line_request {
public:
    line_request() = default;

    std::string_view type;
    std::string_view namespace_key;
    std::string_view flag_key;
    std::string_view entity_id;
    std::string_view request_id;
    std::vector<std::pair<std::string_view, std::string_view>> context;

    // The texts are views of the line and of the reader.
    bool read(json_reader& in)
    {
        const auto text = [&](std::string_view& to) { return in.null() || in.string(to); };
        in.space();
        bool has_request = false;
        const bool ok = in.object([&](std::string_view key) {
            if (key == "type")
                return text(type);
            if (key != "request")
                return in.skip();
            has_request = true;
            return in.object([&](std::string_view k) {
                if (k == "namespaceKey" || k == "namespace_key")
                    return text(namespace_key);
                if (k == "flagKey" || k == "flag_key")
                    return text(flag_key);
                if (k == "entityId" || k == "entity_id")
                    return text(entity_id);
                if (k == "requestId" || k == "request_id")
                    return text(request_id);
                if (k != "context")
                    return in.skip();
                return in.null() || in.object([&](std::string_view name) {
                    std::string_view value;
                    if (!text(value))
                        return false;
                    for (auto& pair : context)
                        if (pair.first == name) {
                            pair.second = value;
                            return true;
                        }
                    context.emplace_back(name, value);
                    return true;
                });
            });
        });
        in.space();
        return ok && has_request && in.at_end() && (type == "boolean" || type == "variant");
    }
};

class line_writer {
public:
    line_writer(std::string& out, std::string_view type) : out_(out)
    {
        out_ += "{\"type\": ";
        append_json_string(out_, type);
        out_ += ", \"status\": ";
    }

    void failure(int status, int code, std::string_view message)
    {
        out_ += std::to_string(status) + ", \"response\": {\"code\": " + std::to_string(code) + ", \"message\": ";
        append_json_string(out_, message);
        out_ += ", \"details\": []}}";
    }

    template <class Result>
    void answer(const Result& r, std::string_view request_id)
    {
        if (!r.ok())
            return failure(r.http_status(), r.grpc_code(), r.message());
        out_ += "200, \"response\": {";
        if constexpr (requires { r.enabled; }) {
            out_ += r.enabled ? "\"enabled\": true" : "\"enabled\": false";
        } else {
            out_ += r.match ? "\"match\": true" : "\"match\": false";
            member("variantKey", r.variant_key);
            member("variantAttachment", r.variant_attachment);
        }
        member("reason", to_string(r.reason));
        member("requestId", request_id.empty() ? std::string_view(random_request_id()) : request_id);
        member("flagKey", r.flag_key);
        out_ += ", \"segmentKeys\": [";
        bool first = true;
        for (const auto key : r.segment_keys) {
            out_ += std::exchange(first, false) ? "" : ", ";
            append_json_string(out_, key);
        }
        out_ += "]}}";
    }

private:
    void member(std::string_view name, std::string_view value)
    {
        out_ += ", ";
        append_json_string(out_, name);
        out_ += ": ";
        append_json_string(out_, value);
    }

    std::string& out_;
};

FLIPT_DECL void answer_line(const snapshot& flags, std::string_view line, std::string& out)
{
    json_reader in(line);
    line_request request;
    const auto utf8 = simdjson::validate_utf8(line.data(), line.size());
    const bool read = utf8 && request.read(in);
    line_writer writer(out, request.type);
    if (!read)
        return writer.failure(400, 3, "invalid values for key(s) in json body");
    const std::string_view ns = request.namespace_key.empty() ? "default" : request.namespace_key;
    if (ns != flags.namespace_key())
        return writer.failure(404, 5,
                              flags.rules() == rule_set::server_v2 ? "namespace " + go_quote(ns) + " not found"
                                                                   : flag_not_found_message(ns, request.flag_key));
    if (request.type == "boolean")
        writer.answer(flags.evaluate_boolean(request.flag_key, request.entity_id, request.context), request.request_id);
    else
        writer.answer(flags.evaluate_variant(request.flag_key, request.entity_id, request.context), request.request_id);
}

} // namespace flipt::inline v0::detail
