// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Who is let in, and the routes about the server and its caller.
#pragma once

#include "flipt/testing/impl/route_body.ipp"

namespace flipt::inline v0::testing {

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
