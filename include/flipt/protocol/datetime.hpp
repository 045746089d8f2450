// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// RFC 3339 timestamps: read strictly, written as Go's protojson writes them. No locale, no allocation.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/types/response.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace flipt::inline v0::detail {

/// Reads `2026-11-24T15:25:04.723667846Z` (RFC 3339 section 5.6): 0 to 9 fraction digits, `Z` or `+hh:mm`/`-hh:mm`, `T`
/// and `Z` in either case, nothing around it. Nothing for anything else, for a leap second (:60, which sys_time does
/// not have), and for times outside timestamp_type (1677-09-21T00:12:43.145224192Z to 2262-04-11T23:47:16.854775807Z).
[[nodiscard]] FLIPT_DECL std::optional<timestamp_type> parse_rfc3339(std::string_view text) noexcept;

/// The most bytes format_rfc3339 writes.
inline constexpr std::size_t rfc3339_size = 30;

/// Writes `when` in UTC with 0, 3, 6 or 9 fraction digits, whichever is the least that loses nothing, and returns how
/// many bytes (at most rfc3339_size) it wrote to `to`.
FLIPT_DECL std::size_t format_rfc3339(timestamp_type when, char* to) noexcept;

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/datetime.ipp"
#endif
