// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// When a live snapshot asks the server next: pure decisions, time and chance are passed in.
#pragma once

#include "flipt/detail/later.hpp"
#include "flipt/protocol/retry.hpp"

#include <algorithm>
#include <chrono>

namespace flipt::inline v0::detail {

class live_schedule {
public:
    using clock = std::chrono::steady_clock;

    class settings {
    public:
        settings() = default;

        clock::duration interval = std::chrono::seconds(10);
        clock::duration watchdog = std::chrono::seconds(30);
        clock::duration initial_backoff = std::chrono::milliseconds(100);
        clock::duration max_backoff = std::chrono::seconds(5);
    };

    explicit live_schedule(const settings& s) noexcept : settings_(s)
    {
        settings_.initial_backoff = std::max(settings_.initial_backoff, least_backoff);
        settings_.max_backoff = std::max(settings_.max_backoff, least_backoff);
    }

    /// The server answered. Without a stream the next question is due after the interval, with one after the
    /// watchdog's; a tenth more or less, so that many programs do not ask at the same moment.
    void on_success(clock::time_point now, bool streaming, double random) noexcept
    {
        failures_ = 0;
        due_ = later(now, jittered(streaming ? settings_.watchdog : settings_.interval, random));
    }
    /// It did not, or its answer was no use: a growing pause with full jitter, however short those of calls are.
    void on_failure(clock::time_point now, double random) noexcept
    {
        due_ = later(now, backoff(failures_, settings_.initial_backoff, settings_.max_backoff, random));
        failures_ = std::min(failures_ + 1, most_failures);
    }
    /// A stream began.
    void on_stream_open(clock::time_point now) noexcept { opened_ = now; }
    /// A stream brought something, so the connection is well.
    void on_message(clock::time_point now, double random) noexcept
    {
        failures_ = 0;
        due_ = later(now, jittered(settings_.watchdog, random));
    }
    /// A stream ended. One that lived counts as no failure; streams that keep ending at once are tried ever more
    /// rarely.
    void on_stream_end(clock::time_point now, double random) noexcept
    {
        if (now - opened_ >= settings_.interval)
            short_streams_ = 0;
        due_ = later(now, backoff(short_streams_, settings_.initial_backoff, settings_.max_backoff, random));
        short_streams_ = std::min(short_streams_ + 1, most_failures);
    }
    /// The server has no stream: ask in the interval, and try to open one again later.
    void on_stream_refused(clock::time_point now, double random) noexcept
    {
        stream_from_ = now + refusal_pause;
        due_ = later(now, jittered(settings_.interval, random));
    }
    void ask_now(clock::time_point now) noexcept { due_ = now; }

    [[nodiscard]] clock::time_point due() const noexcept { return due_; }
    [[nodiscard]] bool may_stream(clock::time_point now) const noexcept { return now >= stream_from_; }
    [[nodiscard]] int failures() const noexcept { return failures_; }

    static constexpr clock::duration refusal_pause = std::chrono::minutes(5);
    /// A call repeated without a pause ends after a few times, this loop never: with such settings it would keep a
    /// server that is in trouble, and a processor, busy. As much as the first pause is by default, so on average at
    /// most 20 questions a second.
    static constexpr clock::duration least_backoff = std::chrono::milliseconds(100);

private:
    static clock::duration jittered(clock::duration d, double random) noexcept
    {
        const double ticks = static_cast<double>(d.count()) * (0.9 + 0.2 * random);
        // The largest duration, as a double, is one more.
        if (ticks >= static_cast<double>(clock::duration::max().count()))
            return clock::duration::max();
        return clock::duration(static_cast<clock::duration::rep>(ticks));
    }

    static constexpr int most_failures = 30;

    settings settings_;
    clock::time_point due_{};
    clock::time_point opened_{};
    clock::time_point stream_from_{};
    int failures_ = 0;
    int short_streams_ = 0;
};

} // namespace flipt::inline v0::detail
