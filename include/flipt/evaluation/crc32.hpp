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

// Plain arrays: filling a std::array in a constant expression takes a compiler several times as long.
using crc32_row = std::uint32_t[256];
struct crc32_tables {
    crc32_row of[16];
};

// Table k: what a byte becomes after k zero bytes.
constexpr crc32_tables make_crc32_tables() noexcept
{
    crc32_tables t{};
    crc32_row& first = t.of[0];
    for (std::uint32_t c = 0xEDB88320U, bit = 0x80; bit != 0; bit >>= 1) {
        first[bit] = c;
        c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    }
    for (std::uint32_t n = 1; n < 256; ++n)
        first[n] = first[n & (n - 1)] ^ first[n & (0 - n)]; // of the lowest bit, and of the others
    for (std::size_t k = 1; k < 16; ++k) {
        const crc32_row& before = t.of[k - 1];
        crc32_row& row = t.of[k];
        for (std::size_t n = 0; n < 256; ++n)
            row[n] = first[before[n] & 0xFFU] ^ (before[n] >> 8);
    }
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
        const crc32_row* const t = crc32_table.of + (k - 4);
        return t[3][state & 0xFFU] ^ t[2][state >> 8 & 0xFFU] ^ t[1][state >> 16 & 0xFFU] ^ t[0][state >> 24];
    };
    for (; n > 16; n -= 16)
        state = step(16);
    if (n >= 4) [[likely]]
        return step(n);
    for (; n != 0; --n)
        state = crc32_table.of[0][state & 0xFFU] ^ (state >> 8);
    return state;
}

// What eight bytes make of the register, followed by `after` (0 or 8) more bytes.
template <std::size_t After>
[[nodiscard]] inline std::uint32_t crc32_word(std::uint64_t w) noexcept
{
    const crc32_row* const t = crc32_table.of + After;
    return t[7][w & 0xFF] ^ t[6][(w >> 8) & 0xFF] ^ t[5][(w >> 16) & 0xFF] ^ t[4][(w >> 24) & 0xFF] ^
           t[3][(w >> 32) & 0xFF] ^ t[2][(w >> 40) & 0xFF] ^ t[1][(w >> 48) & 0xFF] ^ t[0][w >> 56];
}

// What a text of up to sixteen bytes is behind zero bytes that fill it up to sixteen: the first eight, the last eight.
struct crc32_block {
    std::uint64_t first;
    std::uint64_t last;
};

[[nodiscard]] inline crc32_block crc32_load(const char* p, std::size_t n) noexcept
{
    const auto load64 = [](const char* from) {
        std::uint64_t w = 0;
        std::memcpy(&w, from, 8);
        return w;
    };
    if (n > 8) [[likely]]
        return {load64(p) << (8 * (16 - n)), load64(p + n - 8)};
    if (n == 0)
        return {0, 0};
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
    return {0, w << (8 * (8 - n))};
}

// What a text makes of a zero register. Slicing by sixteen; zero bytes in front of a text change nothing, so a rest of
// any length is one step.
[[nodiscard]] inline std::uint32_t crc32_of_zero(std::string_view text) noexcept
{
    const char* p = text.data();
    std::size_t n = text.size();
    std::uint32_t state = 0;
    if constexpr (std::endian::native == std::endian::little) {
        for (; n > 16; n -= 16, p += 16) {
            const crc32_block block = crc32_load(p, 16);
            state = crc32_word<8>(block.first ^ state) ^ crc32_word<0>(block.last);
        }
        const crc32_block rest = crc32_load(p, n);
        const std::uint32_t before = crc32_shift(state, n) ^ crc32_word<0>(rest.last);
        return n > 8 ? before ^ crc32_word<8>(rest.first) : before;
    } else {
        for (; n != 0; --n, ++p)
            state = crc32_table.of[0][(state ^ static_cast<unsigned char>(*p)) & 0xFF] ^ (state >> 8);
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
        state = crc32_table.of[0][state & 0xFFU] ^ (state >> 8);
    }
    return starts;
}

// The start register after so many zero bytes: what it adds to the register of a text of that length.
inline constexpr std::array<std::uint32_t, 64> crc32_starts = make_crc32_starts();

[[nodiscard]] inline std::uint32_t crc32_started(std::size_t n) noexcept
{
    return n < crc32_starts.size() ? crc32_starts[n] : crc32_shift(crc32_start, n);
}

// A text that goes before or after many others, such as the id of an entity: read once.
class crc32_text {
public:
    explicit crc32_text(std::string_view text) noexcept : size_(text.size()), zero_(crc32_of_zero(text)) {}

    // The register after this text, from any register on.
    [[nodiscard]] std::uint32_t after(std::uint32_t state) const noexcept { return crc32_shift(state, size_) ^ zero_; }

