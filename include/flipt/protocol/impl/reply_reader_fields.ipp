// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which fields the objects in Flipt's replies have.
#pragma once

#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/json_cursor.hpp"
#include "flipt/protocol/reply_reader.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace flipt::inline v0::detail {

class reply_reader::impl : public json_cursor {
public:
    using json_cursor::json_cursor;

    // The known fields of one object that were seen: none may come twice.
    class field_set {
    public:
        bool add(unsigned bit) noexcept
        {
            const bool fresh = (bits_ >> bit & 1) == 0;
            bits_ |= 1U << bit;
            return fresh;
        }
        [[nodiscard]] bool has(unsigned bit) const noexcept { return (bits_ >> bit & 1) != 0; }

    private:
        unsigned bits_ = 0;
    };

    // Of constant size, so that the compiler compares words and calls nothing.
    template <std::size_t Size>
    [[nodiscard]] static bool is(std::string_view text, const char (&name)[Size]) noexcept
    {
        return text.size() == Size - 1 && std::memcmp(text.data(), name, Size - 1) == 0;
    }

    bool millis(std::string_view name, std::chrono::nanoseconds& out)
    {
        std::int64_t nanos = 0;
        if (!scaled_number(name, 6, nanos))
            return false;
        out = std::chrono::nanoseconds(nanos);
        return true;
    }

    bool time(std::string_view name, timestamp_type& out)
    {
        std::string_view digits;
        if (!text(name, digits))
            return false;
        const std::optional<timestamp_type> when = parse_rfc3339(digits);
        if (!when)
            return fail(name, "is not an RFC 3339 time");
        out = *when;
        return true;
    }
    bool time(std::string_view name, std::optional<timestamp_type>& out) { return time(name, out.emplace()); }

    bool reason(evaluation_reason& out)
    {
        std::string_view word;
        if (!text("reason", word))
            return false;
        if (is(word, "MATCH_EVALUATION_REASON"))
            out = evaluation_reason::match;
        else if (is(word, "DEFAULT_EVALUATION_REASON"))
            out = evaluation_reason::default_value;
        else if (is(word, "FLAG_DISABLED_EVALUATION_REASON"))
            out = evaluation_reason::flag_disabled;
        return true;
    }

    // Into the strings that are there already, as far as they go.
    bool strings(std::string_view name, std::vector<std::string>& out)
    {
        std::size_t used = 0;
        const bool ok = elements(name, [&] {
            if (used == out.size())
                out.emplace_back();
            return string(name, out[used++]);
        });
        out.resize(used);
        return ok;
    }

    bool boolean_members(std::string_view name, boolean_evaluation& out);
    bool variant_members(std::string_view name, variant_evaluation& out);
    bool error_members(std::string_view name, error_evaluation& out);
    bool batch_item_members(batch_item& item);
    bool flag_members(std::string_view name, flag& out);
    bool flag_variant_members(std::string_view name, flag_variant& out);
    bool server_error_members(std::string& message, int& grpc_code, bool outermost);
};

inline bool reply_reader::impl::boolean_members(std::string_view name, boolean_evaluation& out)
{
    out.enabled = false;
    out.reason = evaluation_reason::unknown;
    out.flag_key.clear();
    out.request_id.clear();
    out.duration = {};
    out.timestamp = {};
    field_set seen;
    const bool ok = members(name, [&](std::string_view key) {
        if (is(key, "enabled"))
            return seen.add(0) ? boolean("enabled", out.enabled) : twice("enabled");
        if (is(key, "reason"))
            return seen.add(1) ? reason(out.reason) : twice("reason");
        if (is(key, "requestId"))
            return seen.add(2) ? string("requestId", out.request_id) : twice("requestId");
        if (is(key, "requestDurationMillis"))
            return seen.add(3) ? millis("requestDurationMillis", out.duration) : twice("requestDurationMillis");
        if (is(key, "timestamp"))
            return seen.add(4) ? time("timestamp", out.timestamp) : twice("timestamp");
        if (is(key, "flagKey"))
            return seen.add(5) ? string("flagKey", out.flag_key) : twice("flagKey");
        if (is(key, "segmentKeys"))
            return seen.add(6) ? strings("segmentKeys", out.segment_keys) : twice("segmentKeys");
        return skip();
    });
    if (!seen.has(6))
        out.segment_keys.clear();
    return ok;
}

