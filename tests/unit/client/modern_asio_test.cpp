// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The completion tokens of a current Asio: deferred, as_tuple, cancel_after. Nothing is tried on an older one.
#include "flipt/client.hpp"
#include "flipt/testing/scripted_peer.hpp"
#include "flipt/testing/server.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <asio/version.hpp>

#include <doctest/doctest.h>

#if ASIO_VERSION >= 103100
#include <asio/as_tuple.hpp>
#include <asio/cancel_after.hpp>
#include <asio/deferred.hpp>

#include <chrono>

namespace {

using namespace std::chrono_literals;

flipt::config settings_for(const std::string& url)
{
    flipt::config settings;
    settings.endpoint = url;
    return settings;
}

asio::awaitable<void> with_tokens(flipt::config settings)
{
    const auto executor = co_await asio::this_coro::executor;
    flipt::client client(executor, std::move(settings), flipt::no_token());
    const flipt::evaluation_request request("flag", "entity");

    const auto deferred = co_await client.async_evaluate_boolean(request, asio::deferred);
    CHECK(deferred.enabled);

    auto found = co_await client.async_evaluate_boolean(request, asio::as_tuple);
    CHECK(std::get<0>(found) == std::error_code());
    CHECK(std::get<1>(found).enabled);

    auto missing = co_await client.async_evaluate_boolean(flipt::evaluation_request("other", "entity"),
                                                          asio::as_tuple(asio::deferred));
    CHECK(std::get<0>(missing) == flipt::errc::not_found);
}

asio::awaitable<void> with_cancel_after(flipt::config settings)
{
    const auto executor = co_await asio::this_coro::executor;
    flipt::client client(executor, std::move(settings), flipt::no_token());
    const flipt::evaluation_request request("flag", "entity");
    auto late = co_await client.async_evaluate_boolean(request, asio::cancel_after(20ms, asio::as_tuple));
    CHECK(std::get<0>(late) == asio::error::operation_aborted);
    // The connection that never answered is gone, the next one answers.
    auto next = co_await client.async_evaluate_boolean(request, asio::cancel_after(10s, asio::as_tuple));
    CHECK(std::get<0>(next) == std::error_code());
    CHECK(std::get<1>(next).enabled);
}

TEST_CASE("deferred and as_tuple")
{
    flipt::testing::server_thread server;
    server->set_boolean("flag", "entity", true);
    asio::io_context context;
    auto done = asio::co_spawn(context, with_tokens(settings_for(server->url())), asio::use_future);
    context.run();
    done.get();
}

TEST_CASE("cancel_after ends a call at once, and the next one works")
{
    flipt::testing::scripted_peer_thread peer;
    peer->add(flipt::testing::script().expect_request().hold());
    peer->add(flipt::testing::script().expect_request().reply(R"({"enabled":true,"flagKey":"flag"})").hold());
    asio::io_context context;
    auto done = asio::co_spawn(context, with_cancel_after(settings_for(peer->url())), asio::use_future);
    context.run();
    done.get();
}

} // namespace
#endif
