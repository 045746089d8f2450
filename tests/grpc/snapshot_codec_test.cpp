// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshots that come as messages: the document is the one Flipt's HTTP API gives, and evaluates as the server does.
#include "flipt/evaluation/snapshot.hpp"
#include "flipt/grpc/codec.hpp"
#include "flipt/types/error.hpp"

#include "flipt_cpp/wire_v1.pb.h"
#include "flipt_cpp/wire_v2.pb.h"
#include "recorded_message.hpp"
#include "support/vectors.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

namespace detail = flipt::v0::detail;
namespace v1 = flipt_cpp::wire_v1;
namespace v2 = flipt_cpp::wire_v2;

const std::string data = FLIPT_TEST_DATA;

grpc::ByteBuffer buffer_of(std::string_view bytes)
{
    const grpc::Slice slice(bytes.data(), bytes.size());
    return grpc::ByteBuffer(&slice, 1);
}

// What a message became.
class decoded {
public:
    decoded(std::string_view bytes, flipt::server_version version)
    {
        detail::decode_detail why;
        ec = detail::decode_snapshot(buffer_of(bytes), version, json, digest, why);
        reason = why.text;
    }
    explicit decoded(const v1::Snapshot& message) : decoded(message.SerializeAsString(), flipt::server_version::v1) {}
    explicit decoded(const v2::Snapshot& message) : decoded(message.SerializeAsString(), flipt::server_version::v2) {}

    [[nodiscard]] bool has(std::string_view text) const { return json.find(text) != std::string::npos; }

    std::error_code ec;
    std::string json;
    std::string digest;
    std::string reason;
};

// Without the spaces, and all else the same: names, order, what is there and what is not.
std::string same_form(std::string_view json)
{
    simdjson::dom::parser parser;
    const simdjson::padded_string text(json);
    return simdjson::minify(simdjson::dom::element(parser.parse(text)));
}

decoded as_message(std::string_view json, bool second)
{
    simdjson::dom::parser parser;
    const simdjson::padded_string text(json);
    const simdjson::dom::object document = parser.parse(text);
    return decoded(grpc_test::recorded_message::bytes(second ? 2 : 1, "snapshot", document),
                   second ? flipt::server_version::v2 : flipt::server_version::v1);
}

// The body of a recorded exchange.
std::string recorded_body(const std::string& file, std::string_view name)
{
    simdjson::dom::parser parser;
    const simdjson::padded_string text = simdjson::padded_string::load(data + "/flipt-wire/" + file);
    for (const simdjson::dom::element line : parser.parse_many(text))
        if (std::string_view(line["name"]) == name)
            return std::string(std::string_view(line["response"]["body"]));
    return {};
}

template <class Range>
std::vector<std::string> sorted_keys(const Range& keys)
{
    std::vector<std::string> out;
    for (const std::string_view key : keys)
        out.emplace_back(key);
    return hostile::sorted(std::move(out));
}

bool as_recorded(const flipt::snapshot& flags, const hostile::recorded& asked)
{
    const flipt::evaluation_request& request = asked.request;
    if (asked.boolean) {
        const auto got = flags.evaluate_boolean(request.flag_key, request.entity_id, request.context);
        if (asked.status != 200)
            return got.http_status() == asked.status;
        return got.ok() && got.enabled == asked.on && flipt::to_string(got.reason) == asked.reason &&
               sorted_keys(got.segment_keys) == asked.segments;
    }
    const auto got = flags.evaluate_variant(request.flag_key, request.entity_id, request.context);
    if (asked.status != 200)
        return got.http_status() == asked.status;
    return got.ok() && got.match == asked.on && flipt::to_string(got.reason) == asked.reason &&
           got.variant_key == asked.variant && sorted_keys(got.segment_keys) == asked.segments;
}

// A boolean flag that is on for so many percent.
v2::Snapshot with_threshold(float percentage)
{
    v2::Snapshot made;
    auto& flag = *made.add_flags();
    flag.set_key("f");
    flag.set_type(1);
    auto& rollout = *flag.add_rollouts();
    rollout.set_type(2);
    rollout.set_rank(1);
    rollout.mutable_threshold()->set_percentage(percentage);
    rollout.mutable_threshold()->set_value(true);
    return made;
}

