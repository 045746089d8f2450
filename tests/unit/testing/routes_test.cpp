// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The embedded server's routes where recordings do not reach: environments, bodies, pages, tokens.
#include "flipt/testing/server.hpp"

#include "loopback.hpp"
#include "text_of.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <atomic>
#include <set>

using namespace flipt::testing;
using namespace std::chrono_literals;
namespace dom = simdjson::dom;

TEST_CASE("environments: unknown ones fall back to the header, and silently to the default one")
{
    server_thread server;
    server->set_boolean("f", any_entity, true);
    server->in("default", "staging").set_boolean("f", any_entity, false);
    test::connection c(server->port());
    const auto ask = [&](const char* environment, const char* header) {
        const auto body = "{\"flagKey\":\"f\",\"environmentKey\":\"" + std::string(environment) + "\"}";
        const auto h = header == nullptr ? std::string() : "X-Flipt-Environment: " + std::string(header) + "\r\n";
        const auto got = c.ask("POST", "/evaluate/v1/boolean", h, body);
        return got.status != 200                                        ? got.body
               : got.body.find("\"enabled\":true") != std::string::npos ? std::string("default")
                                                                        : std::string("staging");
    };
    CHECK(ask("", nullptr) == "default");
    CHECK(ask("staging", nullptr) == "staging");
    CHECK(ask("", "staging") == "staging");
    CHECK(ask("nope", nullptr) == "default");
    CHECK(ask("nope", "staging") == "staging");
    CHECK(ask("nope", "default") == "default");
    CHECK(ask("nope", "nope") ==
          "{\"code\":5, \"message\":\"failed to get environment \\\"nope\\\" from context: environment: \\\"nope\\\" "
          "not found\", \"details\":[]}");
    CHECK(c.ask("GET", "/api/v1/namespaces/default/flags?environmentKey=nope").status == 404);
    CHECK(c.ask("GET", "/api/v1/namespaces/default/flags?environmentKey=staging").status == 200);
}

TEST_CASE("answers set in code: the entity's own, then any entity's, then the flag's default")
{
    server_thread server;
    server->set_boolean("f", "one", true, flipt::evaluation_reason::match, {"vip"});
    server->set_variant("v", any_entity, "red", "{}");
    test::connection c(server->port());
    const auto boolean = [&](const char* entity) {
        return c
            .ask("POST", "/evaluate/v1/boolean", "", "{\"flagKey\":\"f\",\"entityId\":\"" + std::string(entity) + "\"}")
            .body;
    };
    CHECK(boolean("one").find("\"enabled\":true, \"reason\":\"MATCH_EVALUATION_REASON\"") != std::string::npos);
    CHECK(boolean("one").find("\"segmentKeys\":[\"vip\"]") != std::string::npos);
    server->set_boolean("f", any_entity, false, flipt::evaluation_reason::default_value);
    CHECK(boolean("two").find("\"enabled\":false, \"reason\":\"DEFAULT_EVALUATION_REASON\"") != std::string::npos);
    CHECK(boolean("one").find("\"enabled\":true") != std::string::npos);
    server->remove_flag("f");
    CHECK(boolean("one") == "{\"code\":5, \"message\":\"flag \\\"default/f\\\" not found\", \"details\":[]}");
    const auto v =
        c.ask("POST", "/evaluate/v1/variant", "", "{\"flagKey\":\"v\",\"requestId\":\"\\\"\\u0001\xC3\xA4\"}").body;
    CHECK(v.find("\"match\":true") != std::string::npos);
    CHECK(v.find("\"requestId\":\"\\\"\\u0001\xC3\xA4\"") != std::string::npos);
}

