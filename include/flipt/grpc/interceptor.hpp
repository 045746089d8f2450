// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A client interceptor that puts the token of any policy into every call of a channel.
#pragma once

#include "flipt/grpc/token_source.hpp"
#include "flipt/token/policy.hpp"

#include <grpcpp/alarm.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_interceptor.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace flipt::inline v0 {
namespace detail {

// What one call waits with. Outlives the interceptor where a token or the alarm comes late.
class intercepted_call final : public token_waiter, public std::enable_shared_from_this<intercepted_call> {
public:
    using batch = grpc::experimental::InterceptorBatchMethods;

    intercepted_call(std::shared_ptr<token_source> source, grpc::ClientContext* context)
        : source_(std::move(source)), context_(context)
    {}

    // The batch that sends the metadata. Proceeds here if the token is at hand, else when it has come.
    void begin(batch* methods)
    {
        bool cancelled = false; // before it began
        {
            const std::lock_guard lock(mutex_);
            methods_ = methods;
            cancelled = settled_;
        }
        if (cancelled) {
            methods->Proceed();
            return;
        }
        source_->get(shared_from_this());
        bool now = false;
        {
            const std::lock_guard lock(mutex_);
            if (!settled_ && cancelled_) {
                settled_ = true;
                failure_ = cancelled_status();
            }
            now = settled_;
            if (!now) {
                waiting_ = true;
                // gRPC's own clock and thread, so that the bound holds even if nobody runs the executor. The alarm
                // keeps its function, which must not keep the alarm.
                alarm_.Set(context_->raw_deadline(), [self = shared_from_this()](bool passed) mutable {
                    const auto owned = std::move(self);
                    owned->give_up(passed);
                });
            }
        }
        if (now)
            proceed();
    }

    void ready(token_answer answer) noexcept override
    {
        bool waiting = false;
        {
            const std::lock_guard lock(mutex_);
            if (settled_)
                return;
            settled_ = true;
            waiting = waiting_;
            answer_ = std::move(answer);
            if (answer_.ec)
                failure_ = failure(answer_);
        }
        if (waiting) {
            alarm_.Cancel();
            proceed();
        }
    }

    // TryCancel was called, whose lock is held here: the alarm's thread goes on.
    void cancel() noexcept
    {
        const std::lock_guard lock(mutex_);
        if (waiting_ && !settled_)
            alarm_.Cancel();
        else if (methods_ == nullptr)
            settled_ = true;
        else
            cancelled_ = true; // begin() looks before it waits
    }

    void finish(grpc::Status& status)
    {
        const std::lock_guard lock(mutex_);
        if (!failure_.ok())
            status = failure_;
        else if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED && answer_.generation != 0)
            source_->reject(answer_.generation);
    }

private:
    static grpc::Status cancelled_status() { return {grpc::StatusCode::CANCELLED, "flipt: cancelled"}; }
    static grpc::Status failure(const token_answer& answer)
    {
        std::string text = "flipt: " + answer.ec.message();
        if (!answer.detail.empty())
            text.append(": ").append(answer.detail);
        return grpc::Status(answer.ec.category() == error_category() ? grpc::StatusCode::UNAUTHENTICATED
                                                                     : grpc::StatusCode::UNAVAILABLE,
                            text);
    }

    void give_up(bool deadline_passed) noexcept
    {
        {
            const std::lock_guard lock(mutex_);
            if (settled_)
                return;
            settled_ = true;
            failure_ = deadline_passed ? grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED,
                                                      "flipt: the deadline passed while waiting for a token")
                                       : cancelled_status();
        }
        proceed();
    }

    // Once settled only one thread comes here, and nothing of the call may be touched after Proceed().
    void proceed()
    {
        batch* const methods = methods_;
        if (!failure_.ok()) {
            context_->TryCancel(); // nothing is sent; finish() says why
        } else if (auto* metadata = methods->GetSendInitialMetadata(); metadata != nullptr) {
            metadata->erase("authorization");
            if (!answer_.value.view().empty())
                metadata->emplace("authorization", std::string(answer_.value.view()));
            answer_.value = secret();
        }
        methods->Proceed();
    }

    std::shared_ptr<token_source> source_;
    grpc::ClientContext* context_;
    std::mutex mutex_;
    batch* methods_ = nullptr;
    bool waiting_ = false;   // begin() has returned without proceeding
    bool settled_ = false;   // the token is there, or none will be
    bool cancelled_ = false; // while begin() asked for the token
    token_answer answer_;
    grpc::Status failure_; // OK: none
    grpc::Alarm alarm_;
};