// A variant flag whose two variants share everybody.
v2::Snapshot with_shares(float first, float second)
{
    v2::Snapshot made;
    auto& flag = *made.add_flags();
    flag.set_key("f");
    flag.set_enabled(true);
    auto& rule = *flag.add_rules();
    rule.set_rank(1);
    rule.add_segments()->set_key("all");
    auto* one = rule.add_distributions();
    one->set_variant_key("one");
    one->set_rollout(first);
    auto* other = rule.add_distributions();
    other->set_variant_key("two");
    other->set_variant_attachment("{\"n\":1}");
    other->set_rollout(second);
    return made;
}

} // namespace

TEST_CASE("a recorded snapshot that comes as a message is the recorded document, and gives the recorded answers")
{
    for (const bool second : {true, false}) {
        CAPTURE(second);
        const std::string version = second ? "v2" : "v1";
        const std::string json{std::string_view(
            simdjson::padded_string::load(data + "/conformance/" + version + ".snapshot.json").value())};
        const decoded got = as_message(json, second);
        REQUIRE(!got.ec);
        const bool same = same_form(got.json) == same_form(json); // 100 kB: not to be printed
        CHECK(same);
        CHECK(got.digest.empty() != second);

        const auto parsed =
            flipt::snapshot::parse(got.json, second ? flipt::rule_set::server_v2 : flipt::rule_set::server_v1);
        REQUIRE(parsed.ok());
        std::size_t right = 0;
        std::size_t elsewhere = 0;
        const auto vectors = hostile::read_vectors(data + "/conformance/" + version + ".vectors.jsonl");
        for (const hostile::recorded& one : vectors) {
            const bool here = one.request.namespace_key == "default";
            elsewhere += here ? 0 : 1;
            right += here && as_recorded(*parsed, one) ? 1 : 0;
        }
        CHECK(vectors.size() > 4000);
        CHECK(elsewhere == 1); // asked of a namespace that is not there
        CHECK(right + elsewhere == vectors.size());
    }
}

TEST_CASE("a v1 snapshot with ids of variants and times, and a v2 one with a digest, keep all that HTTP gives")
{
    const std::string first = recorded_body("v1.jsonl", "snapshot with X-Flipt-Accept-Server-Version");
    const std::string second = recorded_body("v2.jsonl", "snapshot client");
    REQUIRE(first.find("\"variantId\":\"385c") != std::string::npos);
    REQUIRE(second.find("\"digest\":") != std::string::npos);
    const decoded one = as_message(first, false);
    CHECK(same_form(one.json) == same_form(first));
    CHECK(one.digest.empty());
    const decoded two = as_message(second, true);
    CHECK(same_form(two.json) == same_form(second));
    CHECK(two.digest == "038b7481accaf4fae67bd06b4ac67795b128b7ad");
    const decoded unknown = as_message(R"({"namespace":{"key":"nope"},"flags":[]})", false);
    CHECK(unknown.json == R"({"namespace":{"key":"nope"},"flags":[]})");
}

TEST_CASE("a share is the server's float: its shortest text, and the same buckets")
{
    for (const float share : {33.33F, 0.1F, 14.28F, 1e-7F, 16777216.0F, 100.0F, 0.0F, 3.4028235e38F}) {
        CAPTURE(share);
        const decoded got(with_threshold(share));
        REQUIRE(!got.ec);
        simdjson::dom::parser parser;
        const simdjson::padded_string text(got.json);
        const simdjson::dom::element document = parser.parse(text);
        const double read = document["flags"].at(0)["rollouts"].at(0)["threshold"]["percentage"];
        CHECK(static_cast<float>(read) == share);
    }
    CHECK(decoded(with_threshold(33.33F)).has(R"("threshold":{"percentage":33.33,"value":true})"));
    CHECK(decoded(with_threshold(50)).has(R"("threshold":{"percentage":50,"value":true})"));

    // Flipt takes the entity if crc32(entity + flag) % 100 < percentage, and the bucket crc32(flag + entity) % 1000.
    const auto all = flipt::snapshot::parse(decoded(with_threshold(100)).json);
    const auto none = flipt::snapshot::parse(decoded(with_threshold(0)).json);
    const auto first = flipt::snapshot::parse(decoded(with_shares(100, 0)).json);
    const auto second = flipt::snapshot::parse(decoded(with_shares(0.04F, 99.96F)).json);
    REQUIRE((all.ok() && none.ok() && first.ok() && second.ok()));
    for (const char* entity : {"ada", "bob", "cyd"}) {
        CAPTURE(entity);
        CHECK(all->evaluate_boolean("f", entity).enabled);
        CHECK_FALSE(none->evaluate_boolean("f", entity).enabled);
        CHECK(first->evaluate_variant("f", entity).variant_key == "one");
        const auto two = second->evaluate_variant("f", entity);
        CHECK(two.variant_key == "two");
        CHECK(two.variant_attachment == "{\"n\":1}");
    }
}

