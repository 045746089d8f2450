// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// When the server is asked next, with invented clocks and chance.
#include "flipt/live/schedule.hpp"

#include <doctest/doctest.h>

#include <utility>

namespace {

using namespace std::chrono_literals;
using flipt::detail::live_schedule;
using clock = live_schedule::clock;

const clock::time_point start = clock::time_point() + 1h;

TEST_CASE("the first question is due at once")
{
    const live_schedule s{live_schedule::settings()};
    CHECK(s.due() <= start);
    CHECK(s.may_stream(start));
}

TEST_CASE("after an answer the interval passes, or with a stream the watchdog's, a tenth more or less")
{
    live_schedule s{live_schedule::settings()};
    s.on_success(start, false, 0.5);
    CHECK(s.due() == start + 10s);
    s.on_success(start, false, 0.0);
    CHECK(s.due() == start + 9s);
    s.on_success(start, false, 0.999);
    CHECK(s.due() > start + 10900ms);
    CHECK(s.due() < start + 11s);
    s.on_success(start, true, 0.5);
    CHECK(s.due() == start + 30s);
    s.on_message(start + 20s, 0.5);
    CHECK(s.due() == start + 50s);
    s.ask_now(start + 21s);
    CHECK(s.due() == start + 21s);
}

TEST_CASE("failures are answered with growing pauses up to a limit, and forgotten by a success")
{
    live_schedule s{live_schedule::settings()};
    clock::duration before{};
    for (int i = 0; i < 5; ++i) {
        s.on_failure(start, 0.999);
        CHECK(s.due() - start > before);
        before = s.due() - start;
    }
    for (int i = 0; i < 100; ++i)
        s.on_failure(start, 0.999);
    CHECK(s.due() - start <= 5s);
    CHECK(s.due() - start > 4s);
    CHECK(s.failures() > 0);
    s.on_success(start, false, 0.5);
    CHECK(s.failures() == 0);
    s.on_failure(start, 0.999);
    CHECK(s.due() - start <= 100ms);
    s.on_failure(start, 0.0);
    CHECK(s.due() == start); // full jitter
}

TEST_CASE("without a pause between a call's repeats there is one here, after failures and after streams")
{
    for (const auto& [initial, max] :
         {std::pair<clock::duration, clock::duration>(0s, 5s), std::pair<clock::duration, clock::duration>(100ms, 0s),
          std::pair<clock::duration, clock::duration>(0s, 0s), std::pair<clock::duration, clock::duration>(-1s, -1s)}) {
        live_schedule::settings few;
        few.initial_backoff = initial;
        few.max_backoff = max;
        live_schedule s(few);
        for (int i = 0; i < 40; ++i) {
            s.on_failure(start, 0.5);
            CHECK(s.due() - start >= 50ms);
            s.on_stream_open(start);
            s.on_stream_end(start, 0.5);
            CHECK(s.due() - start >= 50ms);
        }
        CHECK(s.due() - start <= 5s);
    }
}

TEST_CASE("streams that keep ending at once are opened ever more rarely; one that lived is opened again soon")
{
    live_schedule s{live_schedule::settings()};
    clock::time_point now = start;
    for (int i = 0; i < 10; ++i) {
        s.on_stream_open(now);
        s.on_stream_end(now, 0.999);
        now = s.due();
    }
    CHECK(now - start > 10s);
    s.on_stream_open(now);
    s.on_stream_end(now + 1min, 0.999);
    CHECK(s.due() <= now + 1min + 100ms);
}

TEST_CASE("the longest times there are mean never, whatever chance says")
{
    const clock::time_point now = clock::time_point::max() - 24h * 365 * 200; // a clock that has run for 92 years
    live_schedule::settings never;
    never.interval = never.watchdog = never.initial_backoff = never.max_backoff = clock::duration::max();
    for (const double random : {0.0, 0.25, 0.5, 0.501, 0.999}) {
        CAPTURE(random);
        live_schedule s(never);
        s.on_success(now, false, random);
        CHECK(s.due() == clock::time_point::max());
        s.on_success(now, true, random);
        CHECK(s.due() == clock::time_point::max());
        s.on_message(now, random);
        CHECK(s.due() == clock::time_point::max());
        s.on_stream_refused(now, random);
        CHECK(s.due() == clock::time_point::max());
        s.on_failure(now, random);
        CHECK(s.due() >= now);
        s.on_stream_end(now, random);
        CHECK(s.due() >= now);
    }
}

TEST_CASE("a server that has no stream is asked in the interval, and for a stream again after a while")
{
    live_schedule s{live_schedule::settings()};
    s.on_stream_refused(start, 0.5);
    CHECK(s.due() == start + 10s);
    CHECK_FALSE(s.may_stream(start + 10s));
    CHECK(s.may_stream(start + live_schedule::refusal_pause));
}

} // namespace
