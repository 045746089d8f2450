// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Token policies through the whole client.
#include "flipt/testing/jwt.hpp"
#include "flipt/token/any_token.hpp"
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/refreshing_token.hpp"
#include "flipt/token/token_file.hpp"

#include "harness.hpp"
#include "support/temporary_file.hpp"

#include <asio/use_awaitable.hpp>

#include <functional>
#include <stdexcept>

namespace {

using namespace client_test;
using flipt::testing::any_entity;
using flipt::testing::flavour;
using flipt::testing::jwt_algorithm;
using flipt::testing::jwt_claims;
using flipt::testing::jwt_key;
using flipt::testing::jwt_rules;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;
using flipt::testing::server_options;
using flipt::testing::server_thread;
using flipt_test::temporary_file;

const std::string refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}";

/// What a refreshing policy gives, and how often it was asked.
class issuer {
public:
    issuer() = default;

    int asked = 0;
    int wait_for = 0;        // turns of the loop before the answer
    bool dispatches = false; // to where it is: Asio then ends the whole refresh inside co_spawn()
    bool fails = false;
    std::string text = "issued.token.";
    std::function<void()> before_answer = [] {};
};

asio::awaitable<std::string> issue(issuer& from)
{
    const int number = ++from.asked;
    const auto executor = co_await asio::this_coro::executor;
    for (int i = 0; i < from.wait_for; ++i)
        co_await asio::post(executor, asio::use_awaitable);
    if (from.dispatches)
        co_await asio::dispatch(executor, asio::use_awaitable);
    from.before_answer();
    if (from.fails)
        throw std::runtime_error("the issuer says issued.token.no");
    co_return from.text + std::to_string(number);
}

class issue_from {
public:
    issuer* from;
    asio::awaitable<std::string> operator()() const { return issue(*from); }
};

/// The same, and shows whether it still is there.
class mortal_issue_from {
public:
    explicit mortal_issue_from(issuer& i) : from_(&i), life_(std::make_shared<int>(0)) {}
    [[nodiscard]] std::weak_ptr<int> life() const { return life_; }
    asio::awaitable<std::string> operator()() const { return issue(*from_); }

private:
    issuer* from_;
    std::shared_ptr<int> life_;
};

class throwing_policy {
public:
    static constexpr std::string_view scheme = "JWT";
    [[nodiscard]] std::string_view token() const { throw std::runtime_error("private words"); }
};

std::size_t count(const scripted_peer_thread&, const std::vector<std::string>& requests, const std::string& text)
{
    std::size_t n = 0;
    for (const std::string& r : requests)
        n += r.find(text) != std::string::npos ? 1U : 0U;
    return n;
}

} // namespace

TEST_CASE("signed JWTs, client tokens and no token against a server that looks")
{
    const jwt_key key = jwt_key::generate(jwt_algorithm::es256);
    server_options options;
    jwt_rules rules;
    rules.public_key_pem = key.public_pem();
    options.auth.jwt = rules;
    options.auth.client_tokens.emplace_back("the-client-token");
    server_thread server(options);
    server->set_boolean("flag", any_entity, true);
    asio::io_context context(1);
    const std::string good = key.sign(jwt_claims::valid_for(1h));
    const std::string expired = key.sign(jwt_claims::valid_for(-1h));

    flipt::client jwt(context.get_executor(), settings(server->url()), flipt::jwt_token(good));
    CHECK(!call(context, jwt).ec);
    flipt::client bearer(context.get_executor(), settings(server->url()), flipt::client_token("the-client-token"));
    CHECK(!call(context, bearer).ec);
    flipt::client nobody(context.get_executor(), settings(server->url()));
    CHECK(call(context, nobody).ec == errc::unauthenticated);
    CHECK(!server->last_request().has_header("authorization"));
    flipt::client late(context.get_executor(), settings(server->url(), 2), flipt::jwt_token(expired));
    const auto before = server->request_count();
    const outcome out = call(context, late);
    CHECK(out.ec == errc::unauthenticated);
    CHECK(out.status == 401);
    CHECK(out.what.find(expired) == std::string::npos);
    CHECK(out.server_message.find(expired) == std::string::npos);
    CHECK(server->request_count() == before + 1);
    late.token_policy().set(good);
    CHECK(!call(context, late).ec);

    const temporary_file file(expired + "\n");
    flipt::client from_file(context.get_executor(), settings(server->url()),
                            flipt::jwt_file(file.path(), clock::duration::zero()));
    CHECK(call(context, from_file).ec == errc::unauthenticated);
    file.write(good + "\n");
    CHECK(!call(context, from_file).ec);
}

