// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The table of what is repeated, the pauses, Retry-After, the budget and the breaker. No clock is read.
#include "flipt/protocol/retry.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ostream>
#include <string>
#include <system_error>

using namespace flipt::detail;
using namespace std::chrono_literals;
using flipt::errc;

namespace {

// Named as Asio's categories are: the table knows them by name only.
class named_category final : public std::error_category {
public:
    explicit named_category(const char* name) : name_(name) {}
    const char* name() const noexcept override { return name_; }
    std::string message(int) const override { return name_; }

private:
    const char* name_;
};

const named_category netdb("asio.netdb");
const named_category misc("asio.misc");
const named_category ssl("asio.ssl");
const named_category ssl_stream("asio.ssl.stream");

std::error_code system(std::errc e) { return {static_cast<int>(e), std::system_category()}; }

retry_input base()
{
    retry_input in;
    in.retries = 2;
    in.sent = true;
    in.random = 0.5;
    return in;
}

flipt::retry_options options()
{
    flipt::retry_options out;
    out.initial_backoff = 100ms;
    out.max_backoff = 1s;
    return out;
}

constexpr auto give_up = retry_decision::give_up;
constexpr auto fresh = retry_decision::repeat_now_fresh_connection;
constexpr auto after_pause = retry_decision::repeat_after_backoff;

} // namespace

TEST_CASE("which errors are repeated")
{
    struct row {
        const char* name;
        std::error_code error;
        retry_decision::kind before_sending;
        retry_decision::kind idempotent;
        retry_decision::kind writing; // not idempotent, sent
    };
    const row rows[] = {
        {"refused", system(std::errc::connection_refused), after_pause, after_pause, give_up},
        {"reset", system(std::errc::connection_reset), after_pause, after_pause, give_up},
        {"broken pipe", system(std::errc::broken_pipe), after_pause, after_pause, give_up},
        {"unreachable", system(std::errc::host_unreachable), after_pause, after_pause, give_up},
        {"the system's own time-out", system(std::errc::timed_out), after_pause, after_pause, give_up},
        {"end of stream", {2, misc}, after_pause, after_pause, give_up},
        {"another misc error", {3, misc}, give_up, give_up, give_up},
        {"name resolution", {1, netdb}, after_pause, after_pause, give_up},
        {"TLS cut off", {1, ssl_stream}, after_pause, after_pause, give_up},
        {"TLS verification", {0x0a000086, ssl}, give_up, give_up, give_up},
        {"truncated", errc::truncated, after_pause, after_pause, give_up},
        {"own connect time-out, or a silent peer", errc::timed_out, after_pause, give_up, give_up},
        {"aborted", system(std::errc::operation_canceled), give_up, give_up, give_up},
        {"protocol error", errc::protocol_error, give_up, give_up, give_up},
        {"too large", errc::response_too_large, give_up, give_up, give_up},
        {"bad JSON", errc::invalid_response, give_up, give_up, give_up},
        {"bad token", errc::invalid_token, give_up, give_up, give_up},
        {"no descriptors left", system(std::errc::too_many_files_open), give_up, give_up, give_up},
    };
    for (const row& r : rows) {
        INFO(r.name);
        retry_input in = base();
        in.error = r.error;
        CHECK(decide_retry(in, options()).action == r.idempotent);
        in.idempotent = false;
        CHECK(decide_retry(in, options()).action == r.writing);
        in.sent = false;
        CHECK(decide_retry(in, options()).action == r.before_sending);
        in.idempotent = true;
        CHECK(decide_retry(in, options()).action == r.before_sending);
        in.retries = 0;
        CHECK(decide_retry(in, options()).action == give_up);
    }
}

TEST_CASE("which statuses are repeated")
{
    for (int status = 200; status != 600; ++status) {
        const bool transient = status == 429 || status == 502 || status == 503 || status == 504;
        INFO(status);
        retry_input in = base();
        in.status = status;
        in.reply_started = true;
        CHECK(decide_retry(in, options()).action == (transient ? after_pause : give_up));
        in.reused = true;
        CHECK(decide_retry(in, options()).action == (transient ? after_pause : give_up));
        in.idempotent = false;
        CHECK(decide_retry(in, options()).action == give_up);
    }
}

TEST_CASE("the uncounted repeat of a reused connection")
{
    for (const std::error_code error : {make_error_code(errc::truncated), system(std::errc::connection_reset),
                                        system(std::errc::broken_pipe), std::error_code(2, misc)}) {
        INFO(error.message());
        retry_input in = base();
        in.error = error;
        in.reused = true;
        in.retries = 0;
        CHECK(decide_retry(in, options()).action == fresh);
        retry_input started = in;
        started.reply_started = true;
        CHECK(decide_retry(started, options()).action == give_up);
        retry_input again = in;
        again.fresh_repeated = true;
        CHECK(decide_retry(again, options()).action == give_up);
        again.retries = 1;
        CHECK(decide_retry(again, options()).action == after_pause);
        retry_input writes = in;
        writes.idempotent = false;
        CHECK(decide_retry(writes, options()).action == give_up);
        writes.sent = false;
        CHECK(decide_retry(writes, options()).action == fresh);
        in.remaining = 0ms;
        CHECK(decide_retry(in, options()).action == give_up);
    }
}

