// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/reply_reader.hpp: which fields each reply has.
#pragma once

#include "flipt/protocol/impl/reply_reader_impl.ipp"

namespace flipt::inline v0::detail {

bool reply_reader::impl::boolean_members(std::string_view name, auto& source, std::size_t depth,
                                         boolean_evaluation& out)
{
    out.enabled = false;
    out.reason = evaluation_reason::unknown;
    out.flag_key.clear();
    out.request_id.clear();
    out.duration = {};
    out.timestamp = {};
    field_set seen;
    const bool ok = members(name, source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "enabled")
            return seen.add(0) ? boolean("enabled", v, out.enabled) : twice("enabled");
        if (key == "reason")
            return seen.add(1) ? reason("reason", v, out.reason) : twice("reason");
        if (key == "requestId")
            return seen.add(2) ? string("requestId", v, out.request_id) : twice("requestId");
        if (key == "requestDurationMillis")
            return seen.add(3) ? millis("requestDurationMillis", v, out.duration) : twice("requestDurationMillis");
        if (key == "timestamp")
            return seen.add(4) ? time("timestamp", v, out.timestamp) : twice("timestamp");
        if (key == "flagKey")
            return seen.add(5) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        if (key == "segmentKeys")
            return seen.add(6) ? strings("segmentKeys", v, inner, out.segment_keys) : twice("segmentKeys");
        return skip(v, inner);
    });
    if (!seen.has(6))
        out.segment_keys.clear();
    return ok;
}

bool reply_reader::impl::variant_members(std::string_view name, auto& source, std::size_t depth,
                                         variant_evaluation& out)
{
    out.match = false;
    out.reason = evaluation_reason::unknown;
    out.flag_key.clear();
    out.variant_key.clear();
    out.variant_attachment.clear();
    out.request_id.clear();
    out.duration = {};
    out.timestamp = {};
    field_set seen;
    const bool ok = members(name, source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "match")
            return seen.add(0) ? boolean("match", v, out.match) : twice("match");
        if (key == "segmentKeys")
            return seen.add(1) ? strings("segmentKeys", v, inner, out.segment_keys) : twice("segmentKeys");
        if (key == "reason")
            return seen.add(2) ? reason("reason", v, out.reason) : twice("reason");
        if (key == "variantKey")
            return seen.add(3) ? string("variantKey", v, out.variant_key) : twice("variantKey");
        if (key == "variantAttachment")
            return seen.add(4) ? string("variantAttachment", v, out.variant_attachment) : twice("variantAttachment");
        if (key == "requestId")
            return seen.add(5) ? string("requestId", v, out.request_id) : twice("requestId");
        if (key == "requestDurationMillis")
            return seen.add(6) ? millis("requestDurationMillis", v, out.duration) : twice("requestDurationMillis");
        if (key == "timestamp")
            return seen.add(7) ? time("timestamp", v, out.timestamp) : twice("timestamp");
        if (key == "flagKey")
            return seen.add(8) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        return skip(v, inner);
    });
    if (!seen.has(1))
        out.segment_keys.clear();
    return ok;
}

inline bool reply_reader::impl::error_members(std::string_view name, value& source, std::size_t depth,
                                              error_evaluation& out)
{
    out.flag_key.clear();
    out.namespace_key.clear();
    out.reason = error_evaluation_reason::unknown;
    field_set seen;
    return members(name, source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "flagKey")
            return seen.add(0) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        if (key == "namespaceKey")
            return seen.add(1) ? string("namespaceKey", v, out.namespace_key) : twice("namespaceKey");
        if (key == "reason") {
            std::string_view word;
            if (!seen.add(2))
                return twice("reason");
            if (!text("reason", v, word))
                return false;
            if (word == to_string(error_evaluation_reason::not_found))
                out.reason = error_evaluation_reason::not_found;
            return true;
        }
        return skip(v, inner);
    });
}

