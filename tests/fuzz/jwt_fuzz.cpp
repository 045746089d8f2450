// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as a token, and any bytes as the claims of one: no crash, no read outside, and a time that can be used.
#include "flipt/token/jwt_expiry.hpp"
#include "flipt/token/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

void check(std::string_view token)
{
    // A copy of exactly its size, so that a sanitizer sees a byte too many.
    const std::unique_ptr<char[]> exact(new char[token.size()]);
    token.copy(exact.get(), token.size());
    const auto time = flipt::read_jwt_expiry({exact.get(), token.size()});
    if (time && (time->time_since_epoch().count() < 0 || *time + std::chrono::hours(1) < *time))
        std::abort();
    if (time && token.size() > flipt::max_token_size)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    check(input);

    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string token = "e30.";
    std::uint32_t bits = 0;
    int held = 0;
    for (std::size_t i = 0; i < size; ++i) {
        bits = bits << 8 | data[i];
        for (held += 8; held >= 6; held -= 6)
            token += digits[bits >> (held - 6) & 63U];
    }
    if (held > 0)
        token += digits[bits << (6 - held) & 63U];
    if (size % 2 == 0) {
        while ((token.size() - 4) % 4 != 0)
            token += '=';
    }
    check(token + ".c2ln");
    return 0;
}
