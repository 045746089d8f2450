// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of result.hpp.
#pragma once

#include "flipt/evaluation/go_quote.hpp"
#include "flipt/evaluation/result.hpp"

#include <string>
#include <string_view>

namespace flipt::inline v0 {

FLIPT_DECL std::string evaluation_status::message() const
{
    switch (failure_) {
    case failure::none: break;
    case failure::no_flag: return detail::flag_not_found_message(image_->text(image_->namespace_key), flag_key);
    case failure::wrong_type: return "flag type " + std::string(to_string(type_)) + " invalid";
    case failure::unknown_constraint: return "unknown constraint type";
    case failure::rule_rank: return "rule rank: " + std::to_string(rank_) + " detected out of order";
    case failure::rollout_rank: return "rollout rank: " + std::to_string(rank_) + " detected out of order";
    }
    return {};
}

namespace detail {

template <class Owned, class View>
inline Owned own_common(const View& r)
{
    Owned o;
    o.reason = r.reason;
    o.flag_key = r.flag_key;
    for (const auto key : r.segment_keys)
        o.segment_keys.emplace_back(key);
    if constexpr (requires { o.enabled; }) {
        o.enabled = r.enabled;
    } else {
        o.match = r.match;
        o.variant_key = r.variant_key;
        o.variant_attachment = r.variant_attachment;
    }
    return o;
}

} // namespace detail

FLIPT_DECL boolean_evaluation to_owned(const boolean_result& r)
{
    if (!r.ok())
        throw error(r.code(), r.message());
    return detail::own_common<boolean_evaluation>(r);
}

FLIPT_DECL variant_evaluation to_owned(const variant_result& r)
{
    if (!r.ok())
        throw error(r.code(), r.message());
    return detail::own_common<variant_evaluation>(r);
}

FLIPT_DECL batch_item to_owned(const flag_result& r)
{
    if (!r.ok()) {
        error_evaluation e;
        e.flag_key = r.flag_key;
        e.namespace_key = r.namespace_key();
        e.reason = r.code() == errc::not_found ? error_evaluation_reason::not_found : error_evaluation_reason::unknown;
        return e;
    }
    if (r.type == flag_type::boolean)
        return detail::own_common<boolean_evaluation>(r);
    return detail::own_common<variant_evaluation>(r);
}

} // namespace flipt::inline v0
