// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The client of the README over gRPC: `grpc_client http://localhost:9000 JWT [FLAG]`. Only the type differs.
#include "flipt/grpc/client.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <iostream>
#include <string>

asio::awaitable<void> ask(std::string url, std::string jwt, std::string flag)
{
    flipt::config settings;
    settings.endpoint = url;
    flipt::grpc_client flags(co_await asio::this_coro::executor, settings, flipt::jwt_token(jwt));
    const auto answer = co_await flags.evaluate_boolean(flipt::evaluation_request(flag, "ada").with("team", "red"));
    std::cout << answer.flag_key << (answer.enabled ? " is on\n" : " is off\n");

    const auto list = co_await flags.list_flags();
    std::cout << list.total_count << " flags in namespace " << settings.namespace_key << '\n';
}

int main(int argc, char** argv)
{
    if (argc < 3) {
        std::cerr << "usage: grpc_client URL JWT [FLAG]\n";
        return 2;
    }
    asio::io_context io;
    auto done = asio::co_spawn(io, ask(argv[1], argv[2], argc > 3 ? argv[3] : "dark-mode"), asio::use_future);
    io.run();
    try {
        done.get();
    } catch (const flipt::error& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