TEST_CASE("bodies: null is absent, other types and broken JSON are named, both spellings are read")
{
    server_thread server;
    server->set_boolean("f", "e", true);
    test::connection c(server->port());
    const auto status = [&](std::string_view body) {
        const auto got = c.ask("POST", "/evaluate/v1/boolean", "", body);
        return std::to_string(got.status) + (got.status == 400 ? got.body.substr(0, 40) : std::string());
    };
    CHECK(status(R"({"flagKey":"f","context":{"a":null},"entityId":null,"x":[1]})") == "200");
    CHECK(status(R"({"flag_key":"f","entity_id":"e","namespace_key":"default"})") == "200");
    CHECK(status("") == "404");
    CHECK(status("  ") == "404");
    CHECK(status(R"({"flagKey":3})") == R"(400{"code":3, "message":"invalid values for)");
    CHECK(status(R"({"flagKey":"f","context":{"a":1}})") == R"(400{"code":3, "message":"invalid values for)");
    CHECK(status("[]") == R"(400{"code":3, "message":"invalid values for)");
    CHECK(status(R"({"flagKey":"f)") == R"(400{"code":3, "message":"unexpected EOF", ")");
    CHECK(status("}") == R"(400{"code":3, "message":"invalid character )");
}

TEST_CASE("pages: all flags come, once, in either flavour")
{
    for (const auto version : {flavour::v1, flavour::v2}) {
        server_options options;
        options.version = version;
        server_thread server(options);
        std::set<std::string> wanted;
        for (int i = 0; i < 25; ++i) {
            server->set_boolean("flag-" + std::to_string(i), any_entity, true);
            wanted.insert("flag-" + std::to_string(i));
        }
        test::connection c(server->port());
        std::string token;
        std::set<std::string> seen;
        int pages = 0;
        do {
            const auto got = c.ask("GET", "/api/v1/namespaces/default/flags?limit=10&pageToken=" + token,
                                   "X-Flipt-Environment: default\r\n");
            CAPTURE(got.body);
            REQUIRE(got.status == 200);
            dom::parser parser;
            dom::element page = parser.parse(got.body);
            for (const auto f : dom::array(page["flags"]))
                CHECK(seen.insert(text_of(f["key"])).second);
            CHECK(int64_t(page["totalCount"]) == 25);
            token = text_of(page["nextPageToken"]);
            ++pages;
        } while (!token.empty() && pages < 9);
        CHECK(pages == 3);
        CHECK(seen == wanted);
        CHECK(c.ask("GET", "/api/v1/flags?pageToken=1&environmentKey=default").status == 400);
        CHECK(c.ask("GET", "/api/v1/flags?limit=1&pageToken=x&environmentKey=default").status == 400);
        CHECK(c.ask("GET", "/api/v1/flags?limit=x&environmentKey=default").status == 400);
    }
}

TEST_CASE("the Kubernetes exchange: v1 gives a Bearer token, v2 the same for JWT")
{
    for (const auto version : {flavour::v1, flavour::v2}) {
        server_options options;
        options.version = version;
        options.auth.kubernetes = true;
        options.auth.service_account_tokens = {"sa.token"};
        server_thread server(options);
        server->set_boolean("f", any_entity, true);
        test::connection c(server->port());
        const char* route = "/auth/v1/method/kubernetes/serviceaccount";
        CHECK(c.ask("POST", route, "", R"({"serviceAccountToken":"other"})").status == 401);
        const auto got = c.ask("POST", route, "", R"({"serviceAccountToken":"sa.token"})");
        CAPTURE(got.body);
        REQUIRE(got.status == 200);
        dom::parser parser;
        const auto token = text_of(dom::element(parser.parse(got.body))["clientToken"]);
        const auto status = [&](const std::string& value) {
            return c.ask("POST", "/evaluate/v1/boolean", "Authorization: " + value + "\r\n", R"({"flagKey":"f"})")
                .status;
        };
        const bool v1 = version == flavour::v1;
        CHECK((token == "sa.token") == !v1);
        CHECK(status("Bearer " + token) == (v1 ? 200 : 401));
        CHECK(status("JWT " + token) == (v1 ? 401 : 200));
        CHECK(status("JWT other") == 401);
        if (v1) {
            server->revoke_exchanged_tokens();
            CHECK(status("Bearer " + token) == 401);
        }
    }
}

TEST_CASE("client tokens: Bearer or cookie, and the clock ends a JWT")
{
    auto shift = std::make_shared<std::atomic<int>>(0);
    const auto key = jwt_key::generate(jwt_algorithm::eddsa);
    server_options options;
    options.now = [shift] { return std::chrono::system_clock::now() + std::chrono::seconds(shift->load()); };
    options.auth.client_tokens = {"static"};
    options.auth.jwt.emplace();
    options.auth.jwt->public_key_pem = key.public_pem();
    server_thread server(options);
    test::connection c(server->port());
    const auto status = [&](const std::string& header) { return c.ask("GET", "/meta/info", header + "\r\n").status; };
    CHECK(status("Authorization: Bearer static") == 200);
    CHECK(status("Authorization: Bearer other") == 401);
    CHECK(status("Authorization: Bearer") == 401);
    CHECK(status("Cookie: a=b; flipt_client_token=static; c=d") == 200);
    CHECK(status("Cookie: flipt_client_token=static\r\nAuthorization: JWT x") == 401);
    CHECK(status("X: y") == 401);
    const auto token = key.sign(jwt_claims::valid_for(100s));
    CHECK(status("Authorization: JWT " + token) == 200);
    *shift = 155;
    CHECK(status("Authorization: JWT " + token) == 200);
    *shift = 165;
    CHECK(status("Authorization: JWT " + token) == 401);
    server->set_authentication(authentication());
    CHECK(status("X: y") == 200);
}
