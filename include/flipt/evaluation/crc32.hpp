// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// CRC-32 (IEEE 802.3) of a text given in pieces: the hash Flipt spreads entities with.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace flipt::inline v0::detail {

using crc32_tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr crc32_tables make_crc32_tables() noexcept
{
    crc32_tables t{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int bit = 0; bit < 8; ++bit)
            c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
        t[0][n] = c;
    }
    for (std::size_t k = 1; k < 8; ++k)
        for (std::size_t n = 0; n < 256; ++n)
            t[k][n] = t[0][t[k - 1][n] & 0xFFU] ^ (t[k - 1][n] >> 8);
    return t;
}

inline constexpr crc32_tables crc32_table = make_crc32_tables();

// The register before the first byte; crc32_value turns a register into the checksum.
inline constexpr std::uint32_t crc32_start = 0xFFFFFFFFU;

[[nodiscard]] constexpr std::uint32_t crc32_value(std::uint32_t state) noexcept { return ~state; }

// The register after the eight bytes of `w`, the old register already in its low half.
[[nodiscard]] inline std::uint32_t crc32_word(std::uint64_t w) noexcept
{
    const auto& t = crc32_table;
    return t[7][w & 0xFF] ^ t[6][(w >> 8) & 0xFF] ^ t[5][(w >> 16) & 0xFF] ^ t[4][(w >> 24) & 0xFF] ^
           t[3][(w >> 32) & 0xFF] ^ t[2][(w >> 40) & 0xFF] ^ t[1][(w >> 48) & 0xFF] ^ t[0][w >> 56];
}

// Slicing by eight: keys and entity ids are some ten bytes long, too short for carry-less multiplication to pay.
[[nodiscard]] inline std::uint32_t crc32_update(std::uint32_t state, std::string_view text) noexcept
{
    const char* p = text.data();
    std::size_t n = text.size();
    if constexpr (std::endian::native == std::endian::little) {
        for (; n >= 8; n -= 8, p += 8) {
            std::uint64_t w;
            std::memcpy(&w, p, 8);
            state = crc32_word(w ^ state);
        }
        if (n == 0)
            return state;
        // The rest in one step, whatever its length: zero bytes in front of a message change nothing.
        std::uint64_t w = 0;
        if (text.size() >= 8) {
            std::memcpy(&w, p + n - 8, 8);
            w >>= 8 * (8 - n);
        } else if (n >= 4) {
            std::uint32_t low = 0;
            std::uint32_t high = 0;
            std::memcpy(&low, p, 4);
            std::memcpy(&high, p + n - 4, 4);
            w = low | std::uint64_t{high} << (8 * (n - 4));
        } else {
            const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i); };
            w = at(0) | at(n / 2) | at(n - 1);
        }
        return crc32_word((w ^ state) << (8 * (8 - n))) ^ static_cast<std::uint32_t>(std::uint64_t{state} >> (8 * n));
    } else {
        for (; n != 0; --n, ++p)
            state = crc32_table[0][(state ^ static_cast<unsigned char>(*p)) & 0xFF] ^ (state >> 8);
        return state;
    }
}

[[nodiscard]] inline std::uint32_t crc32(std::string_view text) noexcept
{
    return crc32_value(crc32_update(crc32_start, text));
}

} // namespace flipt::inline v0::detail
