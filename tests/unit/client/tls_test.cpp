// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// TLS through the whole client: who is believed, and what is said of those who are not.
#include "flipt/net/tls_error.hpp"
#include "flipt/testing/certificates.hpp"

#include "harness.hpp"
#include "support/temporary_file.hpp"

#include <openssl/crypto.h>

namespace {

using namespace client_test;
using flipt::testing::any_entity;
using flipt::testing::certificate;
using flipt::testing::certificate_authority;
using flipt::testing::certificate_request;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;
using flipt::testing::server_options;
using flipt::testing::server_thread;
using flipt::testing::tls_settings;
using flipt::testing::tls_version;
using flipt_test::temporary_file;

const certificate_authority& authority()
{
    static const certificate_authority made;
    return made;
}

server_options https(certificate identity)
{
    server_options options;
    options.tls = tls_settings(std::move(identity));
    return options;
}

flipt::config trusting(std::string url)
{
    auto c = settings(std::move(url), 2);
    c.tls.ca_pem = authority().certificate_pem();
    return c;
}

outcome try_once(const flipt::config& c, std::shared_ptr<flipt::host_resolver> resolver = nullptr)
{
    asio::io_context context;
    flipt::client client(context.get_executor(), c, flipt::jwt_token("secret.token.bytes"), std::move(resolver));
    return call(context, client, {.timeout = 5s});
}

/// Every name is the loopback interface.
class loopback_resolver final : public flipt::host_resolver {
public:
    explicit loopback_resolver(asio::io_context& context) : context_(context) {}
    void start(const std::string&, std::uint16_t port, completion done) override
    {
        asio::post(context_, [port, done = std::move(done)] {
            done({}, {asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port)});
        });
    }

private:
    asio::io_context& context_;
};

outcome by_name(const flipt::config& c)
{
    asio::io_context context;
    flipt::client client(context.get_executor(), c, flipt::no_token(), std::make_shared<loopback_resolver>(context));
    return call(context, client, {.timeout = 5s});
}

} // namespace

TEST_CASE("a certificate of the right authority is believed, by text and by file, by name and by address")
{
    server_thread server(https(authority().issue_localhost()));
    server->set_boolean("flag", any_entity, true);
    const temporary_file ca(authority().certificate_pem());
    for (const char* host : {"127.0.0.1", "localhost"})
        for (const bool file : {false, true}) {
            CAPTURE(std::string(host));
            auto c = settings(server->url(host));
            if (file)
                c.tls.ca_file = ca.path();
            else
                c.tls.ca_pem = authority().certificate_pem();
            const outcome out = by_name(c);
            CHECK_MESSAGE(!out.ec, out.what);
            CHECK(out.answer.enabled);
            const auto seen = server->observe().each.back();
            CHECK(seen.tls_version == "TLSv1.3");
            CHECK(seen.server_name == (std::string(host) == "localhost" ? "localhost" : "")); // RFC 6066: no addresses
        }
}

TEST_CASE("who cannot be believed gets nothing, and the text says why")
{
    const certificate_authority other("another CA");
    class bad {
    public:
        std::string name;
        certificate identity;
        std::string host;
        std::string says;
    };
    std::vector<bad> cases;
    const auto add = [&](const char* name, certificate identity, const char* host, const char* says) {
        bad b;
        b.name = name;
        b.identity = std::move(identity);
        b.host = host;
        b.says = says;
        cases.push_back(std::move(b));
    };
    const auto issue = [](const certificate_request& r) { return authority().issue(r); };
    add("wrong CA", other.issue_localhost(), "localhost", "certificate");
    add("expired", issue(certificate_request().name("localhost").expired()), "localhost", "expired");
    add("not yet valid", issue(certificate_request().name("localhost").not_yet_valid()), "localhost", "not yet valid");
    add("wrong name", issue(certificate_request().name("example.test")), "localhost", "ostname mismatch");
    add("wrong address", issue(certificate_request().address("127.0.0.2")), "127.0.0.1", "IP address mismatch");
    add("a name for an address", issue(certificate_request().name("127.0.0.1")), "127.0.0.1", "IP address mismatch");
    add("the common name only", issue(certificate_request().common_name("localhost")), "localhost", "ostname mismatch");
    add("a client's certificate", issue(certificate_request().name("localhost").client()), "localhost", "purpose");
    add("wildcard two levels down", issue(certificate_request().name("*.example.test")), "a.b.example.test",
        "ostname mismatch");
    add("wildcard for its parent", issue(certificate_request().name("*.example.test")), "example.test",
        "ostname mismatch");
    add("partial wildcard", issue(certificate_request().name("f*.example.test")), "flipt.example.test",
        "ostname mismatch");
    for (const bad& b : cases) {
        CAPTURE(b.name);
        server_thread server(https(b.identity));
        const outcome out = by_name(trusting(server->url(b.host)));
        CHECK_MESSAGE(out.ec.category() == flipt::tls_category(), name_of(out.ec));
        CHECK_MESSAGE(out.ec.message().find(b.says) != std::string::npos, out.ec.message());
        CHECK(server->request_count() == 0);
        CHECK(server->observe().connections == 1); // never repeated
    }
    server_thread wildcard(https(authority().issue(certificate_request().name("*.example.test"))));
    CHECK(by_name(trusting(wildcard->url("flipt.example.test"))).ec == errc::not_found); // no such flag: it answered
}