TEST_CASE("a token that cannot be sent is refused before anything is sent, and never told")
{
    scripted_peer_thread peer;
    asio::io_context context(1);
    for (const std::string& bad :
         {std::string("a\r\nX-Evil: b"), std::string("a\nb"), std::string("a\0b", 3), std::string()}) {
        flipt::client client(context.get_executor(), settings(peer->url(), 2), flipt::jwt_token(bad));
        const outcome out = call(context, client);
        CHECK_MESSAGE(out.ec == errc::invalid_token, name_of(out.ec));
        CHECK(out.what.find("Evil") == std::string::npos);
    }
    flipt::client thrower(context.get_executor(), settings(peer->url(), 2), throwing_policy());
    const outcome out = call(context, thrower);
    CHECK(out.ec == errc::invalid_token);
    CHECK(out.what.find("private") == std::string::npos);
    flipt::client no_file(context.get_executor(), settings(peer->url(), 2), flipt::jwt_file("/nonexistent/token"));
    const outcome missing = call(context, no_file);
    CHECK(missing.ec == errc::invalid_token);
    CHECK_MESSAGE(missing.what.find("/nonexistent/token") != std::string::npos, missing.what);
    CHECK(peer->connections() == 0);
}

TEST_CASE("many calls wait for one refresh, and cancelling one of them ends only its wait")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    asio::io_context context(1);
    issuer from;
    from.wait_for = 100;
    using client_type = flipt::client<flipt::refreshing_token<issue_from>>;
    client_type client(context.get_executor(), settings(peer->url()), flipt::refreshing_token(issue_from{&from}));
    std::vector<std::unique_ptr<cancellable_call<client_type>>> calls;
    for (int i = 0; i < 20; ++i)
        calls.push_back(std::make_unique<cancellable_call<client_type>>(context, client));
    CHECK(run_until(context, [&] { return from.asked == 1; }));
    for (int i = 0; i < 20; ++i)
        context.poll_one();
    calls[0]->signal.emit(asio::cancellation_type::terminal); // the one that began the refresh
    calls[7]->signal.emit(asio::cancellation_type::terminal);
    CHECK(run_until(context,
                    [&] { return std::all_of(calls.begin(), calls.end(), [](const auto& c) { return c->ended; }); }));
    CHECK(from.asked == 1);
    for (std::size_t i = 0; i < calls.size(); ++i) {
        CAPTURE(i);
        if (i == 0 || i == 7)
            CHECK(calls[i]->out.ec == asio::error::operation_aborted);
        else
            CHECK_MESSAGE(!calls[i]->out.ec, calls[i]->out.what);
    }
    CHECK(count(peer, peer->requests(), "Authorization: JWT issued.token.1\r\n") == 18);
}

TEST_CASE("requests use the policy that was put in another's place")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    asio::io_context context(1);
    const auto sent = [&](const auto& client) {
        const outcome out = call(context, client);
        CHECK_MESSAGE(!out.ec, out.what);
        const std::string request = peer->requests().back();
        const std::size_t at = request.find("Authorization: ");
        return at == std::string::npos ? std::string() : request.substr(at + 15, request.find("\r\n", at) - at - 15);
    };
    const temporary_file first("first.of.file");
    const temporary_file second("second.of.file");

    flipt::client any(context.get_executor(), settings(peer->url()), flipt::any_token(flipt::jwt_token("one")));
    CHECK(sent(any) == "JWT one");
    any.token_policy() = flipt::any_token(flipt::jwt_token("two"));
    CHECK(sent(any) == "JWT two");
    any.token_policy() = flipt::any_token();
    CHECK(sent(any).empty());
    issuer from;
    any.token_policy() = flipt::any_token(flipt::refreshing_token(issue_from{&from}));
    CHECK(sent(any) == "JWT issued.token.1");
    any.token_policy() = flipt::any_token(flipt::token_file(first.path()));
    CHECK(sent(any) == "Bearer first.of.file");

    flipt::client jwt(context.get_executor(), settings(peer->url()), flipt::jwt_token("one"));
    CHECK(sent(jwt) == "JWT one");
    jwt.token_policy() = flipt::jwt_token("two");
    CHECK(sent(jwt) == "JWT two");

    flipt::client file(context.get_executor(), settings(peer->url()), flipt::jwt_file(first.path()));
    CHECK(sent(file) == "JWT first.of.file");
    file.token_policy() = flipt::jwt_file(second.path());
    CHECK(sent(file) == "JWT second.of.file");
}

