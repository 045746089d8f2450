// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The token as call metadata: for one call, or as gRPC call credentials.
#pragma once

#include "flipt/detail/later.hpp"
#include "flipt/grpc/token_source.hpp"
#include "flipt/token/policy.hpp"
#include "flipt/token/provider.hpp"
#include "flipt/types/error.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>

namespace flipt::inline v0 {

/// Adds the metadata `authorization: JWT <jwt>` to one call, from a policy that has its token at hand (jwt_token,
/// client_token, jwt_file, a type of yours); no_token adds nothing. Throws flipt::error with errc::invalid_token for a
/// token that cannot be sent. Call it once per context, and not on a channel with a token interceptor or credentials
/// (the interceptor would replace it, credentials would send a second value). On a plaintext channel whoever sees the
/// traffic can read the token and use it until it expires.
template <class P>
    requires sync_token_policy<std::remove_cvref_t<P>>
void add_authorization(grpc::ClientContext& context, P&& policy)
{
    static_assert(detail::has_token<std::remove_reference_t<P>>, "flipt: token() of this policy is not const");
    const std::string_view scheme = detail::scheme_of(policy);
    if (scheme.empty())
        return;
    detail::checked_token checked;
    checked.accept(scheme, policy.token());
    detail::token_view view;
    std::error_code ec;
    checked.give(view, ec);
    if (ec)
        throw error(ec, std::string(checked.detail()));
    std::string value;
    const detail::wiper guard{value};
    value.reserve(view.scheme.size() + 1 + view.token.size());
    value.append(view.scheme).append(1, ' ').append(view.token);
    context.AddMetadata("authorization", value); // copies it; that copy is gRPC's
}

namespace detail {

// Waits in the thread that gRPC keeps for plugins that block.
class token_credentials final : public grpc::MetadataCredentialsPlugin {
public:
    token_credentials(std::shared_ptr<token_source> source, std::chrono::steady_clock::duration patience)
        : source_(std::move(source)), patience_(patience)
    {}

    grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                             std::multimap<grpc::string, grpc::string>* metadata) override
    {
        const auto waiter = std::make_shared<blocking_waiter>();
        source_->get(waiter);
        std::unique_lock lock(waiter->mutex);
        if (!waiter->told.wait_until(lock, later(std::chrono::steady_clock::now(), patience_),
                                     [&] { return waiter->done; }))
            return grpc::Status(grpc::StatusCode::UNAVAILABLE, "flipt: no token in time");
        if (waiter->answer.ec)
            return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "flipt: no token that can be sent");
        if (!waiter->answer.value.view().empty())
            metadata->emplace("authorization", std::string(waiter->answer.value.view()));
        return grpc::Status::OK;
    }
    const char* GetType() const override { return "flipt-token"; }
    grpc::string DebugString() override { return "flipt token"; }

private:
    class blocking_waiter final : public token_waiter {
    public:
        void ready(token_answer given) noexcept override
        {
            const std::lock_guard lock(mutex);
            answer = std::move(given);
            done = true;
            told.notify_all();
        }

        std::mutex mutex;
        std::condition_variable told;
        bool done = false;
        token_answer answer;
    };

    std::shared_ptr<token_source> source_;
    std::chrono::steady_clock::duration patience_;
};

} // namespace detail

/// Call credentials from any token policy, for CompositeChannelCredentials() or ClientContext::set_credentials().
/// gRPC sends them on secure channels only: a call on a plaintext channel fails. A policy that fetches does so on
/// `executor`, which other threads than those that wait must run; one that has its token at hand is asked under a lock
/// on gRPC's threads. `patience` bounds the wait for a token; the wait blocks one of gRPC's threads, so for policies
/// that fetch slowly an interceptor (flipt/grpc/interceptor.hpp) is better. Never use both: two values would be sent.
/// A failure to have a token ends the call as gRPC does with failed credentials (UNAVAILABLE or UNAUTHENTICATED).
template <class P>
[[nodiscard]] std::shared_ptr<grpc::CallCredentials>
make_token_credentials(asio::any_io_executor executor, P policy,
                       std::chrono::steady_clock::duration patience = std::chrono::seconds(10))
{
    return grpc::MetadataCredentialsFromPlugin(std::make_unique<detail::token_credentials>(
        detail::make_token_source(std::move(executor), std::move(policy)), patience));
}

/// The same without an executor, for a policy that has its token at hand.
template <sync_token_policy P>
[[nodiscard]] std::shared_ptr<grpc::CallCredentials> make_token_credentials(P policy)
{
    return make_token_credentials(asio::any_io_executor(), std::move(policy));
}

} // namespace flipt::inline v0
