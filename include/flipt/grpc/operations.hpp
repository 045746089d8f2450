// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The operations of the gRPC client: which method each calls, and what it makes of the answer.
#pragma once

#include "flipt/grpc/engine.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

namespace flipt::inline v0::detail {

[[nodiscard]] inline std::string_view value_or(const std::string& value, const std::string& otherwise) noexcept
{
    return value.empty() ? std::string_view(otherwise) : std::string_view(value);
}

template <class Result>
inline constexpr const char* evaluation_method = "/flipt.evaluation.EvaluationService/Boolean";
template <>
inline constexpr const char* evaluation_method<variant_evaluation> = "/flipt.evaluation.EvaluationService/Variant";

// The check that HTTP's answers have to pass, too.
[[nodiscard]] inline std::error_code check_id(grpc_engine& owner, std::string_view sent, std::string_view echoed,
                                              decode_detail& why)
{
    const std::error_code ec = owner.reader().check_id(sent, echoed);
    if (ec)
        why.text = owner.reader().detail();
    return ec;
}

// Gives its result back, or puts it where the caller said, who keeps that and the request until completion.
template <class Result>
class grpc_evaluate final : public grpc_operation {
public:
    using result_type = Result;

    explicit grpc_evaluate(evaluation_request request) : own_(std::move(request)), request_(&own_) {}
    grpc_evaluate(const evaluation_request* request, Result* into) : request_(request), into_(into) {}

    std::error_code write(grpc_request& out, grpc_engine& owner) override
    {
        out.method = evaluation_method<Result>;
        out.environment = environment_of(*request_, owner.defaults());
        return encode_evaluation(*request_, owner.defaults(), out.message);
    }
    std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step&) override
    {
        Result& answer = into_ != nullptr ? *into_ : result_;
        const std::error_code ec = decode(reply.message, answer, why);
        return ec ? ec : check_id(owner, request_->request_id, answer.request_id, why);
    }
    [[nodiscard]] Result take_result(std::error_code) { return std::move(result_); }

private:
    evaluation_request own_;
    const evaluation_request* request_;
    Result result_;
    Result* into_ = nullptr;
};

class grpc_batch final : public grpc_operation {
public:
    using result_type = batch_evaluation;

    explicit grpc_batch(batch_request request) : own_(std::move(request)), request_(&own_) {}
    grpc_batch(const batch_request* request, batch_evaluation* into) : request_(request), into_(into) {}

    std::error_code write(grpc_request& out, grpc_engine& owner) override
    {
        out.method = "/flipt.evaluation.EvaluationService/Batch";
        out.environment = environment_of(*request_, owner.defaults());
        return encode_batch(*request_, owner.defaults(), out.message);
    }
    std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step&) override
    {
        batch_evaluation& answer = into_ != nullptr ? *into_ : result_;
        std::error_code ec = decode(reply.message, answer, request_->requests.size(), why);
        if (!ec)
            ec = check_id(owner, request_->request_id, answer.request_id, why);
        for (std::size_t i = 0; !ec && i != answer.responses.size(); ++i)
            ec = check_item(owner, request_->requests[i].request_id, answer.responses[i], why);
        return ec;
    }
    [[nodiscard]] batch_evaluation take_result(std::error_code) { return std::move(result_); }

private:
    static std::error_code check_item(grpc_engine& owner, std::string_view sent, const batch_item& item,
                                      decode_detail& why)
    {
        if (const auto* boolean = std::get_if<boolean_evaluation>(&item))
            return check_id(owner, sent, boolean->request_id, why);
        const auto* variant = std::get_if<variant_evaluation>(&item);
        return variant != nullptr ? check_id(owner, sent, variant->request_id, why) : std::error_code();
    }

    batch_request own_;
    const batch_request* request_;
    batch_evaluation result_;
    batch_evaluation* into_ = nullptr;
};

// evaluate_boolean_or and evaluate_variant_or: never fail.
class grpc_boolean_or final : public grpc_operation {
public:
    using result_type = bool;

    grpc_boolean_or(evaluation_request request, bool otherwise, std::error_code* why)
        : evaluation_(std::move(request)), why_(why), otherwise_(otherwise)
    {}
    std::error_code write(grpc_request& out, grpc_engine& owner) override { return evaluation_.write(out, owner); }
    std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step& next) override
    {
        return evaluation_.read(reply, owner, why, next);
    }
    [[nodiscard]] bool take_result(std::error_code ec)
    {
        if (why_ != nullptr)
            *why_ = ec;
        return ec ? otherwise_ : evaluation_.take_result(ec).enabled;
    }

private:
    grpc_evaluate<boolean_evaluation> evaluation_;
    std::error_code* why_;
    bool otherwise_;
};

class grpc_variant_or final : public grpc_operation {
public:
    using result_type = std::string;

