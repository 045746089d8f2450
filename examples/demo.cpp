// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A tour without a Flipt server: an embedded one that wants JWTs, and a coroutine that asks it with a good and an old
// one.
#include "flipt/flipt.hpp"
#include "flipt/testing/jwt.hpp"
#include "flipt/testing/server.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <iostream>

namespace {

using namespace std::chrono_literals;

flipt::testing::server_options demanding(const flipt::testing::jwt_key& key)
{
    flipt::testing::jwt_rules rules;
    rules.public_key_pem = key.public_pem();
    rules.issuer = "flipt-cpp demo";
    flipt::testing::server_options options;
    options.auth.jwt = rules;
    return options;
}

void fill(flipt::testing::server& server)
{
    server.set_boolean("dark-mode", flipt::testing::any_entity, false, flipt::evaluation_reason::default_value);
    server.set_boolean("dark-mode", "ada", true);
    server.set_variant("checkout", flipt::testing::any_entity, "one-page", R"({"steps":1})");
}

asio::awaitable<void> tour(flipt::config settings, flipt::jwt_token good, flipt::jwt_token expired)
{
    const auto executor = co_await asio::this_coro::executor;
    flipt::client client(executor, settings, good);

    const auto listed = co_await client.list_flags();
    for (const auto& flag : listed.flags)
        std::cout << "flag      " << flag.key << " (" << to_string(flag.type) << ")\n";

    const auto boolean = co_await client.evaluate_boolean(flipt::evaluation_request("dark-mode", "ada"));
    std::cout << "boolean   dark-mode for ada: " << (boolean.enabled ? "on" : "off") << ", "
              << to_string(boolean.reason) << '\n';
    const auto variant =
        co_await client.evaluate_variant(flipt::evaluation_request("checkout", "bob").with("team", "red"));
    std::cout << "variant   checkout for bob: " << variant.variant_key << ' ' << variant.variant_attachment << '\n';

    // No exception here: a default, and why it was taken.
    std::error_code why;
    const bool missing =
        co_await client.evaluate_boolean_or(flipt::evaluation_request("no-such-flag", "ada"), true, &why);
    std::cout << "default   no-such-flag for ada: " << (missing ? "on" : "off") << ", because: " << why.message()
              << '\n';

    flipt::client late(executor, settings, expired);
    try {
        const auto refused = co_await late.evaluate_boolean(flipt::evaluation_request("dark-mode", "ada"));
        std::cout << "an expired token was accepted for " << refused.flag_key << '\n';
    } catch (const flipt::error& e) {
        std::cout << "expired   " << e.what() << " (HTTP " << e.http_status() << ")\n";
    }
}

} // namespace

int main()
{
    const auto key = flipt::testing::jwt_key::generate(flipt::testing::jwt_algorithm::es256);
    flipt::testing::server_thread server(demanding(key));
    fill(*server);

    auto claims = flipt::testing::jwt_claims::valid_for(5min);
    const std::string good = key.sign(claims.issuer("flipt-cpp demo"));
    const auto now = std::chrono::system_clock::now();
    const std::string expired = key.sign(claims.issued_at(now - 2h).not_before(now - 2h).expires_at(now - 1h));

    flipt::config settings;
    settings.endpoint = server->url();
    std::cout << "server    " << settings.endpoint << ", wants a JWT signed with " << to_string(key.algorithm())
              << '\n';

    asio::io_context io;
    auto done = asio::co_spawn(io, tour(settings, flipt::jwt_token(good), flipt::jwt_token(expired)), asio::use_future);
    io.run();
    done.get();
}
