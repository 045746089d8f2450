// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Operations that never fail: a value, or the default the caller gave.
#pragma once

#include "flipt/call/operations.hpp"

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
    boolean_or_operation(evaluation_request request, bool otherwise, std::error_code* why)
        : evaluation_(std::move(request)), why_(why), otherwise_(otherwise)
    {}
    std::error_code write(request_writer& out, engine& owner) override { return evaluation_.write(out, owner); }
    std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override
    {
        return evaluation_.read(reply, owner, next);
    }
    bool take_result(std::error_code ec)
    {
        if (why_ != nullptr)
            *why_ = ec;
        return ec ? otherwise_ : evaluation_.take_result().enabled;
    }

private:
    evaluate_operation<boolean_evaluation> evaluation_;
    std::error_code* why_;
    bool otherwise_;
};

/// evaluate_variant_or.
class variant_or_operation final : public remote_operation {
public:
    variant_or_operation(evaluation_request request, std::string otherwise, std::error_code* why)
        : evaluation_(std::move(request)), why_(why), otherwise_(std::move(otherwise))
    {}
    std::error_code write(request_writer& out, engine& owner) override { return evaluation_.write(out, owner); }
    std::error_code read(const reply_view& reply, engine& owner, reply_step& next) override
    {
        return evaluation_.read(reply, owner, next);
    }
    std::string take_result(std::error_code ec)
    {
        if (why_ != nullptr)
            *why_ = ec;
        if (ec)
            return std::move(otherwise_);
        variant_evaluation answer = evaluation_.take_result();
        return answer.variant_key.empty() ? std::move(otherwise_) : std::move(answer.variant_key);
    }

private:
    evaluate_operation<variant_evaluation> evaluation_;
    std::error_code* why_;
    std::string otherwise_;
};

} // namespace flipt::inline v0::detail
