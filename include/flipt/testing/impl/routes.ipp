// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/routes.hpp: the routes.
#pragma once

#include "flipt/testing/json_text.hpp"
#include "flipt/testing/routes.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace flipt::inline v0::testing {

namespace detail {

inline constexpr std::string_view wrong_types = "invalid values for key(s) in json body";

/// A body as Flipt's gateway reads it: nothing is {}; the text of what is wrong with it otherwise.
inline std::string parse_body(simdjson::dom::parser& parser, const std::string& body, simdjson::dom::object& out)
{
    static const std::string nothing = "{}";
    const auto& text = body.find_first_not_of(" \t\r\n") == body.npos ? nothing : body;
    simdjson::dom::element root;
    if (parser.parse(text).get(root) != simdjson::SUCCESS) {
        int depth = 0;
        bool in_string = false;
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            if (in_string) {
                i += c == '\\' ? 1 : 0;
                in_string = c != '"';
            } else if (c == '"') {
                in_string = true;
            } else {
                depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
            }
        }
        return in_string || depth > 0 ? "unexpected EOF" : "invalid character looking for beginning of value";
    }
    return root.get(out) == simdjson::SUCCESS ? std::string() : std::string(wrong_types);
}

inline bool take_text(simdjson::dom::element value, std::string& out)
{
    std::string_view text;
    if (value.is_null())
        return true;
    if (value.get(text) != simdjson::SUCCESS)
        return false;
    out.assign(text);
    return true;
}

inline bool read_context(simdjson::dom::element value, context_map& out)
{
    simdjson::dom::object object;
    if (value.is_null())
        return true;
    if (value.get(object) != simdjson::SUCCESS)
        return false;
    for (const auto field : object) {
        std::string text;
        if (!take_text(field.value, text))
            return false;
        out.emplace_back(field.key, std::move(text));
    }
    return true;
}

/// False when a known field has the wrong type. Both spellings of a field are Flipt's (protojson).
inline bool read_evaluation(simdjson::dom::object object, evaluation_request& out)
{
    for (const auto field : object) {
        const std::string_view name = field.key;
        bool ok = true;
        if (name == "flagKey" || name == "flag_key")
            ok = take_text(field.value, out.flag_key);
        else if (name == "entityId" || name == "entity_id")
            ok = take_text(field.value, out.entity_id);
        else if (name == "namespaceKey" || name == "namespace_key")
            ok = take_text(field.value, out.namespace_key);
        else if (name == "environmentKey" || name == "environment_key")
            ok = take_text(field.value, out.environment_key);
        else if (name == "requestId" || name == "request_id")
            ok = take_text(field.value, out.request_id);
        else if (name == "reference")
            ok = take_text(field.value, out.reference);
        else if (name == "context")
            ok = read_context(field.value, out.context);
        if (!ok)
            return false;
    }
    if (out.namespace_key.empty())
        out.namespace_key = "default";
    return true;
}

inline std::string times_json(std::chrono::steady_clock::duration took, std::chrono::system_clock::time_point now)
{
    const auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(took).count();
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%lld.%06lld", static_cast<long long>(nanos / 1000000),
                  static_cast<long long>(nanos % 1000000));
    std::string millis(text.data());
    while (millis.back() == '0')
        millis.pop_back();
    if (millis.back() == '.')
        millis.pop_back();
    return "\"requestDurationMillis\":" + millis + ", \"timestamp\":\"" +
           format_time(std::chrono::time_point_cast<std::chrono::nanoseconds>(now)) + "\"";
}

inline void append_segments(json_text& json, const std::vector<std::string>& keys)
{
    json.key("segmentKeys").open('[');
    for (const auto& key : keys)
        json.text(key);
    json.close(']');
}

inline std::string base64(std::string_view bytes)
{
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

inline std::string from_base64(std::string text)
{
    while (!text.empty() && text.back() == '=')
        text.pop_back();
    std::replace(text.begin(), text.end(), '+', '-');
    std::replace(text.begin(), text.end(), '/', '_');
    return base64url_decode(text).value_or(std::string());
}

/// A decimal number of at most nine digits, or nothing.
inline std::optional<std::size_t> small_number(std::string_view text)
{
    if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != text.npos)
        return std::nullopt;
    std::size_t value = 0;
    for (const char c : text)
        value = value * 10 + static_cast<std::size_t>(c - '0');
    return value;
}

} // namespace detail