inline bool reply_reader::impl::batch_item_members(value& source, std::size_t depth, batch_evaluation& out,
                                                   std::size_t index)
{
    enum kind : unsigned { a_variant = 0, a_boolean = 1, an_error = 2, type_field = 3 }; // numbers of ResponseType
    if (index == out.responses.size())
        out.responses.emplace_back();
    batch_item& item = out.responses[index];
    const auto as = [&item]<class Answer>(Answer*) -> Answer& { // the one that is there, for its memory
        Answer* const there = std::get_if<Answer>(&item);
        return there != nullptr ? *there : item.emplace<Answer>();
    };
    field_set seen;
    unsigned type = a_variant; // as proto3 has it
    const auto payload = [&](kind which, std::string_view name) {
        if (seen.has(a_variant) || seen.has(a_boolean) || seen.has(an_error))
            return fail(name, "is a second response of one item");
        return seen.add(which);
    };
    const bool ok = members("responses", source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "type") {
            std::string_view word;
            if (!seen.add(type_field))
                return twice("type");
            if (!text("type", v, word))
                return false;
            if (word == "BOOLEAN_EVALUATION_RESPONSE_TYPE")
                type = a_boolean;
            else if (word == "ERROR_EVALUATION_RESPONSE_TYPE")
                type = an_error;
            else if (word != "VARIANT_EVALUATION_RESPONSE_TYPE")
                return fail("type", "is no response type that is known");
            return true;
        }
        if (key == "booleanResponse")
            return payload(a_boolean, "booleanResponse") &&
                   boolean_members("booleanResponse", v, inner, as(static_cast<boolean_evaluation*>(nullptr)));
        if (key == "variantResponse")
            return payload(a_variant, "variantResponse") &&
                   variant_members("variantResponse", v, inner, as(static_cast<variant_evaluation*>(nullptr)));
        if (key == "errorResponse")
            return payload(an_error, "errorResponse") &&
                   error_members("errorResponse", v, inner, as(static_cast<error_evaluation*>(nullptr)));
        return skip(v, inner);
    });
    return ok && (seen.has(type) || fail("type", "names a response that is not there"));
}

inline bool reply_reader::impl::flag_variant_members(std::string_view name, value& source, std::size_t depth,
                                                     flag_variant& out)
{
    for (std::string* const field :
         {&out.id, &out.flag_key, &out.key, &out.name, &out.description, &out.attachment, &out.namespace_key})
        field->clear();
    out.created_at.reset();
    out.updated_at.reset();
    field_set seen;
    return members(name, source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "id")
            return seen.add(0) ? string("id", v, out.id) : twice("id");
        if (key == "flagKey")
            return seen.add(1) ? string("flagKey", v, out.flag_key) : twice("flagKey");
        if (key == "key")
            return seen.add(2) ? string("key", v, out.key) : twice("key");
        if (key == "name")
            return seen.add(3) ? string("name", v, out.name) : twice("name");
        if (key == "description")
            return seen.add(4) ? string("description", v, out.description) : twice("description");
        if (key == "attachment")
            return seen.add(5) ? string("attachment", v, out.attachment) : twice("attachment");
        if (key == "namespaceKey")
            return seen.add(6) ? string("namespaceKey", v, out.namespace_key) : twice("namespaceKey");
        if (key == "createdAt")
            return seen.add(7) ? time("createdAt", v, out.created_at) : twice("createdAt");
        if (key == "updatedAt")
            return seen.add(8) ? time("updatedAt", v, out.updated_at) : twice("updatedAt");
        return skip(v, inner);
    });
}

