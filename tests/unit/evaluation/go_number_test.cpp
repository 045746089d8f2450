// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Numbers as Go reads them.
#include "flipt/evaluation/go_number.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <string_view>

namespace {

using flipt::v0::detail::parse_float32;
using flipt::v0::detail::parse_float64;
using flipt::v0::detail::parse_float64_slow;

double value_of(std::string_view s)
{
    double v = -12345;
    CAPTURE(s);
    REQUIRE(parse_float64(s, v));
    double slow = 0;
    REQUIRE(parse_float64_slow(s, slow));
    CHECK((v == slow || std::isnan(v)));
    return v;
}

TEST_CASE("what ParseFloat takes")
{
    CHECK(value_of("0") == 0);
    CHECK(std::signbit(value_of("-0")));
    CHECK(value_of("+5") == 5);
    CHECK(value_of(".5") == 0.5);
    CHECK(value_of("5.") == 5);
    CHECK(value_of("1e3") == 1000);
    CHECK(value_of("1E-2") == 0.01);
    CHECK(value_of("1_000.5_0") == 1000.5);
    CHECK(value_of("1e1_0") == 1e10);
    CHECK(value_of("0x10p0") == 16);
    CHECK(value_of("0X1.8P+1") == 3);
    CHECK(value_of("-0x_1p-2") == -0.25);
    CHECK(value_of("0x.8p1") == 1);
    CHECK(value_of("iNf") == std::numeric_limits<double>::infinity());
    CHECK(value_of("-Infinity") == -std::numeric_limits<double>::infinity());
    CHECK(std::isnan(value_of("NaN")));
    CHECK(value_of("0123") == 123);
}

TEST_CASE("what it refuses")
{
    for (const std::string_view s :
         {"",         ".",    "+",     "-",      "1e",    "1e+",  "e1",   " 1",    "1 ",      "1_",        "_1",
          "1__0",     "1_.5", "1._5",  "1_e5",   "1e_5",  "0x1",  "0xp1", "0x",    "0x1p",    "1p3",       "1..2",
          "1.2.3",    "--1",  "1e400", "-1e400", "1e309", "+nan", "-nan", "infi",  "in",      "infinityx", "nanx",
          "0x1p1024", "1,5",  "0b1",   "0o7",    "½",     "１",   "1\n",  "0x1.p", "1.8e308", "0x_p1",     "1e5.5"}) {
        double v = 0;
        CAPTURE(s);
        CHECK_FALSE(parse_float64(s, v));
        CHECK_FALSE(parse_float64_slow(s, v));
    }
}

TEST_CASE("halves are rounded to even, however long")
{
    CHECK(value_of("9007199254740993") == 9007199254740992.0);
    CHECK(value_of("9007199254740993.0000000000000000000000000000000000001") == 9007199254740994.0);
    CHECK(value_of("9007199254740993" + std::string(900, '0') + "e-900") == 9007199254740992.0);
    CHECK(value_of("9007199254740993." + std::string(900, '0') + "1") == 9007199254740994.0);
    CHECK(value_of("2.4703282292062327e-324") == 0);
    CHECK(value_of("2.4703282292062328e-324") == 4.9406564584124654e-324);
    CHECK(value_of("1.7976931348623158e308") == std::numeric_limits<double>::max());
    CHECK(value_of("0x1p-1075") == 0);
    CHECK(value_of("0x1.000001p-1075") == 4.9406564584124654e-324);
    CHECK(value_of("0x1.fffffffffffff8p0") == 2);
    CHECK(value_of(std::string(400, '0') + "1") == 1);
    CHECK(value_of("0." + std::string(400, '0') + "1e400") == 0.1);
}

TEST_CASE("random numbers are the C library's")
{
    std::mt19937_64 random(1);
    for (int i = 0; i < 50000; ++i) {
        std::string s;
        const auto digits = 1 + random() % (i % 50 == 0 ? 400 : 25);
        for (std::size_t d = 0; d < digits; ++d) {
            s += static_cast<char>('0' + random() % 10);
            if (random() % 12 == 0 && s.find('.') == std::string::npos)
                s += '.';
        }
        if (random() % 2 == 0)
            s += "e" + std::to_string(static_cast<int>(random() % 640) - 330);
        const double expected = std::strtod(s.c_str(), nullptr);
        double v = 0;
        const bool ok = parse_float64(s, v);
        CAPTURE(s);
        REQUIRE(ok == std::isfinite(expected));
        if (ok)
            REQUIRE(v == expected);
        float f = 0;
        const float narrow = std::strtof(s.c_str(), nullptr);
        REQUIRE(parse_float32(s, f) == std::isfinite(narrow));
        if (std::isfinite(narrow))
            REQUIRE(f == narrow);
    }
}

} // namespace
