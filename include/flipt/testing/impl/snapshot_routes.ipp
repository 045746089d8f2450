// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshots and their stream.
#pragma once

#include "flipt/testing/impl/route_body.ipp"

namespace flipt::inline v0::testing {

namespace detail {

// Removes a member of the objects at a depth (1 = the outermost) from a valid JSON text.
inline void erase_members(std::string& json, std::string_view name, int wanted_depth)
{
    int depth = 0;
    std::size_t comma = std::string::npos; // before the present member
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (c == '{' || c == '[') {
            ++depth;
            comma = std::string::npos;
        } else if (c == '}' || c == ']') {
            --depth;
        } else if (c == ',' && depth == wanted_depth) {
            comma = i;
        } else if (c == '"') {
            const auto start = i;
            for (++i; json[i] != '"'; ++i)
                i += json[i] == '\\' ? 1 : 0;
            const auto colon = json.find_first_not_of(" \t\r\n", i + 1);
            if (depth != wanted_depth || colon == std::string::npos || json[colon] != ':' ||
                json.compare(start + 1, i - start - 1, name) != 0)
                continue;
            // The rest is an object for find_top_level to measure the value in.
            const auto [offset, size] = find_top_level("{" + json.substr(start), name);
            auto end = start + offset - 1 + size;
            const auto behind = json.find_first_not_of(" \t\r\n", end);
            auto begin = start;
            if (comma != std::string::npos)
                begin = comma;
            else if (json[behind] == ',')
                end = json.find_first_not_of(" \t\r\n", behind + 1);
            json.erase(begin, end - begin);
            i = begin - 1;
        }
    }
}

inline bool version_before(std::string_view version, std::size_t major, std::size_t minor)
{
    if (!version.empty() && version.front() == 'v')
        version.remove_prefix(1);
    const auto dot = version.find('.');
    if (dot == version.npos)
        return true; // absent or nonsense: the oldest
    const auto first = small_number(version.substr(0, dot)).value_or(0);
    const auto rest = version.substr(dot + 1);
    const auto second = small_number(rest.substr(0, rest.find('.'))).value_or(0);
    return first < major || (first == major && second < minor);
}

} // namespace detail

FLIPT_DECL std::string adapt_v1_snapshot(std::string document, std::string_view accepted_version)
{
    if (detail::version_before(accepted_version, 1, 47))
        detail::erase_members(document, "defaultVariant", 3);
    if (detail::version_before(accepted_version, 1, 38)) {
        constexpr std::string_view entity = "\"ENTITY_ID_CONSTRAINT_COMPARISON_TYPE\"";
        constexpr std::string_view unknown = "\"UNKNOWN_CONSTRAINT_COMPARISON_TYPE\"";
        for (auto at = document.find(entity); at != document.npos; at = document.find(entity, at))
            document.replace(at, entity.size(), unknown);
    }
    return document;
}

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
    if (!v2())
        reply.body = adapt_v1_snapshot(std::move(reply.body), request.header("X-Flipt-Accept-Server-Version"));
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
