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

using crc32_tables = std::array<std::array<std::uint32_t, 256>, 16>;

// Table k: what a byte becomes after k zero bytes.
constexpr crc32_tables make_crc32_tables() noexcept
{
    crc32_tables t{};
    for (std::uint32_t n = 0; n < 256; ++n) {
        std::uint32_t c = n;
        for (int bit = 0; bit < 8; ++bit)
            c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
        t[0][n] = c;
    }
    for (std::size_t k = 1; k < 16; ++k)
        for (std::size_t n = 0; n < 256; ++n)
            t[k][n] = t[0][t[k - 1][n] & 0xFFU] ^ (t[k - 1][n] >> 8);
    return t;
}

inline constexpr crc32_tables crc32_table = make_crc32_tables();

// The register before the first byte; crc32_value turns a register into the checksum.
inline constexpr std::uint32_t crc32_start = 0xFFFFFFFFU;

[[nodiscard]] constexpr std::uint32_t crc32_value(std::uint32_t state) noexcept { return ~state; }

// The register after `n` zero bytes. The register after a text is this, exclusive-or'ed with what the text makes of a
// zero register: so a text is read once and then costs four look-ups for each register it is appended to.
[[nodiscard]] inline std::uint32_t crc32_shift(std::uint32_t state, std::size_t n) noexcept
{
    const auto step = [&](std::size_t k) {
        const std::array<std::uint32_t, 256>* const t = crc32_table.data() + (k - 4);
        return t[3][state & 0xFFU] ^ t[2][state >> 8 & 0xFFU] ^ t[1][state >> 16 & 0xFFU] ^ t[0][state >> 24];
    };
    for (; n > 16; n -= 16)
        state = step(16);
    if (n >= 4) [[likely]]
        return step(n);
    for (; n != 0; --n)
        state = crc32_table[0][state & 0xFFU] ^ (state >> 8);
    return state;
}

// What eight bytes make of the register, followed by `after` (0 or 8) more bytes.
template <std::size_t After>
[[nodiscard]] inline std::uint32_t crc32_word(std::uint64_t w) noexcept
{
    const std::array<std::uint32_t, 256>* const t = crc32_table.data() + After;
    return t[7][w & 0xFF] ^ t[6][(w >> 8) & 0xFF] ^ t[5][(w >> 16) & 0xFF] ^ t[4][(w >> 24) & 0xFF] ^
           t[3][(w >> 32) & 0xFF] ^ t[2][(w >> 40) & 0xFF] ^ t[1][(w >> 48) & 0xFF] ^ t[0][w >> 56];
}

// What a text makes of a zero register. Slicing by sixteen: keys and entity ids are some ten bytes long, too short for
// carry-less multiplication to pay. Zero bytes in front of a text change nothing, so a rest of any length is one step.
[[nodiscard]] inline std::uint32_t crc32_of_zero(std::string_view text) noexcept
{
    const char* p = text.data();
    std::size_t n = text.size();
    std::uint32_t state = 0;
    if constexpr (std::endian::native == std::endian::little) {
        const auto load64 = [](const char* from) {
            std::uint64_t w = 0;
            std::memcpy(&w, from, 8);
            return w;
        };
        for (; n > 16; n -= 16, p += 16)
            state = crc32_word<8>(load64(p) ^ state) ^ crc32_word<0>(load64(p + 8));
        const std::uint32_t before = crc32_shift(state, n);
        if (n > 8)
            return before ^ crc32_word<8>(load64(p) << (8 * (16 - n))) ^ crc32_word<0>(load64(p + n - 8));
        if (n == 0)
            return before;
        std::uint64_t w = 0;
        if (n >= 4) {
            std::uint32_t low = 0;
            std::uint32_t high = 0;
            std::memcpy(&low, p, 4);
            std::memcpy(&high, p + n - 4, 4);
            w = low | std::uint64_t{high} << (8 * (n - 4));
        } else {
            const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i); };
            w = at(0) | at(n / 2) | at(n - 1);
        }
        return before ^ crc32_word<0>(w << (8 * (8 - n)));
    } else {
        for (; n != 0; --n, ++p)
            state = crc32_table[0][(state ^ static_cast<unsigned char>(*p)) & 0xFF] ^ (state >> 8);
        return state;
    }
}

[[nodiscard]] inline std::uint32_t crc32_update(std::uint32_t state, std::string_view text) noexcept
{
    return crc32_shift(state, text.size()) ^ crc32_of_zero(text);
}

constexpr std::array<std::uint32_t, 64> make_crc32_starts() noexcept
{
    std::array<std::uint32_t, 64> starts{};
    std::uint32_t state = crc32_start;
    for (std::uint32_t& s : starts) {
        s = state;
        state = crc32_table[0][state & 0xFFU] ^ (state >> 8);
    }
    return starts;
}

// The start register after so many zero bytes: what it adds to the register of a text of that length.
inline constexpr std::array<std::uint32_t, 64> crc32_starts = make_crc32_starts();

[[nodiscard]] inline std::uint32_t crc32_started(std::size_t n) noexcept
{
    return n < crc32_starts.size() ? crc32_starts[n] : crc32_shift(crc32_start, n);
}

// A text that goes before or after many others, such as the id of an entity: read once. Others are given as what they
// make of a zero register, and their size.
class crc32_text {
public:
    explicit crc32_text(std::string_view text) noexcept : size_(text.size()), zero_(crc32_of_zero(text)) {}

    // The register after the other text and then this one.
    [[nodiscard]] std::uint32_t after(std::uint32_t other, std::size_t size) const noexcept
    {
        return crc32_shift(other, size_) ^ zero_ ^ crc32_started(size + size_);
    }

    // The register after this text and then the other.
    [[nodiscard]] std::uint32_t before(std::uint32_t other, std::size_t size) const noexcept
    {
        return crc32_shift(zero_, size) ^ other ^ crc32_started(size + size_);
    }

private:
    std::size_t size_;
    std::uint32_t zero_;
};

[[nodiscard]] inline std::uint32_t crc32(std::string_view text) noexcept
{
    return crc32_value(crc32_update(crc32_start, text));
}

} // namespace flipt::inline v0::detail
