// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The embedded server beside recordings of real Flipt servers: the same requests, the same replies.
#include "flipt/testing/server.hpp"

#include "loopback.hpp"
#include "text_of.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <fstream>
#include <regex>
#include <set>

using namespace flipt::testing;
using namespace std::chrono_literals;
namespace dom = simdjson::dom;

namespace {

/// The rules of the recorded servers: segment eu is region eu or uk, segment high is level >= 10.
class recorded_rules : public evaluator {
public:
    evaluation_result evaluate(std::string_view, std::string_view, std::string_view key, std::string_view entity_id,
                               const flipt::context_map& context) override
    {
        bool eu = false;
        bool high = false;
        for (const auto& [name, value] : context) {
            eu = eu || (name == "region" && (value == "eu" || value == "uk"));
            high = high || (name == "level" && value == "12");
        }
        if (key == "lobby" && eu) {
            flipt::boolean_evaluation b;
            b.enabled = true;
            b.reason = flipt::evaluation_reason::match;
            b.segment_keys = {"eu"};
            return b;
        }
        if (key == "color" && eu && high && !entity_id.empty()) {
            flipt::variant_evaluation v;
            v.match = true;
            v.reason = flipt::evaluation_reason::match;
            v.segment_keys = {"eu", "high"};
            v.variant_key = "blue";
            v.variant_attachment = attachment;
            return v;
        }
        return {};
    }

    std::string attachment;
};

class recorded_server {
public:
    explicit recorded_server(flavour version)
        : key_(jwt_key::generate(jwt_algorithm::es256)), server_(options(version, key_))
    {
        const bool v2 = version == flavour::v2;
        auto rules = std::make_shared<recorded_rules>();
        rules->attachment = v2 ? "{\"hex\":\"#00f\", \"n\":[1, 2.5, null]}" : "{\"hex\":\"#00f\",\"n\":[1,2.5,null]}";
        flipt::flag lobby;
        lobby.key = "lobby";
        lobby.name = "New lobby";
        lobby.type = flipt::flag_type::boolean;
        lobby.metadata = v2 ? "" : "{}";
        flipt::flag color;
        color.key = "color";
        color.name = "Colour";
        color.enabled = true;
        color.metadata = "{\"team\":\"ui\"}";
        for (const char* name : {"Red", "Blue"}) {
            flipt::flag_variant v;
            v.id = random_uuid();
            v.name = name;
            v.key = name == std::string_view("Red") ? "red" : "blue";
            if (v.key == "blue")
                v.attachment = rules->attachment;
            color.variants.push_back(v);
        }
        color.default_variant = color.variants[0];
        flipt::flag off;
        off.key = "off";
        off.name = "Off";
        server_->add_flag(lobby);
        server_->add_flag(color);
        server_->add_flag(off);
        server_->set_evaluator(rules);
        flipt::flag boss;
        boss.key = "boss";
        boss.name = "Boss";
        boss.enabled = true;
        boss.metadata = "{\"a\":1}";
        server_->in("arena").add_flag(boss);
    }

