// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Flags in the process for a program without an io_context: a thread keeps them fresh, workers read them.
#include "flipt/live/live_thread.hpp"

#include "flipt/testing/server.hpp"

#include <asio/use_future.hpp>

#include <iostream>
#include <string>
#include <thread>
#include <vector>

int main()
{
    flipt::testing::server_thread server; // in place of a Flipt
    server->set_boolean("dark-mode", flipt::testing::any_entity, false);

    flipt::config settings;
    settings.endpoint = server->url();
    flipt::live_thread live(settings, flipt::jwt_token("any"));
    live->async_wait_ready(asio::use_future).get(); // once, at the start; throws when there is nothing to start with

    auto changed = live->async_next_change(asio::use_future);
    server->load(R"({"flags":[{"key":"dark-mode","type":"BOOLEAN_FLAG_TYPE","enabled":true}]})");
    for (const std::string& key : changed.get().flags.changed)
        std::cout << "changed: " << key << '\n';

    std::vector<std::thread> workers;
    for (int i = 0; i < 4; ++i)
        workers.emplace_back([&live] {
            flipt::reader flags = live->reader(); // one for each thread
            for (int n = 0; n < 100'000; ++n)
                if (!flags.evaluate_boolean_or("dark-mode", "player-" + std::to_string(n), false))
                    std::cout << "off?\n";
        });
    for (auto& worker : workers)
        worker.join();
    std::cout << "dark-mode is on\n";
}
