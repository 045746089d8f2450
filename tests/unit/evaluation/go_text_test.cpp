// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Trimming, booleans, moments, lists and quotes as Go has them.
#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/go_quote.hpp"
#include "flipt/evaluation/go_text.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

namespace d = flipt::v0::detail;

d::moment at(std::string_view s)
{
    d::moment m{};
    CAPTURE(s);
    REQUIRE(d::parse_moment(s, m));
    return m;
}

TEST_CASE("trimming takes Unicode's spaces and nothing else")
{
    CHECK(d::trim_space(" \t\n\v\f\r a b \r") == "a b");
    CHECK(d::trim_space("\u0085\u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000x\u3000") == "x");
    CHECK(d::trim_space("\u200b") == "\u200b"); // zero width space is none
    CHECK(d::trim_space("\ufeffa") == "\ufeffa");
    CHECK(d::trim_space("\xa0") == "\xa0"); // not UTF-8
    CHECK(d::trim_space("\x85 x") == "\x85 x");
    CHECK(d::trim_space("é ") == "é");
    CHECK(d::is_blank(""));
    CHECK(d::is_blank(" \u3000 "));
    CHECK_FALSE(d::is_blank("\u200b"));
    CHECK_FALSE(d::is_blank(std::string_view("\0", 1)));
}

TEST_CASE("booleans are Go's twelve words")
{
    bool b = false;
    for (const std::string_view s : {"1", "t", "T", "TRUE", "true", "True"})
        CHECK((d::parse_bool(s, b) && b));
    for (const std::string_view s : {"0", "f", "F", "FALSE", "false", "False"})
        CHECK((d::parse_bool(s, b) && !b));
    for (const std::string_view s : {"", "tRUE", "yes", "2", " true", "truee", "fals"})
        CHECK_FALSE(d::parse_bool(s, b));
}

TEST_CASE("moments")
{
    CHECK(at("1970-01-01") == d::moment{0, 0});
    CHECK(at("1969-12-31T23:59:59Z") == d::moment{-1, 0});
    CHECK(at("2025-01-01T02:00:00+02:00") == at("2025-01-01"));
    CHECK(at("2025-01-01T0:00:00Z") == at("2025-01-01"));
    CHECK(at("2025-01-01T00:00:00,5Z").nanoseconds == 500'000'000);
    CHECK(at("2025-01-01T00:00:00.1234567899Z").nanoseconds == 123'456'789);
    CHECK(at("2025-01-01T00:00:00+24:60").seconds == at("2024-12-30T23:00:00Z").seconds);
    CHECK(at("2000-02-29") < at("2000-03-01"));
    CHECK(at("0000-01-01").seconds == -62167219200);
    CHECK(at("9999-12-31T23:59:59Z").seconds == 253402300799);
    for (const std::string_view s : {"",
                                     "2025",
                                     "2025-1-1",
                                     "2025-02-29",
                                     "1900-02-29",
                                     "2025-13-01",
                                     "2025-00-01",
                                     "2025-01-00",
                                     "2025-01-01Z",
                                     "2025-01-01t00:00:00Z",
                                     "2025-01-01T00:00:00z",
                                     "2025-01-01T00:00:60Z",
                                     "2025-01-01T24:00:00Z",
                                     "2025-01-01T00:60:00Z",
                                     "2025-01-01T00:00Z",
                                     "2025-01-01T00:00:00",
                                     "2025-01-01T00:00:00.Z",
                                     "2025-01-01T00:00:00+25:00",
                                     "2025-01-01T00:00:00+00:61",
                                     "2025-01-01T00:00:00+0200",
                                     "2025-01-01 00:00:00Z",
                                     "2025-01-01T00:00:00ZZ",
                                     " 2025-01-01",
                                     "+2025-01-01",
                                     "20250101",
                                     "2025-01-01T00:00:00+2:00"}) {
        d::moment m{};
        CAPTURE(s);
        CHECK_FALSE(d::parse_moment(s, m));
    }
}

TEST_CASE("lists as encoding/json takes them")
{
    std::vector<std::string> texts;
    std::vector<double> numbers;
    CHECK((d::decode_string_array(" [ \"a\" , null,\"\\u65e5\\ud83d\\ude00\\ud800x\\n\" ] ", texts)));
    CHECK(texts == std::vector<std::string>{"a", "", "日😀\uFFFDx\n"});
    CHECK((d::decode_string_array("null", texts) && texts.empty()));
    CHECK((d::decode_string_array("[]", texts) && texts.empty()));
    CHECK((d::decode_string_array("[\"\xff\"]", texts) && texts[0] == "\uFFFD"));
    CHECK((d::decode_number_array("[1, -0.5e1,null]", numbers)));
    CHECK(numbers == std::vector<double>{1, -5, 0});
    for (const std::string_view s :
         {"", "x", "{}", "[", "[\"a\"", "[\"a\",]", "[,\"a\"]", "[\"a\" \"b\"]", "[1]", "[\"a\"]x", "[[\"a\"]]",
          "\"a\"", "[\"\\x\"]", "[\"\\u12\"]", "[\"a\tb\"]", "[true]", "nul", "[\"\\"}) {
        CAPTURE(s);
        CHECK_FALSE(d::decode_string_array(s, texts));
    }
    for (const std::string_view s :
         {"[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[0x1p1]", "[1e400]", "[NaN]", "[\"1\"]", "[1_0]", "[-]"}) {
        CAPTURE(s);
        CHECK_FALSE(d::decode_number_array(s, numbers));
    }
}

