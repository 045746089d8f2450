// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the tests of the client share: running a coroutine to its end, and outcomes as values.
#pragma once

#include "flipt/client.hpp"
#include "flipt/testing/scripted_peer.hpp"
#include "flipt/testing/server.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace client_test {

using namespace std::chrono_literals;
using flipt::errc;
using clock = std::chrono::steady_clock;

/// How a call ended, as far as tests look at it.
class outcome {
public:
    outcome() = default;

    std::error_code ec;
    std::string what;
    std::string server_message;
    int status = 0;
    int attempts = 0;
    bool done = false;
    flipt::boolean_evaluation answer;
};

/// For messages: the error by its category and name.
inline std::string name_of(const std::error_code& ec)
{
    return std::string(ec.category().name()) + ":" + std::to_string(ec.value()) + " " + ec.message();
}

/// Evaluates "flag" for "entity" and keeps the outcome.
template <class Client>
asio::awaitable<void> evaluate(const Client& client, outcome& out, flipt::call_options options = {})
{
    flipt::evaluation_request request("flag", "entity");
    try {
        out.answer = co_await client.evaluate_boolean(std::move(request), options);
    } catch (const flipt::error& e) {
        out.ec = e.code();
        out.what = e.what();
        out.server_message = e.server_message();
        out.status = e.http_status();
        out.attempts = e.details().attempts();
    } catch (const std::system_error& e) {
        out.ec = e.code();
        out.what = e.what();
    }
    out.done = true;
}

/// Runs a coroutine to its end; rethrows what it threw.
template <class T>
void run(asio::io_context& context, asio::awaitable<T> work)
{
    std::exception_ptr failure;
    bool ended = false;
    auto on_end = [&](std::exception_ptr e) {
        failure = std::move(e);
        ended = true;
    };
    asio::co_spawn(context, std::move(work), on_end);
    context.restart();
    while (!ended && context.run_one() != 0) {}
    CHECK(ended);
    if (failure)
        std::rethrow_exception(failure);
}

/// One call to its end.
template <class Client>
outcome call(asio::io_context& context, const Client& client, flipt::call_options options = {})
{
    outcome out;
    run(context, evaluate(client, out, options));
    return out;
}

/// A call that can be cancelled from outside.
template <class Client>
class cancellable_call {
public:
    cancellable_call(asio::io_context& context, const Client& client, flipt::call_options options = {})
    {
        auto on_end = [this](std::exception_ptr) { ended = true; };
        asio::co_spawn(context, evaluate(client, out, options),
                       asio::bind_cancellation_slot(signal.slot(), std::move(on_end)));
    }
    cancellable_call(const cancellable_call&) = delete;
    cancellable_call& operator=(const cancellable_call&) = delete;

    asio::cancellation_signal signal;
    outcome out;
    bool ended = false;
};

/// Runs handlers until `done` says so; false when that took too long.
template <class Done>
bool run_until(asio::io_context& context, Done done, clock::duration limit = 10s)
{
    const auto end = clock::now() + limit;
    context.restart();
    while (!done()) {
        if (clock::now() >= end)
            return false;
        context.run_one_for(1ms);
        if (context.stopped())
            context.restart();
    }
    return true;
}

inline const std::string good_json =
    R"({"enabled":true,"reason":"MATCH_EVALUATION_REASON","requestId":"r","requestDurationMillis":0.5,)"
    R"("timestamp":"2026-01-02T03:04:05Z","flagKey":"flag","segmentKeys":[]})";

inline std::string http_ok(const std::string& body)
{
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

/// Settings for a peer, with short pauses and no repeats.
inline flipt::config settings(std::string url, int attempts = 0)
{
    flipt::config c;
    c.endpoint = std::move(url);
    c.retry.retries = attempts;
    c.retry.initial_backoff = 1ms;
    c.retry.max_backoff = 2ms;
    return c;
}

/// A resolver whose answers the test gives.
class manual_resolver final : public flipt::host_resolver {
public:
    void start(const std::string& host, std::uint16_t port, completion done) override
    {
        asked.push_back(host + ":" + std::to_string(port));
        pending.push_back(std::move(done));
    }
    void answer(std::error_code ec, addresses list)
    {
        auto done = std::move(pending.front());
        pending.erase(pending.begin());
        done(ec, std::move(list));
    }

    std::vector<std::string> asked;
    std::vector<completion> pending;
};

} // namespace client_test
