// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// JWTs of the embedded server: what is signed verifies, and what Flipt refuses is refused.
#include "flipt/testing/jwt.hpp"

#include <doctest/doctest.h>

using namespace flipt::testing;
using namespace std::chrono_literals;

namespace {

const jwt_key& key_of(jwt_algorithm a)
{
    static const jwt_key keys[] = {jwt_key::generate(jwt_algorithm::rs256), jwt_key::generate(jwt_algorithm::rs512),
                                   jwt_key::generate(jwt_algorithm::es256), jwt_key::generate(jwt_algorithm::es512),
                                   jwt_key::generate(jwt_algorithm::eddsa)};
    return keys[static_cast<int>(a)];
}

const auto now = std::chrono::sys_time<std::chrono::seconds>(1'800'000'000s);

jwt_rules rules_for(const jwt_key& key)
{
    jwt_rules rules;
    rules.public_key_pem = key.public_pem();
    return rules;
}

jwt_verdict check(const jwt_claims& claims, jwt_rules rules = {})
{
    const auto& key = key_of(jwt_algorithm::es256);
    rules.public_key_pem = key.public_pem();
    return jwt_verifier(rules).verify(key.sign(claims), now);
}

jwt_claims usual()
{
    jwt_claims claims;
    claims.issued_at(now).not_before(now).expires_at(now + 1h);
    return claims;
}

} // namespace

TEST_CASE("every algorithm of Flipt signs and verifies, and only with its own key")
{
    for (const auto a : {jwt_algorithm::rs256, jwt_algorithm::rs512, jwt_algorithm::es256, jwt_algorithm::es512,
                         jwt_algorithm::eddsa}) {
        CAPTURE(to_string(a));
        const auto token = key_of(a).sign(usual().issuer("me"));
        CAPTURE(token);
        const auto verdict = jwt_verifier(rules_for(key_of(a))).verify(token, now);
        CHECK(verdict.reason == "");
        CHECK(verdict.ok);
        CHECK(verdict.issuer == "me");
        CHECK_FALSE(jwt_verifier(rules_for(jwt_key::generate(a))).verify(token, now).ok);
        for (const auto other :
             {jwt_algorithm::rs256, jwt_algorithm::es256, jwt_algorithm::es512, jwt_algorithm::eddsa})
            if (key_of(other).public_pem() != key_of(a).public_pem())
                CHECK_FALSE(jwt_verifier(rules_for(key_of(other))).verify(token, now).ok);
    }
}

TEST_CASE("an ECDSA signature is r||s of fixed size, whatever the numbers are")
{
    for (int i = 0; i < 200; ++i) { // about one r or s in 256 has a leading zero
        const auto token = key_of(jwt_algorithm::es256).sign(usual().raw("n", std::to_string(i)));
        const auto signature = base64url_decode(token.substr(token.rfind('.') + 1));
        REQUIRE(signature);
        CHECK(signature->size() == 64);
        CHECK(jwt_verifier(rules_for(key_of(jwt_algorithm::es256))).verify(token, now).ok);
    }
}

TEST_CASE("a key survives PEM, and one of several public keys is enough")
{
    const auto& key = key_of(jwt_algorithm::eddsa);
    const auto again = jwt_key::from_private_pem(jwt_algorithm::eddsa, key.private_pem());
    CHECK(again.public_pem() == key.public_pem());
    jwt_rules rules;
    rules.public_key_pem = key_of(jwt_algorithm::rs256).public_pem() + key.public_pem();
    CHECK(jwt_verifier(rules).verify(again.sign(usual()), now).ok);
    CHECK_THROWS_AS((void)jwt_key::from_private_pem(jwt_algorithm::rs256, key.private_pem()), std::invalid_argument);
    CHECK_THROWS_AS(jwt_verifier{jwt_rules()}, std::invalid_argument);
}

TEST_CASE("times: 60 s of leeway, inclusive, on exp, nbf and iat")
{
    CHECK(check(usual().expires_at(now - 60s)).ok);
    CHECK(check(usual().expires_at(now - 61s)).reason == "expired (exp)");
    CHECK(check(usual().not_before(now + 60s)).ok);
    CHECK(check(usual().not_before(now + 61s)).reason == "not yet valid (nbf)");
    CHECK(check(usual().issued_at(now + 60s)).ok);
    CHECK(check(usual().issued_at(now + 61s)).reason == "issued in the future (iat)");
    CHECK(check(usual().raw("exp", "1800000000.9")).ok);
    CHECK(check(usual().raw("exp", "1.7e9")).reason == "expired (exp)");
}

TEST_CASE("times: one of the three is needed, and the others follow from it")
{
    const auto only = [](auto set) {
        jwt_claims claims;
        set(claims);
        return check(claims);
    };
    CHECK(only([](jwt_claims&) {}).reason == "none of exp, nbf, iat");
    CHECK(only([](jwt_claims& c) { c.raw("exp", "0"); }).reason == "none of exp, nbf, iat");
    CHECK(only([](jwt_claims& c) { c.raw("exp", "null").issued_at(now); }).ok);
    // no exp: the later of iat and nbf + 150 s + 60 s
    CHECK(only([](jwt_claims& c) { c.issued_at(now - 100s); }).ok);
    CHECK(only([](jwt_claims& c) { c.issued_at(now - 210s); }).ok);
    CHECK(only([](jwt_claims& c) { c.issued_at(now - 211s); }).reason == "expired (exp)");
    CHECK(only([](jwt_claims& c) { c.not_before(now - 210s); }).ok);
    CHECK(only([](jwt_claims& c) { c.not_before(now - 211s); }).reason == "expired (exp)");
    CHECK(only([](jwt_claims& c) { c.issued_at(now - 5h).not_before(now - 10s); }).ok);
    // nothing but exp: valid from 150 s + 60 s before it
    CHECK(only([](jwt_claims& c) { c.expires_at(now + 210s); }).ok);
    CHECK(only([](jwt_claims& c) { c.expires_at(now + 211s); }).reason == "not yet valid (nbf)");
    CHECK(only([](jwt_claims& c) { c.expires_at(now + 1h).issued_at(now); }).ok);
}

TEST_CASE("iss, sub and aud are checked where rules name them; any audience will do")
{
    jwt_rules rules;
    rules.issuer = "https://issuer.example";
    rules.audiences = {"flipt", "other"};
    const auto good = [] { return usual().issuer("https://issuer.example").audience("flipt"); };
    CHECK(check(good(), rules).ok);
    CHECK(check(good().audience("third"), rules).ok);
    CHECK(check(good().erase("aud").audience("other"), rules).ok);
    CHECK(check(good().erase("aud").audience("third"), rules).reason == "wrong audience (aud)");
    CHECK(check(good().erase("aud"), rules).reason == "wrong audience (aud)");
    CHECK(check(good().issuer("https://issuer.example/"), rules).reason == "wrong issuer (iss)");
    CHECK(check(good().erase("iss"), rules).reason == "wrong issuer (iss)");
    CHECK(check(usual().erase("iss")).ok);
    rules.subject = "game-server";
    CHECK(check(good(), rules).reason == "wrong subject (sub)");
    CHECK(check(good().subject("game-server"), rules).ok);
}

TEST_CASE("claims of the wrong type are refused")
{
    for (const char* json : {"\"soon\"", "true", "[]", "{}", "1e300"}) {
        CAPTURE(json);
        CHECK(check(usual().raw("exp", json)).reason == "claims of the wrong type");
    }
    CHECK(check(usual().raw("iss", "3")).reason == "claims of the wrong type");
    CHECK(check(usual().raw("aud", "3")).reason == "claims of the wrong type");
    CHECK(check(usual().raw("aud", "[\"a\",3]")).reason == "claims of the wrong type");
}

TEST_CASE("other algorithms and damaged tokens are refused")
{
    const auto& key = key_of(jwt_algorithm::es256);
    const jwt_verifier verifier(rules_for(key));
    const auto payload = usual().json();
    for (const char* alg : {"none", "HS256", "es256", "PS256", "RS384", "RS256", "ES512", "EdDSA", ""}) {
        CAPTURE(alg);
        CHECK_FALSE(verifier.verify(key.sign_raw("{\"alg\":\"" + std::string(alg) + "\"}", payload), now).ok);
    }
    CHECK(verifier.verify(key.sign_raw("{\"alg\":\"none\"}", payload), now).reason == "algorithm not allowed");
    CHECK_FALSE(
        verifier.verify(base64url_encode("{\"alg\":\"none\"}") + "." + base64url_encode(payload) + ".", now).ok);
    CHECK(verifier.verify(key.sign_raw("[]", payload), now).reason == "no header with an algorithm");
    CHECK(verifier.verify(key.sign_raw("{\"alg\":3}", payload), now).reason == "no header with an algorithm");
    CHECK(verifier.verify(key.sign_raw("{\"alg\":\"ES256\"}", "[]"), now).reason == "claims of the wrong type");
    CHECK(verifier.verify(key.sign_raw("{\"alg\":\"ES256\"}", "{\"exp\":"), now).reason == "claims of the wrong type");

    const auto token = key.sign(usual());
    for (const std::string& bad : {std::string(), std::string("abc"), std::string(".."), token + ".", token + "=",
                                   "x" + token, token.substr(0, token.size() - 4), token.substr(0, token.rfind('.')),
                                   token.substr(0, token.rfind('.') + 1), " " + token, token + "\n"}) {
        CAPTURE(bad);
        CHECK_FALSE(verifier.verify(bad, now).ok);
    }
    for (std::size_t i = 0; i < token.size(); ++i) { // one changed character anywhere
        if (i + 1 == token.size())
            continue; // its low bits are padding
        auto bad = token;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        CAPTURE(bad);
        CHECK_FALSE(verifier.verify(bad, now).ok);
    }
}

TEST_CASE("base64url round trips, and nothing but it is read")
{
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        CHECK(base64url_decode(base64url_encode(bytes)) == bytes);
        bytes += static_cast<char>(i * 7);
    }
    for (const char* bad : {"a", "ab=", "ab+/", "a b", "abcde"})
        CHECK_FALSE(base64url_decode(bad));
}
