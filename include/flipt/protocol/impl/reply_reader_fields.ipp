// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which fields the objects in Flipt's replies have.
#pragma once

#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/impl/plain_reply.ipp"
#include "flipt/protocol/impl/reply_document.ipp"
#include "flipt/protocol/reply_reader.hpp"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace flipt::inline v0::detail {

class reply_reader::impl : public reply_document {
public:
    using reply_document::reply_document;

    // An evaluation in the shape the servers give it. False says nothing but that it is to be read by simdjson.
    template <class Answer, class... Count>
    bool plain(const char* json, std::size_t size, Answer& out, Count... count)
    {
        reset();
        return leaves_index(size) && max_depth() >= plain_reply::depth<Answer> &&
               plain_reply(json, size, minute_).read(out, count...);
    }

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

    simdjson_inline bool millis(std::string_view name, value& v, std::chrono::nanoseconds& out)
    {
        std::int64_t nanos = 0;
        if (!scaled_number(name, v, 6, nanos))
            return false;
        out = std::chrono::nanoseconds(nanos);
        return true;
    }

    simdjson_inline bool time(std::string_view name, value& v, timestamp_type& out)
    {
        std::string_view digits;
        if (!text(name, v, digits))
            return false;
        const std::optional<timestamp_type> when = parse_rfc3339(digits);
        if (!when)
            return fail(name, "is not an RFC 3339 time");
        out = *when;
        return true;
    }
    simdjson_inline bool time(std::string_view name, value& v, std::optional<timestamp_type>& out)
    {
        return time(name, v, out.emplace());
    }

    simdjson_inline bool reason(value& v, evaluation_reason& out)
    {
        bool known; // others are `unknown`
        return word("reason", v, known, [&](const quoted_text& text) FLIPT_INLINE_LAMBDA {
            if (text.is<"MATCH_EVALUATION_REASON">())
                out = evaluation_reason::match;
            else if (text.is<"DEFAULT_EVALUATION_REASON">())
                out = evaluation_reason::default_value;
            else if (text.is<"FLAG_DISABLED_EVALUATION_REASON">())
                out = evaluation_reason::flag_disabled;
            else
                return false;
            return true;
        });
    }

    // Into the strings that are there already, as far as they go.
    simdjson_inline bool strings(std::string_view name, value& v, std::vector<std::string>& out)
    {
        std::size_t used = 0;
        const bool ok = elements(name, v, [&](value& element) FLIPT_INLINE_LAMBDA {
            if (used == out.size())
                out.emplace_back();
            return string(name, element, out[used++]);
        });
        out.resize(used);
        return ok;
    }

    simdjson_inline bool boolean_members(std::string_view name, auto& source, boolean_evaluation& out);
    simdjson_inline bool variant_members(std::string_view name, auto& source, variant_evaluation& out);
    simdjson_inline bool error_members(std::string_view name, value& source, error_evaluation& out);
    simdjson_inline bool batch_item_members(value& source, batch_item& item);
    bool flag_members(std::string_view name, auto& source, flag& out);
    bool flag_variant_members(std::string_view name, value& source, flag_variant& out);
    bool server_error_members(std::string_view name, auto& source, std::string& message, int& grpc_code);

private:
    minute_memo minute_;
};

bool reply_reader::impl::boolean_members(std::string_view name, auto& source, boolean_evaluation& out)
{
    out.enabled = false;
    out.reason = evaluation_reason::unknown;
    out.duration = {};
    out.timestamp = {};
    field_set seen;
    const bool ok = members(name, source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"enabled">())
            return seen.add(0) ? boolean("enabled", v, out.enabled) : twice("enabled");
        if (key.is<"reason">())
            return seen.add(1) ? reason(v, out.reason) : twice("reason");
        if (key.is<"requestId">())
            return seen.add(2) ? string("requestId", v, out.request_id) : twice("requestId");
        if (key.is<"requestDurationMillis">())
            return seen.add(3) ? millis("requestDurationMillis", v, out.duration) : twice("requestDurationMillis");
        if (key.is<"timestamp">())
            return seen.add(4) ? time("timestamp", v, out.timestamp) : twice("timestamp");
        if (key.is<"flagKey">())
            return seen.add(5) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        if (key.is<"segmentKeys">())
            return seen.add(6) ? strings("segmentKeys", v, out.segment_keys) : twice("segmentKeys");
        return unknown(key, v);
    });
    if (!seen.has(2)) // not before: they are overwritten in place
        out.request_id.clear();
    if (!seen.has(5))
        out.flag_key.clear();
    if (!seen.has(6))
        out.segment_keys.clear();
    return ok;
}