    static server_options options(flavour version, const jwt_key& key)
    {
        server_options o;
        o.version = version;
        o.auth.jwt.emplace();
        o.auth.jwt->public_key_pem = key.public_pem();
        o.auth.jwt->issuer = "https://issuer.example";
        o.auth.jwt->audiences = {"flipt"};
        return o;
    }
    [[nodiscard]] static jwt_claims claims()
    {
        auto c = jwt_claims::valid_for(1h);
        c.issuer("https://issuer.example").audience("flipt").subject("game-server");
        return c;
    }
    /// The token a recorded exchange of that name was made with.
    [[nodiscard]] std::string token(std::string_view name) const
    {
        const auto now = std::chrono::system_clock::now();
        auto c = claims();
        if (name == "auth: expired JWT")
            c.expires_at(now - 1h);
        else if (name == "auth: wrong issuer")
            c.issuer("https://other.example");
        else if (name == "auth: wrong audience")
            c.erase("aud").audience("other");
        else if (name == "auth self") // the recording has a list of one audience
            c.erase("aud").raw("aud", "[\"flipt\"]");
        return key_.sign(c);
    }
    server* operator->() { return &*server_; }

private:
    jwt_key key_;
    server_thread server_;
};

/// What differs between two runs made equal.
std::string normal(std::string text)
{
    static const std::pair<std::regex, const char*> changes[] = {
        {std::regex("\"requestDurationMillis\":[0-9.]+"), "\"requestDurationMillis\":0"},
        {std::regex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"), "TIME"},
        {std::regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"},
        {std::regex("\"high\", \"eu\""), "\"eu\", \"high\""},
        {std::regex("(exp|nbf|iat)\\\\\":[0-9]+"), "$1\\\":0"},
        {std::regex("\"version\":\"[^\"]*\""), "\"version\":\"V\""},
        {std::regex("\"isRelease\":[a-z]+"), "\"isRelease\":B"},
        {std::regex("\"product\":\"[a-z]+\""), "\"product\":\"P\""},
    };
    for (const auto& [pattern, with] : changes)
        text = std::regex_replace(text, pattern, with);
    return text;
}

/// Routes that the embedded server does not have, and replies that depend on what was written before.
bool is_covered(std::string_view name, std::string_view method, std::string_view path)
{
    if (path.substr(0, 6) == "/ofrep" || path == "/auth/v1/method" || path.substr(0, 14) == "/auth/v1/token")
        return false;
    if (path.find("/snapshot") != path.npos || path.find("/stream") != path.npos)
        return false; // below, with the documents themselves
    if (path.substr(0, 9) == "/evaluate" || path == "/meta/info" || path == "/auth/v1/self" || path == "/health")
        return true;
    static const std::set<std::string_view> names = {"unknown route",
                                                     "flag get, unknown",
                                                     "flags list, page",
                                                     "flags list, no namespace",
                                                     "flags list, next page",
                                                     "v1 list flags (compatibility)",
                                                     "v1 list flags of a namespace",
                                                     "v1 list flags with X-Flipt-Environment",
                                                     "v1 list flags of a namespace with X-Flipt-Environment",
                                                     "v1 list flags with X-Flipt-Environment and X-Flipt-Namespace",
                                                     "v1 list flags with environmentKey",
                                                     "kubernetes verify (method is off)"};
    const bool boss = path == "/api/v1/namespaces/arena/flags/boss" || path == "/api/v1/namespaces/arena/flags";
    return names.count(name) != 0 || (method == "GET" && boss);
}

dom::element recording(dom::parser& parser, const char* file, std::string_view name, int nth = 0)
{
    std::ifstream in(std::string(FLIPT_TEST_DATA "/flipt-wire/") + file);
    for (std::string line; std::getline(in, line);) {
        dom::element e = parser.parse(line);
        if (text_of(e["name"]) == name && nth-- == 0)
            return e;
    }
    FAIL("no such recording: " << name);
    return {};
}

void replay(flavour version, const char* file, int least, const std::string& document = {})
{
    recorded_server server(version);
    if (!document.empty())
        server->load("default", document);       // its flags replace the others, and the engine the rules above
    test::connection connection(server->port()); // one connection for all: every reply is framed right
    std::ifstream in(std::string(FLIPT_TEST_DATA "/flipt-wire/") + file);
    REQUIRE(in.good());
    dom::parser parser;
    int compared = 0;
    for (std::string line; std::getline(in, line);) {
        dom::element e = parser.parse(line);
        const auto name = text_of(e["name"]);
        const auto method = text_of(e["request"]["method"]);
        const auto path = text_of(e["request"]["path"]);
        if (!is_covered(name, method, path) || (!document.empty() && path.substr(0, 9) != "/evaluate"))
            continue;
        CAPTURE(name);
        std::string headers;
        for (const auto field : dom::object(e["request"]["headers"])) {
            auto value = text_of(field.value);
            if (const auto at = value.find("<token>"); at != std::string::npos)
                value.replace(at, 7, server.token(name));
            headers.append(field.key).append(": ").append(value).append("\r\n");
        }
        const dom::element sent = e["request"]["body"];
        const auto body = sent.is_null() ? "" : sent.is_string() ? text_of(sent) : simdjson::minify(sent);
        const auto got = connection.ask(method, path, headers, body);
        CAPTURE(got.raw);
        CHECK(got.status == int64_t(e["response"]["status"]));
        CHECK(normal(got.body) == normal(text_of(e["response"]["body"])));
        for (const auto pair : dom::array(e["response"]["headers"])) {
            const auto header = text_of(pair.at(0));
            CAPTURE(header);
            if (header == "Date" || header == "Content-Length")
                CHECK(got.header(header) != "");
            else
                CHECK(got.header(header) == text_of(pair.at(1)));
        }
        ++compared;
    }
    CHECK(compared >= least);
    CHECK(server->observe().connections == 1);
    CHECK(server->request_count() == std::size_t(compared));
}

} // namespace

TEST_CASE("replies are those of a recorded v1 server") { replay(flavour::v1, "v1.jsonl", 30); }

TEST_CASE("replies are those of a recorded v2 server") { replay(flavour::v2, "v2.jsonl", 32); }

TEST_CASE("a loaded document is evaluated by the engine, with the recorded answers")
{
    dom::parser parser;
    const auto v1 = recording(parser, "v1.jsonl", "snapshot with X-Flipt-Accept-Server-Version");
    replay(flavour::v1, "v1.jsonl", 20, text_of(v1["response"]["body"]));
    const auto v2 = recording(parser, "v2.jsonl", "snapshot client");
    replay(flavour::v2, "v2.jsonl", 20, text_of(v2["response"]["body"]));
}

TEST_CASE("v1 keeps what a client does not know out of the snapshot")
{
    dom::parser parser;
    const auto known =
        text_of(recording(parser, "v1.jsonl", "snapshot with X-Flipt-Accept-Server-Version")["response"]["body"]);
    const auto old = text_of(recording(parser, "v1.jsonl", "snapshot")["response"]["body"]);
    REQUIRE(known != old);
    server_options options;
    options.version = flavour::v1;
    server_thread server(options);
    server->load("default", known);
    test::connection c(server->port());
    const auto ask = [&](const std::string& version) {
        const auto header = version.empty() ? "" : "X-Flipt-Accept-Server-Version: " + version + "\r\n";
        return c.ask("GET", "/internal/v1/evaluation/snapshot/namespace/default", header).body;
    };
    CHECK(ask("1.47.0") == known);
    CHECK(ask("v1.61.1") == known);
    CHECK(ask("2.0.0") == known);
    CHECK(ask("1.46.9") == old);
    CHECK(ask("") == old);

    const std::string tricky =
        R"({"flags":[{"defaultVariant" : {"key":"}"} , "key":"defaultVariant"},{"defaultVariant":{}},)"
        R"({"key":"a","x":{"defaultVariant":1},"defaultVariant":{"a":[1,{}]}}],"defaultVariant":1})";
    CHECK(adapt_v1_snapshot(tricky, "1.40.0") ==
          R"({"flags":[{"key":"defaultVariant"},{},{"key":"a","x":{"defaultVariant":1}}],"defaultVariant":1})");
    const std::string entity = R"({"type":"ENTITY_ID_CONSTRAINT_COMPARISON_TYPE"})";
    CHECK(adapt_v1_snapshot(entity, "1.38.0") == entity);
    CHECK(adapt_v1_snapshot(entity, "1.37.0") == R"({"type":"UNKNOWN_CONSTRAINT_COMPARISON_TYPE"})");
}

TEST_CASE("v2 serves a loaded snapshot byte for byte, with its digest as a raw ETag")
{
    dom::parser parser;
    const auto document = text_of(recording(parser, "v2.jsonl", "snapshot client")["response"]["body"]);
    server_thread server;
    server->load("default", document);
    test::connection c(server->port());
    for (const char* path : {"/client/v2/environments/default/namespaces/default/snapshot",
                             "/client/v2/environments/nope/namespaces/default/snapshot",
                             "/internal/v1/evaluation/snapshot/namespace/default"}) {
        CAPTURE(path);
        const auto got = c.ask("GET", path);
        CHECK(got.status == 200);
        CHECK(got.body == document);
        CHECK(got.header("Etag") == "038b7481accaf4fae67bd06b4ac67795b128b7ad");
        const auto unchanged = c.ask("GET", path, "If-None-Match: 038b7481accaf4fae67bd06b4ac67795b128b7ad\r\n");
        CHECK(unchanged.status == 304);
        CHECK(unchanged.body == "");
        CHECK(unchanged.header("Etag") == "038b7481accaf4fae67bd06b4ac67795b128b7ad");
        CHECK(c.ask("GET", path, "If-None-Match: \"038b7481accaf4fae67bd06b4ac67795b128b7ad\"\r\n").status == 200);
    }
    CHECK(c.ask("GET", "/client/v2/environments/default/namespaces/nope/snapshot").body ==
          "{\"code\":5, \"message\":\"evaluation snapshot for namespace \\\"nope\\\" not found\", \"details\":[]}");
    CHECK(c.ask("GET", "/client/v2/environments/nope/namespaces/default/snapshot", "X-Flipt-Environment: nope\r\n")
              .status == 404);
}

TEST_CASE("v1 serves a loaded snapshot, chunked when large, and an empty one of an unknown namespace")
{
    dom::parser parser;
    const auto document = text_of(recording(parser, "v1.jsonl", "snapshot")["response"]["body"]);
    server_options options;
    options.version = flavour::v1;
    server_thread server(options);
    server->load("default", document);
    test::connection c(server->port());
    const auto got = c.ask("GET", "/internal/v1/evaluation/snapshot/namespace/default");
    CHECK(got.body == document);
    CHECK(got.header("Transfer-Encoding") == "chunked");
    CHECK(got.header("Etag") == server->digest());
    CHECK(got.header("Etag").size() == 40);
    CHECK(c.ask("GET", "/internal/v1/evaluation/snapshot/namespace/nope").body ==
          "{\"namespace\":{\"key\":\"nope\"}, \"flags\":[]}");
    CHECK(c.ask("GET", "/client/v2/environments/default/namespaces/default/snapshot").status == 404);
    CHECK(c.ask("GET", "/api/v2/environments/default/namespaces/default/resources/flipt.core.Flag/x").status == 404);
}

TEST_CASE("a document without a digest, or with that of another text, gets its own")
{
    server_thread server;
    server->load("default", R"({"namespace":{"key":"default"},"flags":[{"key":"a","digest":"x"}]})");
    const auto first = server->digest();
    CHECK(first.size() == 40);
    server->load("default", R"({"flags":[],"digest":"0123456789012345678901234567890123456789"})");
    CHECK(server->digest() == "0123456789012345678901234567890123456789");
    server->update("default", R"({"flags":[{"key":"b"}],"digest":"0123456789012345678901234567890123456789"})");
    const auto changed = server->digest();
    CHECK(changed != "0123456789012345678901234567890123456789");
    test::connection c(server->port());
    const auto body = c.ask("GET", "/client/v2/environments/default/namespaces/default/snapshot").body;
    CHECK(body == "{\"flags\":[{\"key\":\"b\"}],\"digest\":\"" + changed + "\"}");
    for (const char* bad : {"", "[]", "{}", "{\"flags\":3}", "{\"flags\":["})
        CHECK_THROWS_AS(server->load("default", bad), std::invalid_argument);
    CHECK(server->digest() == changed);
}