TEST_CASE("a policy that is replaced while it fetches lives until the fetch has ended")
{
    for (const bool by_another_that_fetches : {false, true}) {
        CAPTURE(by_another_that_fetches);
        scripted_peer_thread peer;
        peer->add(script().expect_request().reply(good_json).repeat());
        asio::io_context context(1);
        issuer old;
        old.wait_for = 100;
        old.text = "old.";
        issuer next;
        bool lived = false;
        using client_type = flipt::client<flipt::any_token>;
        mortal_issue_from callable(old);
        const std::weak_ptr<int> life = callable.life();
        old.before_answer = [&] { lived = !life.expired(); };
        client_type client(context.get_executor(), settings(peer->url()),
                           flipt::any_token(flipt::refreshing_token(std::move(callable))));
        cancellable_call<client_type> waits(context, client);
        CHECK(run_until(context, [&] { return old.asked == 1; }));
        if (by_another_that_fetches)
            client.token_policy() = flipt::any_token(flipt::refreshing_token(issue_from{&next}));
        else
            client.token_policy() = flipt::any_token(flipt::jwt_token("set"));
        const outcome later = call(context, client);
        CHECK_MESSAGE(!later.ec, later.what);
        CHECK(run_until(context, [&] { return waits.ended && life.expired(); }));
        CHECK_MESSAGE(!waits.out.ec, waits.out.what);
        CHECK(lived);
        CHECK(old.asked == 1);
        CHECK(next.asked == (by_another_that_fetches ? 1 : 0));
        CHECK(count(peer, peer->requests(), by_another_that_fetches ? "JWT issued.token.1\r\n" : "JWT set\r\n") == 2);
    }
}

TEST_CASE("a refused token is renewed once and the call repeated once, also with no repeats allowed")
{
    for (const bool accepts_second : {true, false}) {
        CAPTURE(accepts_second);
        scripted_peer_thread peer;
        script play = script().expect_request().send(refusal).expect_request();
        peer->add(accepts_second ? play.reply(good_json).hold() : play.send(refusal).hold());
        asio::io_context context(1);
        issuer from;
        flipt::client client(context.get_executor(), settings(peer->url(), 0),
                             flipt::refreshing_token(issue_from{&from}));
        const outcome out = call(context, client, {.timeout = 2s});
        if (accepts_second)
            CHECK_MESSAGE(!out.ec, out.what);
        else
            CHECK_MESSAGE(out.ec == errc::unauthenticated, name_of(out.ec));
        CHECK(from.asked == 2);
        REQUIRE(peer->requests().size() == 2);
        CHECK(peer->requests()[1].find("JWT issued.token.2\r\n") != std::string::npos);
    }
}

TEST_CASE("a refresh that has ended before anybody waits for it is noticed, and the next one begins")
{
    scripted_peer_thread peer;
    const auto play = script().expect_request().reply(good_json).expect_request().send(refusal).expect_request();
    peer->add(script(play).reply(good_json).hold());
    asio::io_context context(1);
    issuer from;
    from.dispatches = true;
    flipt::refresh_options at_once;
    at_once.initial_backoff = 0ms;
    flipt::client client(context.get_executor(), settings(peer->url(), 0),
                         flipt::refreshing_token(issue_from{&from}, at_once));
    from.fails = true;
    const outcome failed = call(context, client, {.timeout = 2s});
    CHECK_MESSAGE(failed.ec == errc::invalid_token, name_of(failed.ec));
    CHECK(from.asked == 4); // no pause was asked for, but a call gives up
    from.fails = false;
    const outcome first = call(context, client, {.timeout = 2s});
    CHECK_MESSAGE(!first.ec, first.what);
    CHECK(from.asked == 5);
    const outcome renewed = call(context, client, {.timeout = 2s});
    CHECK_MESSAGE(!renewed.ec, renewed.what);
    CHECK(from.asked == 6);
    CHECK(count(peer, peer->requests(), "Authorization: JWT issued.token.6\r\n") == 1);
}

