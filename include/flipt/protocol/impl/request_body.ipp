// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/request_body.hpp.
#pragma once

#include "flipt/protocol/json_writer.hpp"
#include "flipt/protocol/request_body.hpp"
#include "flipt/types/error.hpp"

#include <cstring>

namespace flipt::inline v0::detail {

namespace request_writing {

template <std::size_t Size>
char* put(char* to, const char (&text)[Size]) noexcept
{
    std::memcpy(to, text, Size - 1);
    return to + Size - 1;
}

// The names, quotes and commas of an evaluation, rounded up.
inline constexpr std::size_t frame_size = 160;

// Room that is enough if no text needs an escape.
inline std::size_t plain_size(const evaluation_request& request, std::string_view name_space,
                              std::string_view environment) noexcept
{
    std::size_t size = frame_size + request.flag_key.size() + request.entity_id.size() + name_space.size() +
                       environment.size() + request.request_id.size() + request.reference.size();
    for (const auto& [key, value] : request.context)
        size += key.size() + value.size() + 6; // "":"",
    return size;
}

// The whole object in one go; null if a text needs a closer look.
inline char* write_plain(char* to, const evaluation_request& request, std::string_view name_space,
                         std::string_view environment) noexcept
{
    *to++ = '{';
    if (!request.request_id.empty()) {
        to = write_plain_string(put(to, "\"requestId\":"), request.request_id);
        if (to == nullptr)
            return nullptr;
        *to++ = ',';
    }
    to = write_plain_string(put(to, "\"environmentKey\":"), environment);
    if (to == nullptr)
        return nullptr;
    to = write_plain_string(put(to, ",\"namespaceKey\":"), name_space);
    if (to == nullptr)
        return nullptr;
    to = write_plain_string(put(to, ",\"flagKey\":"), request.flag_key);
    if (to == nullptr)
        return nullptr;
    to = write_plain_string(put(to, ",\"entityId\":"), request.entity_id);
    if (to == nullptr)
        return nullptr;
    to = put(to, ",\"context\":{");
    bool first = true;
    for (const auto& [key, value] : request.context) {
        if (!first)
            *to++ = ',';
        first = false;
        to = write_plain_string(to, key);
        if (to == nullptr)
            return nullptr;
        *to++ = ':';
        to = write_plain_string(to, value);
        if (to == nullptr)
            return nullptr;
    }
    *to++ = '}';
    if (!request.reference.empty()) {
        to = write_plain_string(put(to, ",\"reference\":"), request.reference);
        if (to == nullptr)
            return nullptr;
    }
    *to++ = '}';
    return to;
}

// The same with escapes.
inline bool write_escaped(byte_buffer& out, const evaluation_request& request, std::string_view name_space,
                          std::string_view environment)
{
    json_writer writer(out);
    writer.begin_object();
    if (!request.request_id.empty())
        writer.member("requestId", std::string_view(request.request_id));
    writer.member("environmentKey", environment);
    writer.member("namespaceKey", name_space);
    writer.member("flagKey", std::string_view(request.flag_key));
    writer.member("entityId", std::string_view(request.entity_id));
    writer.key("context").begin_object();
    for (const auto& [key, value] : request.context)
        writer.member(key, std::string_view(value));
    writer.end_object();
    if (!request.reference.empty())
        writer.member("reference", std::string_view(request.reference));
    writer.end_object();
    return writer.ok();
}

inline bool write_item(byte_buffer& out, const evaluation_request& request, const request_defaults& defaults,
                       std::string_view environment)
{
    const std::string_view name_space =
        request.namespace_key.empty() ? defaults.namespace_key : std::string_view(request.namespace_key);
    char* const start = out.prepare(plain_size(request, name_space, environment));
    if (const char* const end = write_plain(start, request, name_space, environment)) {
        out.commit(static_cast<std::size_t>(end - start));
        return true;
    }
    return write_escaped(out, request, name_space, environment);
}

} // namespace request_writing

FLIPT_DECL std::error_code write_evaluation(byte_buffer& out, const evaluation_request& request,
                                            const request_defaults& defaults)
{
    const std::size_t before = out.size();
    if (request_writing::write_item(out, request, defaults, environment_of(request, defaults)))
        return {};
    out.commit(before - out.size()); // unsigned: takes away what was added
    return make_error_code(errc::invalid_argument);
}

FLIPT_DECL std::error_code write_batch(byte_buffer& out, const batch_request& batch, const request_defaults& defaults)
{
    const std::size_t before = out.size();
    const std::string_view environment = environment_of(batch, defaults);
    bool ok = true;
    out.push_back('{');
    if (!batch.request_id.empty()) {
        out.append("\"requestId\":");
        ok = append_json_string(out, batch.request_id);
        out.push_back(',');
    }
    out.append("\"requests\":[");
    bool first = true;
    for (const evaluation_request& item : batch.requests) {
        if (!first)
            out.push_back(',');
        first = false;
        ok = ok && (item.environment_key.empty() || item.environment_key == environment) &&
             request_writing::write_item(out, item, defaults, environment);
        if (!ok)
            break;
    }
    out.push_back(']');
    if (ok && !batch.reference.empty()) {
        out.append(",\"reference\":");
        ok = append_json_string(out, batch.reference);
    }
    out.push_back('}');
    if (ok)
        return {};
    out.commit(before - out.size()); // unsigned: takes away what was added
    return make_error_code(errc::invalid_argument);
}

} // namespace flipt::inline v0::detail