TEST_CASE("attempts, deadline and Retry-After")
{
    retry_input in = base();
    in.status = 503;
    CHECK(decide_retry(in, options()).delay == 50ms);
    in.repeats = 1;
    CHECK(decide_retry(in, options()).delay == 100ms);
    in.repeats = 2;
    CHECK(decide_retry(in, options()).action == give_up);
    in.repeats = 0;
    in.retry_after = 3s;
    CHECK(decide_retry(in, options()).delay == 3s);
    in.remaining = 3s;
    CHECK(decide_retry(in, options()).action == give_up);
    in.remaining = 3001ms;
    CHECK(decide_retry(in, options()).action == after_pause);
    in.retry_after = 0s;
    CHECK(decide_retry(in, options()).delay == 50ms);
    in.retry_after = std::chrono::hours(5);
    in.remaining.reset();
    CHECK(decide_retry(in, options()).delay == max_retry_after);
    in.retry_after.reset();
    in.remaining = 50ms;
    CHECK(decide_retry(in, options()).action == give_up);
    in.remaining = -1ms;
    CHECK(decide_retry(in, options()).action == give_up);
}

TEST_CASE("backoff doubles up to its ceiling, with full jitter")
{
    CHECK(backoff(0, 100ms, 5s, 0.0) == 0ms);
    CHECK(backoff(0, 100ms, 5s, 0.5) == 50ms);
    CHECK(backoff(1, 100ms, 5s, 0.5) == 100ms);
    CHECK(backoff(5, 100ms, 5s, 0.5) == 1600ms);
    CHECK(backoff(6, 100ms, 5s, 0.5) == 2500ms);
    CHECK(backoff(2000000000, 100ms, 5s, 0.5) == 2500ms);
    CHECK(backoff(0, 10s, 5s, 0.5) == 2500ms);
    CHECK(backoff(3, 0ms, 5s, 0.5) == 0ms);
    CHECK(backoff(3, -1s, 5s, 0.5) == 0ms);
    CHECK(backoff(3, 100ms, -5s, 0.5) == 0ms);
    CHECK(backoff(0, 100ms, 5s, -1.0) == 0ms);
    CHECK(backoff(100, std::chrono::steady_clock::duration::max() / 2, std::chrono::steady_clock::duration::max(),
                  0.25) > 0ms);
}

TEST_CASE("Retry-After")
{
    using opt = std::optional<std::chrono::seconds>;
    // Sun, 06 Nov 1994 08:49:37 GMT
    const std::chrono::system_clock::time_point then{784111777s};
    struct row {
        const char* value;
        opt expected;
    };
    const row rows[] = {
        {"0", opt(0s)},
        {"7", opt(7s)},
        {"007", opt(7s)},
        {"30", opt(30s)},
        {"31", opt(30s)},
        {"99999999999999999999999999", opt(30s)},
        {"", opt()},
        {"-1", opt()},
        {"+1", opt()},
        {"1.5", opt()},
        {"1 s", opt()},
        {"soon", opt()},
        {"Sun, 06 Nov 1994 08:49:37 GMT", opt(0s)},
        {"Sun, 06 Nov 1994 08:49:47 GMT", opt(10s)},
        {"Sun, 06 Nov 1994 09:49:37 GMT", opt(30s)},
        {"Sun, 06 Nov 1994 08:00:00 GMT", opt(0s)},
        {"Sunday, 06-Nov-94 08:49:47 GMT", opt(10s)},
        {"Sun Nov  6 08:49:47 1994", opt(10s)},
        {"Sun Nov 06 08:49:47 1994", opt(10s)},
        {"Fri, 31 Dec 9999 23:59:59 GMT", opt(30s)},
        {"Sun, 06 Nov 1994 08:49:47", opt()},
        {"Sun, 06 Nov 1994 08:49:47 GMT ", opt()},
        {"Sun, 06 nov 1994 08:49:47 GMT", opt()},
        {"Sun, 06 ovD 1994 08:49:47 GMT", opt()},
        {"Sun, 00 Nov 1994 08:49:47 GMT", opt()},
        {"Sun, 32 Nov 1994 08:49:47 GMT", opt()},
        {"Sun, 06 Nov 1994 24:49:47 GMT", opt()},
        {"Sun, 06 Nov 1994 08:60:47 GMT", opt()},
        {"Sun, 6 Nov 1994 08:49:47 GMT", opt()},
        {"Sun,", opt()},
        {"Sun", opt()},
        {",", opt()},
    };
    for (const row& r : rows) {
        INFO("Retry-After: ", r.value);
        const opt got = parse_retry_after(r.value, then);
        CHECK(got.has_value() == r.expected.has_value());
        if (got && r.expected)
            CHECK(got->count() == r.expected->count());
    }
    // Two digits: 1994 seen from 2026 is past, '70 is to come.
    const std::chrono::system_clock::time_point later_on{1795000000s};
    CHECK(parse_retry_after("Sunday, 06-Nov-94 08:49:47 GMT", later_on) == opt(0s));
    CHECK(parse_retry_after("Sunday, 06-Nov-70 08:49:47 GMT", later_on) == opt(30s));
}

