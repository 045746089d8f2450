// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The operations of the client: which request each writes and what it makes of the reply.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0::detail {

// The bodies, shared by the operations that own their request and result and those that view the caller's.
FLIPT_DECL std::error_code write_evaluation_request(request_writer& out, engine& owner, std::string_view path,
                                                    const evaluation_request& request);
FLIPT_DECL std::error_code write_evaluation_request(request_writer& out, engine& owner, std::string_view path,
                                                    const batch_request& request);

FLIPT_DECL std::error_code read_reply(engine& owner, const reply_view& reply, const evaluation_request& request,
                                      boolean_evaluation& out);
FLIPT_DECL std::error_code read_reply(engine& owner, const reply_view& reply, const evaluation_request& request,
                                      variant_evaluation& out);
FLIPT_DECL std::error_code read_reply(engine& owner, const reply_view& reply, const batch_request& request,
                                      batch_evaluation& out);

template <class Result>
inline constexpr std::string_view evaluation_path = "/evaluate/v1/boolean";
template <>
inline constexpr std::string_view evaluation_path<variant_evaluation> = "/evaluate/v1/variant";
template <>
inline constexpr std::string_view evaluation_path<batch_evaluation> = "/evaluate/v1/batch";

template <class Result>
using request_for = std::conditional_t<std::is_same_v<Result, batch_evaluation>, batch_request, evaluation_request>;

/// POST /evaluate/v1/boolean, /variant or /batch, request and result owned.
template <class Result>
class evaluate_operation final : public remote_operation {
public:
    explicit evaluate_operation(request_for<Result> request) : request_(std::move(request)) {}

    std::error_code write(request_writer& out, engine& owner) override
    {
        return write_evaluation_request(out, owner, evaluation_path<Result>, request_);
    }
    std::error_code read(const reply_view& reply, engine& owner, reply_step&) override
    {
        return read_reply(owner, reply, request_, result_);
    }
    Result take_result() { return std::move(result_); }

private:
    request_for<Result> request_;
    Result result_;
};

/// The same with the caller's request and result, which outlive the call.
template <class Result>
class evaluate_into_operation final : public remote_operation {
public:
    evaluate_into_operation(const request_for<Result>* request, Result* result) : request_(request), result_(result) {}

    std::error_code write(request_writer& out, engine& owner) override
    {
        return write_evaluation_request(out, owner, evaluation_path<Result>, *request_);
    }
    std::error_code read(const reply_view& reply, engine& owner, reply_step&) override
    {
        return read_reply(owner, reply, *request_, *result_);
    }

private:
    const request_for<Result>* request_;
    Result* result_;
};

/// GET /api/v1/namespaces/{ns}/flags: one page, or all of them (one request, unless the server pages by itself).
class list_operation final : public remote_operation {
public:
    FLIPT_DECL explicit list_operation(list_options options);

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    [[nodiscard]] const char* refusal() const noexcept override { return not_addressable; }
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override;
    FLIPT_DECL flag_list take_result();

private:
    list_options options_;
    flag_list result_;
    std::string next_page_;
    std::size_t pages_ = 0;
    std::size_t bytes_ = 0; // of all pages
};

/// GET a route whose reply is handed on as JSON text: /health, /meta/info, /auth/v1/self.
class text_operation final : public remote_operation {
public:
    FLIPT_DECL text_operation(std::string path, bool with_token);

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step&) override;
    [[nodiscard]] bool authenticated() const noexcept override { return with_token_; }
    FLIPT_DECL std::string take_result();

private:
    std::string path_;
    std::string result_;
    bool with_token_;
};

/// Whether a namespace can be asked for: its name can go into the path, the environment's into a header and, as v2 has
/// it, into the path, too. An empty environment is none, which all but v2 can do without.
[[nodiscard]] FLIPT_DECL bool addressable(std::string_view name_space, std::string_view environment,
                                          server_version version) noexcept;

/// One flag as JSON text: v1's GET /api/v1/namespaces/{ns}/flags/{key}, on v2 the payload of the resource. Asks
/// GET /meta/info first where nobody said which server it is.
class get_flag_operation final : public remote_operation {
public:
    FLIPT_DECL get_flag_operation(std::string key, list_options where);

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    [[nodiscard]] const char* refusal() const noexcept override { return not_addressable; }
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override;
    FLIPT_DECL std::string take_result();

private:
    std::string key_;
    list_options where_;
    std::string result_;
    server_version asked_ = server_version::automatic; // which the request is for; automatic: it asks which it is
};

/// Whether a snapshot's document is checked to be JSON, or left to a taker who reads it anyway.
enum class document_check : unsigned char { here, by_taker };

/// The snapshot of a namespace: v2's /client/v2 route, or v1's /internal/v1. Asks GET /meta/info first where nobody
/// said which server it is.
class snapshot_operation final : public remote_operation {
public:
    FLIPT_DECL snapshot_operation(std::string namespace_key, std::string environment_key, std::string etag,
                                  document_check check = document_check::here);

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    [[nodiscard]] const char* refusal() const noexcept override { return not_addressable; }
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override;
    [[nodiscard]] std::size_t body_limit(const config& settings) const noexcept override
    {
        return asked_ == server_version::automatic ? settings.max_response_size : settings.limits.snapshot;
    }
    [[nodiscard]] bool takes_not_modified() const noexcept override
    {
        return asked_ != server_version::automatic && !etag_.empty();
    }
    FLIPT_DECL snapshot_document take_result();

private:
    std::string namespace_key_;
    std::string environment_key_;
    std::string etag_;
    snapshot_document result_;
    document_check check_;
    server_version asked_ = server_version::automatic; // as above
};

} // namespace flipt::inline v0::detail
