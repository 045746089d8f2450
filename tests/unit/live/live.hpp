// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the tests of live snapshots share: settings, and a way to run a coroutine to its end.
#pragma once

#include "flipt/live/live_snapshot.hpp"
#include "flipt/testing/server.hpp"

#include "unit/live/documents.hpp"

#include <asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace test {

using namespace std::chrono_literals;

inline flipt::config settings(const flipt::testing::server& server)
{
    flipt::config out;
    out.endpoint = server.url();
    out.retry.initial_backoff = 1ms;
    out.retry.max_backoff = 20ms;
    return out;
}

/// Runs `io` until the coroutine ended; rethrows what it threw. Other work stays in `io`.
inline void run(asio::io_context& io, asio::awaitable<void> coroutine)
{
    bool done = false;
    std::exception_ptr thrown;
    auto ended = [&](std::exception_ptr e) {
        thrown = std::move(e);
        done = true;
    };
    asio::co_spawn(io, std::move(coroutine), std::move(ended));
    io.restart();
    while (!done && io.run_one() != 0) {}
    if (thrown)
        std::rethrow_exception(thrown);
}

/// Runs `io` until `done()`; false when that takes longer than ten seconds.
template <class Done>
bool run_until(asio::io_context& io, Done done)
{
    const auto limit = std::chrono::steady_clock::now() + 10s;
    io.restart();
    while (!done()) {
        if (std::chrono::steady_clock::now() > limit)
            return false;
        io.run_one_for(10ms);
    }
    return true;
}

} // namespace test
