// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshots and their stream.
#pragma once

#include "flipt/testing/impl/route_body.ipp"

namespace flipt::inline v0::testing {

FLIPT_DECL http_reply router::snapshot(const http_request& request, const std::string& environment_key,
                                       const std::string& namespace_key)
{
    http_reply reply;
    const auto environment = environment_of(request, environment_key, reply);
    if (!environment)
        return reply;
    const auto document = store_.snapshot(*environment, namespace_key);
    if (!document) {
        if (v2())
            return error_reply(5, "evaluation snapshot for namespace \"" + namespace_key + "\" not found");
        detail::json_text json;
        json.open('{').key("namespace").open('{').member("key", namespace_key).close('}');
        reply.body = json.member_raw("flags", "[]").close('}').take();
        return reply;
    }
    reply.headers.emplace_back("Etag", document->digest);
    if (request.header("If-None-Match") == document->digest) {
        reply.status = 304;
        return reply;
    }
    reply.body = document->text;
    if (v2() && detail::find_top_level(reply.body, "digest").first == std::string::npos)
        reply.body.insert(reply.body.rfind('}'), ", \"digest\":\"" + document->digest + "\"");
    return reply;
}

FLIPT_DECL http_reply router::stream(const http_request& request, const path_parts& path)
{
    http_reply reply;
    reply.chunked = true;
    const auto digest = query_value(request.query(), "digest");
    if (!digest.empty() && digest.size() != 40) {
        reply.status = 400;
        reply.body = "{\"error\":{\"code\":3,\"message\":\"invalid field digest: must be a 40-character string\","
                     "\"details\":[]}}\n";
        return reply;
    }
    http_reply failure;
    const auto environment = environment_of(request, path[3], failure);
    if (!environment) {
        reply.status = failure.status;
        reply.body = "{\"error\":" + failure.body + "}\n";
        return reply;
    }
    auto& stream = reply.stream.emplace();
    stream.environment = *environment;
    stream.namespace_key = path[5];
    stream.digest = digest;
    stream.events = request.header("Accept").find("text/event-stream") != std::string_view::npos;
    if (stream.events)
        reply.content_type = "text/event-stream";
    return reply;
}

FLIPT_DECL std::optional<std::string> router::next_message(stream_subscription& stream)
{
    const auto document = store_.snapshot(stream.environment, stream.namespace_key);
    if (!document || document->digest == stream.digest)
        return std::nullopt; // an unknown namespace is silence, for ever
    stream.digest = document->digest;
    if (stream.events)
        return "id: " + stream.digest.substr(0, 9) + "\ndata: {\"etag\":\"" + stream.digest +
               "\",\"type\":\"refetchEvaluation\"}\n\n";
    std::string compact(document->text.size(), '\0');
    std::size_t size = 0;
    if (simdjson::minify(document->text.data(), document->text.size(), compact.data(), size) != simdjson::SUCCESS)
        return std::nullopt;
    compact.resize(size);
    if (detail::find_top_level(compact, "digest").first == std::string::npos)
        compact.insert(compact.size() - 1, ",\"digest\":\"" + stream.digest + "\"");
    return "{\"result\":" + compact + "}\n";
}

} // namespace flipt::inline v0::testing
