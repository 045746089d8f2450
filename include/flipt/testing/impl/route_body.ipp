// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Reads JSON bodies of requests as the gateway of Flipt does, and writes the parts that replies share.
#pragma once

#include "flipt/testing/impl/http_request.ipp"
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

// A body as Flipt's gateway reads it: nothing is {}; the text of what is wrong with it otherwise.
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

// False when a known field has the wrong type. Both spellings of a field are Flipt's (protojson).
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
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
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

// A decimal number of at most nine digits, or nothing.
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

} // namespace flipt::inline v0::testing
