// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// JWTs with chosen claims, and running one awaitable to its end.
#pragma once

#include "flipt/token/awaitable.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace token_test {

inline std::string base64url(std::string_view bytes, bool padding = false)
{
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t bits = 0;
        for (std::size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (k < n ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        for (std::size_t k = 0; k <= n; ++k)
            out += digits[bits >> (18 - 6 * k) & 63U];
        if (padding)
            out.append(3 - n, '=');
    }
    return out;
}

/// An unsigned JWT with these claims.
inline std::string jwt(std::string_view claims, bool padding = false)
{
    return base64url(R"({"alg":"RS256","typ":"JWT"})", padding) + "." + base64url(claims, padding) + ".c2lnbmF0dXJl";
}

inline std::string jwt_until(std::chrono::system_clock::time_point time)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    return jwt(R"({"sub":"test","exp":)" + std::to_string(seconds) + "}");
}

inline void run(asio::awaitable<void> operation)
{
    asio::io_context context;
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(context, std::move(operation), [&](std::exception_ptr e) {
        done = true;
        thrown = e;
    });
    context.run();
    if (!done)
        throw std::logic_error("the operation did not end");
    if (thrown)
        std::rethrow_exception(thrown);
}

} // namespace token_test