TEST_CASE("a share that is no finite number is named as protojson does, and means what it does in Go")
{
    const float infinite = std::numeric_limits<float>::infinity();
    const std::pair<float, std::string> cases[] = {
        {std::numeric_limits<float>::quiet_NaN(), "\"NaN\""}, {infinite, "\"Infinity\""}, {-infinite, "\"-Infinity\""}};
    for (const auto& [share, name] : cases) {
        CAPTURE(name);
        const decoded threshold(with_threshold(share));
        REQUIRE(!threshold.ec);
        CHECK(threshold.has("\"percentage\":" + name));
        const decoded shares(with_shares(share, 50));
        REQUIRE(!shares.ec);
        CHECK(shares.has("\"rollout\":" + name));
        const auto on = flipt::snapshot::parse(threshold.json);
        const auto two = flipt::snapshot::parse(shares.json);
        REQUIRE((on.ok() && two.ok()));
        for (const char* entity : {"ada", "bob", "cyd", "dan"}) {
            // No number is less than NaN or -Infinity. A share that is not > 0 is dropped, and of Infinity the bucket
            // is int(NaN), the least integer: the other variant has all.
            CHECK(on->evaluate_boolean("f", entity).enabled == (share == infinite));
            CHECK(two->evaluate_variant("f", entity).variant_key == "two");
        }
    }
}

TEST_CASE("times of flags and segments are RFC 3339 with as many digits as Go's protojson gives")
{
    v1::Snapshot message;
    auto& flag = *message.add_flags();
    flag.set_key("f");
    flag.mutable_created_at()->set_seconds(1700000000);
    flag.mutable_updated_at()->set_seconds(-1);
    flag.mutable_updated_at()->set_nanos(500'000'000);
    auto& segment = *flag.add_rules()->add_segments();
    segment.set_key("s");
    segment.mutable_created_at()->set_nanos(1000);
    segment.mutable_updated_at()->set_seconds(253);
    segment.mutable_updated_at()->set_nanos(1);
    const decoded got(message);
    REQUIRE(!got.ec);
    CHECK(got.has(R"("createdAt":"2023-11-14T22:13:20Z","updatedAt":"1969-12-31T23:59:59.500Z")"));
    CHECK(got.has(R"("createdAt":"1970-01-01T00:00:00.000001Z","updatedAt":"1970-01-01T00:04:13.000000001Z")"));
}

