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

TEST_CASE("all lengths, and cut anywhere")
{
    std::string s;
    for (int n = 0; n < 70; ++n) {
        CHECK(crc32(s) == plain(s));
        for (std::size_t cut = 0; cut <= s.size(); ++cut) {
            const auto head = std::string_view(s).substr(0, cut);
            const auto tail = std::string_view(s).substr(cut);
            const std::uint32_t after_head = crc32_update(crc32_start, head);
            CHECK(crc32_value(crc32_update(after_head, tail)) == plain(s));
            CHECK(crc32_value(crc32_text(tail).after(crc32_of_zero(head), head.size())) == plain(s));
            CHECK(crc32_value(crc32_text(head).before(crc32_of_zero(tail), tail.size())) == plain(s));
        }
        s += static_cast<char>(n * 37 + 11);
    }
}

} // namespace
