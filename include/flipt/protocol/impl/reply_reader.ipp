// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/reply_reader.hpp.
#pragma once

#include "flipt/protocol/impl/reply_reader_fields.ipp"

namespace flipt::inline v0::detail {

FLIPT_DECL reply_reader::reply_reader(std::size_t max_depth) : impl_(std::make_unique<impl>(max_depth)) {}
FLIPT_DECL reply_reader::reply_reader(reply_reader&&) noexcept = default;
FLIPT_DECL reply_reader& reply_reader::operator=(reply_reader&&) noexcept = default;
FLIPT_DECL reply_reader::~reply_reader() = default;

FLIPT_DECL std::string_view reply_reader::detail() const noexcept { return impl_->detail(); }

FLIPT_DECL std::error_code reply_reader::read_boolean(const char* json, std::size_t size, boolean_evaluation& out)
{
    impl& in = *impl_;
    if (in.plain(json, size, out)) [[likely]]
        return {};
    impl::document doc;
    if (in.open(json, size, doc) && in.boolean_members("", doc, out) && in.close(doc))
        return {};
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_variant(const char* json, std::size_t size, variant_evaluation& out)
{
    impl& in = *impl_;
    if (in.plain(json, size, out)) [[likely]]
        return {};
    impl::document doc;
    if (in.open(json, size, doc) && in.variant_members("", doc, out) && in.close(doc))
        return {};
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_batch(const char* json, std::size_t size, batch_evaluation& out,
                                                    std::size_t expected_count)
{
    impl& in = *impl_;
    if (in.plain(json, size, out, expected_count)) [[likely]]
        return {};
    impl::document doc;
    impl::field_set seen;
    std::size_t used = 0;
    out.request_id.clear();
    out.duration = {};
    const auto item = [&](impl::value& element) FLIPT_INLINE_LAMBDA {
        if (used == expected_count)
            return in.fail("responses", "has more entries than were asked for");
        if (used == out.responses.size())
            out.responses.emplace_back();
        return in.batch_item_members(element, out.responses[used++]);
    };
    const bool ok = in.open(json, size, doc) &&
                    in.members("", doc, [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
                        if (key.is<"requestId">())
                            return seen.add(0) ? in.string("requestId", v, out.request_id) : in.twice("requestId");
                        if (key.is<"responses">())
                            return seen.add(1) ? in.elements("responses", v, item) : in.twice("responses");
                        if (key.is<"requestDurationMillis">())
                            return seen.add(2) ? in.millis("requestDurationMillis", v, out.duration)
                                               : in.twice("requestDurationMillis");
                        return in.unknown(key, v);
                    });
    out.responses.resize(used);
    if (ok && in.close(doc) && used != expected_count)
        in.fail("responses", "has fewer entries than were asked for");
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_flags(const char* json, std::size_t size, flag_list& out, bool append)
{
    impl& in = *impl_;
    impl::document doc;
    impl::field_set seen;
    std::size_t used = append ? out.flags.size() : 0;
    out.next_page_token.clear();
    out.total_count = 0;
    const auto item = [&](impl::value& element) FLIPT_INLINE_LAMBDA {
        if (used == out.flags.size())
            out.flags.emplace_back();
        return in.flag_members("flags", element, out.flags[used++]);
    };
    const bool ok =
        in.open(json, size, doc) &&
        in.members("", doc, [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
            if (key.is<"flags">())
                return seen.add(0) ? in.elements("flags", v, item) : in.twice("flags");
            if (key.is<"nextPageToken">())
                return seen.add(1) ? in.string("nextPageToken", v, out.next_page_token) : in.twice("nextPageToken");
            if (key.is<"totalCount">()) {
                std::uint64_t number = 0;
                if (!seen.add(2))
                    return in.twice("totalCount");
                if (!in.count("totalCount", v, 0x7fffffff, number))
                    return false;
                out.total_count = static_cast<std::size_t>(number);
                return true;
            }
            return in.unknown(key, v);
        });
    out.flags.resize(used);
    if (ok && in.close(doc))
        return {};
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_flag(const char* json, std::size_t size, flag& out)
{
    impl& in = *impl_;
    impl::document doc;
    if (in.open(json, size, doc) && in.flag_members("", doc, out) && in.close(doc))
        return {};
    return in.error();
}

FLIPT_DECL void reply_reader::read_server_error(const char* json, std::size_t size, std::string& message,
                                                int& grpc_code)
{
    impl& in = *impl_;
    impl::document doc;
    message.clear();
    grpc_code = 0;
    if (!in.open(json, size, doc) || !in.server_error_members("", doc, message, grpc_code) || !in.close(doc)) {
        message.clear();
        grpc_code = 0;
    }
    in.reset();
}

FLIPT_DECL std::error_code reply_reader::read_meta_version(const char* json, std::size_t size, server_version& out)
{
    impl& in = *impl_;
    impl::document doc;
    impl::field_set seen;
    const auto part = [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA { return in.unknown(key, v); };
    const bool ok = in.open(json, size, doc) &&
                    in.members("", doc, [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
                        std::string_view ignored;
                        if (key.is<"build">())
                            return seen.add(0) ? in.members("build", v, part) : in.twice("build");
                        if (key.is<"version">())
                            return seen.add(1) ? in.text("version", v, ignored) : in.twice("version");
                        return in.unknown(key, v);
                    });
    if (ok && in.close(doc)) {
        if (seen.has(0))
            out = server_version::v2;
        else if (seen.has(1))
            out = server_version::v1;
        else
            in.fail("", "neither \"build\" nor \"version\" is there");
    }
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_stream_message(const char* json, std::size_t size, stream_message& out)
{
    // A snapshot can be hundreds of megabytes, and who gets it reads it: here one walk, without simdjson's index, which
    // is several times as large.
    impl& in = *impl_;
    impl::document doc;
    out.result = {};
    out.is_error = false;
    out.grpc_code = 0;
    out.error_message.clear();
    std::string_view error;
    const std::size_t depth = in.max_depth() + 1; // the document's own, and the envelope
    const bool ok = in.walk_members(json, size, depth, [&](const quoted_text& key, std::string_view text) {
        const bool is_result = key.is<"result">();
        if (!is_result && !key.is<"error">())
            return true;
        std::string_view& field = is_result ? out.result : error;
        const std::string_view name = is_result ? "result" : "error";
        if (!field.empty())
            return in.twice(name);
        field = text;
        return text.front() == '{' || in.fail(name, "is not an object");
    });
    if (!ok)
        return in.error();
    if (out.result.empty() == error.empty()) {
        in.fail("", "the message has not one of \"result\" and \"error\"");
    } else if (!error.empty()) {
        out.is_error = true;
        if (in.open(error.data(), error.size(), doc) &&
            in.server_error_members("error", doc, out.error_message, out.grpc_code))
            return {};
    }
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_kubernetes_token(const char* json, std::size_t size, byte_buffer& token,
                                                               std::optional<timestamp_type>& expires_at)
{
    impl& in = *impl_;
    impl::document doc;
    impl::field_set seen;
    token.clear();
    expires_at.reset();
    const auto is_null = [](impl::value& v) {
        simdjson::ondemand::json_type type;
        return v.type().get(type) == simdjson::SUCCESS && type == simdjson::ondemand::json_type::null;
    };
    const auto inside = [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
        if (!key.is<"expiresAt">() || is_null(v)) // a token that never expires
            return in.unknown(key, v);
        return seen.add(2) ? in.time("expiresAt", v, expires_at) : in.twice("expiresAt");
    };
    const bool ok = in.open(json, size, doc) &&
                    in.members("", doc, [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
                        if (key.is<"clientToken">())
                            return seen.add(0) ? in.string("clientToken", v, token) : in.twice("clientToken");
                        if (!key.is<"authentication">() || is_null(v))
                            return in.unknown(key, v);
                        return seen.add(1) ? in.members("authentication", v, inside) : in.twice("authentication");
                    });
    if (ok && in.close(doc) && token.empty())
        in.fail("clientToken", "is missing or empty");
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_flag_resource(const char* json, std::size_t size,
                                                            std::string_view& payload)
{
    impl& in = *impl_;
    impl::document doc;
    impl::field_set seen;
    payload = {};
    const auto inside = [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
        if (!key.is<"payload">())
            return in.unknown(key, v);
        if (!seen.add(1))
            return in.twice("payload");
        return in.raw(v, payload) && (payload.front() == '{' || in.fail("payload", "is not an object"));
    };
    const bool ok = in.open(json, size, doc) &&
                    in.members("", doc, [&](const quoted_text& key, impl::value& v) FLIPT_INLINE_LAMBDA {
                        if (key.is<"resource">())
                            return seen.add(0) ? in.members("resource", v, inside) : in.twice("resource");
                        return in.unknown(key, v);
                    });
    if (ok && in.close(doc) && payload.empty())
        in.fail("payload", "is missing");
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::validate(const char* json, std::size_t size)
{
    if (impl_->walk_members(json, size, impl_->max_depth(), [](const quoted_text&, std::string_view) { return true; }))
        return {};
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::check_id(std::string_view sent, std::string_view echoed)
{
    if (sent.empty() || sent == echoed)
        return {};
    impl_->fail("requestId", "is not that of the request");
    return impl_->error();
}

FLIPT_DECL std::error_code reply_reader::check_next_page(std::string_view asked, std::string_view next)
{
    if (next.empty() || asked != next)
        return {};
    impl_->fail("nextPageToken", "is that of the page that was asked for");
    return impl_->error();
}

} // namespace flipt::inline v0::detail

#undef FLIPT_INLINE_LAMBDA
