// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/jwt_expiry.hpp.
#pragma once

#include "flipt/token/jwt_expiry.hpp"
#include "flipt/token/secret.hpp"

#include <openssl/crypto.h>
#include <simdjson.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace flipt::inline v0 {
namespace detail {

// The claims of a JWT, decoded, with the room behind them that simdjson asks for.
struct claims_buffer {
    explicit claims_buffer(std::size_t room)
        : capacity(room + simdjson::SIMDJSON_PADDING), bytes(new(std::nothrow) char[capacity])
    {
        if (bytes)
            OPENSSL_cleanse(bytes.get(), capacity);
    }
    claims_buffer(const claims_buffer&) = delete;
    claims_buffer& operator=(const claims_buffer&) = delete;
    ~claims_buffer()
    {
        if (bytes)
            OPENSSL_cleanse(bytes.get(), capacity);
    }

    std::size_t capacity;
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
};

[[nodiscard]] constexpr int base64url_digit(char c) noexcept
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

// RFC 4648 5, with or without padding. `out` has room for 3/4 of the text.
[[nodiscard]] inline bool decode_base64url(std::string_view text, claims_buffer& out) noexcept
{
    if (text.size() % 4 == 0 && text.ends_with('='))
        text.remove_suffix(text.ends_with("==") ? 2 : 1);
    if (text.size() % 4 == 1)
        return false;
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const int digit = base64url_digit(c);
        if (digit < 0)
            return false;
        bits = (bits << 6 | static_cast<std::uint32_t>(digit)) & 0xffffU;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out.bytes[out.size++] = static_cast<char>(static_cast<unsigned char>(bits >> held & 0xffU));
        }
    }
    return true;
}

[[nodiscard]] inline std::optional<double> find_exp(const claims_buffer& claims) noexcept
{
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    if (parser.iterate(claims.bytes.get(), claims.size, claims.capacity).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS)
        return std::nullopt;
    // Keys are compared as written and nothing is unescaped, so no claim is copied to the parser's own memory. Of
    // several the last counts, as for the server.
    std::optional<double> found;
    for (auto field : object) {
        simdjson::ondemand::raw_json_string key;
        if (field.key().get(key) != simdjson::SUCCESS)
            return std::nullopt;
        if (!key.unsafe_is_equal("exp"))
            continue;
        double value = 0;
        if (field.value().get_double().get(value) != simdjson::SUCCESS || !std::isfinite(value))
            return std::nullopt;
        found = value;
    }
    return found;
}

} // namespace detail

FLIPT_DECL std::optional<std::chrono::system_clock::time_point> read_jwt_expiry(std::string_view jwt) noexcept
{
    using clock = std::chrono::system_clock;
    const std::size_t first = jwt.find('.');
    if (jwt.size() > max_token_size || first == std::string_view::npos)
        return std::nullopt;
    const std::size_t second = jwt.find('.', first + 1);
    // Three parts (RFC 7515 7.1); one of five is encrypted.
    if (second == std::string_view::npos || jwt.find('.', second + 1) != std::string_view::npos)
        return std::nullopt;
    const std::string_view text = jwt.substr(first + 1, second - first - 1);

    detail::claims_buffer claims(text.size());
    if (!claims.bytes || !detail::decode_base64url(text, claims))
        return std::nullopt;
    const std::optional<double> exp = detail::find_exp(claims);
    if (!exp)
        return std::nullopt;
    // A day is kept free at the far end for sums with the result. Nothing before 1970 is told apart.
    const double last = std::chrono::duration<double>(clock::duration::max()).count() - 86400;
    if (*exp <= 0)
        return clock::time_point();
    if (*exp >= last)
        return clock::time_point(
            std::chrono::duration_cast<clock::duration>(std::chrono::seconds(static_cast<std::int64_t>(last))));
    const double whole = std::floor(*exp);
    const auto seconds = std::chrono::seconds(static_cast<std::int64_t>(whole));
    const std::chrono::duration<double> fraction(*exp - whole);
    return clock::time_point(std::chrono::duration_cast<clock::duration>(seconds) +
                             std::chrono::duration_cast<clock::duration>(fraction));
}

} // namespace flipt::inline v0
