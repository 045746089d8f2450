// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/snapshot_evaluator.hpp.
#pragma once

#include "flipt/testing/snapshot_evaluator.hpp"

namespace flipt::inline v0::testing {

FLIPT_DECL snapshot_evaluator::snapshot_evaluator(std::string_view document, rule_set rules)
{
    auto parsed = snapshot::parse(document, rules);
    if (!parsed.ok())
        throw std::invalid_argument("flipt::testing: not a snapshot document: " + parsed.error().message());
    snapshot_ = std::move(*parsed);
}

FLIPT_DECL evaluation_result snapshot_evaluator::evaluate(std::string_view, std::string_view, std::string_view flag_key,
                                                          std::string_view entity_id, const context_map& context)
{
    const auto found = snapshot_.find(flag_key);
    if (!found)
        return {};
    if (found.type() == flag_type::boolean) {
        const auto result = found.evaluate_boolean(entity_id, context);
        if (!result.ok())
            return evaluation_failure(result.grpc_code(), result.message());
        return to_owned(result);
    }
    const auto result = found.evaluate_variant(entity_id, context);
    if (!result.ok())
        return evaluation_failure(result.grpc_code(), result.message());
    return to_owned(result);
}

} // namespace flipt::inline v0::testing
