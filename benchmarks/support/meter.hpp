// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a client measures of itself, and the line of JSON it prints: latencies, processor time, allocations.
#pragma once

#include "options.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

// Of support/malloc_count.cpp, which is preloaded in the runs that count.
extern "C" {
[[gnu::weak]] void bench_allocations(std::uint64_t* calls, std::uint64_t* bytes, std::uint64_t* by_new);
}

namespace bench {

#if defined(__clang__)
inline constexpr const char* compiler = "clang " __clang_version__;
#else
inline constexpr const char* compiler = "gcc " __VERSION__;
#endif

/// One run: warm-up, begin(), the requests with add() for each, end().
class meter {
public:
    using clock = std::chrono::steady_clock;

    explicit meter(const options& o) : options_(o)
    {
        if (o.latency)
            nanoseconds_.reserve(static_cast<std::size_t>(o.requests));
    }

    /// Call before and after a request; costs nothing with --no-latency.
    [[nodiscard]] clock::time_point now() const { return options_.latency ? clock::now() : clock::time_point(); }
    void add(clock::time_point started)
    {
        if (options_.latency)
            add_nanoseconds(static_cast<std::uint32_t>((clock::now() - started).count()));
    }
    /// For clients with threads, each of which keeps its own.
    void add_nanoseconds(std::uint32_t n)
    {
        if (nanoseconds_.size() < nanoseconds_.capacity())
            nanoseconds_.push_back(n);
    }

    void begin()
    {
        nanoseconds_.clear();
        if (&bench_allocations != nullptr)
            bench_allocations(&calls_, &bytes_, &news_);
        cpu_ = cpu_seconds();
        wall_ = clock::now();
    }

    /// Prints the figures per request. `good` is whether the last reply was what it should be.
    void end(bool good, const char* extra = "")
    {
        const double wall = std::chrono::duration<double>(clock::now() - wall_).count();
        const double cpu = cpu_seconds() - cpu_;
        std::uint64_t calls = 0, bytes = 0, news = 0;
        if (&bench_allocations != nullptr)
            bench_allocations(&calls, &bytes, &news);
        if (!good) {
            std::fprintf(stderr, "the last reply is not what it should be\n");
            std::exit(1);
        }
        std::sort(nanoseconds_.begin(), nanoseconds_.end());
        const auto n = static_cast<double>(options_.requests);
        std::printf("{\"requests\": %ld, \"p50_us\": %.3f, \"p99_us\": %.3f, \"cpu_us\": %.4f, \"wall_us\": %.4f",
                    options_.requests, quantile(0.50), quantile(0.99), cpu / n * 1e6, wall / n * 1e6);
        if (&bench_allocations != nullptr)
            std::printf(", \"allocations\": %.4f, \"bytes\": %.1f, \"operator_new\": %.4f",
                        static_cast<double>(calls - calls_) / n, static_cast<double>(bytes - bytes_) / n,
                        static_cast<double>(news - news_) / n);
        std::printf(", \"compiler\": \"%s\"%s}\n", compiler, extra);
    }

private:
    // getrusage() adds up scheduler ticks of milliseconds on some kernels; this clock has the same time, exactly.
    static double cpu_seconds()
    {
        timespec t{};
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
    }
    [[nodiscard]] double quantile(double q) const
    {
        if (nanoseconds_.empty())
            return 0;
        const auto at = static_cast<std::size_t>(q * static_cast<double>(nanoseconds_.size() - 1));
        return static_cast<double>(nanoseconds_[at]) / 1000.0;
    }

    options options_;
    std::vector<std::uint32_t> nanoseconds_;
    clock::time_point wall_;
    double cpu_ = 0;
    std::uint64_t calls_ = 0, bytes_ = 0, news_ = 0;
};

} // namespace bench
