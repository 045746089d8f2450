// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A token as somebody issued it: its bytes, its scheme, and when it expires.
#pragma once

#include "flipt/token/secret.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace flipt::inline v0 {

/// What an asynchronous token policy fetches.
class issued_token {
public:
    issued_token() = default;
    explicit issued_token(secret bytes, std::string scheme_name = "JWT",
                          std::optional<std::chrono::system_clock::time_point> expiry = std::nullopt)
        : token(std::move(bytes)), scheme(std::move(scheme_name)), expires_at(expiry)
    {}

    secret token;
    /// "JWT" or "Bearer"; Flipt compares it case-sensitively.
    std::string scheme = "JWT";
    /// When the token expires. Unset = as the `exp` claim says, if the token is a JWT that has one; else never.
    std::optional<std::chrono::system_clock::time_point> expires_at;
};

} // namespace flipt::inline v0