inline bool reply_reader::impl::variant_members(std::string_view name, variant_evaluation& out)
{
    out.match = false;
    out.reason = evaluation_reason::unknown;
    for (std::string* const field : {&out.flag_key, &out.variant_key, &out.variant_attachment, &out.request_id})
        field->clear();
    out.duration = {};
    out.timestamp = {};
    field_set seen;
    const bool ok = members(name, [&](std::string_view key) {
        if (is(key, "match"))
            return seen.add(0) ? boolean("match", out.match) : twice("match");
        if (is(key, "segmentKeys"))
            return seen.add(1) ? strings("segmentKeys", out.segment_keys) : twice("segmentKeys");
        if (is(key, "reason"))
            return seen.add(2) ? reason(out.reason) : twice("reason");
        if (is(key, "variantKey"))
            return seen.add(3) ? string("variantKey", out.variant_key) : twice("variantKey");
        if (is(key, "variantAttachment"))
            return seen.add(4) ? string("variantAttachment", out.variant_attachment) : twice("variantAttachment");
        if (is(key, "requestId"))
            return seen.add(5) ? string("requestId", out.request_id) : twice("requestId");
        if (is(key, "requestDurationMillis"))
            return seen.add(6) ? millis("requestDurationMillis", out.duration) : twice("requestDurationMillis");
        if (is(key, "timestamp"))
            return seen.add(7) ? time("timestamp", out.timestamp) : twice("timestamp");
        if (is(key, "flagKey"))
            return seen.add(8) ? string("flagKey", out.flag_key) : twice("flagKey");
        return skip();
    });
    if (!seen.has(1))
        out.segment_keys.clear();
    return ok;
}

inline bool reply_reader::impl::error_members(std::string_view name, error_evaluation& out)
{
    out.flag_key.clear();
    out.namespace_key.clear();
    out.reason = error_evaluation_reason::unknown;
    field_set seen;
    return members(name, [&](std::string_view key) {
        if (is(key, "flagKey"))
            return seen.add(0) ? string("flagKey", out.flag_key) : twice("flagKey");
        if (is(key, "namespaceKey"))
            return seen.add(1) ? string("namespaceKey", out.namespace_key) : twice("namespaceKey");
        if (is(key, "reason")) {
            if (!seen.add(2))
                return twice("reason");
            std::string_view word;
            if (!text("reason", word))
                return false;
            if (is(word, "NOT_FOUND_ERROR_EVALUATION_REASON"))
                out.reason = error_evaluation_reason::not_found;
            return true;
        }
        return skip();
    });
}

inline bool reply_reader::impl::batch_item_members(batch_item& item)
{
    enum kind : unsigned { a_variant, a_boolean, an_error, type_field }; // as ResponseType counts them
    field_set seen;
    unsigned type = a_variant; // what proto3 means by none
    const auto payload = [&]<class Answer>(kind which, std::string_view name,
                                           bool (impl::*read)(std::string_view, Answer&)) {
        if (seen.has(a_variant) || seen.has(a_boolean) || seen.has(an_error))
            return fail(name, "is a second response of one item");
        seen.add(which);
        Answer* const there = std::get_if<Answer>(&item); // for its memory
        return (this->*read)(name, there != nullptr ? *there : item.emplace<Answer>());
    };
    const bool ok = members("responses", [&](std::string_view key) {
        if (is(key, "type")) {
            std::string_view word;
            if (!seen.add(type_field))
                return twice("type");
            if (!text("type", word))
                return false;
            if (is(word, "BOOLEAN_EVALUATION_RESPONSE_TYPE"))
                type = a_boolean;
            else if (is(word, "ERROR_EVALUATION_RESPONSE_TYPE"))
                type = an_error;
            else if (!is(word, "VARIANT_EVALUATION_RESPONSE_TYPE"))
                return fail("type", "is no response type that is known");
            return true;
        }
        if (is(key, "booleanResponse"))
            return payload(a_boolean, "booleanResponse", &impl::boolean_members);
        if (is(key, "variantResponse"))
            return payload(a_variant, "variantResponse", &impl::variant_members);
        if (is(key, "errorResponse"))
            return payload(an_error, "errorResponse", &impl::error_members);
        return skip();
    });
    return ok && (seen.has(type) || fail("type", "names a response that is not there"));
}