FLIPT_DECL router::router(route_options options) : options_(std::move(options))
{
    if (options_.auth.jwt)
        verifier_.emplace(*options_.auth.jwt);
}

FLIPT_DECL void router::set_authentication(authentication auth)
{
    std::optional<jwt_verifier> verifier;
    if (auth.jwt)
        verifier.emplace(*auth.jwt);
    verifier_ = std::move(verifier);
    options_.auth = std::move(auth);
    exchanged_.clear();
}

FLIPT_DECL std::optional<router::identity> router::authenticate(const http_request& request) const
{
    identity who;
    const auto& auth = options_.auth;
    if (!auth.required())
        return who;
    std::string_view value = request.header("Authorization");
    std::string_view bearer;
    if (!request.has_header("Authorization")) {
        constexpr std::string_view cookie = "flipt_client_token=";
        const auto cookies = request.header("Cookie");
        if (const auto at = cookies.find(cookie); at != cookies.npos)
            bearer = cookies.substr(at + cookie.size(), cookies.find(';', at) - at - cookie.size());
    } else if (value.substr(0, 7) == "Bearer ") {
        bearer = detail::trimmed(value.substr(7));
    } else if (value.substr(0, 4) == "JWT ") {
        value = detail::trimmed(value.substr(4));
        if (verifier_) {
            auto verdict = verifier_->verify(value, options_.now());
            if (!verdict.ok)
                return std::nullopt;
            who.method = "METHOD_JWT";
            who.issuer = std::move(verdict.issuer);
            who.payload = std::move(verdict.payload);
            return who;
        }
        const auto& known = auth.service_account_tokens;
        if (!v2() || !auth.kubernetes || value.empty() ||
            (!known.empty() && std::find(known.begin(), known.end(), value) == known.end()))
            return std::nullopt;
        who.method = "METHOD_KUBERNETES";
        return who;
    }
    if (bearer.empty())
        return std::nullopt;
    if (std::find(auth.client_tokens.begin(), auth.client_tokens.end(), bearer) != auth.client_tokens.end()) {
        who.method = "METHOD_TOKEN";
        who.id = detail::sha1_hex(bearer).substr(0, 32);
        return who;
    }
    const auto given = exchanged_.find(bearer);
    if (given == exchanged_.end() || given->second <= options_.now())
        return std::nullopt;
    who.method = "METHOD_KUBERNETES";
    who.id = detail::sha1_hex(bearer).substr(0, 32);
    return who;
}

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

/// Nothing: there is no such route.
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
    failure = error_reply(5, "failed to get environment " + quoted + " from context: environment: " + quoted +
                                 " not found");
    return std::nullopt;
}

