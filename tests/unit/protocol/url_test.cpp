// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What is a server's URL and what is refused, by name and without repeating secrets.
#include "flipt/protocol/url.hpp"

#include "unit/protocol/escaped.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>

using namespace flipt::detail;
using namespace std::string_literals;
using flipt_test::escaped;

TEST_CASE("endpoints that are understood")
{
    struct row {
        const char* text;
        bool tls;
        const char* host;
        bool literal;
        bool v6;
        int port;
        const char* prefix;
        const char* host_field;
    };
    for (const row& r : {
             row{"http://127.0.0.1:8080", false, "127.0.0.1", true, false, 8080, "", "127.0.0.1:8080"},
             row{"http://localhost", false, "localhost", false, false, 80, "", "localhost"},
             row{"http://localhost/", false, "localhost", false, false, 80, "", "localhost"},
             row{"HTTPS://Flipt.Example.COM", true, "flipt.example.com", false, false, 443, "", "flipt.example.com"},
             row{"https://h:443", true, "h", false, false, 443, "", "h"},
             row{"http://h:80", false, "h", false, false, 80, "", "h"},
             row{"https://h:80", true, "h", false, false, 80, "", "h:80"},
             row{"http://h:443/", false, "h", false, false, 443, "", "h:443"},
             row{"http://h:1", false, "h", false, false, 1, "", "h:1"},
             row{"http://h:65535", false, "h", false, false, 65535, "", "h:65535"},
             row{"http://h:00080", false, "h", false, false, 80, "", "h"},
             row{"http://[::1]", false, "::1", true, true, 80, "", "[::1]"},
             row{"https://[2001:DB8::1]:8443/flipt", true, "2001:db8::1", true, true, 8443, "/flipt",
                 "[2001:db8::1]:8443"},
             row{"http://[::ffff:1.2.3.4]:80", false, "::ffff:1.2.3.4", true, true, 80, "", "[::ffff:1.2.3.4]"},
             row{"http://h/a/b", false, "h", false, false, 80, "/a/b", "h"},
             row{"http://h/a/b///", false, "h", false, false, 80, "/a/b", "h"},
             row{"http://h/a%2Fb/c%20d", false, "h", false, false, 80, "/a%2Fb/c%20d", "h"},
             row{"http://h/~x/!$&'()*+,;=:@", false, "h", false, false, 80, "/~x/!$&'()*+,;=:@", "h"},
             row{"http://h/...", false, "h", false, false, 80, "/...", "h"},
             row{"http://my_host-1.internal.", false, "my_host-1.internal.", false, false, 80, "",
                 "my_host-1.internal."},
         }) {
        endpoint got;
        std::string why;
        INFO("endpoint: ", r.text, " ", why);
        CHECK(!parse_endpoint(r.text, got, why));
        CHECK(why == "");
        CHECK(got.tls == r.tls);
        CHECK(got.host == r.host);
        CHECK(got.literal == r.literal);
        CHECK(got.v6 == r.v6);
        CHECK(got.port == r.port);
        CHECK(got.prefix == r.prefix);
        CHECK(got.host_field == r.host_field);
    }
}

