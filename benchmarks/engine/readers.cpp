// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// reader::current() of a live snapshot, from one thread to as many as there are, with and without a writer.
#include "flipt/live/reader.hpp"

#include "documents.hpp"
#include "timing.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <sched.h>
#include <thread>
#include <vector>

using namespace bench;

namespace {

double run(unsigned threads, int swaps_per_second, std::size_t loads, std::uint64_t& seen_swaps)
{
    auto place = std::make_shared<flipt::detail::publication>();
    const std::string json = document({100});
    std::atomic<bool> stop{false};
    std::thread writer([&] {
        while (swaps_per_second != 0 && !stop) {
            place->publish(std::make_shared<const flipt::snapshot>(*flipt::snapshot::parse(json)));
            std::this_thread::sleep_for(std::chrono::microseconds(1000000 / swaps_per_second));
        }
    });
    std::vector<double> best(threads);
    std::vector<std::thread> readers;
    for (unsigned t = 0; t < threads; ++t)
        readers.emplace_back([&, t] {
            flipt::reader reader(place);
            best[t] = 1e18;
            for (int round = 0; round < 20; ++round) {
                const auto before = bench::clock::now();
                for (std::size_t i = 0; i < loads; ++i)
                    keep(reader.current());
                const double ns = std::chrono::duration<double, std::nano>(bench::clock::now() - before).count();
                best[t] = std::min(best[t], ns / static_cast<double>(loads));
            }
        });
    for (auto& r : readers)
        r.join();
    stop = true;
    writer.join();
    seen_swaps = place->version() - 1;
    double sum = 0;
    for (const double ns : best)
        sum += ns / threads;
    return sum;
}

} // namespace

int main(int argc, char** argv)
{
    const options o = read_options(argc, argv);
    record out(o.json);
    cpu_set_t every;
    CPU_ZERO(&every);
    for (unsigned i = 0; i < std::thread::hardware_concurrency() || i < 64; ++i)
        CPU_SET(i, &every);
    ::sched_setaffinity(0, sizeof every, &every); // whatever core the caller gave
    cpu_set_t given;
    ::sched_getaffinity(0, sizeof given, &given);
    const auto cores = static_cast<unsigned>(CPU_COUNT(&given));
    std::puts("| reader threads | swaps a second | least ns of a current(), mean of the threads | swaps seen "
              "|\n|---|---|---|---|");
    for (const int swaps : {0, 100, 1000})
        for (unsigned threads = 1; threads <= cores; threads *= 2) {
            std::uint64_t seen = 0;
            const double ns = run(threads, swaps, o.quick ? 5000000 : 20000000, seen);
            std::printf("| %u | %d | %.2f | %llu |\n", threads, swaps, ns, static_cast<unsigned long long>(seen));
            out.add("readers", std::to_string(swaps) + " swaps a second", threads, "ns", ns);
        }
}