inline bool reply_reader::impl::flag_variant_members(std::string_view name, flag_variant& out)
{
    for (std::string* const field :
         {&out.id, &out.flag_key, &out.key, &out.name, &out.description, &out.attachment, &out.namespace_key})
        field->clear();
    out.created_at.reset();
    out.updated_at.reset();
    field_set seen;
    return members(name, [&](std::string_view key) {
        if (is(key, "id"))
            return seen.add(0) ? string("id", out.id) : twice("id");
        if (is(key, "flagKey"))
            return seen.add(1) ? string("flagKey", out.flag_key) : twice("flagKey");
        if (is(key, "key"))
            return seen.add(2) ? string("key", out.key) : twice("key");
        if (is(key, "name"))
            return seen.add(3) ? string("name", out.name) : twice("name");
        if (is(key, "description"))
            return seen.add(4) ? string("description", out.description) : twice("description");
        if (is(key, "attachment"))
            return seen.add(5) ? string("attachment", out.attachment) : twice("attachment");
        if (is(key, "namespaceKey"))
            return seen.add(6) ? string("namespaceKey", out.namespace_key) : twice("namespaceKey");
        if (is(key, "createdAt"))
            return seen.add(7) ? time("createdAt", out.created_at) : twice("createdAt");
        if (is(key, "updatedAt"))
            return seen.add(8) ? time("updatedAt", out.updated_at) : twice("updatedAt");
        return skip();
    });
}

inline bool reply_reader::impl::flag_members(std::string_view name, flag& out)
{
    for (std::string* const field : {&out.key, &out.name, &out.description, &out.namespace_key, &out.metadata})
        field->clear();
    out.type = flag_type::variant;
    out.enabled = false;
    out.created_at.reset();
    out.updated_at.reset();
    std::size_t variants = 0;
    field_set seen;
    const bool ok = members(name, [&](std::string_view key) {
        if (is(key, "key"))
            return seen.add(0) ? string("key", out.key) : twice("key");
        if (is(key, "name"))
            return seen.add(1) ? string("name", out.name) : twice("name");
        if (is(key, "description"))
            return seen.add(2) ? string("description", out.description) : twice("description");
        if (is(key, "namespaceKey"))
            return seen.add(3) ? string("namespaceKey", out.namespace_key) : twice("namespaceKey");
        if (is(key, "enabled"))
            return seen.add(4) ? boolean("enabled", out.enabled) : twice("enabled");
        if (is(key, "createdAt"))
            return seen.add(5) ? time("createdAt", out.created_at) : twice("createdAt");
        if (is(key, "updatedAt"))
            return seen.add(6) ? time("updatedAt", out.updated_at) : twice("updatedAt");
        if (is(key, "type")) {
            if (!seen.add(7))
                return twice("type");
            std::string_view word;
            if (!text("type", word))
                return false;
            if (is(word, "BOOLEAN_FLAG_TYPE"))
                out.type = flag_type::boolean;
            else if (!is(word, "VARIANT_FLAG_TYPE"))
                return fail("type", "is no flag type that is known");
            return true;
        }
        if (is(key, "variants")) {
            if (!seen.add(8))
                return twice("variants");
            return elements("variants", [&] {
                if (variants == out.variants.size())
                    out.variants.emplace_back();
                return flag_variant_members("variants", out.variants[variants++]);
            });
        }
        if (is(key, "defaultVariant")) {
            if (!seen.add(9))
                return twice("defaultVariant");
            if (!out.default_variant)
                out.default_variant.emplace();
            return flag_variant_members("defaultVariant", *out.default_variant);
        }
        if (is(key, "metadata")) {
            if (!seen.add(10))
                return twice("metadata");
            std::string_view json;
            if (!raw(json))
                return false;
            if (json.front() != '{')
                return fail("metadata", "is not an object");
            out.metadata.assign(json);
            return true;
        }
        return skip();
    });
    out.variants.resize(variants);
    if (!seen.has(9))
        out.default_variant.reset();
    return ok;
}

inline bool reply_reader::impl::server_error_members(std::string& message, int& grpc_code, bool outermost)
{
    field_set seen;
    return members(outermost ? "" : "error", [&](std::string_view key) {
        if (is(key, "message"))
            return seen.add(0) ? string("message", message) : twice("message");
        if (is(key, "code")) {
            std::uint64_t number = 0;
            if (!seen.add(1))
                return twice("code");
            if (!count("code", 0x7fffffff, number))
                return false;
            grpc_code = static_cast<int>(number);
            return true;
        }
        if (outermost && is(key, "error"))
            return seen.add(2) ? server_error_members(message, grpc_code, false) : twice("error");
        return skip();
    });
}

} // namespace flipt::inline v0::detail
