// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of grpc/codec.hpp: evaluations, lists of flags and the small messages.
#pragma once

#include "flipt/grpc/impl/message.hpp"
#include "flipt/protocol/json_writer.hpp"

#include <google/protobuf/message_lite.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

namespace grpc_wire {

namespace wire = flipt_cpp::wire;

// False where a text is not UTF-8: protobuf would send it, and complain on stderr.
inline bool fill(wire::EvaluationRequest& to, const evaluation_request& from, std::string_view name_space,
                 std::string_view environment)
{
    for (const std::string_view text :
         {std::string_view(from.flag_key), std::string_view(from.entity_id), std::string_view(from.request_id),
          std::string_view(from.reference), name_space, environment})
        if (!is_utf8(text))
            return false;
    to.set_request_id(from.request_id);
    to.set_namespace_key(std::string(name_space));
    to.set_flag_key(from.flag_key);
    to.set_entity_id(from.entity_id);
    to.set_reference(from.reference);
    to.set_environment_key(std::string(environment));
    for (const auto& [key, value] : from.context) {
        if (!is_utf8(key) || !is_utf8(value))
            return false;
        (*to.mutable_context())[key] = value;
    }
    return true;
}

inline std::string_view namespace_of(const std::string& own, const request_defaults& defaults) noexcept
{
    return own.empty() ? defaults.namespace_key : std::string_view(own);
}

inline evaluation_reason to_reason(int number) noexcept
{
    switch (number) {
    case 1: return evaluation_reason::flag_disabled;
    case 2: return evaluation_reason::match;
    case 3: return evaluation_reason::default_value;
    default: return evaluation_reason::unknown;
    }
}

inline bool to_duration(double milliseconds, std::chrono::nanoseconds& to) noexcept
{
    constexpr double most = 9e12; // milliseconds: 285 years, and the nanoseconds fit
    if (!std::isfinite(milliseconds))
        return false;
    to = std::chrono::nanoseconds(std::llround(std::clamp(milliseconds, -most, most) * 1e6));
    return true;
}

template <class Keys>
void take_keys(Keys& from, std::vector<std::string>& to)
{
    to.resize(static_cast<std::size_t>(from.size()));
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i] = std::move(*from.Mutable(static_cast<int>(i)));
}

// What the two kinds of evaluation have in common.
template <class Message, class Answer>
std::error_code take_common(Message& from, Answer& to, decode_detail& why)
{
    to.reason = to_reason(from.reason());
    to.flag_key = std::move(*from.mutable_flag_key());
    to.request_id = std::move(*from.mutable_request_id());
    take_keys(*from.mutable_segment_keys(), to.segment_keys);
    to.timestamp = {};
    if (from.has_timestamp() && !to_time(from.timestamp(), to.timestamp))
        return refuse(why, "the timestamp is out of range");
    if (!to_duration(from.request_duration_millis(), to.duration))
        return refuse(why, "the duration is no finite number");
    return {};
}

inline std::error_code take(wire::BooleanEvaluationResponse& from, boolean_evaluation& to, decode_detail& why)
{
    to.enabled = from.enabled();
    return take_common(from, to, why);
}

inline std::error_code take(wire::VariantEvaluationResponse& from, variant_evaluation& to, decode_detail& why)
{
    to.match = from.match();
    to.variant_key = std::move(*from.mutable_variant_key());
    to.variant_attachment = std::move(*from.mutable_variant_attachment());
    return take_common(from, to, why);
}