bool reply_reader::impl::flag_members(std::string_view name, auto& source, std::size_t depth, flag& out)
{
    for (std::string* const field : {&out.key, &out.name, &out.description, &out.namespace_key, &out.metadata})
        field->clear();
    out.type = flag_type::variant;
    out.enabled = false;
    out.created_at.reset();
    out.updated_at.reset();
    std::size_t variants = 0;
    field_set seen;
    const bool ok = members(name, source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "key")
            return seen.add(0) ? string("key", v, out.key) : twice("key");
        if (key == "name")
            return seen.add(1) ? string("name", v, out.name) : twice("name");
        if (key == "description")
            return seen.add(2) ? string("description", v, out.description) : twice("description");
        if (key == "namespaceKey")
            return seen.add(3) ? string("namespaceKey", v, out.namespace_key) : twice("namespaceKey");
        if (key == "enabled")
            return seen.add(4) ? boolean("enabled", v, out.enabled) : twice("enabled");
        if (key == "createdAt")
            return seen.add(5) ? time("createdAt", v, out.created_at) : twice("createdAt");
        if (key == "updatedAt")
            return seen.add(6) ? time("updatedAt", v, out.updated_at) : twice("updatedAt");
        if (key == "type") {
            std::string_view word;
            if (!seen.add(7))
                return twice("type");
            if (!text("type", v, word))
                return false;
            if (word == to_string(flag_type::boolean))
                out.type = flag_type::boolean;
            else if (word != to_string(flag_type::variant))
                return fail("type", "is no flag type that is known");
            return true;
        }
        if (key == "variants")
            return seen.add(8) ? elements("variants", v, inner,
                                          [&](value& element, std::size_t deeper) {
                                              if (variants == out.variants.size())
                                                  out.variants.emplace_back();
                                              return flag_variant_members("variants", element, deeper,
                                                                          out.variants[variants++]);
                                          })
                               : twice("variants");
        if (key == "defaultVariant") {
            if (!seen.add(9))
                return twice("defaultVariant");
            if (!out.default_variant)
                out.default_variant.emplace();
            return flag_variant_members("defaultVariant", v, inner, *out.default_variant);
        }
        if (key == "metadata") {
            std::string_view json;
            if (!seen.add(10))
                return twice("metadata");
            if (!raw(v, inner, json))
                return false;
            if (json.front() != '{')
                return fail("metadata", "is not an object");
            out.metadata.assign(json);
            return true;
        }
        return skip(v, inner);
    });
    out.variants.resize(variants);
    if (!seen.has(9))
        out.default_variant.reset();
    return ok;
}

bool reply_reader::impl::server_error_members(auto& source, std::size_t depth, std::string& message, int& grpc_code)
{
    field_set seen;
    return members("error", source, depth, [&](std::string_view key, value& v, std::size_t inner) {
        if (key == "message")
            return seen.add(0) ? string("message", v, message) : twice("message");
        if (key == "code") {
            std::uint64_t number = 0;
            if (!seen.add(1))
                return twice("code");
            if (v.get_uint64().get(number) != simdjson::SUCCESS || number > 0x7fffffff)
                return fail("code", "is no code");
            grpc_code = static_cast<int>(number);
            return true;
        }
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(source)>, document>)
            if (key == "error")
                return seen.add(2) ? server_error_members(v, inner, message, grpc_code) : twice("error");
        return skip(v, inner);
    });
}

FLIPT_DECL reply_reader::reply_reader(std::size_t max_depth) : impl_(std::make_unique<impl>(max_depth)) {}
FLIPT_DECL reply_reader::reply_reader(reply_reader&&) noexcept = default;
FLIPT_DECL reply_reader& reply_reader::operator=(reply_reader&&) noexcept = default;
FLIPT_DECL reply_reader::~reply_reader() = default;

FLIPT_DECL std::string_view reply_reader::detail() const noexcept { return impl_->detail(); }

