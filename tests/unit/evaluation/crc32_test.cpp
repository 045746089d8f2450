// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// CRC-32 against its published check values, whole and in pieces.
#include "flipt/evaluation/crc32.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace {

using flipt::v0::detail::crc32;
using flipt::v0::detail::crc32_append;
using flipt::v0::detail::crc32_before;
using flipt::v0::detail::crc32_of_zero;
using flipt::v0::detail::crc32_start;
using flipt::v0::detail::crc32_text;
using flipt::v0::detail::crc32_update;
using flipt::v0::detail::crc32_value;

// One bit at a time, from the polynomial.
std::uint32_t plain(std::string_view s)
{
    std::uint32_t c = 0xFFFFFFFFU;
    for (const char ch : s) {
        c ^= static_cast<unsigned char>(ch);
        for (int i = 0; i < 8; ++i)
            c = (c & 1U) != 0 ? c >> 1 ^ 0xEDB88320U : c >> 1;
    }
    return ~c;
}

TEST_CASE("known values")
{
    CHECK(crc32("") == 0);
    CHECK(crc32("123456789") == 0xCBF43926U);
    CHECK(crc32("a") == 0xE8B7BE43U);
    CHECK(crc32("The quick brown fox jumps over the lazy dog") == 0x414FA339U);
    CHECK(crc32(std::string(32, '\0')) == 0x190A55ADU);
    CHECK(crc32(std::string(32, '\xff')) == 0xFF6CAB0BU);
}

// All of them, whichever this processor chooses.
void check_cut(std::string_view head, std::string_view tail, std::uint32_t expected)
{
    const std::uint32_t zero = crc32_of_zero(tail);
    const std::uint32_t after_head = crc32_update(crc32_start, head);
    CHECK(crc32_value(crc32_update(after_head, tail)) == expected);
    CHECK(crc32_value(crc32_text(tail).after(after_head)) == expected);
    CHECK(crc32_value(crc32_text(head).before(zero, tail.size())) == expected);
    CHECK(crc32_value(crc32_append(after_head, tail)) == expected);
    CHECK(crc32_value(crc32_before(head, zero, tail.size())) == expected);
}

TEST_CASE("all lengths, and cut anywhere")
{
    std::string s;
    for (int n = 0; n <= 300; ++n) {
        const std::uint32_t expected = plain(s);
        CHECK(crc32(s) == expected);
        for (std::size_t cut = 0; cut <= s.size(); ++cut)
            check_cut(std::string_view(s).substr(0, cut), std::string_view(s).substr(cut), expected);
        s += static_cast<char>(n * 37 + 11);
    }
}

#if defined(FLIPT_CRC32_MULTIPLY)
TEST_CASE("multiplication and tables agree on any register, up to the most bytes there are powers for")
{
    if (!flipt::v0::detail::crc32_can_multiply)
        return;
    using flipt::v0::detail::crc32_most_multiplied;
    using flipt::v0::detail::crc32_multiply;
    using flipt::v0::detail::crc32_shift;
    std::uint32_t state = 1;
    const auto next = [&] { return state = state * 1664525U + 1013904223U; };
    for (std::size_t n = 0; n <= crc32_most_multiplied; ++n)
        for (std::size_t behind = 0; behind + n <= crc32_most_multiplied; ++behind) {
            std::string text(n, '\0');
            for (char& c : text)
                c = static_cast<char>(next() >> 24);
            const std::uint32_t other = next();
            const std::size_t moved = next() % (crc32_most_multiplied + 1);
            CHECK(crc32_multiply(text.data(), n, behind, other, moved) ==
                  (crc32_shift(crc32_of_zero(text), behind) ^ crc32_shift(other, moved)));
        }
}
#endif

} // namespace
