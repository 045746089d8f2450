// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The program of the README: asks a server about one flag, with a JWT.
#include "flipt/flipt.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <iostream>

asio::awaitable<void> ask(std::string url, std::string jwt)
{
    flipt::config settings;
    settings.endpoint = url;
    flipt::client flags(co_await asio::this_coro::executor, settings, flipt::jwt_token(jwt));
    const auto answer =
        co_await flags.evaluate_boolean(flipt::evaluation_request("dark-mode", "ada").with("team", "red"));
    std::cout << answer.flag_key << (answer.enabled ? " is on\n" : " is off\n");
}

int main(int, char** argv)
{
    asio::io_context io;
    auto done = asio::co_spawn(io, ask(argv[1], argv[2]), asio::use_future);
    io.run();
    done.get(); // throws flipt::error if the call failed
}