    grpc_variant_or(evaluation_request request, std::string otherwise, std::error_code* why)
        : evaluation_(std::move(request)), why_(why), otherwise_(std::move(otherwise))
    {}
    std::error_code write(grpc_request& out, grpc_engine& owner) override { return evaluation_.write(out, owner); }
    std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step& next) override
    {
        return evaluation_.read(reply, owner, why, next);
    }
    [[nodiscard]] std::string take_result(std::error_code ec)
    {
        if (why_ != nullptr)
            *why_ = ec;
        if (ec)
            return std::move(otherwise_);
        variant_evaluation answer = evaluation_.take_result(ec);
        return answer.variant_key.empty() ? std::move(otherwise_) : std::move(answer.variant_key);
    }

private:
    grpc_evaluate<variant_evaluation> evaluation_;
    std::error_code* why_;
    std::string otherwise_;
};

// One page of flags, or all of them.
class grpc_list final : public grpc_operation {
public:
    using result_type = flag_list;

    explicit grpc_list(list_options options) : options_(std::move(options)) {}

    std::error_code write(grpc_request& out, grpc_engine& owner) override
    {
        out.method = "/flipt.Flipt/ListFlags";
        out.environment = value_or(options_.environment_key, owner.settings().environment_key);
        return encode_list(options_, owner.defaults(), pages_ == 0 ? options_.page_token : next_page_, out.message);
    }
    std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step& next) override
    {
        constexpr std::size_t most_pages = 10'000; // as over HTTP
        if (const auto ec = decode(reply.message, result_, pages_ != 0, owner.settings().limits.json_depth, why))
            return ec;
        if (options_.limit == 0 && !result_.next_page_token.empty()) {
            if (++pages_ == most_pages)
                return errc::response_too_large;
            next_page_ = result_.next_page_token;
            next = step::another;
        }
        return {};
    }
    [[nodiscard]] flag_list take_result(std::error_code) { return std::move(result_); }

private:
    list_options options_;
    flag_list result_;
    std::string next_page_;
    std::size_t pages_ = 0;
};

// The snapshot of a namespace. Asks what the server is first where nobody said.
class grpc_snapshot final : public grpc_operation {
public:
    using result_type = snapshot_document;

    grpc_snapshot(std::string namespace_key, std::string environment_key, std::string etag)
        : namespace_key_(std::move(namespace_key)), environment_key_(std::move(environment_key)), etag_(std::move(etag))
    {}

    std::error_code write(grpc_request& out, grpc_engine& owner) override
    {
        const std::string_view environment = value_or(environment_key_, owner.settings().environment_key);
        if (!is_metadata_value(environment) || !is_metadata_value(etag_))
            return errc::invalid_argument;
        if (const auto ec =
                encode_snapshot(value_or(namespace_key_, owner.settings().namespace_key), environment, out.message))
            return ec;
        asked_ = owner.version;
        if (asked_ == server_version::automatic) { // nothing that cannot be asked for is worth this question
            out.method = "/flipt.meta.MetadataService/GetInfo";
            encode_nothing(out.message);
            return {};
        }
        const bool v1 = asked_ == server_version::v1;
        out.method = v1 ? "/flipt.evaluation.DataService/EvaluationSnapshotNamespace"
                        : "/evaluation.ClientEvaluationService/EvaluationSnapshotNamespace";
        out.environment = environment;
        if (v1) // without it v1 leaves out default variants and entity constraints
            out.metadata.emplace_back("x-flipt-accept-server-version", "1.47.0");
        if (!etag_.empty())
            out.metadata.emplace_back("grpcgateway-if-none-match", etag_);
        return {};
    }
    std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step& next) override
    {
        if (asked_ == server_version::automatic) {
            next = step::another;
            return learn_version(reply, owner, why);
        }
        result_.version = asked_; // not what another call has learnt or forgotten since
        result_.not_modified = reply.not_modified && !etag_.empty();
        result_.etag = std::move(reply.etag);
        std::string digest;
        if (result_.not_modified)
            return {};
        return decode_snapshot(reply.message, asked_, result_.json, digest, why);
    }
    [[nodiscard]] snapshot_document take_result(std::error_code) { return std::move(result_); }

private:
    static std::error_code learn_version(grpc_reply& reply, grpc_engine& owner, decode_detail& why)
    {
        std::string info;
        if (const auto ec = decode_http_body(reply.message, info, why))
            return ec;
        byte_buffer json; // with the room behind it that the reader wants
        json.append(info);
        const std::error_code ec = owner.reader().read_meta_version(json.data(), json.size(), owner.version);
        if (ec)
            why.text = owner.reader().detail();
        return ec;
    }

    std::string namespace_key_;
    std::string environment_key_;
    std::string etag_;
    snapshot_document result_;
    server_version asked_ = server_version::automatic; // which the request is for; automatic: it asks which it is
};

// A service account's token for one of Flipt's. Sent without a token.
class grpc_kubernetes final : public grpc_operation {
public:
    using result_type = issued_token;

