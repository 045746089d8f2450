// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A snapshot message written as the JSON document that the HTTP API gives for it, so that there is one parser.
#pragma once

#include "flipt/grpc/impl/message.hpp"
#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/json_writer.hpp"

#include "flipt_cpp/wire_v1.pb.h"
#include "flipt_cpp/wire_v2.pb.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace flipt::inline v0::detail {

namespace grpc_wire {

// protojson writes an enumerator's name, and the number of one that has none.
template <std::size_t N>
void write_enum(json_writer& writer, std::string_view key, int number, const std::array<std::string_view, N>& names)
{
    writer.key(key);
    if (number >= 0 && static_cast<std::size_t>(number) < N)
        writer.value(names[static_cast<std::size_t>(number)]);
    else
        writer.value(number);
}

inline constexpr std::array<std::string_view, 2> flag_types = {"VARIANT_FLAG_TYPE", "BOOLEAN_FLAG_TYPE"};
inline constexpr std::array<std::string_view, 2> match_types = {"ALL_SEGMENT_MATCH_TYPE", "ANY_SEGMENT_MATCH_TYPE"};
inline constexpr std::array<std::string_view, 2> operators = {"OR_SEGMENT_OPERATOR", "AND_SEGMENT_OPERATOR"};
inline constexpr std::array<std::string_view, 3> rollout_types = {"UNKNOWN_ROLLOUT_TYPE", "SEGMENT_ROLLOUT_TYPE",
                                                                  "THRESHOLD_ROLLOUT_TYPE"};
inline constexpr std::array<std::string_view, 6> comparison_types = {
    "UNKNOWN_CONSTRAINT_COMPARISON_TYPE", "STRING_CONSTRAINT_COMPARISON_TYPE",   "NUMBER_CONSTRAINT_COMPARISON_TYPE",
    "BOOLEAN_CONSTRAINT_COMPARISON_TYPE", "DATETIME_CONSTRAINT_COMPARISON_TYPE", "ENTITY_ID_CONSTRAINT_COMPARISON_TYPE",
};

// The shortest text that reads back as the same float: a double's would have digits the server never had.
inline void write_float(json_writer& writer, std::string_view key, float value)
{
    writer.key(key);
    if (!std::isfinite(value)) { // as protojson, which reads it back, as our parser does
        writer.value(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, value);
    writer.raw(std::string_view(text, static_cast<std::size_t>(end.ptr - text)));
}

template <class Snapshot>
class snapshot_writer {
public:
    explicit snapshot_writer(byte_buffer& out) noexcept : writer_(out) {}

    void write(const Snapshot& from)
    {
        writer_.begin_object();
        if (from.has_namespace_()) {
            writer_.key("namespace").begin_object();
            text("key", from.namespace_().key());
            writer_.end_object();
        }
        writer_.key("flags").begin_array();
        for (const auto& flag : from.flags())
            write_flag(flag);
        writer_.end_array();
        if constexpr (std::is_same_v<Snapshot, flipt_cpp::wire_v2::Snapshot>)
            text("digest", from.digest());
        writer_.end_object();
    }

    [[nodiscard]] bool ok() const noexcept { return ok_ && writer_.ok(); }

private:
    void text(std::string_view key, const std::string& value) { writer_.key(key).value(std::string_view(value)); }

    template <class Message>
    void times(const Message& from)
    {
        if (from.has_created_at())
            time("createdAt", from.created_at());
        if (from.has_updated_at())
            time("updatedAt", from.updated_at());
    }
    void time(std::string_view key, const flipt_cpp::wire::Timestamp& from)
    {
        timestamp_type when{};
        ok_ = to_time(from, when) && ok_;
        char bytes[rfc3339_size];
        writer_.key(key).value(std::string_view(bytes, format_rfc3339(when, bytes)));
    }

    template <class Flag>
    void write_flag(const Flag& from)
    {
        writer_.begin_object();
        text("key", from.key());
        text("name", from.name());
        text("description", from.description());
        writer_.member("enabled", from.enabled());
        write_enum(writer_, "type", from.type(), flag_types);
        times(from);
        writer_.key("rules").begin_array();
        for (const auto& rule : from.rules())
            write_rule(rule);
        writer_.end_array();
        writer_.key("rollouts").begin_array();
        for (const auto& rollout : from.rollouts())
            write_rollout(rollout);
        writer_.end_array();
        if (from.has_default_variant()) {
            writer_.key("defaultVariant").begin_object();
            text("id", from.default_variant().id());
            text("key", from.default_variant().key());
            text("attachment", from.default_variant().attachment());
            writer_.end_object();
        }
        writer_.end_object();
    }

    template <class Rule>
    void write_rule(const Rule& from)
    {
        writer_.begin_object();
        text("id", from.id());
        segments(from.segments());
        writer_.member("rank", from.rank());
        write_enum(writer_, "segmentOperator", from.segment_operator(), operators);
        writer_.key("distributions").begin_array();
        for (const auto& distribution : from.distributions())
            write_distribution(distribution);
        writer_.end_array().end_object();
    }

    void write_distribution(const flipt_cpp::wire_v1::Distribution& from)
    {
        writer_.begin_object();
        text("id", from.id());
        text("ruleId", from.rule_id());
        text("variantId", from.variant_id());
        end_distribution(from);
    }
    void write_distribution(const flipt_cpp::wire_v2::Distribution& from)
    {
        writer_.begin_object();
        text("ruleId", from.rule_id());
        end_distribution(from);
    }
    template <class Distribution>
    void end_distribution(const Distribution& from)
    {
        text("variantKey", from.variant_key());
        text("variantAttachment", from.variant_attachment());
        write_float(writer_, "rollout", from.rollout());
        writer_.end_object();
    }

    template <class Segments>
    void segments(const Segments& all)
    {
        writer_.key("segments").begin_array();
        for (const auto& from : all) {
            writer_.begin_object();
            text("key", from.key());
            text("name", from.name());
            text("description", from.description());
            write_enum(writer_, "matchType", from.match_type(), match_types);
            times(from);
            writer_.key("constraints").begin_array();
            for (const auto& constraint : from.constraints())
                write_constraint(constraint);
            writer_.end_array().end_object();
        }
        writer_.end_array();
    }

    template <class Constraint>
    void write_constraint(const Constraint& from)
    {
        writer_.begin_object();
        if constexpr (std::is_same_v<Constraint, flipt_cpp::wire_v1::Constraint>)
            text("id", from.id());
        write_enum(writer_, "type", from.type(), comparison_types);
        text("property", from.property());
        text("operator", from.operator_());
        text("value", from.value());
        writer_.end_object();
    }

    template <class Rollout>
    void write_rollout(const Rollout& from)
    {
        writer_.begin_object();
        write_enum(writer_, "type", from.type(), rollout_types);
        writer_.member("rank", from.rank());
        if (from.has_segment()) {
            writer_.key("segment").begin_object();
            writer_.member("value", from.segment().value());
            write_enum(writer_, "segmentOperator", from.segment().segment_operator(), operators);
            segments(from.segment().segments());
            writer_.end_object();
        } else if (from.has_threshold()) {
            writer_.key("threshold").begin_object();
            write_float(writer_, "percentage", from.threshold().percentage());
            writer_.member("value", from.threshold().value()).end_object();
        }
        writer_.end_object();
    }

    json_writer writer_;
    bool ok_ = true;
};

template <class Snapshot>
std::error_code to_document(const grpc::ByteBuffer& bytes, std::string& json, std::string& digest, decode_detail& why)
{
    Snapshot message;
    if (const auto ec = read(bytes, message, why))
        return ec;
    byte_buffer out;
    snapshot_writer<Snapshot> writer(out);
    writer.write(message);
    if (!writer.ok())
        return refuse(why, "a time of the snapshot is out of range");
    if constexpr (std::is_same_v<Snapshot, flipt_cpp::wire_v2::Snapshot>)
        digest = std::move(*message.mutable_digest());
    json.assign(out.view());
    return {};
}

} // namespace grpc_wire

std::error_code decode_snapshot(const grpc::ByteBuffer& bytes, server_version version, std::string& json,
                                std::string& digest, decode_detail& why)
{
    digest.clear();
    if (version == server_version::v1)
        return grpc_wire::to_document<flipt_cpp::wire_v1::Snapshot>(bytes, json, digest, why);
    return grpc_wire::to_document<flipt_cpp::wire_v2::Snapshot>(bytes, json, digest, why);
}

} // namespace flipt::inline v0::detail