FLIPT_DECL router::outcome router::evaluate(const std::string& environment, const evaluation_request& query)
{
    outcome out;
    if (v2() && !store_.has_namespace(environment, query.namespace_key)) {
        out.result = evaluation_failure(5, "namespace \"" + query.namespace_key + "\" not found");
        return out;
    }
    out.result =
        store_.evaluate(environment, query.namespace_key, query.flag_key, query.entity_id, query.context);
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
    reply.body = type == flag_type::boolean
                     ? boolean_json(std::get<boolean_evaluation>(out.result), query, id, times)
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

FLIPT_DECL std::string router::flag_json(const flag& f, std::string_view namespace_key) const
{
    detail::json_text json;
    const auto times = [&](const auto& what) {
        json.member("createdAt", detail::format_time(what.created_at.value_or(timestamp_type{})));
        json.member("updatedAt", detail::format_time(what.updated_at.value_or(timestamp_type{})));
    };
    const auto variant = [&](const flag_variant& v) {
        json.open('{').member("id", v2() ? std::string() : v.id).member("flagKey", f.key).member("key", v.key);
        json.member("name", v.name).member("description", v.description);
        if (!v2())
            times(v);
        json.member("attachment", v2() && v.attachment.empty() ? std::string("null") : v.attachment);
        json.member("namespaceKey", namespace_key).close('}');
    };
    json.open('{').member("key", f.key).member("name", f.name).member("description", f.description);
    json.member("enabled", f.enabled);
    if (!v2())
        times(f);
    json.key("variants").open('[');
    if (!v2())
        for (const auto& v : f.variants)
            variant(v);
    json.close(']').member("namespaceKey", namespace_key).member("type", to_string(f.type));
    if (f.default_variant) {
        json.key("defaultVariant");
        variant(*f.default_variant);
    }
    if (!v2() && !f.metadata.empty())
        json.member_raw("metadata", f.metadata);
    return json.close('}').take();
}

FLIPT_DECL http_reply router::list_flags(const http_request& request, const std::string& namespace_key, bool in_path)
{
    http_reply reply;
    const auto query = request.query();
    std::string environment = "default";
    if (v2()) { // the one route where no environment is not the default one
        environment = query_value(query, "environmentKey");
        if (!store_.has_environment(environment))
            environment.assign(request.header("X-Flipt-Environment"));
        if (!store_.has_environment(environment))
            return error_reply(5, "failed to get environment \"" + environment + "\" from context: environment: \"" +
                                      environment + "\" not found");
    }
    const auto limit_text = query_value(query, "limit");
    const auto token = query_value(query, "pageToken");
    const auto limit = detail::small_number(limit_text.empty() ? "0" : limit_text);
    if (!limit)
        return error_reply(3, "type mismatch, parameter: limit, error: strconv.ParseInt: parsing \"" + limit_text +
                                  "\": invalid syntax");
    if (*limit == 0 && !token.empty())
        return error_reply(3, "limit must be set when offset or pageToken is set");
    const auto* known = store_.flags(environment, namespace_key);
    if (known == nullptr && v2())
        return error_reply(5, "namespace \"" + namespace_key + "\" not found");
    auto flags = known == nullptr ? std::vector<flag>() : *known;
    if (v2())
        std::sort(flags.begin(), flags.end(), [](const auto& a, const auto& b) { return a.key < b.key; });

    std::size_t offset = 0;
    if (!token.empty()) {
        std::string_view digits = token;
        const std::string decoded = v2() ? std::string() : detail::from_base64(token);
        if (!v2()) {
            digits = std::string_view(decoded).substr(std::min(decoded.rfind(':'), decoded.size()));
            if (digits.size() > 2)
                digits = digits.substr(1, digits.size() - 2);
        }
        const auto read = detail::small_number(digits);
        if (!read)
            return error_reply(3, "pageToken is not valid: \"" + token + "\"");
        offset = std::min(*read, flags.size());
    }
    const auto end = *limit == 0 ? flags.size() : std::min(flags.size(), offset + *limit);
    std::string next;
    if (end < flags.size()) {
        next = std::to_string(end);
        if (!v2())
            next = detail::base64("{\"key\":\"" + flags[end].key + "\",\"offset\":" + next + "}");
    }
    detail::json_text json;
    json.open('{').key("flags").open('[');
    for (; offset < end; ++offset)
        json.raw(flag_json(flags[offset], v2() && !in_path ? std::string_view() : std::string_view(namespace_key)));
    json.close(']').member("nextPageToken", next);
    json.key("totalCount").number(static_cast<std::int64_t>(flags.size())).close('}');
    reply.body = json.take();
    return reply;
}

FLIPT_DECL http_reply router::get_flag(const std::string& namespace_key, const std::string& key)
{
    const auto* found = store_.find("default", namespace_key, key);
    if (found == nullptr)
        return error_reply(5, "flag \"" + namespace_key + "/" + key + "\" not found");
    http_reply reply;
    reply.body = flag_json(*found, namespace_key);
    return reply;
}

FLIPT_DECL http_reply router::get_resource(const path_parts& path)
{
    const auto &environment = path[3], &namespace_key = path[5], &key = path[8];
    if (!store_.has_environment(environment))
        return error_reply(5, "environment: \"" + environment + "\" not found");
    if (!store_.has_namespace(environment, namespace_key))
        return error_reply(5, "namespace \"" + namespace_key + "\" not found");
    const auto* f = store_.find(environment, namespace_key, key);
    if (f == nullptr) {
        const auto name = "flag " + namespace_key + "/" + key;
        return error_reply(5, "getting " + name + ": " + name + " not found");
    }
    detail::json_text json;
    json.open('{').key("resource").open('{').member("namespaceKey", namespace_key).member("key", key);
    json.key("payload").open('{').member("@type", "flipt.core.Flag").member("key", f->key);
    json.member("type", to_string(f->type)).member("name", f->name).member("description", f->description);
    json.member("enabled", f->enabled).key("variants").open('[');
    for (const auto& v : f->variants) {
        json.open('{').member("key", v.key).member("name", v.name).member("description", v.description);
        if (!v.attachment.empty() && v.attachment != "null")
            json.member_raw("attachment", v.attachment);
        json.close('}');
    }
    json.close(']').member_raw("rules", "[]").member_raw("rollouts", "[]");
    if (f->default_variant)
        json.member("defaultVariant", f->default_variant->key);
    if (!f->metadata.empty())
        json.member_raw("metadata", f->metadata);
    json.close('}').close('}').member("revision", detail::sha1_hex(std::to_string(store_.revision()))).close('}');
    http_reply reply;
    reply.body = json.take();
    return reply;
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

FLIPT_DECL http_reply router::info() const
{
    const std::string required = options_.auth.required() ? "true" : "false";
    http_reply reply;
    reply.body =
        v2() ? "{\"build\":{\"version\":\"v2.11.0\",\"goVersion\":\"go1.26.8\",\"updateAvailable\":false,"
               "\"isRelease\":true},\"authentication\":{\"required\":" +
                   required + "},\"analytics\":{},\"ui\":{\"theme\":\"system\"},\"product\":\"oss\"}"
             : "{\"version\":\"v1.61.1\",\"goVersion\":\"go1.26.8\",\"updateAvailable\":false,\"isRelease\":true,"
               "\"os\":\"linux\",\"arch\":\"amd64\",\"authentication\":{\"required\":" +
                   required + "},\"storage\":{\"type\":\"database\"},\"analytics\":{},\"ui\":{\"theme\":\"system\"}}";
    return reply;
}

FLIPT_DECL http_reply router::self(const identity& who) const
{
    if (who.method.empty())
        return error_reply(16, "request was not authenticated");
    detail::json_text json;
    json.open('{').member("id", who.id).member("method", who.method).key("metadata").open('{');
    if (!who.payload.empty()) {
        if (v2()) {
            simdjson::dom::parser parser;
            simdjson::dom::object claims;
            std::vector<std::pair<std::string, std::string>> sorted;
            if (parser.parse(who.payload).get(claims) == simdjson::SUCCESS)
                for (const auto field : claims)
                    sorted.emplace_back(field.key, simdjson::minify(field.value));
            std::sort(sorted.begin(), sorted.end());
            std::string text = "{";
            for (const auto& [name, value] : sorted) {
                text += text.size() > 1 ? "," : "";
                detail::append_json_string(text, name);
                text += ":" + value;
            }
            json.member("io.flipt.auth.claims", text + "}");
        }
        if (!who.issuer.empty())
            json.member("io.flipt.auth.jwt.issuer", who.issuer);
    }
    http_reply reply;
    reply.body = json.close('}').close('}').take();
    return reply;
}

FLIPT_DECL http_reply router::exchange(const http_request& request)
{
    simdjson::dom::parser parser;
    simdjson::dom::object body;
    if (const auto wrong = detail::parse_body(parser, request.body, body); !wrong.empty())
        return error_reply(3, wrong);
    std::string token;
    for (const auto field : body)
        if ((field.key == "serviceAccountToken" || field.key == "service_account_token") &&
            !detail::take_text(field.value, token))
            return error_reply(3, detail::wrong_types);
    const auto& known = options_.auth.service_account_tokens;
    if (token.empty() || (!known.empty() && std::find(known.begin(), known.end(), token) == known.end()))
        return error_reply(16, "request was not authenticated");

    const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(options_.now());
    const auto end = now + options_.auth.kubernetes_token_lifetime;
    if (!v2()) {
        std::string fresh = detail::base64(random_uuid() + random_uuid()); // opaque, and not the one that was sent
        std::replace(fresh.begin(), fresh.end(), '/', '_');
        std::replace(fresh.begin(), fresh.end(), '+', '-');
        exchanged_[fresh] = options_.now() + options_.auth.kubernetes_token_lifetime;
        token = std::move(fresh);
    }
    detail::json_text json;
    json.open('{').member("clientToken", token).key("authentication").open('{');
    json.member("id", v2() ? std::string() : detail::sha1_hex(token).substr(0, 32));
    json.member("method", "METHOD_KUBERNETES").member("expiresAt", detail::format_time(end));
    json.member("createdAt", detail::format_time(now)).member("updatedAt", detail::format_time(now));
    json.member_raw("metadata", "{}").close('}').close('}');
    http_reply reply;
    reply.body = json.take();
    return reply;
}

} // namespace flipt::inline v0::testing