    // The register after this text and then another, which is given as what it makes of a zero register, and its size.
    [[nodiscard]] std::uint32_t before(std::uint32_t other, std::size_t size) const noexcept
    {
        return crc32_shift(zero_, size) ^ other ^ crc32_started(size + size_);
    }

private:
    std::size_t size_;
    std::uint32_t zero_;
};

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_MSC_VER)
#define FLIPT_CRC32_MULTIPLY 1

// The same by carry-less multiplication, where the processor has it: one text and one register, without a table.
//
// A register is a polynomial, its lowest bit the coefficient of x^31. Element i is x^(8i - 33) in the ring: as the
// product of two such numbers, taken as the first bits of 96, is x^33 times the product of what they stand for,
// element n + 8 moves 64 bits behind n more bytes.
constexpr std::array<std::uint32_t, 128> make_crc32_powers() noexcept
{
    std::array<std::uint32_t, 128> powers{};
    std::uint32_t power = 1; // x^31
    for (int bit = 0; bit < 64; ++bit)
        power = (power & 0x80000000U) != 0 ? (power ^ 0xEDB88320U) << 1 | 1U : power << 1;
    for (std::uint32_t& p : powers) {
        p = power;
        power = crc32_table.of[0][power & 0xFFU] ^ (power >> 8);
    }
    return powers;
}

inline constexpr std::array<std::uint32_t, 128> crc32_powers = make_crc32_powers();

// No more than so many bytes altogether.
inline constexpr std::size_t crc32_most_multiplied = 111;

// False before initialisation, when tables serve as well.
#if defined(__PCLMUL__)
inline constexpr bool crc32_can_multiply = true;
#else
inline const bool crc32_can_multiply = __builtin_cpu_supports("pclmul") != 0;
#endif

using crc32_lanes [[gnu::vector_size(16)]] = long long;

// What the text makes of a zero register, after `behind` more zero bytes; exclusive-or'ed with `other`, a register,
// after `other_behind` zero bytes.
[[nodiscard, gnu::noinline, gnu::target("pclmul")]] inline std::uint32_t
crc32_multiply(const char* p, std::size_t n, std::size_t behind, std::uint32_t other, std::size_t other_behind) noexcept
{
    const auto lanes = [](std::uint64_t low, std::uint64_t high) {
        return crc32_lanes{static_cast<long long>(low), static_cast<long long>(high)};
    };
    const std::size_t head = n > 16 ? (n - 1) % 16 + 1 : n;
    const crc32_block start = crc32_load(p, head);
    crc32_lanes block = lanes(start.first, start.last);
    const crc32_lanes fold = lanes(crc32_powers[24], crc32_powers[16]);
    for (const char *q = p + head, *const end = p + n; q != end; q += 16) {
        const crc32_block next = crc32_load(q, 16);
        block = __builtin_ia32_pclmulqdq128(block, fold, 0x00) ^ __builtin_ia32_pclmulqdq128(block, fold, 0x11) ^
                lanes(next.first, next.last);
    }
    const crc32_lanes move = lanes(crc32_powers[behind + 16], crc32_powers[behind + 8]);
    const crc32_lanes added = lanes(other, crc32_powers[other_behind]);
    const crc32_lanes sum = __builtin_ia32_pclmulqdq128(block, move, 0x00) ^
                            __builtin_ia32_pclmulqdq128(block, move, 0x11) ^
                            __builtin_ia32_pclmulqdq128(added, added, 0x10);
    // The remainder of 96 bits (Barrett): x^96 divided by the polynomial, and the polynomial.
    const crc32_lanes divide = lanes(0xB4E5B025F7011641U, 0x1DB710641U);
    const crc32_lanes quotient = __builtin_ia32_pclmulqdq128(sum, divide, 0x00);
    const crc32_lanes rest = sum ^ __builtin_ia32_pclmulqdq128(quotient, divide, 0x10);
    return static_cast<std::uint32_t>(rest[1]);
}
#endif

// The register after the text and then another, which is given as what it makes of a zero register, and its size.
[[nodiscard]] inline std::uint32_t crc32_before(std::string_view text, std::uint32_t other, std::size_t size) noexcept
{
#if defined(FLIPT_CRC32_MULTIPLY)
    if (const std::size_t all = text.size() + size; crc32_can_multiply && all <= crc32_most_multiplied) [[likely]]
        return crc32_multiply(text.data(), text.size(), size, crc32_start, all) ^ other;
#endif
    return crc32_text(text).before(other, size);
}

// The register after the text, from any register on.
[[nodiscard]] inline std::uint32_t crc32_append(std::uint32_t state, std::string_view text) noexcept
{
#if defined(FLIPT_CRC32_MULTIPLY)
    if (crc32_can_multiply && text.size() <= crc32_most_multiplied) [[likely]]
        return crc32_multiply(text.data(), text.size(), 0, state, text.size());
#endif
    return crc32_update(state, text);
}

[[nodiscard]] inline std::uint32_t crc32(std::string_view text) noexcept
{
    return crc32_value(crc32_update(crc32_start, text));
}

} // namespace flipt::inline v0::detail