class token_interceptor final : public grpc::experimental::Interceptor {
public:
    token_interceptor(std::shared_ptr<token_source> source, grpc::experimental::ClientRpcInfo* info)
        : call_(std::make_shared<intercepted_call>(std::move(source), info->client_context()))
    {}

    void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override
    {
        using point = grpc::experimental::InterceptionHookPoints;
        if (methods->QueryInterceptionHookPoint(point::PRE_SEND_CANCEL))
            call_->cancel();
        if (methods->QueryInterceptionHookPoint(point::POST_RECV_STATUS))
            call_->finish(*methods->GetRecvStatus());
        if (methods->QueryInterceptionHookPoint(point::PRE_SEND_INITIAL_METADATA))
            call_->begin(methods);
        else
            methods->Proceed();
    }

private:
    std::shared_ptr<intercepted_call> call_;
};

} // namespace detail

/// Gives every call of a channel the metadata `authorization: JWT <jwt>` (or as the policy's scheme says), replacing
/// what the call had under that key: so it is sent once. For grpc::experimental::CreateCustomChannelWithInterceptors();
/// copies share one policy, for several channels. For unary and streaming calls of the callback, the synchronous and
/// the completion-queue API.
///
/// A policy that has its token at hand is asked under a lock on the thread that starts the call. One that fetches does
/// so on `executor`, once however many calls wait; calls wait without blocking a thread (the synchronous API: in its
/// own), at most until their deadline or TryCancel(). Somebody must run that executor meanwhile, and a thread that runs
/// it alone must not call the synchronous API. When its io_context is destroyed, waiting calls fail.
///
/// A call without a token fails: DEADLINE_EXCEEDED, CANCELLED, UNAUTHENTICATED (no usable token; the message begins
/// with "flipt: "), UNAVAILABLE (the refresh failed for a reason of the network or system). When the server says
/// UNAUTHENTICATED the policy is told, and the next call fetches anew; the call itself is not repeated.
///
/// kubernetes_token needs flipt::grpc_client. On a plaintext channel whoever sees the traffic can read and use the
/// token. Do not combine with token credentials: those are added later, and two values would be sent.
class token_interceptor_factory final : public grpc::experimental::ClientInterceptorFactoryInterface {
public:
    template <class P>
    token_interceptor_factory(asio::any_io_executor executor, P policy)
        : source_(detail::make_token_source(std::move(executor), std::move(policy)))
    {}
    /// Without an executor, for a policy that has its token at hand.
    template <sync_token_policy P>
    explicit token_interceptor_factory(P policy) : token_interceptor_factory(asio::any_io_executor(), std::move(policy))
    {}

    /// For gRPC.
    grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo* info) override
    {
        return new detail::token_interceptor(source_, info);
    }

private:
    std::shared_ptr<detail::token_source> source_;
};

/// What CreateCustomChannelWithInterceptors() takes a vector of.
template <class P>
[[nodiscard]] std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>
make_token_interceptor(asio::any_io_executor executor, P policy)
{
    return std::make_unique<token_interceptor_factory>(std::move(executor), std::move(policy));
}
template <sync_token_policy P>
[[nodiscard]] std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface> make_token_interceptor(P policy)
{
    return std::make_unique<token_interceptor_factory>(std::move(policy));
}

} // namespace flipt::inline v0