TEST_CASE("the budget: a burst of ten, then one repeat for ten calls")
{
    retry_budget budget;
    for (int i = 0; i != 10; ++i)
        CHECK(budget.try_take());
    CHECK_FALSE(budget.try_take());
    int granted = 0;
    for (int call = 0; call != 1000; ++call) {
        budget.on_call();
        granted += budget.try_take() ? 1 : 0;
    }
    CHECK(granted == 100);
    for (int call = 0; call != 1000; ++call)
        budget.on_call();
    granted = 0;
    while (budget.try_take())
        ++granted;
    CHECK(granted == 10);
}

TEST_CASE("the breaker opens after failures in a row, and lets one probe through after its pause")
{
    const circuit_breaker::time_point t0{};
    using state = circuit_breaker::state;
    circuit_breaker breaker(3, 10s);
    const auto first = breaker.allow(t0);
    REQUIRE(first != 0);
    breaker.on_failure(first, t0);
    breaker.on_failure(first, t0);
    breaker.on_success(first);
    breaker.on_failure(first, t0);
    breaker.on_failure(first, t0);
    breaker.on_unknown(first);
    CHECK(breaker.allow(t0) == first);
    breaker.on_failure(first, t0);
    CHECK(breaker.current() == state::open);
    CHECK(breaker.allow(t0) == 0);
    CHECK(breaker.allow(t0 + 9999ms) == 0);
    auto probe = breaker.allow(t0 + 10s);
    CHECK(probe != 0);
    CHECK(breaker.current() == state::half_open);
    CHECK(breaker.allow(t0 + 10s) == 0);
    breaker.on_failure(probe, t0 + 11s);
    CHECK(breaker.allow(t0 + 20s) == 0);
    probe = breaker.allow(t0 + 21s);
    CHECK(probe != 0);
    breaker.on_unknown(probe);
    probe = breaker.allow(t0 + 21s);
    CHECK(probe != 0);
    CHECK(breaker.allow(t0 + 21s) == 0);
    breaker.on_success(probe);
    CHECK(breaker.current() == state::closed);
    CHECK(breaker.allow(t0 + 21s) != 0);
    CHECK(breaker.allow(t0 + 21s) != 0);

    circuit_breaker for_good(1, std::chrono::steady_clock::duration::max());
    for_good.on_failure(for_good.allow(t0 + 1h), t0 + 1h);
    CHECK(for_good.allow(t0 + 10000h) == 0);

    circuit_breaker off;
    for (int i = 0; i != 100; ++i)
        off.on_failure(off.allow(t0), t0);
    CHECK(off.allow(t0) != 0);
}

TEST_CASE("the outcome of a call of before the pause changes nothing after it")
{
    const circuit_breaker::time_point t0{};
    using state = circuit_breaker::state;
    circuit_breaker breaker(1, 10s);
    const auto old = breaker.allow(t0);
    breaker.on_failure(old, t0);
    const auto old_outcomes = [&](circuit_breaker::time_point now) {
        const state before = breaker.current();
        breaker.on_success(old);
        CHECK(breaker.current() == before);
        breaker.on_failure(old, now);
        CHECK(breaker.current() == before);
        breaker.on_unknown(old);
        CHECK(breaker.current() == before);
    };
    old_outcomes(t0 + 9s); // while open: the pause is not prolonged either
    const auto lost = breaker.allow(t0 + 10s);
    REQUIRE(lost != 0);
    old_outcomes(t0 + 10s);
    CHECK(breaker.allow(t0 + 10s) == 0); // no second probe
    breaker.on_unknown(lost);
    const auto probe = breaker.allow(t0 + 10s);
    REQUIRE(probe != 0);
    breaker.on_failure(lost, t0 + 10s);
    CHECK(breaker.current() == state::half_open);
    breaker.on_success(probe);
    CHECK(breaker.current() == state::closed);
    old_outcomes(t0 + 10s);
    CHECK(breaker.allow(t0 + 10s) != 0);
}
