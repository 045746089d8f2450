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
    in.open(json, size);
    if (in.boolean_members("", out) && in.close())
        return {};
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_variant(const char* json, std::size_t size, variant_evaluation& out)
{
    impl& in = *impl_;
    in.open(json, size);
    if (in.variant_members("", out) && in.close())
        return {};
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_batch(const char* json, std::size_t size, batch_evaluation& out,
                                                    std::size_t expected_count)
{
    impl& in = *impl_;
    impl::field_set seen;
    std::size_t used = 0;
    out.request_id.clear();
    out.duration = {};
    const auto item = [&] {
        if (used == expected_count)
            return in.fail("responses", "has more entries than were asked for");
        if (used == out.responses.size())
            out.responses.emplace_back();
        return in.batch_item_members(out.responses[used++]);
    };
    in.open(json, size);
    const bool ok = in.members("", [&](std::string_view key) {
        if (in.is(key, "requestId"))
            return seen.add(0) ? in.string("requestId", out.request_id) : in.twice("requestId");
        if (in.is(key, "responses"))
            return seen.add(1) ? in.elements("responses", item) : in.twice("responses");
        if (in.is(key, "requestDurationMillis"))
            return seen.add(2) ? in.millis("requestDurationMillis", out.duration) : in.twice("requestDurationMillis");
        return in.skip();
    });
    out.responses.resize(used);
    if (ok && in.close() && used != expected_count)
        in.fail("responses", "has fewer entries than were asked for");
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_flags(const char* json, std::size_t size, flag_list& out, bool append)
{
    impl& in = *impl_;
    impl::field_set seen;
    std::size_t used = append ? out.flags.size() : 0;
    out.next_page_token.clear();
    out.total_count = 0;
    const auto item = [&] {
        if (used == out.flags.size())
            out.flags.emplace_back();
        return in.flag_members("flags", out.flags[used++]);
    };
    in.open(json, size);
    const bool ok = in.members("", [&](std::string_view key) {
        if (in.is(key, "flags"))
            return seen.add(0) ? in.elements("flags", item) : in.twice("flags");
        if (in.is(key, "nextPageToken"))
            return seen.add(1) ? in.string("nextPageToken", out.next_page_token) : in.twice("nextPageToken");
        if (in.is(key, "totalCount")) {
            std::uint64_t number = 0;
            if (!seen.add(2))
                return in.twice("totalCount");
            if (!in.count("totalCount", 0x7fffffff, number))
                return false;
            out.total_count = static_cast<std::size_t>(number);
            return true;
        }
        return in.skip();
    });
    out.flags.resize(used);
    if (ok && in.close())
        return {};
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_flag(const char* json, std::size_t size, flag& out)
{
    impl& in = *impl_;
    in.open(json, size);
    if (in.flag_members("", out) && in.close())
        return {};
    return in.error();
}

FLIPT_DECL void reply_reader::read_server_error(const char* json, std::size_t size, std::string& message,
                                                int& grpc_code)
{
    impl& in = *impl_;
    message.clear();
    grpc_code = 0;
    in.open(json, size);
    if (!in.server_error_members(message, grpc_code, true) || !in.close()) {
        message.clear();
        grpc_code = 0;
    }
    in.reset();
}

FLIPT_DECL std::error_code reply_reader::read_meta_version(const char* json, std::size_t size, server_version& out)
{
    impl& in = *impl_;
    impl::field_set seen;
    in.open(json, size);
    const bool ok = in.members("", [&](std::string_view key) {
        std::string_view ignored;
        if (in.is(key, "build"))
            return seen.add(0) ? in.members("build", [&](std::string_view) { return in.skip(); }) : in.twice("build");
        if (in.is(key, "version"))
            return seen.add(1) ? in.text("version", ignored) : in.twice("version");
        return in.skip();
    });
    if (ok && in.close()) {
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
    impl& in = *impl_;
    impl::field_set seen;
    out.result = {};
    out.is_error = false;
    out.grpc_code = 0;
    out.error_message.clear();
    in.open(json, size);
    const bool ok = in.members("", [&](std::string_view key) {
        if (in.is(key, "result")) {
            if (!seen.add(0))
                return in.twice("result");
            if (!in.raw(out.result))
                return false;
            return out.result.front() == '{' || in.fail("result", "is not an object");
        }
        if (in.is(key, "error"))
            return seen.add(1) ? in.server_error_members(out.error_message, out.grpc_code, false) : in.twice("error");
        return in.skip();
    });
    if (ok && in.close()) {
        if (seen.has(0) == seen.has(1))
            in.fail("", "the message has not one of \"result\" and \"error\"");
        else
            out.is_error = seen.has(1);
    }
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_kubernetes_token(const char* json, std::size_t size, byte_buffer& token)
{
    impl& in = *impl_;
    impl::field_set seen;
    token.clear();
    in.open(json, size);
    const bool ok = in.members("", [&](std::string_view key) {
        if (in.is(key, "clientToken"))
            return seen.add(0) ? in.string("clientToken", token) : in.twice("clientToken");
        return in.skip();
    });
    if (ok && in.close() && token.empty())
        in.fail("clientToken", "is missing or empty");
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::read_flag_resource(const char* json, std::size_t size,
                                                            std::string_view& payload)
{
    impl& in = *impl_;
    impl::field_set seen;
    payload = {};
    const auto inside = [&](std::string_view key) {
        if (!in.is(key, "payload"))
            return in.skip();
        if (!seen.add(1))
            return in.twice("payload");
        return in.raw(payload) && (payload.front() == '{' || in.fail("payload", "is not an object"));
    };
    in.open(json, size);
    const bool ok = in.members("", [&](std::string_view key) {
        if (in.is(key, "resource"))
            return seen.add(0) ? in.members("resource", inside) : in.twice("resource");
        return in.skip();
    });
    if (ok && in.close() && payload.empty())
        in.fail("payload", "is missing");
    return in.error();
}

FLIPT_DECL std::error_code reply_reader::validate(const char* json, std::size_t size)
{
    impl& in = *impl_;
    in.open(json, size);
    if (in.members("", [&](std::string_view) { return in.skip(); }) && in.close())
        return {};
    return in.error();
}

} // namespace flipt::inline v0::detail
