// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The gRPC client over TLS: roots, names, client certificates, and who is not trusted.
#include "flipt/testing/certificates.hpp"
#include "flipt/token/static_token.hpp"

#include "client_support.hpp"
#include "support/temporary_file.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace grpc_test;
using flipt::testing::certificate;
using flipt::testing::certificate_authority;
using flipt::testing::certificate_request;
using flipt_test::temporary_file;

std::shared_ptr<grpc::ServerCredentials> credentials(const certificate& own, const std::string& client_roots = {})
{
    grpc::SslServerCredentialsOptions options(client_roots.empty()
                                                  ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                  : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = client_roots;
    options.pem_key_cert_pairs.push_back({own.private_key_pem, own.certificate_pem});
    return grpc::SslServerCredentials(options);
}

std::error_code ask_over(const server& to, const flipt::tls_options& tls, const std::string& host = "127.0.0.1")
{
    asio::io_context io;
    flipt::config settings = settings_for(to);
    settings.endpoint = "https://" + host + ":" + std::to_string(to.port());
    settings.tls = tls;
    settings.retry.retries = 0;
    flipt::grpc_client flags(io.get_executor(), settings, flipt::jwt_token(secret_token));
    return fails(io, flags.evaluate_boolean(ask("a"))).ec;
}

} // namespace

TEST_CASE("TLS: the roots given are trusted, for addresses and names, and others are not")
{
    const certificate_authority authority;
    const certificate_authority other;
    server secure(credentials(authority.issue_localhost()));
    flipt::tls_options tls;
    tls.ca_pem = authority.certificate_pem();
    const std::error_code by_address = ask_over(secure, tls);
    CHECK_MESSAGE(!by_address, by_address.message());
    const std::error_code by_name = ask_over(secure, tls, "localhost");
    CHECK_MESSAGE(!by_name, by_name.message());
    CHECK(secure.seen() == std::vector<std::string>(2, "JWT " + std::string(secret_token)));

    const temporary_file roots(authority.certificate_pem());
    flipt::tls_options both;
    both.ca_file = roots.path();
    both.ca_pem = other.certificate_pem();
    const std::error_code by_file = ask_over(secure, both);
    CHECK_MESSAGE(!by_file, by_file.message());

    flipt::tls_options wrong;
    wrong.ca_pem = other.certificate_pem();
    CHECK(ask_over(secure, wrong) == asio::error::not_connected);
    CHECK(ask_over(secure, flipt::tls_options()) == asio::error::not_connected);
    wrong.insecure_skip_verify = true;
    const std::error_code anyone = ask_over(secure, wrong);
    CHECK_MESSAGE(!anyone, anyone.message());
    flipt::tls_options missing;
    missing.ca_file = "/there/is/no/such/file";
    CHECK_THROWS_AS((void)ask_over(secure, missing), flipt::error);
}

TEST_CASE("TLS: the name must be the certificate's, unless another is asked for")
{
    const certificate_authority authority;
    server secure(credentials(authority.issue(certificate_request().name("flipt.test"))));
    flipt::tls_options tls;
    tls.ca_pem = authority.certificate_pem();
    CHECK(ask_over(secure, tls) == asio::error::not_connected);
    CHECK(secure.seen().empty());
    tls.server_name = "flipt.test";
    const std::error_code named = ask_over(secure, tls);
    CHECK_MESSAGE(!named, named.message());
}

TEST_CASE("TLS: a client certificate where the server wants one, also when its own is not verified")
{
    const certificate_authority authority;
    server secure(credentials(authority.issue_localhost(), authority.certificate_pem()));
    const certificate client = authority.issue(certificate_request().name("player").client());
    const temporary_file chain(client.certificate_pem);
    const temporary_file key(client.private_key_pem);
    flipt::tls_options tls;
    tls.ca_pem = authority.certificate_pem();
    CHECK(ask_over(secure, tls) == asio::error::not_connected);
    tls.certificate_file = chain.path();
    tls.private_key_file = key.path();
    const std::error_code mutual = ask_over(secure, tls);
    CHECK_MESSAGE(!mutual, mutual.message());
    tls.ca_pem.clear();
    tls.insecure_skip_verify = true;
    const std::error_code blind = ask_over(secure, tls);
    CHECK_MESSAGE(!blind, blind.message());
}