    explicit grpc_kubernetes(const secret* service_account_token) : service_account_token_(service_account_token) {}

    std::error_code write(grpc_request& out, grpc_engine&) override
    {
        out.method = "/flipt.auth.AuthenticationMethodKubernetesService/VerifyServiceAccount";
        return encode_service_account(service_account_token_->view(), out.message);
    }
    std::error_code read(grpc_reply& reply, grpc_engine&, decode_detail& why, step&) override
    {
        return decode_service_account(reply.message, result_.token, result_.expires_at, why);
    }
    [[nodiscard]] bool authenticated() const noexcept override { return false; }
    // A call that probes whether the server is back may need this first: it is part of that one.
    [[nodiscard]] bool counts_for_breaker() const noexcept override { return false; }
    [[nodiscard]] issued_token take_result(std::error_code) { return std::move(result_); }

private:
    const secret* service_account_token_;
    issued_token result_;
};

// ---- how an operation becomes a call --------------------------------------------------------------------------------

// void(std::exception_ptr) and void(std::error_code): the result is the caller's.
struct throw_error_only {
    template <class Handler, class T>
    static void call(Handler& handler, std::error_code ec, diagnostics& d, T&)
    {
        std::exception_ptr e;
        if (ec)
            e = std::make_exception_ptr(error(ec, std::move(d)));
        std::move(handler)(std::move(e));
    }
};
struct give_code_only {
    template <class Handler, class T>
    static void call(Handler& handler, std::error_code ec, diagnostics&, T&)
    {
        std::move(handler)(ec);
    }
};

// What a cancellation slot holds: carries the signal to the executor of the call.
class interrupt_grpc_call {
public:
    interrupt_grpc_call(asio::any_io_executor executor, std::weak_ptr<grpc_call> c) noexcept
        : executor_(std::move(executor)), call_(std::move(c))
    {}
    void operator()(asio::cancellation_type type)
    {
        // Nothing here changes anything on the server, so even "total" can be granted at any time.
        if (type != asio::cancellation_type::none)
            asio::dispatch(executor_, [weak = call_] {
                if (const auto c = weak.lock())
                    c->interrupt(asio::error::operation_aborted);
            });
    }

private:
    asio::any_io_executor executor_;
    std::weak_ptr<grpc_call> call_;
};

// A unary operation; others have a run_operation() of their own.
inline asio::awaitable<std::error_code> run_operation(std::shared_ptr<grpc_engine> owner, std::shared_ptr<grpc_call> c,
                                                      grpc_operation* op)
{
    c->start(c->options.timeout.value_or(owner->settings().request_timeout));
    return grpc_engine::perform(std::move(owner), std::move(c), op);
}

template <class Operation>
asio::awaitable<void> run_grpc_call(std::shared_ptr<grpc_engine> owner, std::shared_ptr<grpc_call> c,
                                    std::shared_ptr<Operation> op, pending<typename Operation::result_type> waiting)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    const grpc_engine::active listed(owner, c);
    if (owner->stopped())
        c->interrupt(asio::error::operation_aborted);
    std::error_code ec;
    try {
        ec = co_await run_operation(owner, c, op.get());
    } catch (...) {
        ec = current_exception_code();
    }
    c->finished = true;
    waiting.complete(ec, std::move(c->details), op->take_result(ec));
}

template <class Operation, class Tell>
class initiate_grpc_call {
public:
    using executor_type = asio::any_io_executor;

    initiate_grpc_call(std::shared_ptr<grpc_engine> owner, const call_options& options) noexcept
        : engine_(std::move(owner)), options_(options)
    {}

    [[nodiscard]] executor_type get_executor() const noexcept { return engine_->executor(); }

    template <class Handler, class... Args>
    void operator()(Handler&& handler, Args&&... args) const
    {
        auto c = std::make_shared<grpc_call>(options_);
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.template emplace<interrupt_grpc_call>(engine_->executor(), c);
        auto op = std::make_shared<Operation>(std::forward<Args>(args)...);
        auto waiting = pending<typename Operation::result_type>::template make<Tell>(
            std::forward<Handler>(handler), engine_->executor(), options_.diagnostics);
        auto done = [c](const std::exception_ptr&) {}; // the signal outlives the coroutine
        asio::co_spawn(engine_->executor(), run_grpc_call<Operation>(engine_, c, std::move(op), std::move(waiting)),
                       asio::bind_cancellation_slot(c->stop.slot(), std::move(done)));
    }

private:
    std::shared_ptr<grpc_engine> engine_;
    call_options options_;
};

inline asio::awaitable<issued_token> grpc_engine::exchange_kubernetes(const secret& service_account_token)
{
    call_options options;
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, issued_token)>(
        initiate_grpc_call<grpc_kubernetes, throw_error>(shared_from_this(), options), asio::use_awaitable,
        &service_account_token);
}

} // namespace flipt::inline v0::detail
