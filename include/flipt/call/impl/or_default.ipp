// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/or_default.hpp.
#pragma once

#include "flipt/call/or_default.hpp"

#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL boolean_or_operation::boolean_or_operation(evaluation_request request, bool otherwise, std::error_code* why)
    : evaluation_(std::move(request)), why_(why), otherwise_(otherwise)
{}

FLIPT_DECL std::error_code boolean_or_operation::write(request_writer& out, engine& owner)
{
    return evaluation_.write(out, owner);
}

FLIPT_DECL std::error_code boolean_or_operation::read(const reply_view& reply, engine& owner, reply_step& next)
{
    return evaluation_.read(reply, owner, next);
}

FLIPT_DECL bool boolean_or_operation::take_result(std::error_code ec)
{
    if (why_ != nullptr)
        *why_ = ec;
    return ec ? otherwise_ : evaluation_.take_result().enabled;
}

FLIPT_DECL variant_or_operation::variant_or_operation(evaluation_request request, std::string otherwise,
                                                      std::error_code* why)
    : evaluation_(std::move(request)), why_(why), otherwise_(std::move(otherwise))
{}

FLIPT_DECL std::error_code variant_or_operation::write(request_writer& out, engine& owner)
{
    return evaluation_.write(out, owner);
}

FLIPT_DECL std::error_code variant_or_operation::read(const reply_view& reply, engine& owner, reply_step& next)
{
    return evaluation_.read(reply, owner, next);
}

FLIPT_DECL std::string variant_or_operation::take_result(std::error_code ec)
{
    if (why_ != nullptr)
        *why_ = ec;
    if (ec)
        return std::move(otherwise_);
    variant_evaluation answer = evaluation_.take_result();
    return answer.variant_key.empty() ? std::move(otherwise_) : std::move(answer.variant_key);
}

} // namespace flipt::inline v0::detail
