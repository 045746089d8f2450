// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Strings, numbers and documents as JSON text.
#include "flipt/protocol/json_writer.hpp"
#include "flipt/types/error.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using flipt::detail::append_json_number;
using flipt::detail::append_json_string;
using flipt::detail::byte_buffer;
using flipt::detail::json_writer;

namespace {

std::string written(std::string_view text)
{
    byte_buffer out;
    out.append("<");
    const bool ok = append_json_string(out, text);
    if (!ok)
        return out.view() == "<" ? "refused" : "left something behind: " + std::string(out.view());
    return std::string(out.view().substr(1));
}

template <class Number>
std::string number(Number value)
{
    byte_buffer out;
    append_json_number(out, value);
    return std::string(out.view());
}

// What RFC 8259 section 7 asks for, byte by byte.
std::string escaped_slowly(std::string_view ascii)
{
    std::string out = "\"";
    for (const char c : ascii) {
        const char* const names = "btn\vfr";
        if (c == '"' || c == '\\')
            out.append({'\\', c});
        else if (c >= 8 && c <= 13 && c != 11)
            out.append({'\\', names[c - 8]});
        else if (static_cast<unsigned char>(c) < 0x20)
            out.append("\\u00").append({"01"[c >> 4], "0123456789abcdef"[c & 15]});
        else
            out.push_back(c);
    }
    return out + '"';
}

} // namespace

TEST_CASE("every ASCII byte at every place of a string of every length up to 70 is escaped as RFC 8259 says")
{
    std::size_t wrong = 0, cases = 0;
    std::string first_wrong;
    for (std::size_t size = 0; size <= 70; ++size)
        for (std::size_t at = 0; at < size; ++at)
            for (int c = 0; c < 128; ++c) {
                std::string text(size, 'x');
                text[at] = static_cast<char>(c);
                ++cases;
                if (written(text) != escaped_slowly(text) && wrong++ == 0)
                    first_wrong = "size " + std::to_string(size) + " at " + std::to_string(at) + ": " + written(text);
            }
    CHECK(cases == 318080);
    CHECK_MESSAGE(wrong == 0, first_wrong);
    CHECK(written("") == "\"\"");
}

TEST_CASE("text that is UTF-8 goes through as it is, wherever it stands")
{
    for (const char* const good :
         {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
          "\xf4\x8f\xbf\xbf", "\xe2\x80\xa8", "gr\xc3\xbc\xc3\x9f"})
        for (std::size_t before = 0; before < 600; before += before < 40 ? 1 : 37) {
            const std::string text = std::string(before, 'a') + good + std::string(before % 19, 'b');
            CHECK_MESSAGE(written(text) == "\"" + text + "\"", text);
        }
}

TEST_CASE("bytes that are not UTF-8 are refused and leave the buffer as it was")
{
    for (const std::string_view bad :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
          "\xed\xbf\xbf", "\xe2\x82", "\xe2\x82 ", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\xff", "\xfe"})
        for (std::size_t before = 0; before < 600; before += before < 40 ? 1 : 37)
            for (const std::size_t after : {0U, 1U, 20U}) {
                const std::string text = std::string(before, 'a') + std::string(bad) + std::string(after, 'b');
                CHECK_MESSAGE(written(text) == "refused", escaped_slowly(text));
            }
}

TEST_CASE("long strings with escapes grow the buffer")
{
    const std::string text(100000, '\x01');
    const std::string out = written(text);
    CHECK(out.size() == 600002);
    CHECK(out.substr(0, 13) == "\"\\u0001\\u0001");
}

TEST_CASE("numbers are printed as Go's encoding/json prints them")
{
    CHECK(number(0.0) == "0");
    CHECK(number(0.693603) == "0.693603");
    CHECK(number(0.008883) == "0.008883");
    CHECK(number(1.0) == "1");
    CHECK(number(-2.5) == "-2.5");
    CHECK(number(0.1 + 0.2) == "0.30000000000000004");
    CHECK(number(1e-6) == "0.000001");
    CHECK(number(1e-7) == "1e-7");
    CHECK(number(1.5e-10) == "1.5e-10");
    CHECK(number(123456789012345680000.0) == "123456789012345680000");
    CHECK(number(9007199254740993.0) == "9007199254740992");
    CHECK(number(-9.9e20) == "-990000000000000000000");
    CHECK(number(1e20) == "100000000000000000000");
    CHECK(number(1e21) == "1e+21");
    CHECK(number(-1.7976931348623157e308) == "-1.7976931348623157e+308");
    CHECK(number(5e-324) == "5e-324");
    CHECK(number(std::numeric_limits<double>::quiet_NaN()) == "null");
    CHECK(number(-std::numeric_limits<double>::infinity()) == "null");
    CHECK(number(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(number(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
}

TEST_CASE("the writer places commas in nested documents")
{
    byte_buffer out;
    json_writer writer(out);
    writer.begin_object();
    writer.member("a", 1).member("b", true).member("c", "x\"y").member("d", 0.5);
    writer.key("e").begin_array().value(1).begin_array().end_array().begin_object().end_object().null().end_array();
    writer.key("f").raw("[1, 2]");
    writer.end_object();
    CHECK(out.view() == R"({"a":1,"b":true,"c":"x\"y","d":0.5,"e":[1,[],{},null],"f":[1, 2]})");
    CHECK(writer.ok());
    CHECK(!writer.error());
    writer.value("\xff");
    CHECK(!writer.ok());
    CHECK(writer.error() == flipt::errc::invalid_argument);
}
