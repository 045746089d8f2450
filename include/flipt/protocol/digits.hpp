// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Decimal digits, eight at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace flipt::inline v0::detail::digits {

// Two digits at `at`, -1 if they are none.
inline int two_digits(const char* at) noexcept
{
    const auto tens = static_cast<unsigned>(static_cast<unsigned char>(at[0])) - '0';
    const auto ones = static_cast<unsigned>(static_cast<unsigned char>(at[1])) - '0';
    return tens <= 9 && ones <= 9 ? static_cast<int>(tens * 10 + ones) : -1;
}

// 8 bytes as a number whose lowest byte is the first.
inline std::uint64_t load8(const char* at) noexcept
{
    std::uint64_t bytes = 0;
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(&bytes, at, 8);
    else
        for (int i = 7; i >= 0; --i)
            bytes = bytes << 8 | static_cast<unsigned char>(at[i]);
    return bytes;
}

// What 8 bytes must look like: '0' stands for any digit, anything else for itself.
struct picture8 {
    consteval picture8(const char (&text)[9])
    {
        for (int i = 7; i >= 0; --i) {
            bytes = bytes << 8 | static_cast<unsigned char>(text[i]);
            limit = limit << 8 | (text[i] == '0' ? 0x76U : 0x7fU);
        }
    }
    std::uint64_t bytes = 0;
    std::uint64_t limit = 0; // added to a byte's difference, sets its top bit if that is more than 9 (a digit) or 0
};

// The values of the digits (and 0 for the rest), or all ones if `bytes` look different.
inline constexpr std::uint64_t no_match = ~std::uint64_t{0};
inline std::uint64_t match8(std::uint64_t bytes, picture8 picture) noexcept
{
    const std::uint64_t values = bytes ^ picture.bytes;
    return (((values + picture.limit) | values) & 0x8080808080808080) == 0 ? values : no_match;
}

// Of digit values: in each byte, the two-digit number that starts there.
inline std::uint64_t pairs8(std::uint64_t values) noexcept { return values * 10 + (values >> 8); }
inline int byte_at(std::uint64_t bytes, int index) noexcept { return static_cast<int>(bytes >> (8 * index) & 0xff); }

// The number that 8 digit values spell.
[[nodiscard]] inline std::uint64_t number8(std::uint64_t values) noexcept
{
    constexpr std::uint64_t halves = 0x000000ff000000ff;
    const std::uint64_t pairs = pairs8(values);
    return ((pairs & halves) * (100 + (std::uint64_t{1000000} << 32)) +
            (pairs >> 16 & halves) * (1 + (std::uint64_t{10000} << 32))) >>
           32;
}

} // namespace flipt::inline v0::detail::digits
