// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bytes of a request, and that no value can add a line to them.
#include "flipt/protocol/request_writer.hpp"
#include "flipt/version.hpp"

#include "unit/protocol/escaped.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace flipt::detail;
using namespace std::string_literals;
using flipt::errc;
using flipt_test::escaped;

namespace {

using headers = std::vector<std::pair<std::string, std::string>>;

endpoint at(const char* url)
{
    endpoint out;
    std::string why;
    REQUIRE(!parse_endpoint(url, out, why));
    return out;
}

} // namespace

TEST_CASE("a request with a body is one run of bytes")
{
    const endpoint to = at("http://h:8080/flipt");
    head_template fixed;
    CHECK(fixed.empty());
    REQUIRE(!fixed.build(to, {{"X-Team", "a b"}}, "JWT", "abc.def.ghi"));
    byte_buffer out;
    request_writer writer(out);
    writer.begin(fixed, "POST", to.prefix, "/evaluate/v1/boolean");
    CHECK(!writer.field("X-Flipt-Environment", "default"));
    writer.begin_body();
    out.append("{\"flagKey\":\"f\"}");
    CHECK(!writer.end_body());
    CHECK(
        escaped(out.view()) ==
        escaped("POST /flipt/evaluate/v1/boolean HTTP/1.1\r\nHost: h:8080\r\nUser-Agent: flipt-cpp/" FLIPT_VERSION
                "\r\nAccept: application/json\r\nX-Team: a b\r\nAuthorization: JWT abc.def.ghi\r\n"
                "X-Flipt-Environment: default\r\nContent-Type: application/json\r\nContent-Length:          15\r\n\r\n"
                "{\"flagKey\":\"f\"}"));
    CHECK(out.view().substr(writer.body_offset()) == "{\"flagKey\":\"f\"}");
}

TEST_CASE("lengths of bodies")
{
    head_template fixed;
    REQUIRE(!fixed.build(at("http://h"), {}));
    for (const std::size_t length : {0U, 1U, 9U, 10U, 99U, 100U, 12345U}) {
        byte_buffer out;
        out.append("before"); // not the writer's
        request_writer writer(out);
        writer.begin(fixed, "POST", "/x");
        writer.begin_body();
        out.append(std::string(length, 'b'));
        CHECK(!writer.end_body());
        const std::string text(out.view());
        const std::size_t field = text.find("Content-Length:");
        INFO(escaped(text));
        CHECK(std::stoul(text.substr(field + 15)) == length);
        CHECK(text.size() - text.find("\r\n\r\n") - 4 == length);
    }
}

TEST_CASE("a request that begins like the last one in the buffer is written from there on, and is the same bytes")
{
    const endpoint to = at("http://h");
    head_template one, two;
    REQUIRE(!one.build(to, {}, "JWT", "first"));
    REQUIRE(!two.build(to, {}, "JWT", "second"));
    static constexpr std::string_view boolean = "/boolean", variant = "/variant";
    byte_buffer out;
    request_start start;
    std::size_t repeated = 0;
    const auto write = [](request_writer& writer, const head_template& fixed, std::string_view path,
                          std::string_view environment, std::string_view name_space, std::string_view body) {
        const bool again = writer.repeat(fixed, path, environment, name_space);
        if (!again) {
            writer.begin(fixed, "POST", path);
            REQUIRE(!writer.field("X-Env", environment));
            writer.begin_body();
            writer.buffer().append(name_space);
            writer.remember(fixed, path, environment, name_space);
        }
        writer.buffer().append(body);
        REQUIRE(!writer.end_body());
        return again;
    };
    const auto check = [&](const head_template& fixed, std::string_view path, std::string_view environment,
                           std::string_view name_space, std::string_view body) {
        byte_buffer expected;
        request_writer plain(expected);
        CHECK_FALSE(write(plain, fixed, path, environment, name_space, body));
        out.clear();
        request_writer writer(out, &start);
        repeated += write(writer, fixed, path, environment, name_space, body) ? 1U : 0U;
        CHECK(escaped(out.view()) == escaped(expected.view()));
        CHECK(writer.body_offset() == plain.body_offset());
    };
    check(one, boolean, "e", "n", "a body");
    CHECK(repeated == 0);
    check(one, boolean, "e", "n", std::string(5000, 'b')); // the buffer grows
    check(one, boolean, "e", "n", "");                     // and its length has fewer digits
    CHECK(repeated == 2);
    check(one, variant, "e", "n", "x");
    check(one, boolean, "e", "n", "x");
    check(two, boolean, "e", "n", "x");
    check(one, boolean, "e", "n", "x");
    check(one, boolean, "f", "n", "x");
    check(one, boolean, "f", "m", "x");
    check(one, boolean, "f", "", "x");
    CHECK(repeated == 2);
    check(one, boolean, "f", "", "y");
    CHECK(repeated == 3);

    // A template that is built anew is another one.
    REQUIRE(!one.build(to, {}, "JWT", "third"));
    check(one, boolean, "f", "", "y");
    CHECK(repeated == 3);

    // What else is written there is no start of anything.
    out.clear();
    request_writer other(out, &start);
    other.begin(one, "GET", "/x");
    other.end_no_body();
    check(one, boolean, "f", "", "y");
    CHECK(repeated == 3);
    start.forget();
    out.release();
    check(one, boolean, "f", "", "y");
    CHECK(repeated == 3);

    // Behind something else it is not at the front.
    out.clear();
    out.append("before");
    request_writer behind(out, &start);
    CHECK_FALSE(write(behind, one, boolean, "f", "", "y"));
    check(one, boolean, "f", "", "y");
    CHECK(repeated == 3);
}

