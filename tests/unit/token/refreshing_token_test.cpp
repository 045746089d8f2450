// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Tokens from a coroutine of the user's, and from Kubernetes.
#include "flipt/token/any_token.hpp"
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/provider.hpp"
#include "flipt/token/refreshing_token.hpp"
#include "flipt/types/error.hpp"

#include "freed_memory.hpp"
#include "support/temporary_file.hpp"
#include "tokens.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <ostream>
#include <string>

namespace {

using flipt::errc;
using flipt::issued_token;
using flipt::refresh_options;
using flipt::refreshing_token;
using flipt::secret;
using flipt::token_callable;
using flipt::v0::detail::make_provider;
using flipt::v0::detail::token_provider;
using flipt::v0::detail::token_state;
using flipt::v0::detail::token_view;
using namespace std::chrono_literals;

// Gives back the token it got, as v2 does, or one of its own.
class fake_transport : public flipt::token_transport {
public:
    asio::awaitable<issued_token> exchange_kubernetes(const secret& sent) override
    {
        ++exchanges;
        received = std::string(sent.view());
        if (refuses)
            throw flipt::error(errc::unauthenticated);
        issued_token result(answer.empty() ? sent.copy() : secret(answer), "ignored", expires_at);
        co_return std::move(result);
    }

    int exchanges = 0;
    std::string received;
    std::string answer;
    std::optional<std::chrono::system_clock::time_point> expires_at;
    bool refuses = false;
};

token_state look(token_provider& provider, token_view& view, std::error_code& ec)
{
    return provider.look(std::chrono::system_clock::now(), std::chrono::steady_clock::now(), view, ec);
}

asio::awaitable<std::string> plain_function() { co_return std::string("from-a-function"); }
[[maybe_unused]] asio::awaitable<int> wrong_result() { co_return 1; }
[[maybe_unused]] asio::awaitable<std::string> wrong_arguments(int) { co_return std::string(); }

static_assert(token_callable<decltype(&plain_function)>);
static_assert(!token_callable<decltype(&wrong_result)>);
static_assert(!token_callable<decltype(&wrong_arguments)>);
static_assert(!token_callable<std::string (*)()>);
static_assert(!token_callable<int>);

TEST_CASE("each kind of callable gives a token")
{
    fake_transport transport;
    token_view view;
    std::error_code ec;

    auto function = make_provider(refreshing_token(&plain_function));
    CHECK(look(*function, view, ec) == token_state::absent);
    token_test::run(function->refresh(transport));
    CHECK(look(*function, view, ec) == token_state::ready);
    CHECK(view.token == "from-a-function");
    CHECK(view.scheme == "JWT");

    refresh_options options;
    options.scheme = "Bearer";
    int calls = 0;
    auto capturing = [&calls]() -> asio::awaitable<std::string> {
        ++calls;
        co_return "call-" + std::to_string(calls);
    };
    auto lambda = make_provider(refreshing_token(capturing, options));
    token_test::run(lambda->refresh(transport));
    token_test::run(lambda->refresh(transport));
    CHECK(look(*lambda, view, ec) == token_state::ready);
    CHECK(view.token == "call-2");
    CHECK(view.scheme == "Bearer");

    auto owned = std::make_unique<std::string>("move-only");
    auto secretive = [owned = std::move(owned)]() -> asio::awaitable<secret> { co_return secret(*owned); };
    auto moving = make_provider(refreshing_token(std::move(secretive)));
    token_test::run(moving->refresh(transport));
    CHECK(look(*moving, view, ec) == token_state::ready);
    CHECK(view.token == "move-only");

    auto issuing = []() -> asio::awaitable<issued_token> {
        issued_token result(secret("issued"), "Bearer", std::chrono::system_clock::now() + 30s);
        co_return std::move(result);
    };
    auto issued = make_provider(flipt::any_token(refreshing_token(issuing)));
    token_test::run(issued->refresh(transport));
    CHECK(look(*issued, view, ec) == token_state::ready);
    CHECK(view.scheme == "Bearer");
    CHECK(issued->look(std::chrono::system_clock::now() + 31s, std::chrono::steady_clock::now() + 31s, view, ec) ==
          token_state::absent);
}

TEST_CASE("the margin and the pauses are those of the options")
{
    fake_transport transport;
    refresh_options options;
    options.margin = 600s;
    options.initial_backoff = 10s;
    options.max_backoff = 10s;
    bool fails = false;
    auto callable = [&fails]() -> asio::awaitable<std::string> {
        if (fails)
            throw std::runtime_error("no");
        co_return token_test::jwt_until(std::chrono::system_clock::now() + 3600s);
    };
    auto provider = make_provider(refreshing_token(callable, options));
    token_test::run(provider->refresh(transport));
    token_view view;
    std::error_code ec;
    const auto now = std::chrono::system_clock::now();
    const auto steady = std::chrono::steady_clock::now();
    CHECK(provider->look(now + 2990s, steady, view, ec) == token_state::ready);
    CHECK(provider->look(now + 3010s, steady, view, ec) == token_state::ready_refresh_due);
    fails = true;
    token_test::run(provider->refresh(transport));
    CHECK(provider->look(now + 3010s, steady + 5s, view, ec) == token_state::ready);
    CHECK(provider->look(now + 3010s, steady + 15s, view, ec) == token_state::ready_refresh_due);
    CHECK(provider->look(now + 3601s, steady + 5s, view, ec) == token_state::failed);
    CHECK((ec == errc::invalid_token));
}

TEST_CASE("a refreshed token is wiped")
{
    constexpr std::string_view text = "a-token-that-was-refreshed-0123456789";
    fake_transport transport;
    const token_test::freed_memory_watch watch(text);
    {
        auto callable = [&]() -> asio::awaitable<std::string> { co_return std::string(text); };
        auto provider = make_provider(refreshing_token(callable));
        for (int i = 0; i < 3; ++i)
            token_test::run(provider->refresh(transport));
        token_view view;
        std::error_code ec;
        CHECK(look(*provider, view, ec) == token_state::ready);
        CHECK(view.token == text);
    }
    CHECK(watch.hits() == 0);
}

TEST_CASE("a service account token that comes back is a JWT, another answer is a client token")
{
    const flipt_test::temporary_file file("account-token\n");
    fake_transport transport;
    auto provider = make_provider(flipt::kubernetes_token(file.path()));
    token_view view;
    std::error_code ec;
    CHECK(look(*provider, view, ec) == token_state::absent);
    token_test::run(provider->refresh(transport));
    CHECK(look(*provider, view, ec) == token_state::ready);
    CHECK(view.scheme == "JWT");
    CHECK(view.token == "account-token");
    CHECK(transport.received == "account-token");

    transport.answer = "issued-by-v1";
    transport.expires_at = std::chrono::system_clock::now() + 1h;
    file.write("another-account-token");
    token_test::run(provider->refresh(transport));
    CHECK(look(*provider, view, ec) == token_state::ready);
    CHECK(view.scheme == "Bearer");
    CHECK(view.token == "issued-by-v1");
    CHECK(transport.received == "another-account-token");
    CHECK(transport.exchanges == 2);
    CHECK(provider->look(std::chrono::system_clock::now() + 59min + 30s, std::chrono::steady_clock::now(), view, ec) ==
          token_state::ready_refresh_due);
}

TEST_CASE("a login that fails says why: the server's refusal, or the file by name")
{
    const flipt_test::temporary_file file("account-token");
    fake_transport transport;
    transport.refuses = true;
    auto refused = make_provider(flipt::kubernetes_token(file.path()));
    token_test::run(refused->refresh(transport));
    token_view view;
    std::error_code ec;
    CHECK(look(*refused, view, ec) == token_state::failed);
    CHECK((ec == errc::unauthenticated));

    auto missing = make_provider(flipt::kubernetes_token(file.path() + ".missing"));
    token_test::run(missing->refresh(transport));
    CHECK(look(*missing, view, ec) == token_state::failed);
    CHECK((ec == errc::invalid_token));
    CHECK(missing->detail().find(file.path() + ".missing") != std::string_view::npos);
    CHECK(std::string_view(flipt::kubernetes_token::default_path) ==
          "/var/run/secrets/kubernetes.io/serviceaccount/token");
    CHECK(flipt::kubernetes_token().path() == flipt::kubernetes_token::default_path);
}

} // namespace
