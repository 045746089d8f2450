// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The short bodies of snapshot.hpp, and the evaluations that are compiled once.
#pragma once

#include "flipt/evaluation/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace flipt::inline v0 {

FLIPT_DECL std::string snapshot_error::message() const
{
    if (problem_.empty())
        return {};
    return (path_.empty() ? std::string("the document") : path_) + ": " + problem_ + " (byte " +
           std::to_string(offset_) + ")";
}

FLIPT_DECL std::size_t snapshot::evaluate_all(std::string_view entity_id, context_list ctx,
                                              std::span<flag_result> results) const noexcept
{
    return evaluate_all<context_list>(entity_id, ctx, results);
}

#if !defined(FLIPT_HEADER_ONLY)
namespace detail {

template boolean_result evaluate_key(const image&, std::string_view, std::string_view, const context&) noexcept;
template boolean_result evaluate_key(const image&, std::string_view, std::string_view, const context_list&) noexcept;
template variant_result evaluate_key(const image&, std::string_view, std::string_view, const context&) noexcept;
template variant_result evaluate_key(const image&, std::string_view, std::string_view, const context_list&) noexcept;
template boolean_result evaluate_handle(const image&, const std::uint32_t*, std::string_view, const context&) noexcept;
template boolean_result evaluate_handle(const image&, const std::uint32_t*, std::string_view,
                                        const context_list&) noexcept;
template variant_result evaluate_handle(const image&, const std::uint32_t*, std::string_view, const context&) noexcept;
template variant_result evaluate_handle(const image&, const std::uint32_t*, std::string_view,
                                        const context_list&) noexcept;

} // namespace detail
#endif

} // namespace flipt::inline v0