inline std::error_code take(wire::EvaluationResponse& from, batch_item& to, decode_detail& why)
{
    switch (from.response_case()) {
    case wire::EvaluationResponse::kBooleanResponse:
        return take(*from.mutable_boolean_response(), to.emplace<boolean_evaluation>(), why);
    case wire::EvaluationResponse::kVariantResponse:
        return take(*from.mutable_variant_response(), to.emplace<variant_evaluation>(), why);
    case wire::EvaluationResponse::kErrorResponse: {
        auto& error = to.emplace<error_evaluation>();
        error.flag_key = std::move(*from.mutable_error_response()->mutable_flag_key());
        error.namespace_key = std::move(*from.mutable_error_response()->mutable_namespace_key());
        error.reason =
            from.error_response().reason() == 1 ? error_evaluation_reason::not_found : error_evaluation_reason::unknown;
        return {};
    }
    case wire::EvaluationResponse::RESPONSE_NOT_SET: break;
    }
    return refuse(why, "an answer of the batch is of no known type");
}

inline bool take_time(bool there, const wire::Timestamp& from, std::optional<timestamp_type>& to)
{
    to.reset();
    timestamp_type time{};
    if (!there)
        return true;
    if (!to_time(from, time))
        return false;
    to = time;
    return true;
}

inline std::error_code take(wire::Variant& from, flag_variant& to, decode_detail& why)
{
    to.id = std::move(*from.mutable_id());
    to.flag_key = std::move(*from.mutable_flag_key());
    to.key = std::move(*from.mutable_key());
    to.name = std::move(*from.mutable_name());
    to.description = std::move(*from.mutable_description());
    to.attachment = std::move(*from.mutable_attachment());
    to.namespace_key = std::move(*from.mutable_namespace_key());
    if (!take_time(from.has_created_at(), from.created_at(), to.created_at) ||
        !take_time(from.has_updated_at(), from.updated_at(), to.updated_at))
        return refuse(why, "a time of a variant is out of range");
    return {};
}

// As protojson prints a Struct: keys sorted. False: nested too deep.
inline bool write_value(json_writer& writer, const wire::Value& value, std::size_t depth);

inline bool write_struct(json_writer& writer, const wire::Struct& from, std::size_t depth)
{
    if (depth == 0)
        return false;
    std::vector<const std::string*> keys;
    keys.reserve(from.fields().size());
    for (const auto& field : from.fields())
        keys.push_back(&field.first);
    std::sort(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
    writer.begin_object();
    for (const std::string* key : keys) {
        writer.key(*key);
        if (!write_value(writer, from.fields().at(*key), depth - 1))
            return false;
    }
    writer.end_object();
    return true;
}

inline bool write_value(json_writer& writer, const wire::Value& value, std::size_t depth)
{
    switch (value.kind_case()) {
    case wire::Value::kNumberValue: writer.value(value.number_value()); return true;
    case wire::Value::kStringValue: writer.value(std::string_view(value.string_value())); return true;
    case wire::Value::kBoolValue: writer.value(value.bool_value()); return true;
    case wire::Value::kStructValue: return write_struct(writer, value.struct_value(), depth);
    case wire::Value::kListValue:
        if (depth == 0)
            return false;
        writer.begin_array();
        for (const wire::Value& one : value.list_value().values())
            if (!write_value(writer, one, depth - 1))
                return false;
        writer.end_array();
        return true;
    case wire::Value::kNullValue:
    case wire::Value::KIND_NOT_SET: break;
    }
    writer.null();
    return true;
}

inline std::error_code take(wire::Flag& from, flag& to, std::size_t max_depth, decode_detail& why)
{
    to.key = std::move(*from.mutable_key());
    to.name = std::move(*from.mutable_name());
    to.description = std::move(*from.mutable_description());
    to.namespace_key = std::move(*from.mutable_namespace_key());
    if (from.type() != 0 && from.type() != 1)
        return refuse(why, "a flag is of no known type");
    to.type = from.type() == 1 ? flag_type::boolean : flag_type::variant;
    to.enabled = from.enabled();
    if (!take_time(from.has_created_at(), from.created_at(), to.created_at) ||
        !take_time(from.has_updated_at(), from.updated_at(), to.updated_at))
        return refuse(why, "a time of a flag is out of range");
    to.variants.clear();
    for (wire::Variant& variant : *from.mutable_variants())
        if (const auto ec = take(variant, to.variants.emplace_back(), why))
            return ec;
    to.default_variant.reset();
    if (from.has_default_variant())
        if (const auto ec = take(*from.mutable_default_variant(), to.default_variant.emplace(), why))
            return ec;
    to.metadata.clear();
    if (from.has_metadata()) {
        byte_buffer text;
        json_writer writer(text);
        if (!write_struct(writer, from.metadata(), max_depth)) {
            why.text = "the metadata of a flag is nested too deep";
            return errc::response_too_large;
        }
        to.metadata.assign(text.view());
    }
    return {};
}

} // namespace grpc_wire