TEST_CASE("every escape of JSON is taken, also in big letters, and broken ones are refused")
{
    std::vector<std::string> texts;
    CHECK(d::decode_string_array(R"(["\"\\\/\b\f\n\r\t","\u00E9\u00eF\u0041","\uD83D\uDE00","\uDC00"])", texts));
    CHECK(texts == std::vector<std::string>{"\"\\/\b\f\n\r\t", "éïA", "😀", "\uFFFD"});
    std::vector<double> numbers;
    CHECK(d::decode_number_array("[1e+2,25E-1]", numbers));
    CHECK(numbers == std::vector<double>{100, 2.5});
    for (const std::string_view s : {R"(["\u00g0"])", R"(["\u"])", R"(["\a"])"}) {
        CAPTURE(s);
        CHECK_FALSE(d::decode_string_array(s, texts));
    }
    std::string out;
    CHECK_FALSE(d::unescape_json(R"(\uD800)", out, false)); // half a character, where none may be put in its place
    CHECK_FALSE(d::unescape_json("\\", out, false));
    CHECK_FALSE(d::unescape_json("a\"b", out, false));
}

TEST_CASE("a JSON string holds no control character and reads back as what it was")
{
    std::string all;
    for (int c = 0; c < 0x80; ++c)
        all += static_cast<char>(c);
    all += "é😀";
    std::string json;
    d::append_json_string(json, all);
    CHECK(json.substr(0, 13) == "\"\\u0000\\u0001");
    CHECK(json.find("\\n") != std::string::npos);
    for (const char c : json)
        CHECK(static_cast<unsigned char>(c) >= 0x20);
    std::string back;
    CHECK(d::unescape_json(json.substr(1, json.size() - 2), back, false));
    CHECK(back == all);
}

TEST_CASE("what Go does not print is quoted by its number, what is no UTF-8 by its bytes")
{
    CHECK(d::go_quote("\a\b\t\n\v\f\r\x7f") == R"("\a\b\t\n\v\f\r\x7f")");
    CHECK(d::go_quote("\u00ad\u0600\u061c\u2028\ue000\ufeff") == R"("\u00ad\u0600\u061c\u2028\ue000\ufeff")");
    CHECK(d::go_quote("\U000E0001\U0010FFFF") == R"("\U000e0001\U0010ffff")");
    CHECK(d::go_quote("\xc3(") == R"("\xc3(")");               // the second byte is none
    CHECK(d::go_quote("\xc0\x80") == R"("\xc0\x80")");         // too long
    CHECK(d::go_quote("\xe0\x80\x80") == R"("\xe0\x80\x80")"); // too long
    CHECK(d::go_quote("\xed\xa0\x80") == R"("\xed\xa0\x80")"); // half a pair
    CHECK(d::go_quote("\xf5\x80\x80\x80") == R"("\xf5\x80\x80\x80")");
    CHECK(d::go_quote("\xe2\x82") == R"("\xe2\x82")"); // cut off
}

TEST_CASE("paths are joined and cleaned as Go's path.Join does")
{
    CHECK(d::join_path("", "") == "");
    CHECK(d::join_path("", "a") == "a");
    CHECK(d::join_path("a", "") == "a");
    CHECK(d::join_path("a", "b/../c") == "a/c");
    CHECK(d::join_path("a", "..") == ".");
    CHECK(d::join_path("a", "../../b") == "../b");
    CHECK(d::join_path("..", "../b") == "../../b");
    CHECK(d::join_path("/a", "../../b") == "/b");
    CHECK(d::join_path("/", "..") == "/");
}

TEST_CASE("the words of an error quote keys as Go does")
{
    CHECK(d::flag_not_found_message("default", "nope") == "flag \"default/nope\" not found");
    CHECK(d::flag_not_found_message("", "") == "flag \"default\" not found");
    CHECK(d::flag_not_found_message("n", "../x//y/.") == "flag \"x/y\" not found");
    CHECK(d::go_quote("a\"\\\n\x01 é\u00a0\u200b😀\xff") == "\"a\\\"\\\\\\n\\x01 é\\u00a0\\u200b😀\\xff\"");
}

} // namespace