TEST_CASE("server_name stands in for the host, also as an address")
{
    server_thread server(https(authority().issue(certificate_request().name("flipt.internal").address("192.0.2.7"))));
    auto c = trusting(server->url());
    CHECK(by_name(c).ec.category() == flipt::tls_category());
    c.tls.server_name = "flipt.internal";
    CHECK(by_name(c).ec == errc::not_found);
    CHECK(server->observe().each.back().server_name == "flipt.internal");
    c.tls.server_name = "flipt.internal."; // absolute
    CHECK(by_name(c).ec == errc::not_found);
    CHECK(server->observe().each.back().server_name == "flipt.internal");
    c.tls.server_name = "."; // not what is left of it without the dot: no name would be verified
    CHECK(by_name(c).ec.category() == flipt::tls_category());
    c.tls.server_name = std::string(300, 'x'); // OpenSSL refuses it, and queues an error or not
    CHECK(by_name(c).ec);
    CHECK(server->last_request().header("host") == server->url().substr(8));
    c.tls.server_name = "192.0.2.7";
    CHECK(by_name(c).ec == errc::not_found);
    CHECK(server->observe().each.back().server_name.empty());
}

TEST_CASE("insecure_skip_verify believes anybody")
{
    server_thread server(https(authority().issue(certificate_request().name("x").expired())));
    auto c = settings(server->url());
    c.tls.insecure_skip_verify = true;
    CHECK(by_name(c).ec == errc::not_found);
}

TEST_CASE("without a CA only the system's roots are believed")
{
    server_thread server(https(authority().issue_localhost()));
    CHECK(by_name(settings(server->url())).ec.category() == flipt::tls_category());
}

