// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/reply_writer.hpp.
#pragma once

#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/json_writer.hpp"
#include "flipt/protocol/reply_writer.hpp"

#include <string>
#include <vector>

namespace flipt::inline v0::detail {

namespace reply_writing {

inline void text(json_writer& writer, std::string_view name, const std::string& value)
{
    writer.member(name, std::string_view(value));
}

inline void millis(json_writer& writer, std::chrono::nanoseconds duration)
{
    writer.member("requestDurationMillis", static_cast<double>(duration.count()) / 1e6);
}

inline void time(json_writer& writer, std::string_view name, timestamp_type when)
{
    char digits[rfc3339_size];
    writer.member(name, std::string_view(digits, format_rfc3339(when, digits)));
}

inline void texts(json_writer& writer, std::string_view name, const std::vector<std::string>& values)
{
    writer.key(name).begin_array();
    for (const std::string& value : values)
        writer.value(std::string_view(value));
    writer.end_array();
}

inline void write(json_writer& writer, const boolean_evaluation& answer)
{
    writer.begin_object();
    writer.member("enabled", answer.enabled);
    writer.member("reason", to_string(answer.reason));
    text(writer, "requestId", answer.request_id);
    millis(writer, answer.duration);
    time(writer, "timestamp", answer.timestamp);
    text(writer, "flagKey", answer.flag_key);
    texts(writer, "segmentKeys", answer.segment_keys);
    writer.end_object();
}

inline void write(json_writer& writer, const variant_evaluation& answer)
{
    writer.begin_object();
    writer.member("match", answer.match);
    texts(writer, "segmentKeys", answer.segment_keys);
    writer.member("reason", to_string(answer.reason));
    text(writer, "variantKey", answer.variant_key);
    text(writer, "variantAttachment", answer.variant_attachment);
    text(writer, "requestId", answer.request_id);
    millis(writer, answer.duration);
    time(writer, "timestamp", answer.timestamp);
    text(writer, "flagKey", answer.flag_key);
    writer.end_object();
}

inline void write(json_writer& writer, const error_evaluation& answer)
{
    writer.begin_object();
    text(writer, "flagKey", answer.flag_key);
    text(writer, "namespaceKey", answer.namespace_key);
    writer.member("reason", to_string(answer.reason));
    writer.end_object();
}

template <class Answer>
void item(json_writer& writer, std::string_view type, std::string_view name, const Answer& answer)
{
    writer.begin_object();
    writer.member("type", type);
    writer.key(name);
    write(writer, answer);
    writer.end_object();
}

inline void write(json_writer& writer, const batch_evaluation& answer)
{
    writer.begin_object();
    text(writer, "requestId", answer.request_id);
    writer.key("responses").begin_array();
    for (const batch_item& one : answer.responses) {
        if (const auto* boolean = std::get_if<boolean_evaluation>(&one))
            item(writer, "BOOLEAN_EVALUATION_RESPONSE_TYPE", "booleanResponse", *boolean);
        else if (const auto* variant = std::get_if<variant_evaluation>(&one))
            item(writer, "VARIANT_EVALUATION_RESPONSE_TYPE", "variantResponse", *variant);
        else if (const auto* error = std::get_if<error_evaluation>(&one))
            item(writer, "ERROR_EVALUATION_RESPONSE_TYPE", "errorResponse", *error);
    }
    writer.end_array();
    millis(writer, answer.duration);
    writer.end_object();
}

template <class Timed>
void times(json_writer& writer, const Timed& of)
{
    if (of.created_at)
        time(writer, "createdAt", *of.created_at);
    if (of.updated_at)
        time(writer, "updatedAt", *of.updated_at);
}

inline void write(json_writer& writer, const flag_variant& variant)
{
    writer.begin_object();
    text(writer, "id", variant.id);
    text(writer, "flagKey", variant.flag_key);
    text(writer, "key", variant.key);
    text(writer, "name", variant.name);
    text(writer, "description", variant.description);
    times(writer, variant);
    text(writer, "attachment", variant.attachment);
    text(writer, "namespaceKey", variant.namespace_key);
    writer.end_object();
}

inline void write(json_writer& writer, const flag& one)
{
    writer.begin_object();
    text(writer, "key", one.key);
    text(writer, "name", one.name);
    text(writer, "description", one.description);
    writer.member("enabled", one.enabled);
    times(writer, one);
    writer.key("variants").begin_array();
    for (const flag_variant& variant : one.variants)
        write(writer, variant);
    writer.end_array();
    text(writer, "namespaceKey", one.namespace_key);
    writer.member("type", to_string(one.type));
    if (one.default_variant) {
        writer.key("defaultVariant");
        write(writer, *one.default_variant);
    }
    if (!one.metadata.empty())
        writer.key("metadata").raw(one.metadata);
    writer.end_object();
}

inline void write(json_writer& writer, const flag_list& list)
{
    writer.begin_object();
    writer.key("flags").begin_array();
    for (const flag& one : list.flags)
        write(writer, one);
    writer.end_array();
    text(writer, "nextPageToken", list.next_page_token);
    writer.member("totalCount", list.total_count);
    writer.end_object();
}

template <class Answer>
std::error_code document(byte_buffer& out, const Answer& answer)
{
    const std::size_t before = out.size();
    json_writer writer(out);
    write(writer, answer);
    if (!writer.ok())
        out.commit(before - out.size()); // unsigned: takes away what was added
    return writer.error();
}

} // namespace reply_writing

FLIPT_DECL std::error_code write_boolean_evaluation(byte_buffer& out, const boolean_evaluation& answer)
{
    return reply_writing::document(out, answer);
}
FLIPT_DECL std::error_code write_variant_evaluation(byte_buffer& out, const variant_evaluation& answer)
{
    return reply_writing::document(out, answer);
}
FLIPT_DECL std::error_code write_error_evaluation(byte_buffer& out, const error_evaluation& answer)
{
    return reply_writing::document(out, answer);
}
FLIPT_DECL std::error_code write_batch_evaluation(byte_buffer& out, const batch_evaluation& answer)
{
    return reply_writing::document(out, answer);
}
FLIPT_DECL std::error_code write_flag(byte_buffer& out, const flag& one) { return reply_writing::document(out, one); }
FLIPT_DECL std::error_code write_flag_list(byte_buffer& out, const flag_list& list)
{
    return reply_writing::document(out, list);
}

} // namespace flipt::inline v0::detail