TEST_CASE("a time that RFC 3339 or the clock cannot have refuses the snapshot")
{
    const auto flag_created = [](v2::Snapshot& made) { return made.mutable_flags(0)->mutable_created_at(); };
    const auto flag_updated = [](v2::Snapshot& made) { return made.mutable_flags(0)->mutable_updated_at(); };
    const auto segment_created = [](v2::Snapshot& made) {
        return made.mutable_flags(0)->mutable_rules(0)->mutable_segments(0)->mutable_created_at();
    };
    const auto segment_updated = [](v2::Snapshot& made) {
        return made.mutable_flags(0)->mutable_rules(0)->mutable_segments(0)->mutable_updated_at();
    };
    constexpr std::int64_t last = 9'223'372'035; // of 64 bits of nanoseconds
    const auto with = [](const auto& where, std::int64_t seconds, std::int32_t nanos) {
        v2::Snapshot made = with_shares(50, 50);
        where(made)->set_seconds(seconds);
        where(made)->set_nanos(nanos);
        return decoded(made);
    };
    const auto check = [&](const auto& where) {
        CHECK(with(where, last, 999'999'999).has("At\":\"2262-04-11T23:47:15.999999999Z\""));
        CHECK(with(where, -last, 0).has("At\":\"1677-09-21T00:12:45Z\""));
        for (const decoded& wrong :
             {with(where, last + 2, 0), with(where, -last - 2, 0), with(where, 0, -1), with(where, 0, 1'000'000'000),
              with(where, INT64_MAX, 0), with(where, INT64_MIN, 0)}) {
            CHECK(wrong.ec == flipt::errc::invalid_response);
            CHECK(wrong.reason == "a time of the snapshot is out of range");
            CHECK(wrong.json.empty());
        }
    };
    check(flag_created);
    check(flag_updated);
    check(segment_created);
    check(segment_updated);
}

TEST_CASE("an enumerator that is unknown here keeps its number, and is refused where the server refuses it")
{
    v2::Snapshot message = with_shares(50, 50);
    auto& constraint = *message.mutable_flags(0)->mutable_rules(0)->mutable_segments(0)->add_constraints();
    constraint.set_type(6);
    constraint.set_property("team");
    constraint.set_operator_("eq");
    constraint.set_value("red");
    const decoded got(message);
    REQUIRE(!got.ec);
    CHECK(got.has(R"("constraints":[{"type":6,"property":"team",)"));
    const auto parsed = flipt::snapshot::parse(got.json);
    REQUIRE(parsed.ok());
    CHECK(parsed->evaluate_variant("f", "ada", {{"team", "red"}}).code() == flipt::errc::invalid_argument);
    constraint.set_type(-1);
    CHECK(decoded(message).has(R"("constraints":[{"type":-1,)"));
}

TEST_CASE("segments of a rule: OR needs one of them, AND all; a default variant is for who is left")
{
    for (const bool all : {false, true}) {
        CAPTURE(all);
        v2::Snapshot message = with_shares(100, 0);
        auto& flag = *message.mutable_flags(0);
        flag.mutable_default_variant()->set_key("fallback");
        flag.mutable_default_variant()->set_attachment("\"a\"");
        auto& rule = *flag.mutable_rules(0);
        rule.set_segment_operator(all ? 1 : 0);
        rule.clear_segments();
        for (const char* property : {"team", "role"}) {
            auto& segment = *rule.add_segments();
            segment.set_key(property);
            auto& constraint = *segment.add_constraints();
            constraint.set_type(1);
            constraint.set_property(property);
            constraint.set_operator_("eq");
            constraint.set_value("x");
        }
        const auto parsed = flipt::snapshot::parse(decoded(message).json);
        REQUIRE(parsed.ok());
        const auto both = parsed->evaluate_variant("f", "ada", {{"team", "x"}, {"role", "x"}});
        CHECK(both.variant_key == "one");
        const auto one = parsed->evaluate_variant("f", "ada", {{"team", "x"}});
        CHECK(one.variant_key == (all ? "fallback" : "one"));
        const auto none = parsed->evaluate_variant("f", "ada");
        CHECK(none.variant_key == "fallback");
        CHECK(none.variant_attachment == "\"a\"");
        CHECK(none.reason == flipt::evaluation_reason::default_value);
    }
}

TEST_CASE("bytes that are no snapshot are refused, of either major")
{
    for (const auto version : {flipt::server_version::v1, flipt::server_version::v2}) {
        for (const std::string_view bytes : {"\xff", "\x12\x7f", "\x12\x03\x0a\x01\xff"}) { // the last: a key, no UTF-8
            const decoded wrong(bytes, version);
            CHECK(wrong.ec == flipt::errc::invalid_response);
            CHECK(wrong.reason == "the bytes are not the message that was expected");
        }
        detail::decode_detail why;
        std::string json;
        std::string digest = "old";
        CHECK(detail::decode_snapshot(grpc::ByteBuffer(), version, json, digest, why) == flipt::errc::invalid_response);
        CHECK(why.text == "the message cannot be read");
        CHECK(digest.empty());
    }
}
