// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every error has a name and a sentence of its own, and says nothing of the server's in what().
#include "flipt/types/error.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <set>
#include <string>
#include <system_error>

namespace {

using flipt::errc;

constexpr int last = static_cast<int>(errc::circuit_open);

} // namespace

TEST_CASE("every error has a name and a message of its own")
{
    std::set<std::string> names;
    std::set<std::string> messages;
    for (int value = 1; value <= last; ++value) {
        CAPTURE(value);
        const std::error_code ec = static_cast<errc>(value);
        CHECK(std::string(ec.category().name()) == "flipt");
        CHECK(ec.message() != "unknown error");
        CHECK(to_string(static_cast<errc>(value)) != "unknown");
        names.emplace(to_string(static_cast<errc>(value)));
        messages.insert(ec.message());
    }
    CHECK(names.size() == last);
    CHECK(messages.size() == last);
    CHECK(to_string(static_cast<errc>(last + 1)) == "unknown");
    CHECK(std::error_code(last + 1, flipt::error_category()).message() == "unknown error");
    CHECK(to_string(errc::timed_out) == "timed_out");
}

TEST_CASE("diagnostics keep what is known, cut the server's words, and forget on clear()")
{
    flipt::diagnostics d;
    d.set_reply(503, std::string(5000, 'x'));
    d.set_detail("why");
    d.set_attempts(3);
    CHECK(d.http_status() == 503);
    CHECK(d.server_message().size() == flipt::diagnostics::max_server_message);
    const flipt::error e(errc::server_error, d);
    CHECK(e.code() == errc::server_error);
    CHECK(std::string(e.what()) == "why: the server failed");
    CHECK(e.http_status() == 503);
    CHECK(e.details().attempts() == 3);
    CHECK(e.server_message() == d.server_message());
    d.set_status(200);
    CHECK(d.http_status() == 200);
    d.clear();
    CHECK(d.http_status() == 0);
    CHECK(d.attempts() == 0);
    CHECK(d.server_message().empty());
    CHECK(d.detail().empty());
    const flipt::error plain(errc::not_found, d);
    CHECK(std::string(plain.what()) == "no such flag, namespace, environment or route");
    CHECK(std::string(flipt::error(errc::not_found).what()) == plain.what());
    CHECK(std::string(flipt::error(errc::invalid_config, "endpoint").what()) == "endpoint: a setting cannot work");
}
