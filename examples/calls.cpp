// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Calls in other ways than the README's: many flags at once, a callback, a deadline, a cancellation, and what is known
// of a failure. Against an embedded server that is told to misbehave, as in tests of yours.
// Prints:
//     batch      dark-mode is on
//     batch      no-such-flag is not there
//     callback   the server failed, HTTP 503 after 1 request
//     deadline   off, because the deadline passed
//     cancelled  yes
#include "flipt/flipt.hpp"
#include "flipt/testing/server.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <iostream>
#include <variant>

namespace {

using namespace std::chrono_literals;
using flipt::testing::fault;

// Many flags in one request, into a result that keeps its memory for the next one.
asio::awaitable<void> many(const flipt::client<>& flags)
{
    flipt::batch_request request;
    request.add(flipt::evaluation_request("dark-mode", "ada"));
    request.add(flipt::evaluation_request("no-such-flag", "ada"));
    flipt::batch_evaluation answer;
    co_await flags.evaluate_batch(request, answer);
    for (const flipt::batch_item& item : answer.responses) {
        if (const auto* boolean = std::get_if<flipt::boolean_evaluation>(&item))
            std::cout << "batch      " << boolean->flag_key << (boolean->enabled ? " is on\n" : " is off\n");
        else if (const auto* missing = std::get_if<flipt::error_evaluation>(&item))
            std::cout << "batch      " << missing->flag_key << " is not there\n";
    }
}

// A callback in place of a coroutine, no repeats, and what is known beyond the error code.
void with_callback(asio::io_context& io, const flipt::client<>& flags)
{
    flipt::diagnostics details; // lives until the call completes
    flipt::call_options options;
    options.retries = 0;
    options.diagnostics = &details;
    flags.async_evaluate_boolean(flipt::evaluation_request("dark-mode", "ada"), options,
                                 [&](std::error_code ec, const flipt::boolean_evaluation&) {
                                     std::cout << "callback   " << ec.message() << ", HTTP " << details.http_status()
                                               << " after " << details.attempts() << " request\n";
                                 });
    io.run();
    io.restart();
}

// The whole call has 20 ms; no exception, but the value to go on with, and why.
asio::awaitable<void> in_time(const flipt::client<>& flags)
{
    flipt::call_options options;
    options.timeout = 20ms;
    flipt::evaluation_request request("dark-mode", "ada");
    std::error_code why;
    const bool on = co_await flags.evaluate_boolean_or(std::move(request), false, &why, options);
    std::cout << "deadline   " << (on ? "on" : "off") << ", because " << why.message() << '\n';
}

// Any call can be cancelled through the slot of its handler.
void cancelled(asio::io_context& io, const flipt::client<>& flags)
{
    asio::cancellation_signal stop;
    flags.async_list_flags(flipt::list_options(),
                           asio::bind_cancellation_slot(stop.slot(), [](std::error_code ec, const flipt::flag_list&) {
                               std::cout << "cancelled  " << (ec == asio::error::operation_aborted ? "yes\n" : "no\n");
                           }));
    stop.emit(asio::cancellation_type::terminal);
    io.run();
    io.restart();
}

void run(asio::io_context& io, asio::awaitable<void> work)
{
    auto done = asio::co_spawn(io, std::move(work), asio::use_future);
    io.run();
    io.restart();
    done.get(); // throws flipt::error if a call failed
}

} // namespace

int main()
{
    flipt::testing::server_thread server;
    server->set_boolean("dark-mode", flipt::testing::any_entity, true);

    asio::io_context io;
    flipt::config settings;
    settings.endpoint = server->url();
    settings.circuit.failures = 10; // after ten failures in a row calls end at once, for a while
    const flipt::client flags(io.get_executor(), settings);

    run(io, many(flags));
    server->add(fault().status(503, R"({"code":14,"message":"restarting","details":[]})"));
    with_callback(io, flags);
    server->add(fault().no_answer());
    run(io, in_time(flags));
    server->add(fault().no_answer());
    cancelled(io, flags);
}
