// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Operations that never fail: a value, or the default the caller gave.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/call/operations.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <string>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

/// void(T): the operation decides what its outcome is worth.
class tell_value {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics&, Operation& op)
    {
        return [value = op.take_result(ec)](auto& handler) mutable { std::move(handler)(std::move(value)); };
    }
};

/// evaluate_boolean_or.
class boolean_or_operation final : public remote_operation {
public:
    FLIPT_DECL boolean_or_operation(evaluation_request request, bool otherwise, std::error_code* why);
    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override;
    FLIPT_DECL bool take_result(std::error_code ec);

private:
    evaluate_operation<boolean_evaluation> evaluation_;
    std::error_code* why_;
    bool otherwise_;
};

/// evaluate_variant_or.
class variant_or_operation final : public remote_operation {
public:
    FLIPT_DECL variant_or_operation(evaluation_request request, std::string otherwise, std::error_code* why);
    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    FLIPT_DECL std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override;
    FLIPT_DECL std::string take_result(std::error_code ec);

private:
    evaluate_operation<variant_evaluation> evaluation_;
    std::error_code* why_;
    std::string otherwise_;
};

} // namespace flipt::inline v0::detail
