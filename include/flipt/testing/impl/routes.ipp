// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which request belongs to which route, and which environment it means.
#pragma once

#include "flipt/testing/impl/route_body.ipp"

namespace flipt::inline v0::testing {

FLIPT_DECL http_reply router::answer(const http_request& request)
{
    path_parts path;
    std::string_view rest = request.path();
    while (!rest.empty() && rest.back() == '/')
        rest.remove_suffix(1);
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto part = rest.substr(0, rest.find('/'));
        path.push_back(percent_decode(part));
        rest.remove_prefix(part.size());
    }
    if (auto reply = dispatch(request, path))
        return std::move(*reply);

    const auto under = [&](std::string_view a, std::string_view b) {
        return path.size() >= 2 && path[0] == a && path[1] == b;
    };
    if (under("api", "v1") || under("evaluate", "v1") || under("auth", "v1") || under("internal", "v1") ||
        (v2() && (under("client", "v2") || under("api", "v2"))) || (!path.empty() && path[0] == "meta"))
        return error_reply(5, "Not Found");
    http_reply reply;
    reply.status = 404;
    reply.content_type = "text/plain; charset=utf-8";
    reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
    reply.body = "404 page not found\n";
    return reply;
}

// Nothing: there is no such route.
FLIPT_DECL std::optional<http_reply> router::dispatch(const http_request& request, const path_parts& path)
{
    const auto n = path.size();
    const auto starts = [&](std::initializer_list<std::string_view> words) {
        return n >= words.size() && std::equal(words.begin(), words.end(), path.begin());
    };
    const auto is = [&](std::initializer_list<std::string_view> words) { return n == words.size() && starts(words); };
    const auto wrong_method = [&](std::string_view method) {
        return request.method == method ? std::optional<http_reply>() : error_reply(12, "Method Not Allowed");
    };

    if (is({"health"})) {
        if (auto wrong = wrong_method("GET"))
            return wrong;
        http_reply reply;
        reply.body = "{\"status\":\"SERVING\"}\n";
        return reply;
    }
    if (is({"auth", "v1", "method", "kubernetes", "serviceaccount"})) {
        if (!options_.auth.kubernetes)
            return std::nullopt;
        if (auto wrong = wrong_method("POST"))
            return wrong;
        return exchange(request);
    }

    // The routes that need to know who asks: method first, then authentication, then the answer.
    const bool boolean = is({"evaluate", "v1", "boolean"});
    const bool variant = is({"evaluate", "v1", "variant"});
    const bool batch = is({"evaluate", "v1", "batch"});
    const bool in_namespace = starts({"api", "v1", "namespaces"}) && n >= 5 && path[4] == "flags";
    const bool list = is({"api", "v1", "flags"}) || (in_namespace && n == 5);
    const bool get = !v2() && ((starts({"api", "v1", "flags"}) && n == 4) || (in_namespace && n == 6));
    const bool resource = v2() && starts({"api", "v2", "environments"}) && n == 9 && path[4] == "namespaces" &&
                          path[6] == "resources" && path[7] == "flipt.core.Flag";
    const bool client = v2() && starts({"client", "v2", "environments"}) && n == 7 && path[4] == "namespaces";
    const bool client_snapshot = client && path[6] == "snapshot";
    const bool client_stream = client && path[6] == "stream";
    const bool old_snapshot = starts({"internal", "v1", "evaluation", "snapshot", "namespace"}) && n == 6;
    const bool meta = is({"meta", "info"});
    const bool myself = is({"auth", "v1", "self"});
    if (!(boolean || variant || batch || list || get || resource || client_snapshot || client_stream || old_snapshot ||
          meta || myself))
        return std::nullopt;

    if (auto wrong = wrong_method(boolean || variant || batch ? "POST" : "GET"))
        return wrong;
    const auto who = authenticate(request);
    if (!who) {
        auto reply = error_reply(16, "request was not authenticated");
        if (client_stream) {
            reply.body = "{\"error\":{\"code\":16,\"message\":\"request was not authenticated\",\"details\":[]}}\n";
            reply.headers.clear();
            reply.chunked = true;
        }
        return reply;
    }
    if (boolean || variant)
        return evaluate_one(request, boolean ? flag_type::boolean : flag_type::variant);
    if (batch)
        return evaluate_batch(request);
    if (list)
        return list_flags(request, in_namespace ? path[3] : "default", in_namespace);
    if (get)
        return get_flag(in_namespace ? path[3] : "default", path.back());
    if (resource)
        return get_resource(path);
    if (client_snapshot)
        return snapshot(request, path[3], path[5]);
    if (client_stream)
        return stream(request, path);
    if (old_snapshot)
        return snapshot(request, {}, path[5]);
    return meta ? info() : self(*who);
}

FLIPT_DECL std::optional<std::string> router::environment_of(const http_request& request, std::string_view asked,
                                                             http_reply& failure) const
{
    if (!v2())
        return "default";
    // A blank environment is the header's; an unknown one falls back to the header's, or silently to the default one.
    const auto header = request.header("X-Flipt-Environment");
    if (asked.empty())
        asked = header;
    if (asked.empty())
        return "default";
    if (store_.has_environment(asked))
        return std::string(asked);
    if (header.empty() || header == "default")
        return "default";
    if (store_.has_environment(header))
        return std::string(header);
    const std::string quoted = "\"" + std::string(header) + "\"";
    failure =
        error_reply(5, "failed to get environment " + quoted + " from context: environment: " + quoted + " not found");
    return std::nullopt;
}

} // namespace flipt::inline v0::testing