TEST_CASE("plain HTTP on the TLS port and TLS on the plain port fail with a text")
{
    scripted_peer_thread plain;
    plain->add(script().expect_bytes(100).send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").close());
    const outcome out = try_once(trusting("https" + plain->url().substr(4)));
    CHECK_MESSAGE(out.ec.category() == flipt::tls_category(), name_of(out.ec));
    CHECK(!out.ec.message().empty());
    CHECK(plain->received(0).find("secret.token") == std::string::npos);

    server_thread server(https(authority().issue_localhost()));
    const outcome other = try_once(settings("http" + server->url().substr(5)));
    CHECK_MESSAGE(other.ec, "an answer without TLS?");
}

TEST_CASE("TLS below 1.2 is refused, 1.2 is not")
{
    for (const auto version : {tls_version::tls1_0, tls_version::tls1_1, tls_version::tls1_2}) {
        auto options = https(authority().issue_localhost());
        options.tls->max_version = version;
        server_thread server(options);
        const outcome out = try_once(trusting(server->url()));
        if (version == tls_version::tls1_2) {
            CHECK_MESSAGE(out.ec == errc::not_found, name_of(out.ec));
            CHECK(server->observe().each.back().tls_version == "TLSv1.2");
        } else {
            CHECK_MESSAGE(out.ec.category() == flipt::tls_category(), name_of(out.ec));
            CHECK(server->observe().connections == 1);
        }
    }
}

TEST_CASE("a client certificate is shown where it is asked for")
{
    auto options = https(authority().issue_localhost());
    options.tls->client_ca_pem = authority().certificate_pem();
    server_thread server(options);
    const certificate ours = authority().issue(certificate_request().common_name("us").client());
    const temporary_file chain(ours.certificate_pem);
    const temporary_file key(ours.private_key_pem);
    auto c = trusting(server->url());
    const outcome without = try_once(c);
    CHECK_MESSAGE(without.ec.category() == flipt::tls_category(), name_of(without.ec));
    c.tls.certificate_file = chain.path();
    c.tls.private_key_file = key.path();
    CHECK(try_once(c).ec == errc::not_found);
    CHECK(server->observe().each.back().client_certificate);

    const certificate another = authority().issue(certificate_request().common_name("them").client());
    const temporary_file wrong_key(another.private_key_pem);
    c.tls.private_key_file = wrong_key.path();
    asio::io_context context;
    CHECK_THROWS_AS(flipt::client(context.get_executor(), c), flipt::error);
}

TEST_CASE("a connection that TLS does not end properly truncates a reply without a length, and only that")
{
    const certificate identity = authority().issue_localhost();
    class cut {
    public:
        std::string bytes;
        bool notify;
        std::error_code ec;
    };
    const std::string to_the_end = "HTTP/1.1 200 OK\r\n\r\n" + good_json;
    const cut cases[] = {
        {http_ok(good_json), false, {}},
        {to_the_end, true, {}},
        {to_the_end, false, errc::truncated},
        {http_ok(good_json).substr(0, 100), false, errc::truncated},
        {http_ok(good_json).substr(0, 100), true, errc::truncated},
    };
    for (const cut& x : cases) {
        CAPTURE(x.bytes);
        scripted_peer_thread peer{tls_settings(identity)};
        script play = script().expect_request().send(x.bytes);
        peer->add(x.notify ? play.finish() : play.close());
        auto c = trusting(peer->url());
        c.retry.retries = 0;
        const outcome out = try_once(c);
        CHECK_MESSAGE(out.ec == x.ec, name_of(out.ec));
    }
}

TEST_CASE("a second connection resumes the session of the first, each session once")
{
    for (const auto version : {tls_version::tls1_2, tls_version::tls1_3}) {
        auto options = https(authority().issue_localhost());
        options.tls->max_version = version;
        server_thread server(options);
        asio::io_context context;
        flipt::client client(context.get_executor(), trusting(server->url()));
        CHECK(call(context, client).ec == errc::not_found);
        for (int i = 0; i < 3; ++i) {
            client.close_idle();
            CHECK(call(context, client).ec == errc::not_found);
        }
        CHECK(server->observe().connections == 4);
        CHECK(server->observe().resumed_sessions >= (version == tls_version::tls1_3 ? 3U : 1U));

        // Another client, another set of settings: nothing is shared.
        flipt::client second(context.get_executor(), trusting(server->url()));
        CHECK(call(context, second).ec == errc::not_found);
        CHECK(!server->observe().each.back().tls_resumed);
    }
}

TEST_CASE("replies of many records, and big requests, travel over TLS")
{
    scripted_peer_thread peer{tls_settings(authority().issue_localhost())};
    std::string big = good_json;
    big.insert(1, "\"padding\":\"" + std::string(3'000'000, 'x') + "\",");
    peer->add(script().expect_request().send_pieces(http_ok(big), 50'000).repeat());
    asio::io_context context;
    flipt::client client(context.get_executor(), trusting(peer->url()));
    flipt::evaluation_request request("flag", "entity");
    request.with("big", std::string(5'000'000, 'y'));
    for (int i = 0; i < 2; ++i) {
        std::error_code ec = errc::conflict;
        bool enabled = false;
        client.async_evaluate_boolean(request, [&](std::error_code e, const flipt::boolean_evaluation& b) {
            ec = e;
            enabled = b.enabled;
        });
        context.restart();
        context.run();
        CHECK_MESSAGE(!ec, name_of(ec));
        CHECK(enabled);
    }
    CHECK(peer->connections() == 1);
}

TEST_CASE("a handshake that stalls ends with the time for connecting")
{
    scripted_peer_thread peer;
    peer->add(script().hold());
    auto c = trusting("https" + peer->url().substr(4));
    c.connect_timeout = 50ms;
    c.retry.retries = 0;
    const auto begin = clock::now();
    const outcome out = try_once(c);
    CHECK_MESSAGE(out.ec == errc::timed_out, name_of(out.ec));
    CHECK(clock::now() - begin < 1s);
}

TEST_CASE("a TLS connection that the server closed while idle is replaced unseen")
{
    scripted_peer_thread peer{tls_settings(authority().issue_localhost())};
    peer->add(script().expect_request().reply(good_json).expect_request().reply(good_json).close());
    peer->add(script().expect_request().reply(good_json).repeat());
    asio::io_context context;
    flipt::client client(context.get_executor(), trusting(peer->url()));
    CHECK(!call(context, client).ec);
    CHECK(!call(context, client).ec); // over the same one, for all that tickets have arrived on it
    CHECK(peer->wait_finished(1));
    CHECK(peer->connections() == 1);
    flipt::diagnostics d;
    CHECK(!call(context, client, {.retries = 0, .diagnostics = &d}).ec);
    CHECK(peer->connections() == 2);
    CHECK(d.attempts() == 1);
}
