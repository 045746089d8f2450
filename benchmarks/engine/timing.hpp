// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Rounds, tables and lines of JSON for the measurements of the engine.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace bench {

using clock = std::chrono::steady_clock;

struct options {
    const char* json = nullptr;
    std::string official;
    bool quick = false;
};

inline options read_options(int count, char** arguments)
{
    options o;
    for (int i = 1; i < count; ++i) {
        if (std::strcmp(arguments[i], "--quick") == 0)
            o.quick = true;
        else if (std::strcmp(arguments[i], "--json") == 0 && i + 1 < count)
            o.json = arguments[++i];
        else if (std::strcmp(arguments[i], "--official") == 0 && i + 1 < count)
            o.official = arguments[++i];
        else
            std::fprintf(stderr, "usage: [--quick] [--json FILE] [--official libfliptengine.so]\n"), std::exit(2);
    }
    return o;
}

// Keeps the compiler from leaving out what is measured.
template <class T>
inline void keep(const T& value)
{
    asm volatile("" : : "g"(&value) : "memory");
}

struct series {
    std::string name;
    std::function<void(std::size_t)> run; // so many operations
    std::size_t operations;               // of a round
    std::vector<double> ns;               // of an operation, by round

    series(std::string n, std::size_t count, std::function<void(std::size_t)> f)
        : name(std::move(n)), run(std::move(f)), operations(count)
    {}
    [[nodiscard]] double least() const { return *std::min_element(ns.begin(), ns.end()); }
    [[nodiscard]] double median() const
    {
        auto sorted = ns;
        std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
        return sorted[sorted.size() / 2];
    }
    // The median of the ratios within a round: what disturbs a round disturbs both.
    [[nodiscard]] double ratio_to(const series& other) const
    {
        series r("", 0, {});
        for (std::size_t i = 0; i < ns.size(); ++i)
            r.ns.push_back(ns[i] / other.ns[i]);
        return r.median();
    }
};

// Interleaved: every round runs each of them once, beginning with another one each time.
inline void measure(std::vector<series>& all, int rounds)
{
    for (auto& s : all)
        s.run(s.operations / 4 + 1);
    for (int round = 0; round < rounds; ++round)
        for (std::size_t i = 0; i < all.size(); ++i) {
            auto& s = all[(i + static_cast<std::size_t>(round)) % all.size()];
            const auto before = clock::now();
            s.run(s.operations);
            s.ns.push_back(std::chrono::duration<double, std::nano>(clock::now() - before).count() /
                           static_cast<double>(s.operations));
        }
}

// Lines of JSON for charts.
class record {
public:
    explicit record(const char* path) : file_(path == nullptr ? nullptr : std::fopen(path, "w")) {}
    record(const record&) = delete;
    record& operator=(const record&) = delete;
    ~record()
    {
        if (file_ != nullptr)
            std::fclose(file_);
    }
    void add(const char* part, const std::string& series, double x, const char* unit, double value)
    {
        if (file_ != nullptr)
            std::fprintf(file_, "{\"part\":\"%s\",\"series\":\"%s\",\"x\":%g,\"unit\":\"%s\",\"value\":%.4g}\n", part,
                         series.c_str(), x, unit, value);
    }

private:
    std::FILE* file_;
};

} // namespace bench
