// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A game loop that evaluates flags in every tick and polls one io_context between them; prints the longest tick.
// live_tick [SECONDS] [FLAGS] [worker]: with "worker", documents are parsed on another thread.
#include "flipt/flipt.hpp"
#include "flipt/testing/server.hpp"

#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

namespace {

using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::string document(int flags, bool enabled)
{
    std::string out = R"({"namespace":{"key":"default"},"flags":[)";
    for (int i = 0; i < flags; ++i)
        out +=
            (i == 0 ? "" : ",") + std::string(R"({"key":"flag-)") + std::to_string(i) +
            R"(","type":"BOOLEAN_FLAG_TYPE","enabled":)" + (enabled ? "true" : "false") +
            R"(,"rollouts":[{"type":"THRESHOLD_ROLLOUT_TYPE","rank":1,"threshold":{"percentage":30,"value":true}}]})";
    return out + "]}";
}

double milliseconds(clock_type::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

} // namespace

int main(int argc, char** argv)
{
    const auto length = std::chrono::seconds(argc > 1 ? std::max(1, std::atoi(argv[1])) : 2);
    const int flags = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1000;
    const bool with_worker = argc > 3 && std::string_view(argv[3]) == "worker";

    flipt::testing::server_thread server;
    server->load(document(flags, false));

    asio::io_context io;
    asio::thread_pool pool(1);
    flipt::config settings;
    settings.endpoint = server->url();
    flipt::live_options options;
    int changes = 0;
    options.on_change = [&](const flipt::live_change&) { ++changes; };
    if (with_worker)
        options.worker = pool.get_executor();
    flipt::live_snapshot live(io.get_executor(), settings, flipt::no_token(), options);
    flipt::reader reader = live.reader();

    constexpr auto period = std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(1.0 / 60));
    clock_type::duration longest{};
    clock_type::duration longest_poll{};
    long on = 0;
    int ticks = 0;
    auto next = clock_type::now();
    for (const auto end = next + length; next < end; ++ticks) {
        const auto begin = clock_type::now();
        io.poll(); // I/O of the live snapshot, never more than what is ready
        const auto polled = clock_type::now();
        reader.current().evaluate_all("player-42", {{"region", "eu"}},
                                      [&](const flipt::flag_result& flag) { on += flag.enabled ? 1 : 0; });
        longest_poll = std::max(longest_poll, polled - begin);
        longest = std::max(longest, clock_type::now() - begin);
        if (ticks % 30 == 29)
            server->update("default", document(flags, ticks % 60 == 29));
        next += period;
        std::this_thread::sleep_until(next);
    }
    const flipt::live_state state = live.state();
    std::cout << ticks << " ticks, " << flags << " flags, " << changes << " changes seen, "
              << (state.streaming ? "streaming" : "not streaming") << ", " << on << " flags were on\n"
              << "longest poll " << milliseconds(longest_poll) << " ms, longest tick " << milliseconds(longest)
              << " ms of " << milliseconds(period) << " ms\n";
    return changes > 0 ? 0 : 1;
}