bool reply_reader::impl::variant_members(std::string_view name, auto& source, variant_evaluation& out)
{
    out.match = false;
    out.reason = evaluation_reason::unknown;
    out.duration = {};
    out.timestamp = {};
    field_set seen;
    const bool ok = members(name, source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"match">())
            return seen.add(0) ? boolean("match", v, out.match) : twice("match");
        if (key.is<"segmentKeys">())
            return seen.add(1) ? strings("segmentKeys", v, out.segment_keys) : twice("segmentKeys");
        if (key.is<"reason">())
            return seen.add(2) ? reason(v, out.reason) : twice("reason");
        if (key.is<"variantKey">())
            return seen.add(3) ? string("variantKey", v, out.variant_key) : twice("variantKey");
        if (key.is<"variantAttachment">())
            return seen.add(4) ? string("variantAttachment", v, out.variant_attachment) : twice("variantAttachment");
        if (key.is<"requestId">())
            return seen.add(5) ? string("requestId", v, out.request_id) : twice("requestId");
        if (key.is<"requestDurationMillis">())
            return seen.add(6) ? millis("requestDurationMillis", v, out.duration) : twice("requestDurationMillis");
        if (key.is<"timestamp">())
            return seen.add(7) ? time("timestamp", v, out.timestamp) : twice("timestamp");
        if (key.is<"flagKey">())
            return seen.add(8) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        return unknown(key, v);
    });
    if (!seen.has(1))
        out.segment_keys.clear();
    if (!seen.has(3))
        out.variant_key.clear();
    if (!seen.has(4))
        out.variant_attachment.clear();
    if (!seen.has(5))
        out.request_id.clear();
    if (!seen.has(8))
        out.flag_key.clear();
    return ok;
}

bool reply_reader::impl::error_members(std::string_view name, value& source, error_evaluation& out)
{
    out.flag_key.clear();
    out.namespace_key.clear();
    out.reason = error_evaluation_reason::unknown;
    field_set seen;
    return members(name, source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"flagKey">())
            return seen.add(0) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        if (key.is<"namespaceKey">())
            return seen.add(1) ? string("namespaceKey", v, out.namespace_key) : twice("namespaceKey");
        if (key.is<"reason">()) {
            if (!seen.add(2))
                return twice("reason");
            bool known; // others are `unknown`
            return word("reason", v, known, [&](const quoted_text& text) FLIPT_INLINE_LAMBDA {
                if (!text.is<"NOT_FOUND_ERROR_EVALUATION_REASON">())
                    return false;
                out.reason = error_evaluation_reason::not_found;
                return true;
            });
        }
        return unknown(key, v);
    });
}

bool reply_reader::impl::batch_item_members(value& source, batch_item& item)
{
    enum kind : unsigned { a_variant, a_boolean, an_error, type_field }; // as ResponseType counts them
    field_set seen;
    unsigned type = a_variant; // what proto3 means by none
    const auto first = [&](kind which, std::string_view name) FLIPT_INLINE_LAMBDA {
        if (seen.has(a_variant) || seen.has(a_boolean) || seen.has(an_error))
            return fail(name, "is a second response of one item");
        return seen.add(which);
    };
    const auto as = [&item]<class Answer>(std::in_place_type_t<Answer>) -> Answer& { // the one there, for its memory
        Answer* const there = std::get_if<Answer>(&item);
        return there != nullptr ? *there : item.emplace<Answer>();
    };
    const bool ok = members("responses", source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"type">()) {
            if (!seen.add(type_field))
                return twice("type");
            bool known;
            const bool is_word = word("type", v, known, [&](const quoted_text& text) FLIPT_INLINE_LAMBDA {
                if (text.is<"BOOLEAN_EVALUATION_RESPONSE_TYPE">())
                    type = a_boolean;
                else if (text.is<"ERROR_EVALUATION_RESPONSE_TYPE">())
                    type = an_error;
                else
                    return text.is<"VARIANT_EVALUATION_RESPONSE_TYPE">();
                return true;
            });
            return is_word && (known || fail("type", "is no response type that is known"));
        }
        if (key.is<"booleanResponse">())
            return first(a_boolean, "booleanResponse") &&
                   boolean_members("booleanResponse", v, as(std::in_place_type<boolean_evaluation>));
        if (key.is<"variantResponse">())
            return first(a_variant, "variantResponse") &&
                   variant_members("variantResponse", v, as(std::in_place_type<variant_evaluation>));
        if (key.is<"errorResponse">())
            return first(an_error, "errorResponse") &&
                   error_members("errorResponse", v, as(std::in_place_type<error_evaluation>));
        return unknown(key, v);
    });
    return ok && (seen.has(type) || fail("type", "names a response that is not there"));
}

