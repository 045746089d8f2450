// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// RFC 3339 timestamps, read and written.
#include "flipt/protocol/datetime.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

using flipt::timestamp_type;
using flipt::detail::format_rfc3339;
using flipt::detail::parse_rfc3339;

namespace {

timestamp_type at(std::int64_t nanos) { return timestamp_type(std::chrono::nanoseconds(nanos)); }

std::string text(timestamp_type when)
{
    char bytes[flipt::detail::rfc3339_size];
    return std::string(bytes, format_rfc3339(when, bytes));
}

constexpr std::int64_t giga = 1000000000;

} // namespace

TEST_CASE("timestamps that RFC 3339 allows are read")
{
    CHECK(parse_rfc3339("1970-01-01T00:00:00Z") == at(0));
    CHECK(parse_rfc3339("2026-11-24T15:25:04.723667846Z") == at(1795533904 * giga + 723667846));
    CHECK(parse_rfc3339("2026-11-24t15:25:04z") == at(1795533904 * giga));
    CHECK(parse_rfc3339("2026-11-24T15:25:04.7Z") == at(1795533904 * giga + 700000000));
    CHECK(parse_rfc3339("2026-11-24T15:25:04.12345678Z") == at(1795533904 * giga + 123456780));
    CHECK(parse_rfc3339("2026-11-24T16:55:04+01:30") == at(1795533904 * giga));
    CHECK(parse_rfc3339("2026-11-24T13:25:04.5-02:00") == at(1795533904 * giga + giga / 2));
    CHECK(parse_rfc3339("1970-01-01T00:00:00-00:00") == at(0));
    CHECK(parse_rfc3339("1969-12-31T23:59:59.999999999Z") == at(-1));
    CHECK(parse_rfc3339("2000-02-29T00:00:00Z") == at(951782400 * giga));
    CHECK(parse_rfc3339("1970-01-01T23:59:00+23:59") == at(0));
    CHECK(parse_rfc3339("2262-04-11T23:47:16.854775807Z") == at(std::numeric_limits<std::int64_t>::max()));
    CHECK(parse_rfc3339("1677-09-21T00:12:43.145224192Z") == at(std::numeric_limits<std::int64_t>::min()));
}

TEST_CASE("anything else is refused")
{
    for (const char* const bad : {"",
                                  "2026",
                                  "2026-11-24",
                                  "2026-11-24T15:25:04",
                                  "2026-11-24 15:25:04Z",
                                  "2026-11-24T15:25Z",
                                  "2026-11-24T15:25:04.Z",
                                  "2026-11-24T15:25:04.1234567890Z",
                                  "2026-11-24T15:25:04,5Z",
                                  "2026-11-24T24:00:00Z",
                                  "2026-11-24T15:60:04Z",
                                  "2026-11-24T23:59:60Z",
                                  "2026-02-29T00:00:00Z",
                                  "1900-02-29T00:00:00Z",
                                  "2026-13-01T00:00:00Z",
                                  "2026-00-01T00:00:00Z",
                                  "2026-01-00T00:00:00Z",
                                  "2026-04-31T00:00:00Z",
                                  "2026-11-24T15:25:04+0100",
                                  "2026-11-24T15:25:04+24:00",
                                  "2026-11-24T15:25:04+01:60",
                                  "2026-11-24T15:25:04+01",
                                  "2026-11-24T15:25:04ZZ",
                                  "2026-11-24T15:25:04Z ",
                                  " 2026-11-24T15:25:04Z",
                                  "+026-11-24T15:25:04Z",
                                  "2026-1a-24T15:25:04Z",
                                  "2026-11-24T15:25:0:Z",
                                  "2026-11-24T15:25:/4Z",
                                  "2026/11-24T15:25:04Z",
                                  "2026-11-24T15-25:04Z",
                                  "2026-11-24T15:25.04Z",
                                  "20260-1-24T15:25:04Z",
                                  "2026-11-24T15:25:04\xd0",
                                  "\xb2"
                                  "026-11-24T15:25:04Z",
                                  "2026-11-24T15:25:04.12345678\xb9Z",
                                  "2262-04-11T23:47:16.854775808Z",
                                  "1677-09-21T00:12:43.145224191Z",
                                  "9999-12-31T23:59:59Z",
                                  "0000-01-01T00:00:00Z"})
        CHECK_MESSAGE(!parse_rfc3339(bad), bad);
    CHECK(!parse_rfc3339(std::string_view("2026-11-24T15:25:04\0", 20)));
}

TEST_CASE("timestamps are written with 0, 3, 6 or 9 digits")
{
    CHECK(text(at(0)) == "1970-01-01T00:00:00Z");
    CHECK(text(at(100000000)) == "1970-01-01T00:00:00.100Z");
    CHECK(text(at(449745000)) == "1970-01-01T00:00:00.449745Z");
    CHECK(text(at(10)) == "1970-01-01T00:00:00.000000010Z");
    CHECK(text(at(-1)) == "1969-12-31T23:59:59.999999999Z");
    CHECK(text(at(1795533904 * giga + 723667846)) == "2026-11-24T15:25:04.723667846Z");
    CHECK(text(at(std::numeric_limits<std::int64_t>::max())) == "2262-04-11T23:47:16.854775807Z");
    CHECK(text(at(std::numeric_limits<std::int64_t>::min())) == "1677-09-21T00:12:43.145224192Z");
}

TEST_CASE("what is written reads back the same, over the whole range")
{
    std::uint64_t bits = 42;
    std::size_t wrong = 0;
    std::string first_wrong;
    for (int i = 0; i < 200000; ++i) {
        bits = bits * 6364136223846793005 + 1442695040888963407;
        const timestamp_type when = at(static_cast<std::int64_t>(bits ^ bits >> 29));
        if (parse_rfc3339(text(when)) != when && wrong++ == 0)
            first_wrong = text(when);
    }
    CHECK_MESSAGE(wrong == 0, first_wrong);
}
