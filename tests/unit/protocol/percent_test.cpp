// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// No key can leave its place in a request target.
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/protocol/percent.hpp"

#include "unit/protocol/escaped.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>

using namespace flipt::detail;
using namespace std::string_literals;

TEST_CASE("segments and query values")
{
    struct row {
        std::string text;
        const char* segment;
    };
    const row rows[] = {
        {"flag-1_x.y~z", "flag-1_x.y~z"},
        {"...", "..."},
        {"a?b#c", "a%3Fb%23c"},
        {"a b+c", "a%20b%2Bc"},
        {"%2e%2E", "%252e%252E"},
        {"\0"s, "%00"},
        {"\r\nX: y", "%0D%0AX%3A%20y"},
        {"\xc3\xbc\xe2\x82\xac", "%C3%BC%E2%82%AC"},
        {"\\&=;@:,", "%5C%26%3D%3B%40%3A%2C"},
    };
    for (const row& r : rows) {
        INFO(flipt_test::escaped(r.text));
        std::string out = "x/";
        CHECK(append_segment(out, r.text));
        CHECK(out == "x/"s + r.segment);
        byte_buffer buffer;
        CHECK(append_segment(buffer, r.text));
        CHECK(buffer.view() == r.segment);
    }
    for (const char* const bad :
         {"", ".", "..", "/", "a/", "/a", "a/b", "../../auth", "flag/rules", "\xff", "caf\xc3"}) {
        INFO(bad);
        std::string out = "x/";
        CHECK_FALSE(append_segment(out, bad));
        CHECK(out == "x/");
    }
    std::string query = "q=";
    append_query_value(query, "..");
    CHECK(query == "q=..");
    append_query_value(query, "&a=1 ");
    CHECK(query == "q=..%26a%3D1%20");
}

TEST_CASE("every byte but the unreserved ones is encoded")
{
    for (int c = 0; c != 256; ++c) {
        const std::string text(1, static_cast<char>(c));
        std::string out;
        append_query_value(out, text);
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                           c == '.' || c == '_' || c == '~';
        INFO("byte ", c);
        CHECK((out == text) == plain);
        CHECK(out.size() == (plain ? 1U : 3U));
    }
}
