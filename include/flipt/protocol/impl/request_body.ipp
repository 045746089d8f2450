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
inline constexpr std::size_t frame_size = 128;

// Room that is enough if no text needs an escape.
inline std::size_t plain_size(const evaluation_request& request) noexcept
{
    std::size_t size = frame_size + request.flag_key.size() + request.entity_id.size() + request.request_id.size() +
                       request.reference.size();
    for (const auto& [key, value] : request.context)
        size += key.size() + value.size() + 6; // "":"",
    return size;
}

// All behind the namespace in one go; null if a text needs a closer look.
inline char* write_plain(char* to, const evaluation_request& request) noexcept
{
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
    if (!request.request_id.empty()) {
        to = write_plain_string(put(to, ",\"requestId\":"), request.request_id);
        if (to == nullptr)
            return nullptr;
    }
    if (!request.reference.empty()) {
        to = write_plain_string(put(to, ",\"reference\":"), request.reference);
        if (to == nullptr)
            return nullptr;
    }
    *to++ = '}';
    return to;
}

// The same with escapes.
inline bool write_escaped(byte_buffer& out, const evaluation_request& request)
{
    const auto member = [&out](std::string_view name, std::string_view value) {
        out.append(name);
        return append_json_string(out, value);
    };
    bool ok = member(",\"flagKey\":", request.flag_key) && member(",\"entityId\":", request.entity_id);
    out.append(",\"context\":");
    json_writer context(out);
    context.begin_object();
    for (const auto& [key, value] : request.context)
        context.member(key, std::string_view(value));
    context.end_object();
    ok = ok && context.ok();
    if (!request.request_id.empty())
        ok = ok && member(",\"requestId\":", request.request_id);
    if (!request.reference.empty())
        ok = ok && member(",\"reference\":", request.reference);
    out.push_back('}');
    return ok;
}

inline bool write_item(byte_buffer& out, const evaluation_request& request, const request_defaults& defaults,
                       std::string_view environment)
{
    return begin_evaluation(out, environment, namespace_of(request, defaults)) && end_evaluation(out, request);
}

} // namespace request_writing

FLIPT_DECL bool begin_evaluation(byte_buffer& out, std::string_view environment, std::string_view name_space)
{
    out.append("{\"environmentKey\":");
    if (!append_json_string(out, environment))
        return false;
    out.append(",\"namespaceKey\":");
    return append_json_string(out, name_space);
}

FLIPT_DECL bool end_evaluation(byte_buffer& out, const evaluation_request& request)
{
    using namespace request_writing;
    char* const start = out.prepare(plain_size(request));
    if (const char* const end = write_plain(start, request)) {
        out.commit(static_cast<std::size_t>(end - start));
        return true;
    }
    return write_escaped(out, request);
}

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
