// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Reading `exp` out of good, odd and broken tokens.
#include "flipt/token/jwt_expiry.hpp"
#include "flipt/token/secret.hpp"

#include "freed_memory.hpp"
#include "tokens.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <ostream>
#include <string>

namespace {

using flipt::read_jwt_expiry;
using token_test::base64url;
using token_test::jwt;
using clock_type = std::chrono::system_clock;

constexpr std::int64_t none = INT64_MIN;

// Milliseconds since 1970.
std::int64_t expiry(std::string_view token)
{
    const auto time = read_jwt_expiry(token);
    return time ? std::chrono::duration_cast<std::chrono::milliseconds>(time->time_since_epoch()).count() : none;
}

TEST_CASE("exp is read from the claims")
{
    struct row {
        const char* claims;
        std::int64_t expected;
    };
    const row rows[] = {
        {R"({"exp":1700000000})", 1700000000000},
        {R"({ "exp" : 1700000000 })", 1700000000000},
        {R"({"iss":"a","exp":1700000000,"aud":["x","y"]})", 1700000000000},
        {R"({"exp":1700000000.5})", 1700000000500},
        {R"({"exp":1700000000.25,"nbf":1})", 1700000000250},
        {R"({"exp":1.7e9})", 1700000000000},
        {R"({"exp":17E8})", 1700000000000},
        {R"({"exp":0})", 0},
        {R"({"exp":-5})", 0},
        {R"({"exp":-1e300})", 0},
        {R"({"nested":{"exp":5},"list":[{"exp":6}],"exp":7})", 7000},
        {R"({"exp":1,"exp":2})", 2000},
        {R"({"a":"\"exp\":9","exp":3})", 3000},
        {R"({"a\"exp":4,"exp":3})", 3000},
        {R"({})", none},
        {R"({"iat":1700000000})", none},
        {R"({"nested":{"exp":5}})", none},
        {R"({"EXP":5,"exp ":6,"expx":7,"ex":8})", none},
        {R"({"exp":"1700000000"})", none},
        {R"({"exp":null})", none},
        {R"({"exp":true})", none},
        {R"({"exp":[1]})", none},
        {R"({"exp":{}})", none},
        {R"({"exp":})", none},
        {R"({"exp":12abc})", none},
        {R"({"exp":1700000000)", none},
        {R"({"exp":1e999})", none},
        {R"({"exp":NaN})", none},
        {R"([1])", none},
        {R"("exp")", none},
        {R"(17)", none},
        {R"(null)", none},
        {"", none},
        {" ", none},
        {"{", none},
        {"{\"exp\":1,\xff:2}", none},
    };
    for (const row& r : rows) {
        CAPTURE(std::string(r.claims));
        CHECK(expiry(jwt(r.claims)) == r.expected);
        CHECK(expiry(jwt(r.claims, true)) == r.expected);
    }
}

TEST_CASE("a time that the clock cannot hold is cut to one that it can")
{
    for (const char* claims :
         {R"({"exp":1e18})", R"({"exp":99999999999999999999})", R"({"exp":1e300})", R"({"exp":9223372036854775807})"}) {
        CAPTURE(std::string(claims));
        const auto time = read_jwt_expiry(jwt(claims));
        REQUIRE(time.has_value());
        CHECK(*time > clock_type::now() + std::chrono::hours(24 * 365 * 100));
        CHECK(*time + std::chrono::hours(1) > *time);
    }
}

TEST_CASE("payloads of every length decode, with and without padding")
{
    for (int spaces = 0; spaces < 9; ++spaces) {
        const std::string claims = R"({"exp":1700000000)" + std::string(static_cast<std::size_t>(spaces), ' ') + "}";
        CAPTURE(claims);
        CHECK(expiry(jwt(claims, false)) == 1700000000000);
        CHECK(expiry(jwt(claims, true)) == 1700000000000);
    }
    // The digits that base64url has in place of + and /.
    const std::string claims = "{\"x\":\"\xc3\xbb\xc3\xbf\xc3\xbe?>?>?>\",\"exp\":5}";
    CHECK(base64url(claims).find_first_of("-_") != std::string::npos);
    CHECK(expiry(jwt(claims)) == 5000);
}

TEST_CASE("what is no JWT in compact form has no expiry")
{
    const std::string claims = base64url(R"({"exp":5})");
    REQUIRE(expiry("h." + claims + ".s") == 5000);
    REQUIRE(expiry("." + claims + ".") == 5000);
    const std::string tokens[] = {
        "",
        ".",
        "..",
        "...",
        "opaque-client-token",
        claims,
        "h." + claims,
        "h.x." + claims,
        "h." + claims + ".s.t",
        "h." + claims + ".i.c.t",
        "h.!" + claims + ".s",
        "h." + claims + "\n.s",
        "h." + claims + " .s",
        "h." + claims.substr(0, 5) + "=" + claims.substr(5) + ".s",
        "h." + claims + "=.s",
        "h." + claims + "===.s",
        "h.====.s",
        "h.A.s",
        "h.AAAAA.s",
        "h.+/+/.s",
    };
    for (const std::string& token : tokens) {
        CAPTURE(token);
        CHECK(expiry(token) == none);
    }
}

TEST_CASE("a token over the size limit is not looked into")
{
    const std::string token = "h." + base64url(R"({"exp":5})") + ".";
    CHECK(expiry(token + std::string(flipt::max_token_size - token.size(), 's')) == 5000);
    CHECK(expiry(token + std::string(flipt::max_token_size - token.size() + 1, 's')) == none);
    // Deep nesting within the limit.
    CHECK(expiry(jwt(R"({"a":)" + std::string(5000, '[') + std::string(5000, ']') + R"(,"exp":5})")) != 6000);
}

TEST_CASE("the decoded claims are wiped")
{
    constexpr std::string_view subject = "somebody-whose-name-is-nobody's-business";
    const std::string token = jwt(R"({"sub":"somebody-whose-name-is-nobody's-business","exp":5})");
    const token_test::freed_memory_watch watch(subject);
    CHECK(expiry(token) == 5000);
    CHECK(watch.hits() == 0);
}

} // namespace