TEST_CASE("endpoints that are refused, and the part that is named")
{
    struct row {
        std::string text;
        const char* part;
    };
    const row rows[] = {
        {"", "empty"},
        {"localhost:8080", "no scheme"},
        {"//h", "no scheme"},
        {"ftp://h", "scheme"},
        {"unix:///run/x", "scheme"},
        {"httpss://h", "scheme"},
        {" http://h", "scheme"},
        {"://h", "scheme"},
        {"http://", "host is missing"},
        {"http:///a", "host is missing"},
        {"http://:80", "host is missing"},
        {"http://user@h", "user information"},
        {"http://user:hunter2@h", "user information"},
        {"http://@h", "user information"},
        {"http://hunter2:x/y@h", "port"},
        {"http://h?q=hunter2", "query"},
        {"http://h/?", "query"},
        {"http://h/a#hunter2", "fragment"},
        {"http://h#?", "fragment"},
        {"http://[fe80::1%25eth0]/", "zone id"},
        {"http://[fe80::1%eth0]/", "zone id"},
        {"http://[::1", "']'"},
        {"http://[::1]x", "behind ']'"},
        {"http://[]", "IPv6"},
        {"http://[1.2.3.4]", "IPv6"},
        {"http://[1::2::3]", "IPv6"},
        {"http://[v1.x]", "IPv6"},
        {"http://::1/", "brackets"},
        {"http://h:1:2", "brackets"},
        {"http://h:", "port is empty"},
        {"http://h:0", "port"},
        {"http://h:65536", "port"},
        {"http://h:99999999999999999999", "port"},
        {"http://h:-1", "port"},
        {"http://h:+80", "port"},
        {"http://h:8a", "port"},
        {"http://h: 80", "port"},
        {"http://a b", "host"},
        {"http://a%41b", "host"},
        {"http://b\xc3\xbc.de", "host"},
        {"http://a..b", "host"},
        {"http://.a", "host"},
        {"http://.", "host"},
        {"http://a,b", "host"},
        {"http://h\\x", "path"},
        {"http://" + std::string(64, 'a'), "label"},
        {"http://1.2.3", "IPv4"},
        {"http://1.2.3.256", "IPv4"},
        {"http://01.2.3.4", "IPv4"},
        {"http://127.1", "IPv4"},
        {"http://2130706433", "IPv4"},
        {"http://0x7f.1", "IPv4"},
        {"http://a.0x7f", "IPv4"},
        {"http://h/a/../b", "segments"},
        {"http://h/.", "segments"},
        {"http://h/a/..", "segments"},
        {"http://h/%2e%2E/b", "segments"},
        {"http://h/.%2e", "segments"},
        {"http://h/%2e", "segments"},
        {"http://h/%", "'%'"},
        {"http://h/%4", "'%'"},
        {"http://h/%4g", "'%'"},
        {"http://h/%00", "NUL"},
        {"http://h/a b", "path"},
        {"http://h/a\"b", "path"},
        {"http://h/\xc3\xbc", "path"},
        {"http://h/a[b", "path"},
        {"http://h/\r\nX: y", "control"},
        {"http://h\0.evil"s, "control"},
        {"http://h\n", "control"},
        {"http://h\x7f", "control"},
    };
    for (const row& r : rows) {
        endpoint got;
        got.host = "untouched";
        std::string why;
        const std::error_code ec = parse_endpoint(r.text, got, why);
        INFO("endpoint: ", escaped(r.text), " why: ", escaped(why));
        CHECK(ec == make_error_code(flipt::errc::invalid_config));
        CHECK(why.find(r.part) != std::string::npos);
        CHECK(why.find("hunter2") == std::string::npos);
        CHECK(got.host == "untouched");
    }
}

TEST_CASE("addresses")
{
    for (const char* text : {"0.0.0.0", "255.255.255.255", "1.2.3.4", "10.0.0.10"}) {
        INFO(text);
        CHECK(is_ipv4(text));
        CHECK_FALSE(is_ipv6(text));
    }
    for (const char* text : {"", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.", "1.2.3.4.5", "1.2.3.256", "1.2.3.04",
                             "1..3.4", "1.2.3.1000", "a.2.3.4", "1.2.3.4 "}) {
        INFO(text);
        CHECK_FALSE(is_ipv4(text));
    }
    for (const char* text : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8",
                             "fe80::ABCD", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1::5:6:1.2.3.4", "64:ff9b::1.2.3.4"}) {
        INFO(text);
        CHECK(is_ipv6(text));
    }
    for (const char* text : {"",
                             ":",
                             ":::",
                             "1",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1:2:3:4:5:6:7:8::",
                             "::1::",
                             "1:::2",
                             "12345::",
                             "g::",
                             "1:2:3:4:5:6:7:",
                             ":1:2:3:4:5:6:7",
                             "::1.2.3",
                             "1:2:3:4:5:6:7:1.2.3.4",
                             "1.2.3.4",
                             "1.2.3.4::",
                             "::1.2.3.4:5",
                             "1:2:3:4:5:1.2.3.4",
                             " ::1",
                             "::1%lo"}) {
        INFO(text);
        CHECK_FALSE(is_ipv6(text));
    }
}