inline bool reply_reader::impl::flag_variant_members(std::string_view name, value& source, flag_variant& out)
{
    for (std::string* const field :
         {&out.id, &out.flag_key, &out.key, &out.name, &out.description, &out.attachment, &out.namespace_key})
        field->clear();
    out.created_at.reset();
    out.updated_at.reset();
    field_set seen;
    return members(name, source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"id">())
            return seen.add(0) ? string("id", v, out.id) : twice("id");
        if (key.is<"flagKey">())
            return seen.add(1) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        if (key.is<"key">())
            return seen.add(2) ? string("key", v, out.key) : twice("key");
        if (key.is<"name">())
            return seen.add(3) ? string("name", v, out.name) : twice("name");
        if (key.is<"description">())
            return seen.add(4) ? string("description", v, out.description) : twice("description");
        if (key.is<"attachment">())
            return seen.add(5) ? string("attachment", v, out.attachment) : twice("attachment");
        if (key.is<"namespaceKey">())
            return seen.add(6) ? string("namespaceKey", v, out.namespace_key) : twice("namespaceKey");
        if (key.is<"createdAt">())
            return seen.add(7) ? time("createdAt", v, out.created_at) : twice("createdAt");
        if (key.is<"updatedAt">())
            return seen.add(8) ? time("updatedAt", v, out.updated_at) : twice("updatedAt");
        return unknown(key, v);
    });
}

bool reply_reader::impl::flag_members(std::string_view name, auto& source, flag& out)
{
    for (std::string* const field : {&out.key, &out.name, &out.description, &out.namespace_key, &out.metadata})
        field->clear();
    out.type = flag_type::variant;
    out.enabled = false;
    out.created_at.reset();
    out.updated_at.reset();
    std::size_t variants = 0;
    field_set seen;
    const bool ok = members(name, source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"key">())
            return seen.add(0) ? string("key", v, out.key) : twice("key");
        if (key.is<"name">())
            return seen.add(1) ? string("name", v, out.name) : twice("name");
        if (key.is<"description">())
            return seen.add(2) ? string("description", v, out.description) : twice("description");
        if (key.is<"namespaceKey">())
            return seen.add(3) ? string("namespaceKey", v, out.namespace_key) : twice("namespaceKey");
        if (key.is<"enabled">())
            return seen.add(4) ? boolean("enabled", v, out.enabled) : twice("enabled");
        if (key.is<"createdAt">())
            return seen.add(5) ? time("createdAt", v, out.created_at) : twice("createdAt");
        if (key.is<"updatedAt">())
            return seen.add(6) ? time("updatedAt", v, out.updated_at) : twice("updatedAt");
        if (key.is<"type">()) {
            if (!seen.add(7))
                return twice("type");
            bool known;
            const bool is_word = word("type", v, known, [&](const quoted_text& text) FLIPT_INLINE_LAMBDA {
                if (!text.is<"BOOLEAN_FLAG_TYPE">())
                    return text.is<"VARIANT_FLAG_TYPE">();
                out.type = flag_type::boolean;
                return true;
            });
            return is_word && (known || fail("type", "is no flag type that is known"));
        }
        if (key.is<"variants">()) {
            if (!seen.add(8))
                return twice("variants");
            return elements("variants", v, [&](value& element) FLIPT_INLINE_LAMBDA {
                if (variants == out.variants.size())
                    out.variants.emplace_back();
                return flag_variant_members("variants", element, out.variants[variants++]);
            });
        }
        if (key.is<"defaultVariant">()) {
            if (!seen.add(9))
                return twice("defaultVariant");
            if (!out.default_variant)
                out.default_variant.emplace();
            return flag_variant_members("defaultVariant", v, *out.default_variant);
        }
        if (key.is<"metadata">()) {
            if (!seen.add(10))
                return twice("metadata");
            std::string_view json;
            if (!raw(v, json))
                return false;
            if (json.front() != '{')
                return fail("metadata", "is not an object");
            out.metadata.assign(json);
            return true;
        }
        return unknown(key, v);
    });
    out.variants.resize(variants);
    if (!seen.has(9))
        out.default_variant.reset();
    return ok;
}

bool reply_reader::impl::server_error_members(std::string_view name, auto& source, std::string& message, int& grpc_code)
{
    field_set seen;
    return members(name, source, [&](const quoted_text& key, value& v) FLIPT_INLINE_LAMBDA {
        if (key.is<"message">())
            return seen.add(0) ? string("message", v, message) : twice("message");
        if (key.is<"code">()) {
            std::uint64_t number = 0;
            if (!seen.add(1))
                return twice("code");
            if (!count("code", v, 0x7fffffff, number))
                return false;
            grpc_code = static_cast<int>(number);
            return true;
        }
        if constexpr (!std::is_same_v<decltype(source), value&>)
            if (key.is<"error">())
                return seen.add(2) ? server_error_members("error", v, message, grpc_code) : twice("error");
        return unknown(key, v);
    });
}

} // namespace flipt::inline v0::detail