std::error_code encode_evaluation(const evaluation_request& request, const request_defaults& defaults,
                                  grpc::ByteBuffer& out)
{
    grpc_wire::wire::EvaluationRequest message;
    if (!grpc_wire::fill(message, request, grpc_wire::namespace_of(request.namespace_key, defaults),
                         environment_of(request, defaults)))
        return errc::invalid_argument;
    grpc_wire::write(message, out);
    return {};
}

std::error_code encode_batch(const batch_request& batch, const request_defaults& defaults, grpc::ByteBuffer& out)
{
    grpc_wire::wire::BatchEvaluationRequest message;
    const std::string_view environment = environment_of(batch, defaults);
    if (!is_utf8(batch.request_id) || !is_utf8(batch.reference))
        return errc::invalid_argument;
    message.set_request_id(batch.request_id);
    message.set_reference(batch.reference);
    for (const evaluation_request& item : batch.requests) {
        if (!item.environment_key.empty() && item.environment_key != environment)
            return errc::invalid_argument;
        if (!grpc_wire::fill(*message.add_requests(), item, grpc_wire::namespace_of(item.namespace_key, defaults),
                             environment))
            return errc::invalid_argument;
    }
    grpc_wire::write(message, out);
    return {};
}

std::error_code encode_list(const list_options& options, const request_defaults& defaults, std::string_view page_token,
                            grpc::ByteBuffer& out)
{
    const std::string_view environment =
        options.environment_key.empty() ? defaults.environment_key : std::string_view(options.environment_key);
    const std::string_view name_space = grpc_wire::namespace_of(options.namespace_key, defaults);
    constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
    if (!is_utf8(name_space) || !is_utf8(environment) || !is_utf8(page_token) || !is_utf8(options.reference) ||
        options.limit > most)
        return errc::invalid_argument;
    grpc_wire::wire::ListFlagRequest message;
    message.set_limit(static_cast<std::int32_t>(options.limit));
    message.set_page_token(std::string(page_token));
    message.set_namespace_key(std::string(name_space));
    message.set_reference(options.reference);
    message.set_environment_key(std::string(environment));
    grpc_wire::write(message, out);
    return {};
}

std::error_code encode_snapshot(std::string_view name_space, std::string_view environment, grpc::ByteBuffer& out)
{
    if (!is_utf8(name_space) || !is_utf8(environment))
        return errc::invalid_argument;
    grpc_wire::wire::SnapshotRequest message;
    message.set_key(std::string(name_space));
    message.set_environment_key(std::string(environment));
    grpc_wire::write(message, out);
    return {};
}

std::error_code encode_stream(std::string_view name_space, std::string_view environment, std::string_view digest,
                              grpc::ByteBuffer& out)
{
    if (!is_utf8(name_space) || !is_utf8(environment) || !is_utf8(digest))
        return errc::invalid_argument;
    grpc_wire::wire::SnapshotStreamRequest message;
    message.set_key(std::string(name_space));
    message.set_environment_key(std::string(environment));
    if (!digest.empty())
        message.set_digest(std::string(digest));
    grpc_wire::write(message, out);
    return {};
}