TEST_CASE("a request without a body")
{
    head_template fixed;
    REQUIRE(!fixed.build(at("https://[::1]:8443"), {}));
    byte_buffer out;
    request_writer writer(out);
    writer.begin(fixed, "GET", "/api/v1/namespaces/", "a%2Fb", "/flags?limit=", "10");
    CHECK(!writer.field("If-None-Match", "\"x\""));
    writer.end_no_body();
    CHECK(escaped(out.view()) ==
          escaped("GET /api/v1/namespaces/a%2Fb/flags?limit=10 HTTP/1.1\r\nHost: [::1]:8443\r\nUser-Agent: "
                  "flipt-cpp/" FLIPT_VERSION "\r\nAccept: application/json\r\nIf-None-Match: \"x\"\r\n\r\n"));
}

TEST_CASE("config::headers replace what they name")
{
    head_template fixed;
    REQUIRE(!fixed.build(at("http://h"), {{"user-agent", "mine/1"}, {"ACCEPT", "*/*"}, {"content-TYPE", "text/x"}}));
    CHECK(escaped(fixed.view()) == escaped("Host: h\r\nuser-agent: mine/1\r\nACCEPT: */*\r\ncontent-TYPE: text/x\r\n"));
    byte_buffer out;
    request_writer writer(out);
    writer.begin(fixed, "POST", "/");
    writer.begin_body();
    CHECK(!writer.end_body());
    CHECK(out.view().find("application/json") == std::string_view::npos);
    CHECK(escaped(out.view().substr(out.size() - 33)) == escaped("\r\nContent-Length:           0\r\n\r\n"));
}

TEST_CASE("a new token replaces the old one")
{
    const endpoint to = at("http://h");
    head_template fixed;
    REQUIRE(!fixed.build(to, {}, "JWT", "first"));
    REQUIRE(!fixed.build(to, {}, "Bearer", "second"));
    CHECK(fixed.view().find("first") == std::string_view::npos);
    CHECK(fixed.view().find("Authorization: Bearer second\r\n") != std::string_view::npos);
    REQUIRE(!fixed.build(to, {}));
    CHECK(fixed.view().find("Authorization") == std::string_view::npos);
}

TEST_CASE("values that would break out of their line are refused")
{
    const endpoint to = at("http://h");
    for (const std::string& value :
         {"a\r\nX: y"s, "a\nb"s, "a\rb"s, "a\0b"s, "\x01"s, "\x7f"s, "long enough for a block\n"s}) {
        INFO(escaped(value));
        CHECK_FALSE(is_field_value(value));
        byte_buffer out;
        request_writer writer(out);
        CHECK(writer.field("X", value) == make_error_code(errc::invalid_argument));
        CHECK(out.empty());
        head_template fixed;
        CHECK(fixed.build(to, {}, "JWT", value) == make_error_code(errc::invalid_token));
        CHECK(fixed.empty());
        CHECK(fixed.build(to, {}, value, "t") == make_error_code(errc::invalid_token));
        std::string why;
        CHECK(check_headers({{"X-Good", "1"}, {"X-Bad", value}}, why) == make_error_code(errc::invalid_config));
        CHECK(why.find("X-Bad") != std::string::npos);
        CHECK(why.find(value) == std::string::npos);
        CHECK(check_headers({{value, "1"}}, why) == make_error_code(errc::invalid_config));
        CHECK(why.find(value) == std::string::npos);
    }
    for (const std::string value : {" ", "a ", " a", "\ta", "a\t"}) {
        CHECK(is_field_value(value));
        CHECK_FALSE(is_whole_field_value(value));
        byte_buffer out;
        request_writer writer(out);
        CHECK(writer.field("X-A", value) == errc::invalid_argument);
        CHECK(out.empty());
    }
    CHECK(is_whole_field_value("a b"));
    CHECK(is_whole_field_value(""));
    CHECK_FALSE(is_whole_field_value("a\nb"));
    CHECK(is_field_value("tab\tand caf\xc3\xa9"));
    CHECK(is_field_value(""));
}

TEST_CASE("fields that config::headers may not name")
{
    std::string why;
    for (const char* name :
         {"Host", "hOST", "Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-encoding", "Connection",
          "Authorization", "authorization", "Accept-Encoding", "X-Flipt-Environment"}) {
        INFO(name);
        CHECK(check_headers({{name, "x"}}, why) == make_error_code(errc::invalid_config));
        CHECK(why.find(name) != std::string::npos);
    }
    for (const char* name : {"", "X Y", "X:", "X\t", "X(", "\xc3\xbc"}) {
        INFO(escaped(name));
        CHECK(check_headers({{name, "x"}}, why) == make_error_code(errc::invalid_config));
    }
    for (const char* value : {"a\nb", " a", "a\t", " "}) {
        INFO(escaped(value));
        CHECK(check_headers({{"X-Fine", value}}, why) == make_error_code(errc::invalid_config));
    }
    CHECK_MESSAGE(why.find("white space") != std::string::npos, why);
    CHECK(!check_headers({{"X-Request-Id", "1"}, {"Cookie", ""}, {"Authorization2", "x"}, {"User-Agent", "me"}}, why));
}
