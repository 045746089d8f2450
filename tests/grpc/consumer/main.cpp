// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A user's program: asks a server that is not there.
#include "flipt/grpc/client.hpp"

#include <asio/io_context.hpp>

#include <iostream>

int main()
{
    asio::io_context io;
    flipt::config settings;
    settings.endpoint = "http://127.0.0.1:1";
    settings.retry.retries = 0;
    flipt::grpc_client flags(io.get_executor(), settings, flipt::jwt_token("abc"));
    bool hello = false;
    flags.async_evaluate_boolean(
        flipt::evaluation_request("f", "e"),
        [&](std::error_code ec, const flipt::boolean_evaluation&) { hello = ec == asio::error::not_connected; });
    io.run();
    std::cout << "hello " << std::boolalpha << hello << '\n';
}
