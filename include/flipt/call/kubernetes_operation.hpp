// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The login of a Kubernetes pod, which a token policy makes through its client.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/token/issued_token.hpp"
#include "flipt/token/secret.hpp"

#include <memory>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

/// POST /auth/v1/method/kubernetes/serviceaccount: a service account's token for one of Flipt's. Sent without a token.
class kubernetes_operation final : public remote_operation {
public:
    explicit kubernetes_operation(const secret* service_account_token) : service_account_token_(service_account_token)
    {}

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step&) override;
    [[nodiscard]] bool authenticated() const noexcept override { return false; }
    // A call that probes whether the server is back may need this first: it is part of that one.
    [[nodiscard]] bool counts_for_breaker() const noexcept override { return false; }
    issued_token take_result() noexcept { return std::move(result_); }

private:
    const secret* service_account_token_;
    issued_token result_;
};

FLIPT_DECL asio::awaitable<issued_token> exchange_kubernetes(std::shared_ptr<engine> owner, const secret& token);

} // namespace flipt::inline v0::detail
