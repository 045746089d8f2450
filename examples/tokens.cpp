// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Where tokens come from: a policy of one's own, a coroutine that fetches them, and a policy that is replaced while the
// client runs. Against an embedded server, which tells what it was sent.
// Prints:
//     JWT first
//     JWT second
//     JWT fetched
//     JWT given
//     Bearer static
#include "flipt/flipt.hpp"
#include "flipt/testing/server.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>

namespace {

// A policy is any type with a scheme and a token. With version() the client reads the token only when that changes.
class vault_token {
public:
    static constexpr std::string_view scheme = "JWT";

    explicit vault_token(std::string_view first) : token_(first) {}
    void rotate(std::string_view next)
    {
        token_ = flipt::secret(next);
        ++version_;
    }

    [[nodiscard]] std::string_view token() const noexcept { return token_.view(); }
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

private:
    flipt::secret token_; // wiped when it is freed
    std::uint64_t version_ = 1;
};

// What refreshing_token calls when there is no token, or it nears its end: ask your identity provider here. What it
// throws fails the calls that wait for it.
asio::awaitable<flipt::issued_token> ask_provider()
{
    flipt::secret bytes("fetched");
    flipt::issued_token issued(std::move(bytes), "JWT", std::chrono::system_clock::now() + std::chrono::hours(1));
    co_return issued;
}

template <class Policy>
asio::awaitable<void> ask(const flipt::client<Policy>& flags)
{
    co_await flags.list_flags();
}

template <class Policy>
void show(asio::io_context& io, const flipt::client<Policy>& flags, flipt::testing::server_thread& server)
{
    auto done = asio::co_spawn(io, ask(flags), asio::use_future);
    io.run();
    io.restart();
    done.get(); // throws flipt::error if the call failed
    std::cout << server->last_request().header("Authorization") << '\n';
}

} // namespace

int main()
{
    flipt::testing::server_thread server;
    asio::io_context io;
    flipt::config settings;
    settings.endpoint = server->url();
    // settings.tls.ca_file, certificate_file and private_key_file are for https, the latter two for mutual TLS.

    flipt::client own(io.get_executor(), settings, vault_token("first"));
    show(io, own, server);
    own.token_policy().rotate("second");
    show(io, own, server);

    const flipt::client fetched(io.get_executor(), settings, flipt::refreshing_token(&ask_provider));
    show(io, fetched, server);

    // Any of them, replaced at run time: jwt_file("/run/secrets/flipt"), kubernetes_token(), …
    flipt::client any(io.get_executor(), settings, flipt::any_token(flipt::jwt_token("given")));
    show(io, any, server);
    any.token_policy() = flipt::any_token(flipt::client_token("static"));
    show(io, any, server);
}
