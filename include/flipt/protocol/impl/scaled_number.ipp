// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Decimal numbers of JSON read as integers of a smaller unit, without a floating-point number between.
#pragma once

#include <algorithm>
#include <cstdint>

namespace flipt::inline v0::detail {

enum class number_fault { none, type, syntax, range };

// The number at `at` times 10^shift, rounded to the nearest integer (halves away from zero); digits beyond the 18th are
// cut. `at` is moved behind it. Something that no number can hold must follow before the end of what can be read.
inline number_fault read_scaled_number(const char*& at, int shift, std::int64_t& out) noexcept
{
    constexpr std::uint64_t enough = 100000000000000000; // another digit still fits
    const bool negative = *at == '-';
    if (negative)
        ++at;
    const auto digit = [&] { return static_cast<unsigned>(static_cast<unsigned char>(*at)) - '0'; };
    if (digit() > 9)
        return number_fault::type;
    std::uint64_t number = 0;
    std::int64_t exponent = shift; // of `number`
    if (*at == '0') {
        ++at;
    } else {
        for (unsigned d = digit(); d <= 9; d = digit()) {
            if (number < enough)
                number = number * 10 + d;
            else
                ++exponent;
            ++at;
        }
    }
    if (*at == '.') {
        ++at;
        if (digit() > 9)
            return number_fault::syntax;
        for (unsigned d = digit(); d <= 9; d = digit()) {
            if (number < enough) {
                number = number * 10 + d;
                --exponent;
            }
            ++at;
        }
    }
    if ((*at | 0x20) == 'e') {
        ++at;
        const bool down = *at == '-';
        if (*at == '-' || *at == '+')
            ++at;
        if (digit() > 9)
            return number_fault::syntax;
        std::int64_t more = 0;
        for (unsigned d = digit(); d <= 9; d = digit()) {
            more = std::min<std::int64_t>(more * 10 + d, 1000000000000);
            ++at;
        }
        exponent += down ? -more : more;
    }

    if (number == 0)
        exponent = 0;
    for (; exponent > 0; --exponent) {
        if (number > std::uint64_t{9200000000000000000} / 10)
            return number_fault::range;
        number *= 10;
    }
    if (exponent < 0) {
        std::uint64_t divisor = 1;
        for (; exponent < 0 && divisor <= number; ++exponent)
            divisor *= 10; // number < 10^18, so that it ends before it overflows
        number = exponent < 0 ? 0 : number / divisor + (number % divisor >= divisor - divisor / 2 ? 1 : 0);
    }
    out = negative ? -static_cast<std::int64_t>(number) : static_cast<std::int64_t>(number);
    return number_fault::none;
}

} // namespace flipt::inline v0::detail
