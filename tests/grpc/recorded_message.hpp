// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A JSON document recorded from Flipt as the bytes of the gRPC message it was: by the field numbers of Flipt's own
// .proto files, nothing generated, so that a wrong number in ours is seen.
#pragma once

#include <simdjson.h>

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace grpc_test {

// A field of a message. What has another number in v1 and v2, or is in one only, is marked by `version`.
struct wire_field {
    std::string_view message;
    std::string_view name; // in JSON
    unsigned number;
    std::string_view type;
    int version = 0;
};

inline constexpr wire_field wire_fields[] = {
    {"snapshot", "namespace", 1, "namespace"},
    {"snapshot", "flags", 2, "flag"},
    {"snapshot", "digest", 3, "string", 2},
    {"namespace", "key", 1, "string"},
    {"flag", "key", 1, "string"},
    {"flag", "name", 2, "string"},
    {"flag", "description", 3, "string"},
    {"flag", "enabled", 4, "bool"},
    {"flag", "type", 5, "enum"},
    {"flag", "createdAt", 6, "time"},
    {"flag", "updatedAt", 7, "time"},
    {"flag", "rules", 8, "rule"},
    {"flag", "rollouts", 9, "rollout"},
    {"flag", "defaultVariant", 10, "default"},
    {"default", "id", 1, "string"},
    {"default", "key", 2, "string"},
    {"default", "attachment", 3, "string"},
    {"rule", "id", 1, "string"},
    {"rule", "segments", 2, "segment"},
    {"rule", "rank", 3, "int"},
    {"rule", "segmentOperator", 4, "enum"},
    {"rule", "distributions", 5, "distribution"},
    {"distribution", "id", 1, "string", 1},
    {"distribution", "ruleId", 2, "string"},
    {"distribution", "variantId", 3, "string", 1},
    {"distribution", "variantKey", 4, "string"},
    {"distribution", "variantAttachment", 5, "string"},
    {"distribution", "rollout", 6, "float"},
    {"segment", "key", 1, "string"},
    {"segment", "name", 2, "string"},
    {"segment", "description", 3, "string"},
    {"segment", "matchType", 4, "enum"},
    {"segment", "createdAt", 5, "time"},
    {"segment", "updatedAt", 6, "time"},
    {"segment", "constraints", 7, "constraint"},
    {"constraint", "id", 1, "string", 1},
    {"constraint", "type", 2, "enum"},
    {"constraint", "property", 3, "string", 1},
    {"constraint", "operator", 4, "string", 1},
    {"constraint", "value", 5, "string", 1},
    {"constraint", "property", 4, "string", 2},
    {"constraint", "operator", 5, "string", 2},
    {"constraint", "value", 6, "string", 2},
    {"rollout", "type", 1, "enum"},
    {"rollout", "rank", 2, "int"},
    {"rollout", "segment", 3, "rollout segment"},
    {"rollout", "threshold", 4, "threshold"},
    {"rollout segment", "value", 1, "bool"},
    {"rollout segment", "segmentOperator", 2, "enum"},
    {"rollout segment", "segments", 3, "segment"},
    {"threshold", "percentage", 1, "float"},
    {"threshold", "value", 2, "bool"},
    {"list", "flags", 1, "listed flag"},
    {"list", "nextPageToken", 2, "string"},
    {"list", "totalCount", 3, "int"},
    {"listed flag", "key", 1, "string"},
    {"listed flag", "name", 2, "string"},
    {"listed flag", "description", 3, "string"},
    {"listed flag", "enabled", 4, "bool"},
    {"listed flag", "createdAt", 5, "time"},
    {"listed flag", "updatedAt", 6, "time"},
    {"listed flag", "variants", 7, "variant"},
    {"listed flag", "namespaceKey", 8, "string"},
    {"listed flag", "type", 9, "enum"},
    {"listed flag", "defaultVariant", 10, "variant"},
    {"listed flag", "metadata", 11, "struct"},
    {"variant", "id", 1, "string"},
    {"variant", "flagKey", 2, "string"},
    {"variant", "key", 3, "string"},
    {"variant", "name", 4, "string"},
    {"variant", "description", 5, "string"},
    {"variant", "createdAt", 6, "time"},
    {"variant", "updatedAt", 7, "time"},
    {"variant", "attachment", 8, "string"},
    {"variant", "namespaceKey", 9, "string"},
};

struct wire_enumerator {
    std::string_view name;
    unsigned number;
};

inline constexpr wire_enumerator wire_enumerators[] = {
    {"VARIANT_FLAG_TYPE", 0},
    {"BOOLEAN_FLAG_TYPE", 1},
    {"ALL_SEGMENT_MATCH_TYPE", 0},
    {"ANY_SEGMENT_MATCH_TYPE", 1},
    {"OR_SEGMENT_OPERATOR", 0},
    {"AND_SEGMENT_OPERATOR", 1},
    {"UNKNOWN_ROLLOUT_TYPE", 0},
    {"SEGMENT_ROLLOUT_TYPE", 1},
    {"THRESHOLD_ROLLOUT_TYPE", 2},
    {"UNKNOWN_CONSTRAINT_COMPARISON_TYPE", 0},
    {"STRING_CONSTRAINT_COMPARISON_TYPE", 1},
    {"NUMBER_CONSTRAINT_COMPARISON_TYPE", 2},
    {"BOOLEAN_CONSTRAINT_COMPARISON_TYPE", 3},
    {"DATETIME_CONSTRAINT_COMPARISON_TYPE", 4},
    {"ENTITY_ID_CONSTRAINT_COMPARISON_TYPE", 5},
};

class recorded_message {
public:
    // Throws for what Flipt's messages do not have.
    static std::string bytes(int version, std::string_view message, simdjson::dom::object from)
    {
        recorded_message made(version);
        made.put_fields(message, from);
        return std::move(made.out_);
    }

private:
    explicit recorded_message(int version) : version_(version) {}

    void put_fields(std::string_view message, simdjson::dom::object from)
    {
        for (const auto member : from) {
            const wire_field& field = find(message, member.key);
            simdjson::dom::array list;
            if (member.value.get(list) != simdjson::SUCCESS)
                put(field, member.value);
            else
                for (const simdjson::dom::element item : list)
                    put(field, item);
        }
    }
    [[nodiscard]] const wire_field& find(std::string_view message, std::string_view name) const
    {
        for (const wire_field& field : wire_fields)
            if (field.message == message && field.name == name && (field.version == 0 || field.version == version_))
                return field;
        throw std::runtime_error("no field " + std::string(message) + "." + std::string(name));
    }
    void put(const wire_field& field, simdjson::dom::element value)
    {
        if (field.type == "string")
            put_text(field.number, std::string_view(value));
        else if (field.type == "bool")
            put_number(field.number, bool(value) ? 1 : 0);
        else if (field.type == "int")
            put_number(field.number, static_cast<std::uint64_t>(std::int64_t(value)));
        else if (field.type == "enum")
            put_number(field.number, enumerator(value));
        else if (field.type == "float")
            put_fixed(field.number, 5, 4, std::bit_cast<std::uint32_t>(static_cast<float>(double(value))));
        else if (field.type == "time")
            put_text(field.number, time(value));
        else if (field.type == "struct")
            put_text(field.number, structure(value));
        else
            put_text(field.number, bytes(version_, field.type, value));
    }

    static unsigned enumerator(std::string_view name)
    {
        for (const wire_enumerator& one : wire_enumerators)
            if (one.name == name)
                return one.number;
        throw std::runtime_error("no enumerator " + std::string(name));
    }
    // google.protobuf.Timestamp: seconds 1, nanos 2.
    static std::string time(simdjson::dom::element value)
    {
        const std::string text{std::string_view(value)};
        int year = 0;
        unsigned part[5] = {};
        int used = 0;
        if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u%n", &year, &part[0], &part[1], &part[2], &part[3],
                        &part[4], &used) != 6)
            throw std::runtime_error("no time: " + text);
        std::string digits = text.substr(static_cast<std::size_t>(used));
        digits = digits[0] == '.' ? digits.substr(1, digits.size() - 2) : std::string(); // between . and Z
        digits.resize(9, '0');
        const std::chrono::sys_days day{std::chrono::year(year) / std::chrono::month(part[0]) /
                                        std::chrono::day(part[1])};
        const std::int64_t seconds =
            std::int64_t{day.time_since_epoch().count()} * 86400 + part[2] * 3600 + part[3] * 60 + part[4];
        recorded_message made(0);
        made.put_number(1, static_cast<std::uint64_t>(seconds));
        made.put_number(2, std::strtoul(digits.c_str(), nullptr, 10));
        return std::move(made.out_);
    }
    // google.protobuf.Struct: a map 1 of texts to values, an entry being {1, 2}.
    static std::string structure(simdjson::dom::object from)
    {
        recorded_message made(0);
        for (const auto member : from) {
            recorded_message entry(0);
            entry.put_text(1, member.key);
            entry.put_text(2, value(member.value));
            made.put_text(1, entry.out_);
        }
        return std::move(made.out_);
    }
    // google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5, list 6 {values 1}.
    static std::string value(simdjson::dom::element from)
    {
        recorded_message made(0);
        if (from.is_null()) {
            made.put_number(1, 0);
        } else if (from.is_string()) {
            made.put_text(3, std::string_view(from));
        } else if (from.is_bool()) {
            made.put_number(4, bool(from) ? 1 : 0);
        } else if (from.is_object()) {
            made.put_text(5, structure(from));
        } else if (from.is_array()) {
            recorded_message list(0);
            for (const simdjson::dom::element item : simdjson::dom::array(from))
                list.put_text(1, value(item));
            made.put_text(6, list.out_);
        } else {
            made.put_fixed(2, 1, 8, std::bit_cast<std::uint64_t>(double(from)));
        }
        return std::move(made.out_);
    }

    void put_varint(std::uint64_t value)
    {
        for (; value >= 0x80; value >>= 7)
            out_ += static_cast<char>(value | 0x80);
        out_ += static_cast<char>(value);
    }
    void put_number(unsigned field, std::uint64_t value)
    {
        put_varint(field << 3);
        put_varint(value);
    }
    void put_fixed(unsigned field, unsigned kind, int size, std::uint64_t bits)
    {
        put_varint(field << 3 | kind);
        for (int i = 0; i < size; ++i, bits >>= 8)
            out_ += static_cast<char>(bits & 0xff);
    }
    void put_text(unsigned field, std::string_view text)
    {
        put_varint(field << 3 | 2);
        put_varint(text.size());
        out_ += text;
    }

    int version_;
    std::string out_;
};

} // namespace grpc_test
