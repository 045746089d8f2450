// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Reads when a JWT expires, without verifying it.
#pragma once

#include "flipt/detail/config.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace flipt::inline v0 {

/// The `exp` claim (RFC 7519 4.1.4, an integer or a fraction of seconds) of a JWT in compact form. Nothing is verified:
/// the server does that. Empty for what is no such JWT, has no `exp`, or is longer than max_token_size; a time that the
/// clock cannot hold is cut to the nearest it can. The decoded claims are wiped. Allocates at most some 100 KiB.
[[nodiscard]] FLIPT_DECL std::optional<std::chrono::system_clock::time_point>
read_jwt_expiry(std::string_view jwt) noexcept;

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/jwt_expiry.ipp"
#endif
