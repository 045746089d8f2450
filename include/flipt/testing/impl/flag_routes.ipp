// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Listing and reading flags, of v1 and v2.
#pragma once

#include "flipt/testing/impl/route_body.ipp"

namespace flipt::inline v0::testing {

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
    json.close(']').member("namespaceKey", v2() ? std::string_view() : namespace_key); // v2 names it in variants only
    json.member("type", to_string(f.type));
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

} // namespace flipt::inline v0::testing
