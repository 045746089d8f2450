// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a consumer would write: a test of his own against the embedded server.
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <flipt/flipt.hpp>
#include <flipt/testing/server.hpp>
#include <iostream>

asio::awaitable<void> ask(std::string url)
{
    const auto executor = co_await asio::this_coro::executor;
    flipt::config settings;
    settings.endpoint = url;
    flipt::client client(executor, settings, flipt::no_token());
    const auto answer = co_await client.evaluate_boolean(flipt::evaluation_request("hello", "entity"));
    std::cout << answer.flag_key << ' ' << std::boolalpha << answer.enabled << '\n';
}

int main()
{
    flipt::testing::server_thread server;
    server->set_boolean("hello", "entity", true);
    asio::io_context io;
    auto done = asio::co_spawn(io, ask(server->url()), asio::use_future);
    io.run();
    done.get();
}
