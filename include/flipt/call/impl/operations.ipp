// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/operations.hpp.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/call/initiate.hpp"
#include "flipt/call/kubernetes_operation.hpp"
#include "flipt/call/operations.hpp"
#include "flipt/protocol/json_writer.hpp"
#include "flipt/protocol/percent.hpp"

namespace flipt::inline v0::detail {

/// The environment goes into the header as well as into the body: with the body alone an unknown one is silently
/// answered from the default environment (v2), and ListFlags needs the header in any case.
inline std::error_code write_environment(request_writer& out, std::string_view environment)
{
    if (environment.empty())
        return {};
    return out.field("X-Flipt-Environment", environment);
}

inline std::string_view or_default(const std::string& value, const std::string& otherwise) noexcept
{
    return value.empty() ? std::string_view(otherwise) : std::string_view(value);
}

FLIPT_DECL std::error_code write_evaluation_request(request_writer& out, engine& owner, std::string_view path,
                                                    const evaluation_request& request)
{
    const request_defaults defaults = owner.defaults();
    const std::string_view environment = environment_of(request, defaults),
                           name_space = namespace_of(request, defaults);
    const head_template& head = owner.head(true);
    if (!out.repeat(head, path, environment, name_space)) {
        out.begin(head, "POST", owner.peer().prefix, path);
        if (const auto ec = write_environment(out, environment))
            return ec;
        out.begin_body();
        if (!begin_evaluation(out.buffer(), environment, name_space))
            return errc::invalid_argument;
        out.remember(head, path, environment, name_space);
    }
    if (!end_evaluation(out.buffer(), request))
        return errc::invalid_argument;
    return out.end_body();
}

FLIPT_DECL std::error_code write_evaluation_request(request_writer& out, engine& owner, std::string_view path,
                                                    const batch_request& request)
{
    const request_defaults defaults = owner.defaults();
    out.begin(owner.head(true), "POST", owner.peer().prefix, path);
    if (const auto ec = write_environment(out, environment_of(request, defaults)))
        return ec;
    out.begin_body();
    if (const auto ec = write_batch(out.buffer(), request, defaults))
        return ec;
    return out.end_body();
}

FLIPT_DECL std::error_code read_reply(engine& owner, const reply_view& reply, const evaluation_request& request,
                                      boolean_evaluation& out)
{
    reply_reader& reader = owner.reader();
    const std::error_code ec = reader.read_boolean(reply.body, reply.size, out);
    return ec ? ec : reader.check_id(request.request_id, out.request_id);
}

FLIPT_DECL std::error_code read_reply(engine& owner, const reply_view& reply, const evaluation_request& request,
                                      variant_evaluation& out)
{
    reply_reader& reader = owner.reader();
    const std::error_code ec = reader.read_variant(reply.body, reply.size, out);
    return ec ? ec : reader.check_id(request.request_id, out.request_id);
}

FLIPT_DECL std::error_code read_reply(engine& owner, const reply_view& reply, const batch_request& request,
                                      batch_evaluation& out)
{
    reply_reader& reader = owner.reader();
    std::error_code ec = reader.read_batch(reply.body, reply.size, out, request.requests.size());
    if (!ec)
        ec = reader.check_id(request.request_id, out.request_id);
    for (std::size_t i = 0; !ec && i != request.requests.size(); ++i) {
        const std::string& sent = request.requests[i].request_id;
        if (const auto* boolean = std::get_if<boolean_evaluation>(&out.responses[i]))
            ec = reader.check_id(sent, boolean->request_id);
        else if (const auto* variant = std::get_if<variant_evaluation>(&out.responses[i]))
            ec = reader.check_id(sent, variant->request_id);
    }
    return ec;
}

inline std::error_code write_get(request_writer& out, engine& owner, std::string_view path, bool with_token)
{
    out.begin(owner.head(with_token), "GET", owner.peer().prefix, path);
    out.end_no_body();
    return {};
}

inline std::error_code write_list_request(request_writer& out, engine& owner, const list_options& options,
                                          std::string_view page_token)
{
    std::string path = "/api/v1/namespaces/";
    if (!append_segment(path, or_default(options.namespace_key, owner.settings().namespace_key)))
        return errc::invalid_argument;
    path += "/flags";
    char separator = '?';
    const auto add = [&](std::string_view name, std::string_view value) {
        path += separator;
        path += name;
        append_query_value(path, value);
        separator = '&';
    };
    if (options.limit != 0)
        add("limit=", std::to_string(options.limit));
    if (!page_token.empty())
        add("pageToken=", page_token);
    if (!options.reference.empty())
        add("reference=", options.reference);
    out.begin(owner.head(true), "GET", owner.peer().prefix, path);
    if (const auto ec = write_environment(out, or_default(options.environment_key, owner.settings().environment_key)))
        return ec;
    out.end_no_body();
    return {};
}

FLIPT_DECL list_operation::list_operation(list_options options) : options_(std::move(options)) {}
FLIPT_DECL flag_list list_operation::take_result() { return std::move(result_); }

FLIPT_DECL std::error_code list_operation::write(request_writer& out, engine& owner)
{
    return write_list_request(out, owner, options_, pages_ == 0 ? options_.page_token : next_page_);
}

FLIPT_DECL std::error_code list_operation::read(const reply_view& reply, engine& owner, reply_step& next)
{
    constexpr std::size_t most_pages = 10'000; // a server that always names a next page is no reason to go on for ever
    if (const auto ec = owner.reader().read_flags(reply.body, reply.size, result_, pages_ != 0))
        return ec;
    bytes_ += reply.size;
    if (pages_ != 0 && bytes_ > owner.settings().limits.snapshot)
        return errc::response_too_large;
    const std::string_view asked = pages_ == 0 ? options_.page_token : next_page_;
    if (const auto ec = owner.reader().check_next_page(asked, result_.next_page_token))
        return ec;
    if (options_.limit == 0 && !result_.next_page_token.empty()) {
        if (++pages_ == most_pages)
            return errc::response_too_large;
        next_page_ = result_.next_page_token;
        next = reply_step::another;
    }
    return {};
}

FLIPT_DECL text_operation::text_operation(std::string path, bool with_token)
    : path_(std::move(path)), with_token_(with_token)
{}
FLIPT_DECL std::string text_operation::take_result() { return std::move(result_); }

FLIPT_DECL std::error_code text_operation::write(request_writer& out, engine& owner)
{
    return write_get(out, owner, path_, with_token_);
}

FLIPT_DECL std::error_code text_operation::read(const reply_view& reply, engine& owner, reply_step&)
{
    if (const auto ec = owner.reader().validate(reply.body, reply.size))
        return ec;
    result_.assign(reply.body, reply.size);
    return {};
}

/// Remembers what /meta/info says the server is.
inline std::error_code learn_version(const reply_view& reply, engine& owner)
{
    return owner.reader().read_meta_version(reply.body, reply.size, owner.version);
}

FLIPT_DECL bool addressable(std::string_view name_space, std::string_view environment, server_version version) noexcept
{
    if (!is_segment(name_space) || !is_whole_field_value(environment))
        return false;
    return environment.empty() ? version != server_version::v2 : is_segment(environment);
}

FLIPT_DECL get_flag_operation::get_flag_operation(std::string key, list_options where)
    : key_(std::move(key)), where_(std::move(where))
{}
FLIPT_DECL std::string get_flag_operation::take_result() { return std::move(result_); }

FLIPT_DECL std::error_code get_flag_operation::write(request_writer& out, engine& owner)
{
    const std::string_view name_space = or_default(where_.namespace_key, owner.settings().namespace_key);
    const std::string_view environment = or_default(where_.environment_key, owner.settings().environment_key);
    asked_ = owner.version;
    if (!is_segment(key_) || !addressable(name_space, environment, asked_))
        return errc::invalid_argument;
    if (asked_ == server_version::automatic)
        return write_get(out, owner, "/meta/info", true);
    std::string path;
    bool good = true;
    if (asked_ == server_version::v1) {
        path = "/api/v1/namespaces/";
        good = append_segment(path, name_space);
        path += "/flags/";
    } else {
        path = "/api/v2/environments/";
        good = append_place(path, environment, name_space);
        path += "/resources/flipt.core.Flag/";
    }
    if (!good || !append_segment(path, key_))
        return errc::invalid_argument;
    out.begin(owner.head(true), "GET", owner.peer().prefix, path);
    if (const auto ec = write_environment(out, environment))
        return ec;
    out.end_no_body();
    return {};
}

FLIPT_DECL std::error_code get_flag_operation::read(const reply_view& reply, engine& owner, reply_step& next)
{
    if (asked_ == server_version::automatic) {
        next = reply_step::another;
        return learn_version(reply, owner);
    }
    if (asked_ == server_version::v1) {
        if (const auto ec = owner.reader().validate(reply.body, reply.size))
            return ec;
        result_.assign(reply.body, reply.size);
        return {};
    }
    std::string_view payload;
    if (const auto ec = owner.reader().read_flag_resource(reply.body, reply.size, payload))
        return ec;
    result_.assign(payload);
    return {};
}

FLIPT_DECL snapshot_operation::snapshot_operation(std::string namespace_key, std::string environment_key,
                                                  std::string etag, document_check check)
    : namespace_key_(std::move(namespace_key)),
      environment_key_(std::move(environment_key)),
      etag_(std::move(etag)),
      check_(check)
{}
FLIPT_DECL snapshot_document snapshot_operation::take_result() { return std::move(result_); }

FLIPT_DECL std::error_code snapshot_operation::write(request_writer& out, engine& owner)
{
    const std::string_view name_space = or_default(namespace_key_, owner.settings().namespace_key);
    const std::string_view environment = or_default(environment_key_, owner.settings().environment_key);
    asked_ = owner.version;
    if (!addressable(name_space, environment, asked_) || !is_whole_field_value(etag_))
        return errc::invalid_argument;
    if (asked_ == server_version::automatic)
        return write_get(out, owner, "/meta/info", true);
    std::string path;
    bool good = true;
    if (asked_ == server_version::v1) {
        path = "/internal/v1/evaluation/snapshot/namespace/";
        good = append_segment(path, name_space);
    } else {
        path = "/client/v2/environments/";
        good = append_place(path, environment, name_space);
        path += "/snapshot";
    }
    if (!good)
        return errc::invalid_argument;
    out.begin(owner.head(true), "GET", owner.peer().prefix, path);
    std::error_code ec = write_environment(out, environment);
    if (!ec && asked_ == server_version::v1) // without it v1 leaves out default variants and entity constraints
        ec = out.field("X-Flipt-Accept-Server-Version", "1.47.0");
    if (!ec && !etag_.empty())
        ec = out.field("If-None-Match", etag_);
    if (!ec)
        out.end_no_body();
    return ec;
}

FLIPT_DECL std::error_code snapshot_operation::read(const reply_view& reply, engine& owner, reply_step& next)
{
    if (asked_ == server_version::automatic) {
        next = reply_step::another;
        return learn_version(reply, owner);
    }
    result_.version = asked_; // not what another call has learnt or forgotten since
    result_.not_modified = reply.status == 304;
    if (!result_.not_modified && check_ == document_check::here)
        if (const auto ec = owner.reader().validate(reply.body, reply.size))
            return ec;
    result_.etag.assign(reply.etag);
    result_.json.assign(reply.body, reply.size);
    return {};
}

FLIPT_DECL std::error_code kubernetes_operation::write(request_writer& out, engine& owner)
{
    out.begin(owner.head(false), "POST", owner.peer().prefix, "/auth/v1/method/kubernetes/serviceaccount");
    out.begin_body();
    byte_buffer& body = out.buffer();
    body.append("{\"serviceAccountToken\":");
    if (!append_json_string(body, service_account_token_->view()))
        return errc::invalid_token;
    body.append("}");
    return out.end_body();
}

FLIPT_DECL std::error_code kubernetes_operation::read(const reply_view& reply, engine& owner, reply_step&)
{
    byte_buffer token;
    std::optional<timestamp_type> end;
    const std::error_code ec = owner.reader().read_kubernetes_token(reply.body, reply.size, token, end);
    OPENSSL_cleanse(reply.body, reply.size); // the connection's buffer lives on
    if (!ec)
        result_.token = secret(token.view());
    if (end)
        result_.expires_at = std::chrono::time_point_cast<std::chrono::system_clock::duration>(*end);
    return ec;
}

FLIPT_DECL asio::awaitable<issued_token> exchange_kubernetes(std::shared_ptr<engine> owner, const secret& token)
{
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, issued_token)>(
        initiate_call<kubernetes_operation, tell_exception>(std::move(owner), call_options()), asio::use_awaitable,
        &token);
}

} // namespace flipt::inline v0::detail