TEST_CASE("a refresh that fails is an error without its words, and is not repeated at once")
{
    scripted_peer_thread peer;
    asio::io_context context(1);
    issuer from;
    from.fails = true;
    flipt::client client(context.get_executor(), settings(peer->url(), 2), flipt::refreshing_token(issue_from{&from}));
    for (int i = 0; i < 3; ++i) {
        const outcome out = call(context, client, {.timeout = 2s});
        CHECK_MESSAGE(out.ec == errc::invalid_token, name_of(out.ec));
        CHECK(out.what.find("issued.token") == std::string::npos);
    }
    CHECK(from.asked == 1);
    CHECK(peer->connections() == 0);
}

TEST_CASE("a token that cannot be had is not the server's failure: the circuit breaker stays closed")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    asio::io_context context(1);
    issuer from;
    from.before_answer = [] { throw std::system_error(std::make_error_code(std::errc::connection_refused)); };
    auto c = settings(peer->url(), 2);
    c.circuit.failures = 1;
    c.circuit.pause = 1h;
    flipt::client client(context.get_executor(), c, flipt::any_token(flipt::refreshing_token(issue_from{&from})));
    for (int i = 0; i < 3; ++i) {
        const outcome out = call(context, client);
        CHECK_MESSAGE(out.ec == std::errc::connection_refused, name_of(out.ec));
    }
    CHECK(peer->connections() == 0);
    client.token_policy() = flipt::any_token(flipt::jwt_token("set"));
    const outcome out = call(context, client);
    CHECK_MESSAGE(!out.ec, out.what);
}

TEST_CASE("the Kubernetes exchange on both versions")
{
    const temporary_file account("service.account.token\n");
    for (const flavour version : {flavour::v1, flavour::v2}) {
        server_options options;
        options.version = version;
        options.auth.kubernetes = true;
        server_thread server(options);
        server->set_boolean("flag", any_entity, true);
        asio::io_context context(1);
        auto c = settings(server->url());
        c.max_connections = 1; // the exchange takes its turn too
        c.circuit.failures = 3;
        flipt::client client(context.get_executor(), c, flipt::kubernetes_token(account.path()));
        for (int i = 0; i < 3; ++i) {
            const outcome out = call(context, client, {.timeout = 3s});
            CHECK_MESSAGE(!out.ec, out.what);
        }
        CHECK(server->request_count() == 4);
        CHECK(!server->requests().front().has_header("authorization"));
        const std::string sent(server->last_request().header("authorization"));
        if (version == flavour::v2)
            CHECK(sent == "JWT service.account.token");
        else
            CHECK(sent.substr(0, 7) == "Bearer ");
        if (version == flavour::v1) { // tokens that are forgotten are exchanged anew
            server->revoke_exchanged_tokens();
            CHECK(!call(context, client, {.timeout = 3s}).ec);
        }
    }
    asio::io_context context(1);
    {
        server_options options; // an exchanged token's end is in the reply only
        options.version = flavour::v1;
        options.auth.kubernetes = true;
        options.auth.kubernetes_token_lifetime = -1s;
        server_thread server(options);
        flipt::client late(context.get_executor(), settings(server->url()), flipt::kubernetes_token(account.path()));
        CHECK(call(context, late).ec == errc::invalid_token);
        CHECK(server->request_count() == 1);
    }
    scripted_peer_thread peer;
    flipt::client no_file(context.get_executor(), settings(peer->url()), flipt::kubernetes_token("/nonexistent/t"));
    CHECK(call(context, no_file).ec == errc::invalid_token);
}