FLIPT_DECL std::error_code reply_reader::read_boolean(const char* json, std::size_t size, boolean_evaluation& out)
{
    impl::document doc;
    if (impl_->open(json, size, doc) && impl_->boolean_members("", doc, 1, out))
        impl_->close(doc);
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::read_variant(const char* json, std::size_t size, variant_evaluation& out)
{
    impl::document doc;
    if (impl_->open(json, size, doc) && impl_->variant_members("", doc, 1, out))
        impl_->close(doc);
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::read_batch(const char* json, std::size_t size, batch_evaluation& out,
                                                    std::size_t expected_count)
{
    impl::document doc;
    impl::field_set seen;
    std::size_t used = 0;
    out.request_id.clear();
    out.duration = {};
    const auto item = [&](impl::value& element, std::size_t depth) {
        if (used == expected_count)
            return impl_->fail("responses", "has more entries than were asked for");
        return impl_->batch_item_members(element, depth, out, used++);
    };
    const auto field = [&](std::string_view key, impl::value& v, std::size_t inner) {
        if (key == "requestId")
            return seen.add(0) ? impl_->string("requestId", v, out.request_id) : impl_->twice("requestId");
        if (key == "responses")
            return seen.add(1) ? impl_->elements("responses", v, inner, item) : impl_->twice("responses");
        if (key == "requestDurationMillis")
            return seen.add(2) ? impl_->millis("requestDurationMillis", v, out.duration)
                               : impl_->twice("requestDurationMillis");
        return impl_->skip(v, inner);
    };
    const bool ok = impl_->open(json, size, doc) && impl_->members("", doc, 1, field) && impl_->close(doc);
    out.responses.resize(used);
    if (ok && used != expected_count)
        impl_->fail("responses", "has fewer entries than were asked for");
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::read_flags(const char* json, std::size_t size, flag_list& out, bool append)
{
    impl::document doc;
    impl::field_set seen;
    std::size_t used = append ? out.flags.size() : 0;
    out.next_page_token.clear();
    out.total_count = 0;
    const auto item = [&](impl::value& element, std::size_t depth) {
        if (used == out.flags.size())
            out.flags.emplace_back();
        return impl_->flag_members("flags", element, depth, out.flags[used++]);
    };
    const auto field = [&](std::string_view key, impl::value& v, std::size_t inner) {
        if (key == "flags")
            return seen.add(0) ? impl_->elements("flags", v, inner, item) : impl_->twice("flags");
        if (key == "nextPageToken")
            return seen.add(1) ? impl_->string("nextPageToken", v, out.next_page_token) : impl_->twice("nextPageToken");
        if (key == "totalCount")
            return seen.add(2) ? impl_->count("totalCount", v, out.total_count) : impl_->twice("totalCount");
        return impl_->skip(v, inner);
    };
    if (impl_->open(json, size, doc) && impl_->members("", doc, 1, field))
        impl_->close(doc);
    out.flags.resize(used);
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::read_flag(const char* json, std::size_t size, flag& out)
{
    impl::document doc;
    if (impl_->open(json, size, doc) && impl_->flag_members("", doc, 1, out))
        impl_->close(doc);
    return impl_->error();
}

FLIPT_DECL void reply_reader::read_server_error(const char* json, std::size_t size, std::string& message,
                                                int& grpc_code)
{
    impl::document doc;
    message.clear();
    grpc_code = 0;
    if (!impl_->open(json, size, doc) || !impl_->server_error_members(doc, 1, message, grpc_code) ||
        !impl_->close(doc)) {
        message.clear();
        grpc_code = 0;
    }
    impl_->reset();
}

FLIPT_DECL std::error_code reply_reader::read_meta_version(const char* json, std::size_t size, server_version& out)
{
    impl::document doc;
    impl::field_set seen;
    std::string version;
    const auto field = [&](std::string_view key, impl::value& v, std::size_t inner) {
        if (key == "build")
            return seen.add(0) ? impl_->members("build", v, inner,
                                                [&](std::string_view, impl::value& part, std::size_t deeper) {
                                                    return impl_->skip(part, deeper);
                                                })
                               : impl_->twice("build");
        if (key == "version")
            return seen.add(1) ? impl_->string("version", v, version) : impl_->twice("version");
        return impl_->skip(v, inner);
    };
    if (impl_->open(json, size, doc) && impl_->members("", doc, 1, field) && impl_->close(doc)) {
        if (seen.has(0))
            out = server_version::v2;
        else if (seen.has(1))
            out = server_version::v1;
        else
            impl_->fail("", "neither \"build\" nor \"version\" is there");
    }
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::read_stream_message(const char* json, std::size_t size, stream_message& out)
{
    // A snapshot can be hundreds of megabytes, and who reads it parses it: here one scan without the parser's index.
    impl& in = *impl_;
    in.reset();
    out.result = {};
    out.is_error = false;
    out.grpc_code = 0;
    out.error_message.clear();
    std::string_view error_text;
    json_fault fault = json_fault::syntax;
    const char* const end = json + size;
    const auto broken = [&] {
        if (fault == json_fault::depth)
            in.too_deep();
        else if (fault == json_fault::utf8)
            in.fail("", "the message is not valid UTF-8");
        else
            in.malformed();
        return in.error();
    };
    const char* at = skip_json_space(json, end);
    if (at == end || *at != '{')
        return broken();
    if (in.max_depth() == 0) {
        in.too_deep();
        return in.error();
    }
    bool first = true;
    while (true) {
        at = skip_json_space(at + 1, end);
        if (at == end)
            return broken();
        if (first && *at == '}')
            break;
        first = false;
        const char* const name = at + 1;
        at = scan_json_string(at, end, fault);
        if (at == nullptr)
            return broken();
        std::string_view key;
        if (!in.string_text(name, key))
            return broken();
        const bool is_result = key == "result", is_error = key == "error";
        fault = json_fault::syntax;
        at = skip_json_space(at, end);
        if (at == end || *at != ':')
            return broken();
        const char* const start = skip_json_space(at + 1, end);
        at = scan_json_value(start, end, in.max_depth() - 1, fault);
        if (at == nullptr)
            return broken();
        if (is_result || is_error) {
            const std::string_view name_text = is_result ? "result" : "error";
            if (*start != '{') {
                in.fail(name_text, "is not an object");
                return in.error();
            }
            std::string_view& text = is_result ? out.result : error_text;
            if (!text.empty()) {
                in.twice(name_text);
                return in.error();
            }
            text = std::string_view(start, static_cast<std::size_t>(at - start));
        }
        fault = json_fault::syntax;
        at = skip_json_space(at, end);
        if (at == end)
            return broken();
        if (*at == '}')
            break;
        if (*at != ',')
            return broken();
    }
    if (skip_json_space(at + 1, end) != end)
        in.fail("", "something follows the document");
    else if (out.result.empty() == error_text.empty())
        in.fail("", "the message has not one of \"result\" and \"error\"");
    if (in.error() || error_text.empty())
        return in.error();
    out.is_error = true;
    impl::document doc;
    if (in.open(error_text.data(), error_text.size(), doc) &&
        in.server_error_members(doc, 1, out.error_message, out.grpc_code))
        in.close(doc);
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_kubernetes_token(const char* json, std::size_t size, byte_buffer& token)
{
    impl::document doc;
    impl::field_set seen;
    token.clear();
    const auto field = [&](std::string_view key, impl::value& v, std::size_t inner) {
        if (key == "clientToken")
            return seen.add(0) ? impl_->string("clientToken", v, token) : impl_->twice("clientToken");
        return impl_->skip(v, inner);
    };
    if (impl_->open(json, size, doc) && impl_->members("", doc, 1, field) && impl_->close(doc) && token.empty())
        impl_->fail("clientToken", "is missing or empty");
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::read_flag_resource(const char* json, std::size_t size,
                                                            std::string_view& payload)
{
    impl::document doc;
    impl::field_set seen, seen_inside;
    payload = {};
    const auto inside = [&](std::string_view key, impl::value& v, std::size_t inner) {
        if (key != "payload")
            return impl_->skip(v, inner);
        if (!seen_inside.add(0))
            return impl_->twice("payload");
        return impl_->raw(v, inner, payload) && (payload.front() == '{' || impl_->fail("payload", "is not an object"));
    };
    const auto field = [&](std::string_view key, impl::value& v, std::size_t inner) {
        if (key == "resource")
            return seen.add(0) ? impl_->members("resource", v, inner, inside) : impl_->twice("resource");
        return impl_->skip(v, inner);
    };
    if (impl_->open(json, size, doc) && impl_->members("", doc, 1, field) && impl_->close(doc) && payload.empty())
        impl_->fail("payload", "is missing");
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::validate(const char* json, std::size_t size)
{
    impl_->reset();
    json_fault fault = json_fault::syntax;
    const char* const end = json + size;
    const char* const start = skip_json_space(json, end);
    const char* const at =
        start != end && *start == '{' ? scan_json_value(start, end, impl_->max_depth(), fault) : nullptr;
    if (at == nullptr) {
        if (fault == json_fault::depth)
            impl_->too_deep();
        else if (fault == json_fault::utf8)
            impl_->fail("", "the document is not valid UTF-8");
        else
            impl_->malformed();
    } else if (skip_json_space(at, end) != end) {
        impl_->fail("", "something follows the document");
    }
    return impl_->error();
}

} // namespace flipt::inline v0::detail
