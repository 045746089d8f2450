// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The embedded server over TLS, with certificates made at run time: what must work and what must fail.
#include "flipt/testing/server.hpp"

#include "loopback.hpp"

#include <doctest/doctest.h>

using namespace flipt::testing;

namespace {

SSL_SESSION* kept_session = nullptr;
int keep_session(SSL*, SSL_SESSION* session)
{
    // A copy: freeing a connection without a shutdown marks its session as not to be resumed.
    SSL_SESSION_free(std::exchange(kept_session, SSL_SESSION_dup(session)));
    return 0;
}

asio::ssl::context client_context(const std::string& ca)
{
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.add_certificate_authority(asio::buffer(ca));
    context.set_verify_mode(asio::ssl::verify_peer);
    context.set_verify_callback(asio::ssl::host_name_verification("localhost"));
    return context;
}

} // namespace

TEST_CASE("TLS: the certificate is good, a session is resumed, and SNI is seen")
{
    const certificate_authority ca;
    server_options o;
    o.tls.emplace(ca.issue_localhost());
    server_thread s(o);
    CHECK(s->url("localhost").find("https://localhost:") == 0);
    auto context = client_context(ca.certificate_pem());
    SSL_CTX_set_session_cache_mode(context.native_handle(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(context.native_handle(), &keep_session);
    {
        test::connection c(s->port(), context);
        CHECK(c.ask("GET", "/health").status == 200);
        CHECK(SSL_session_reused(c.ssl()) == 0);
    }
    REQUIRE(kept_session != nullptr);
    {
        test::connection c(s->port(), context, kept_session);
        CHECK(c.ask("GET", "/health").status == 200);
        CHECK(SSL_session_reused(c.ssl()) == 1);
    }
    SSL_SESSION_free(std::exchange(kept_session, nullptr));
    const auto seen = s->observe();
    CHECK(seen.resumed_sessions == 1);
    REQUIRE(seen.each.size() == 2);
    CHECK_FALSE(seen.each[0].tls_resumed);
    CHECK(seen.each[1].tls_resumed);
    CHECK(seen.each[0].tls_version == "TLSv1.3");
    CHECK(seen.each[0].server_name == "localhost");
}

TEST_CASE("TLS: closing in order sends close_notify, a fault does not")
{
    const certificate_authority ca;
    server_options o;
    o.tls.emplace(ca.issue_localhost());
    server_thread s(o);
    auto context = client_context(ca.certificate_pem());
    test::connection orderly(s->port(), context);
    CHECK(orderly.ask("GET", "/health", "Connection: close\r\n").status == 200);
    CHECK_FALSE(orderly.read_more());
    CHECK(orderly.error == asio::error::eof);
    s->add(fault().mid_body().close());
    test::connection cut(s->port(), context);
    CHECK(cut.ask("GET", "/health").status == 200);
    CHECK(cut.error == asio::ssl::error::stream_truncated);
}

TEST_CASE("TLS: wrong CA, expired, wrong name, old versions and missing client certificates fail")
{
    const certificate_authority ca;
    const certificate_authority other("other");
    const auto handshake = [&](tls_settings settings, const std::string& trusted, auto adjust) {
        server_options o;
        o.tls = std::move(settings);
        server_thread s(o);
        auto context = client_context(trusted);
        adjust(context);
        try {
            test::connection c(s->port(), context);
            const auto status = c.ask("GET", "/health").status; // TLS 1.3 refuses a client after its handshake
            return status == 200;
        } catch (const std::system_error&) {
            return false;
        }
    };
    const auto as_it_is = [](asio::ssl::context&) {};
    certificate_request expired;
    expired.name("localhost").expired();
    certificate_request early;
    early.name("localhost").not_yet_valid();
    certificate_request elsewhere;
    elsewhere.name("example.test").address("127.0.0.2");
    CHECK(handshake(tls_settings(ca.issue_localhost()), ca.certificate_pem(), as_it_is));
    CHECK_FALSE(handshake(tls_settings(ca.issue_localhost()), other.certificate_pem(), as_it_is));
    CHECK_FALSE(handshake(tls_settings(ca.issue(expired)), ca.certificate_pem(), as_it_is));
    CHECK_FALSE(handshake(tls_settings(ca.issue(early)), ca.certificate_pem(), as_it_is));
    CHECK_FALSE(handshake(tls_settings(ca.issue(elsewhere)), ca.certificate_pem(), as_it_is));
    const auto wildcard_for = [](const char* name) {
        return [name](asio::ssl::context& context) {
            context.set_verify_callback(asio::ssl::host_name_verification(name));
        };
    };
    certificate_request wildcard;
    wildcard.name("*.example.test");
    const tls_settings any_host(ca.issue(wildcard));
    CHECK(handshake(any_host, ca.certificate_pem(), wildcard_for("a.example.test")));
    CHECK_FALSE(handshake(any_host, ca.certificate_pem(), wildcard_for("a.b.example.test")));
    CHECK_FALSE(handshake(any_host, ca.certificate_pem(), wildcard_for("example.test")));

    tls_settings old(ca.issue_localhost());
    old.max_version = tls_version::tls1_1;
    CHECK_FALSE(handshake(old, ca.certificate_pem(), as_it_is));
    CHECK(handshake(old, ca.certificate_pem(), [](asio::ssl::context& context) {
        SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_VERSION);
        SSL_CTX_set_security_level(context.native_handle(), 0);
        SSL_CTX_set_cipher_list(context.native_handle(), "DEFAULT@SECLEVEL=0");
    }));

    tls_settings mutual(ca.issue_localhost());
    mutual.client_ca_pem = ca.certificate_pem();
    certificate_request client;
    client.common_name("game server").client();
    const auto with = [](const certificate& c) {
        return [c](asio::ssl::context& context) {
            context.use_certificate(asio::buffer(c.certificate_pem), asio::ssl::context::pem);
            context.use_private_key(asio::buffer(c.private_key_pem), asio::ssl::context::pem);
        };
    };
    CHECK_FALSE(handshake(mutual, ca.certificate_pem(), as_it_is));
    CHECK(handshake(mutual, ca.certificate_pem(), with(ca.issue(client))));
    CHECK_FALSE(handshake(mutual, ca.certificate_pem(), with(other.issue(client))));
}

TEST_CASE("plain HTTP on a TLS port is a failed handshake")
{
    const certificate_authority ca;
    server_options o;
    o.tls.emplace(ca.issue_localhost());
    server_thread s(o);
    test::connection c(s->port());
    c.send("GET /health HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)c.read_all();
    CHECK(s->wait_until([](const observations& seen) { return seen.failed_handshakes == 1; }));
}