std::error_code encode_service_account(std::string_view token, grpc::ByteBuffer& out)
{
    if (!is_utf8(token))
        return errc::invalid_token;
    grpc_wire::wire::VerifyServiceAccountRequest message;
    message.set_service_account_token(std::string(token));
    grpc_wire::write(message, out);
    const secret wiped = secret::take(std::move(*message.mutable_service_account_token()));
    return {};
}

void encode_nothing(grpc::ByteBuffer& out)
{
    const grpc::Slice slice;
    grpc::ByteBuffer made(&slice, 1);
    out.Swap(&made);
}

std::error_code decode(const grpc::ByteBuffer& bytes, boolean_evaluation& out, decode_detail& why)
{
    grpc_wire::wire::BooleanEvaluationResponse message;
    const std::error_code ec = grpc_wire::read(bytes, message, why);
    return ec ? ec : grpc_wire::take(message, out, why);
}

std::error_code decode(const grpc::ByteBuffer& bytes, variant_evaluation& out, decode_detail& why)
{
    grpc_wire::wire::VariantEvaluationResponse message;
    const std::error_code ec = grpc_wire::read(bytes, message, why);
    return ec ? ec : grpc_wire::take(message, out, why);
}

std::error_code decode(const grpc::ByteBuffer& bytes, batch_evaluation& out, std::size_t expected, decode_detail& why)
{
    grpc_wire::wire::BatchEvaluationResponse message;
    if (const auto ec = grpc_wire::read(bytes, message, why))
        return ec;
    if (static_cast<std::size_t>(message.responses_size()) != expected)
        return grpc_wire::refuse(why, "the batch has another number of answers than requests");
    out.request_id = std::move(*message.mutable_request_id());
    if (!grpc_wire::to_duration(message.request_duration_millis(), out.duration))
        return grpc_wire::refuse(why, "the duration is no finite number");
    out.responses.resize(expected);
    for (std::size_t i = 0; i < expected; ++i)
        if (const auto ec = grpc_wire::take(*message.mutable_responses(static_cast<int>(i)), out.responses[i], why))
            return ec;
    return {};
}

std::error_code decode(const grpc::ByteBuffer& bytes, flag_list& out, bool append, std::size_t max_depth,
                       decode_detail& why)
{
    grpc_wire::wire::FlagList message;
    if (const auto ec = grpc_wire::read(bytes, message, why))
        return ec;
    if (!append)
        out.flags.clear();
    if (message.total_count() < 0)
        return grpc_wire::refuse(why, "the count of flags is negative");
    out.next_page_token = std::move(*message.mutable_next_page_token());
    out.total_count = static_cast<std::size_t>(message.total_count());
    for (grpc_wire::wire::Flag& one : *message.mutable_flags())
        if (const auto ec = grpc_wire::take(one, out.flags.emplace_back(), max_depth, why))
            return ec;
    return {};
}

std::error_code decode_http_body(const grpc::ByteBuffer& bytes, std::string& data, decode_detail& why)
{
    grpc_wire::wire::HttpBody message;
    if (const auto ec = grpc_wire::read(bytes, message, why))
        return ec;
    data = std::move(*message.mutable_data());
    return {};
}

std::error_code decode_service_account(const grpc::ByteBuffer& bytes, secret& token,
                                       std::optional<std::chrono::system_clock::time_point>& expires_at,
                                       decode_detail& why)
{
    grpc_wire::wire::VerifyServiceAccountResponse message;
    if (const auto ec = grpc_wire::read(bytes, message, why))
        return ec;
    token = secret::take(std::move(*message.mutable_client_token()));
    if (token.view().empty())
        return grpc_wire::refuse(why, "the answer holds no client token");
    timestamp_type time{};
    expires_at.reset();
    if (message.authentication().has_expires_at() && grpc_wire::to_time(message.authentication().expires_at(), time) &&
        time.time_since_epoch().count() > 0)
        expires_at = std::chrono::time_point_cast<std::chrono::system_clock::duration>(time);
    return {};
}

} // namespace flipt::inline v0::detail
