// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshots: what loads, what is refused, and how flags, contexts and results are handled.
#include "flipt/evaluation/diff.hpp"
#include "flipt/evaluation/snapshot.hpp"
#include "flipt/types/request.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

using flipt::errc;
using flipt::evaluation_reason;
using flipt::rule_set;
using flipt::snapshot;

std::string segment(const std::string& key, const std::string& constraints, const std::string& match = "ALL")
{
    return R"({"key":")" + key + R"(","name":"","description":"","matchType":")" + match +
           R"(_SEGMENT_MATCH_TYPE","constraints":[)" + constraints + "]}";
}

std::string constraint(const std::string& type, const std::string& property, const std::string& op,
                       const std::string& value)
{
    return R"({"type":")" + type + R"(_CONSTRAINT_COMPARISON_TYPE","property":")" + property + R"(","operator":")" +
           op + R"(","value":")" + value + R"("})";
}

std::string rollout(const std::string& segments, int rank = 1, const std::string& op = "OR")
{
    return R"({"type":"SEGMENT_ROLLOUT_TYPE","rank":)" + std::to_string(rank) +
           R"(,"segment":{"value":true,"segmentOperator":")" + op + R"(_SEGMENT_OPERATOR","segments":[)" + segments +
           "]}}";
}

std::string boolean_flag(const std::string& key, const std::string& rollouts, bool enabled = false)
{
    return R"({"key":")" + key + R"(","enabled":)" + (enabled ? "true" : "false") +
           R"(,"type":"BOOLEAN_FLAG_TYPE","rollouts":[)" + rollouts + "]}";
}

std::string variant_flag(const std::string& key, const std::string& rules)
{
    return R"({"key":")" + key + R"(","enabled":true,"type":"VARIANT_FLAG_TYPE","rules":[)" + rules + "]}";
}

snapshot load(const std::string& flags, rule_set rules = rule_set::server_v2)
{
    auto r = snapshot::parse(R"({"namespace":{"key":"default"},"digest":"d","flags":[)" + flags + "]}", rules);
    REQUIRE_MESSAGE(r.ok(), r.error().message());
    return *std::move(r);
}

const std::string eu = segment("eu", constraint("STRING", "region", "eq", "eu"));

TEST_CASE("an empty snapshot knows no flag")
{
    const snapshot none;
    CHECK(none.empty());
    CHECK(none.memory_bytes() == 0);
    const auto r = none.evaluate_boolean("f", "e");
    CHECK_FALSE(r.ok());
    CHECK(r.code() == errc::not_found);
    CHECK(r.flag_key == "f");
    CHECK_FALSE(none.find("f"));
    CHECK(none.find("f").evaluate_variant("e").code() == errc::not_found);
    static_assert(std::is_nothrow_move_constructible_v<snapshot> && std::is_nothrow_move_assignable_v<snapshot>);
    static_assert(!std::is_copy_constructible_v<snapshot>);
}

TEST_CASE("an empty snapshot has no flags to evaluate, and neither has one that was moved from")
{
    auto full = load(boolean_flag("f", rollout(eu)));
    const snapshot moved = std::move(full);
    const snapshot none;
    // NOLINTNEXTLINE(bugprone-use-after-move): it is as if default-constructed
    for (const snapshot* const s : {&none, static_cast<const snapshot*>(&full)}) {
        std::size_t seen = 0;
        s->evaluate_all("e", {{"region", "eu"}}, [&](const flipt::flag_result&) { ++seen; });
        CHECK(seen == 0);
        std::array<flipt::flag_result, 1> out;
        CHECK(s->evaluate_all("e", {{"region", "eu"}}, out) == 0);
        CHECK(s->evaluate_all("e", std::map<std::string, std::string>{{"region", "eu"}}, out) == 0);
    }
    CHECK(moved.size() == 1);
}

TEST_CASE("contexts of any kind answer alike")
{
    const auto s = load(boolean_flag("f", rollout(eu)));
    CHECK(s.evaluate_boolean("f", "e", {{"region", "eu"}}).enabled);
    CHECK(s.evaluate_boolean("f", "e", std::map<std::string, std::string>{{"region", "eu"}}).enabled);
    CHECK(s.evaluate_boolean("f", "e", std::unordered_map<std::string, std::string>{{"region", "eu"}}).enabled);
    CHECK(s.evaluate_boolean("f", "e", std::vector<std::pair<std::string, std::string>>{{"a", "b"}, {"region", "eu"}})
              .enabled);
    CHECK(s.evaluate_boolean("f", "e", flipt::evaluation_request("f", "e").with("region", "eu").context).enabled);
    CHECK(s.evaluate_boolean("f", "e", std::array<std::pair<const char*, std::string_view>, 1>{{{"region", "eu"}}})
              .enabled);
    CHECK(s.evaluate_boolean("f", "e", std::list<std::pair<std::string_view, const char*>>{{"region", "eu"}}).enabled);
    const std::pair<std::string_view, std::string_view> plain[] = {{"region", "eu"}};
    CHECK(s.evaluate_boolean("f", "e", plain).enabled);
    const auto prepared = flipt::context().with("region", "us").with("region", "eu");
    CHECK(s.evaluate_boolean("f", "e", prepared).enabled); // the last one set
    const std::vector<std::pair<std::string, std::string>> twice{{"region", "eu"}, {"region", "us"}};
    CHECK(s.evaluate_boolean("f", "e", twice).enabled); // of a range the first one counts
    CHECK(s.evaluate_boolean("f", "e", flipt::context(twice)).enabled);
    const flipt::context copy = prepared;
    CHECK(s.find("f").evaluate_boolean("e", copy).enabled);
    CHECK(s.find("f").evaluate_boolean("e", {{"region", "eu"}}).enabled);
    CHECK_FALSE(s.evaluate_boolean("f", "e", {}).enabled);
    CHECK_FALSE(s.evaluate_boolean("f", "e").enabled);

    std::map<std::string, std::string> many;
    for (int i = 0; i < 100; ++i)
        many["key-" + std::to_string(i)] = "x";
    CHECK_FALSE(s.evaluate_boolean("f", "e", many).enabled);
    many["region"] = "eu"; // far behind those that are looked at without a call
    CHECK(s.evaluate_boolean("f", "e", many).enabled);
}

TEST_CASE("results name the flag, the reason and the segments")
{
    const auto s = load(boolean_flag("f", rollout(eu + "," + segment("all", "") + "," +
                                                  segment("no", constraint("NUMBER", "n", "eq", "1")))) +
                        "," + variant_flag("v", ""));
    const auto r = s.evaluate_boolean("f", "e", {{"region", "eu"}});
    CHECK(r.ok());
    CHECK_FALSE(r.code());
    CHECK(r.flag_key == "f");
    CHECK(r.reason == evaluation_reason::match);
    CHECK(std::vector<std::string_view>(r.segment_keys.begin(), r.segment_keys.end()) ==
          std::vector<std::string_view>{"eu", "all"});
    CHECK(r.segment_keys.size() == 2);
    CHECK(r.segment_keys.contains("all"));
    CHECK_FALSE(r.segment_keys.contains("no"));
    const auto owned = flipt::to_owned(r);
    CHECK((owned.enabled && owned.flag_key == "f" && owned.segment_keys.size() == 2));

    const auto wrong = s.evaluate_variant("f", "e");
    CHECK(wrong.code() == errc::flag_type_mismatch);
    CHECK(wrong.http_status() == 400);
    CHECK(wrong.message() == "flag type BOOLEAN_FLAG_TYPE invalid");
    CHECK(s.evaluate_boolean("v", "e").message() == "flag type VARIANT_FLAG_TYPE invalid");
    CHECK(s.evaluate_boolean("x", "e").message() == "flag \"default/x\" not found");
    CHECK_THROWS_AS((void)flipt::to_owned(wrong), flipt::error);
}

TEST_CASE("segments are one only when their definitions are")
{
    const auto other = segment("eu", constraint("STRING", "region", "eq", "us")); // the same key
    const auto s = load(boolean_flag("a", rollout(eu)) + "," + boolean_flag("b", rollout(other)) + "," +
                        boolean_flag("c", rollout(eu)));
    CHECK(s.evaluate_boolean("a", "e", {{"region", "eu"}}).enabled);
    CHECK_FALSE(s.evaluate_boolean("b", "e", {{"region", "eu"}}).enabled);
    CHECK(s.evaluate_boolean("b", "e", {{"region", "us"}}).enabled);
    CHECK(s.evaluate_boolean("c", "e", {{"region", "eu"}}).enabled);
}

TEST_CASE("a set whose only text is empty names nothing")
{
    const auto s = load(boolean_flag("f", rollout(segment("s", constraint("STRING", "p", "isoneof", R"([\"\"])")))));
    CHECK_FALSE(s.evaluate_boolean("f", "e", {{"p", "x"}}).enabled);
    CHECK_FALSE(s.evaluate_boolean("f", "e", {{"p", ""}}).enabled);
}

TEST_CASE("members come in any order, and unknown ones are skipped")
{
    const auto late =
        R"({"constraints":[{"value":"eu","operator":"eq","x":[{"y":null}],"property":"region","type":"STRING_CONSTRAINT_COMPARISON_TYPE"}],"new":1,"matchType":"ANY_SEGMENT_MATCH_TYPE","key":"late"})";
    const auto s = load(boolean_flag("a", rollout(late)) + R"(, {"rollouts":[)" + rollout(late) +
                        R"(],"rules":null,"type":"BOOLEAN_FLAG_TYPE","key":"b"})");
    CHECK(s.evaluate_boolean("a", "e", {{"region", "eu"}}).segment_keys.contains("late"));
    CHECK(s.evaluate_boolean("b", "e", {{"region", "eu"}}).enabled);
    CHECK_FALSE(s.evaluate_boolean("b", "e", {{"region", "us"}}).enabled);
}

TEST_CASE("an unknown constraint type is an error: in v1 always, in v2 when it is reached")
{
    const auto after =
        segment("s", constraint("STRING", "region", "eq", "eu") + "," + constraint("FUTURE", "x", "eq", "y"), "ANY");
    const auto flag = boolean_flag("f", rollout(after));
    const auto v2 = load(flag);
    CHECK(v2.evaluate_boolean("f", "e", {{"region", "eu"}}).enabled);
    CHECK(v2.evaluate_boolean("f", "e", {{"region", "us"}}).code() == errc::invalid_argument);
    const auto v1 = load(flag, rule_set::server_v1);
    const auto r = v1.evaluate_boolean("f", "e", {{"region", "eu"}});
    CHECK(r.message() == "unknown constraint type");
    CHECK(r.http_status() == 400);
    // An AND that has failed already still meets it.
    const auto both = load(boolean_flag("f", rollout(eu + "," + after, 1, "AND")));
    CHECK(both.evaluate_boolean("f", "e", {{"region", "us"}}).code() == errc::invalid_argument);
}

TEST_CASE("rules out of order are an error when they are reached")
{
    const auto s = load(boolean_flag("f", rollout(eu, 2) + "," + rollout(segment("all", ""), 1)) + "," +
                        variant_flag("v", R"({"rank":3,"segments":[)" + eu + R"(]},{"rank":-2,"segments":[]})"));
    CHECK(s.evaluate_boolean("f", "e", {{"region", "eu"}}).enabled);
    const auto r = s.evaluate_boolean("f", "e");
    CHECK(r.code() == errc::server_error);
    CHECK(r.http_status() == 500);
    CHECK(r.grpc_code() == 13);
    CHECK(r.message() == "rollout rank: 1 detected out of order");
    CHECK(s.evaluate_variant("v", "e").message() == "rule rank: -2 detected out of order");
    CHECK(s.evaluate_variant("v", "e").code() == errc::invalid_argument);
}

TEST_CASE("a malformed constraint drops its segment in v2, and does not match in v1")
{
    const auto bad = segment("bad", constraint("NUMBER", "n", "eq", "x"));
    const auto flag = boolean_flag("f", rollout(eu + "," + bad, 1, "AND"));
    CHECK(load(flag).evaluate_boolean("f", "e", {{"region", "eu"}}).enabled);
    CHECK_FALSE(load(flag, rule_set::server_v1).evaluate_boolean("f", "e", {{"region", "eu"}}).enabled);
}

TEST_CASE("v1 repeats a rule of two segments, and it is put right")
{
    const std::string half =
        R"({"variantKey":"a","variantAttachment":"","rollout":30},{"variantKey":"b","variantAttachment":"","rollout":20})";
    const std::string rule = R"({"id":"1","rank":1,"segmentOperator":"OR_SEGMENT_OPERATOR","segments":[)" +
                             segment("x", "") + "," + segment("y", "") + R"(],"distributions":[)";
    const auto once = load(variant_flag("v", rule + half + "]}"), rule_set::server_v1);
    const auto twice = load(variant_flag("v", rule + half + "," + half + "]}," + rule + half + "," + half + "]}"),
                            rule_set::server_v1);
    int differ = 0;
    for (int i = 0; i < 2000; ++i) {
        const auto e = std::to_string(i);
        differ += once.evaluate_variant("v", e).variant_key != twice.evaluate_variant("v", e).variant_key ? 1 : 0;
    }
    CHECK(differ == 0);
    // One copy only: nothing says it is the defect, so nothing is taken out.
    const auto as_is = load(variant_flag("v", rule + half + "," + half + "]}"), rule_set::server_v1);
    for (int i = 0; i < 2000; ++i) {
        const auto e = std::to_string(i);
        differ += once.evaluate_variant("v", e).variant_key != as_is.evaluate_variant("v", e).variant_key ? 1 : 0;
    }
    CHECK(differ > 500); // of the 2000: bucketed as [300, 500, 800, 1000]
}

TEST_CASE("all flags at once answer as each by itself")
{
    std::string flags;
    for (int i = 0; i < 40; ++i) {
        const auto n = std::to_string(i);
        flags +=
            (i != 0 ? "," : "") +
            (i % 2 != 0
                 ? boolean_flag(
                       "b" + n,
                       rollout(eu + "," + segment("s" + std::to_string(i % 5), constraint("NUMBER", "n", "lt", n)), 1,
                               i % 3 != 0 ? "AND" : "OR"))
                 : variant_flag(
                       "v" + n,
                       R"({"rank":1,"segments":[)" + eu +
                           R"(],"distributions":[{"variantKey":"x","rollout":50},{"variantKey":"y","rollout":30}]})"));
    }
    for (const auto rules : {rule_set::server_v2, rule_set::server_v1}) {
        const auto s = load(flags, rules);
        const std::map<std::string, std::string> ctx{{"region", "eu"}, {"n", "17"}};
        std::size_t i = 0;
        s.evaluate_all("entity", ctx, [&](const flipt::flag_result& r) {
            CHECK(r.flag_key == s.flags()[i++].key);
            if (r.type == flipt::flag_type::boolean) {
                const auto one = s.evaluate_boolean(r.flag_key, "entity", ctx);
                CHECK((one.enabled == r.enabled && one.reason == r.reason &&
                       one.segment_keys.size() == r.segment_keys.size()));
            } else {
                const auto one = s.evaluate_variant(r.flag_key, "entity", ctx);
                CHECK((one.match == r.match && one.reason == r.reason && one.variant_key == r.variant_key));
            }
        });
        CHECK(i == 40);
        std::vector<flipt::flag_result> out(50);
        CHECK(s.evaluate_all("entity", ctx, out) == 40);
        CHECK(s.evaluate_all("entity", {{"region", "eu"}}, std::span(out).first(7)) == 7);
        CHECK(out[6].flag_key == "v6");
    }
}

TEST_CASE("a batch answers item by item")
{
    const auto unknown = boolean_flag("bad", rollout(segment("s", constraint("FUTURE", "x", "eq", "y"))));
    const auto flags = boolean_flag("f", rollout(eu)) + "," + variant_flag("v", "") + "," + unknown;
    const auto request = flipt::batch_request()
                             .add(flipt::evaluation_request("f", "e").with("region", "eu"))
                             .add({"nope", "e"})
                             .add({"bad", "e"})
                             .add(flipt::evaluation_request("v", "e").in_namespace("elsewhere"))
                             .add({"v", "e"});
    std::vector<flipt::batch_item> items;
    const auto v2 = load(flags);
    CHECK_FALSE(v2.evaluate_batch(request.requests, [&](std::size_t i, const flipt::flag_result& r) {
        CHECK(i == items.size());
        items.push_back(flipt::to_owned(r));
    }));
    REQUIRE(items.size() == 5);
    CHECK(std::get<flipt::boolean_evaluation>(items[0]).enabled);
    CHECK(std::get<flipt::error_evaluation>(items[1]).reason == flipt::error_evaluation_reason::not_found);
    CHECK(std::get<flipt::error_evaluation>(items[1]).namespace_key == "default");
    CHECK(std::get<flipt::error_evaluation>(items[2]).reason == flipt::error_evaluation_reason::unknown);
    CHECK(std::get<flipt::error_evaluation>(items[3]).reason == flipt::error_evaluation_reason::not_found);
    CHECK_FALSE(std::get<flipt::variant_evaluation>(items[4]).match);
    const auto v1 = load(flags, rule_set::server_v1);
    CHECK(v1.evaluate_batch(request.requests, [](std::size_t, const flipt::flag_result&) {}) == errc::invalid_argument);
}

TEST_CASE("many segments in a flag and in a rule")
{
    std::string all;
    for (int i = 0; i < 200; ++i)
        all +=
            (i != 0 ? "," : "") + segment("s" + std::to_string(i), constraint("NUMBER", "n", "gte", std::to_string(i)));
    // Twice, so that all of them want a place in the memo.
    const auto s = load(boolean_flag("f", rollout(all, 1, "AND") + "," + rollout(all, 2)));
    const auto r = s.evaluate_boolean("f", "e", {{"n", "149"}});
    CHECK(r.segment_keys.size() == 150);
    CHECK(s.evaluate_boolean("f", "e", {{"n", "199"}}).segment_keys.size() == 200);
    CHECK_FALSE(s.evaluate_boolean("f", "e", {{"n", "-1"}}).enabled);

    for (int i = 200; i < 257; ++i)
        all += "," + segment("s" + std::to_string(i), "");
    const auto bad = snapshot::parse(R"({"flags":[)" + boolean_flag("f", rollout(all)) + "]}");
    CHECK_FALSE(bad.ok());
    CHECK(bad.error().message().find("flags[0]: a rule with more than 256 segments") == 0);
}

TEST_CASE("a document may nest as deep as it is allowed to, and says so where it does not")
{
    const auto nested = [](std::size_t depth) {
        return R"({"flags":[],"x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
    };
    CHECK(snapshot::parse(nested(64)).ok());
    CHECK(snapshot::parse(nested(3), rule_set::server_v2, "default", 3).ok());
    CHECK(snapshot::parse(nested(1024), rule_set::server_v2, "default", 5000).ok());
    CHECK_FALSE(snapshot::parse(nested(1025), rule_set::server_v2, "default", 5000).ok());
    CHECK_FALSE(snapshot::parse(nested(4), rule_set::server_v2, "default", 3).ok());
    CHECK_FALSE(snapshot::parse(nested(2), rule_set::server_v2, "default", 1).ok()); // a known member
    for (const std::string& deep : {nested(65), R"({"flags":[],"x":)" + std::string(100000, '[')}) {
        const auto refused = snapshot::parse(deep);
        CHECK(refused->empty());
        CHECK(refused.error().code() == errc::response_too_large);
        CHECK(refused.error().message().find("nested too deeply") != std::string::npos);
    }
}

TEST_CASE("a segment that repeats counts its depth where it stands")
{
    const std::string segment = R"({"key":"s","x":[[[0]]]})"; // 4 deep; at 7 in a rule, at 8 in a rollout
    const std::string in_rule = R"({"key":"a","type":"VARIANT_FLAG_TYPE","rules":[{"segments":[)" + segment + "]}]}";
    const std::string in_rollout =
        R"({"key":"b","type":"BOOLEAN_FLAG_TYPE","rollouts":[{"segment":{"segments":[)" + segment + "]}}]}";
    for (const std::string& flags : {in_rollout, in_rule + "," + in_rollout, in_rollout + "," + in_rule,
                                     in_rule + "," + in_rollout + "," + in_rollout}) {
        CAPTURE(flags);
        const std::string json = R"({"flags":[)" + flags + "]}";
        CHECK(snapshot::parse(json, rule_set::server_v2, "default", 11).ok());
        CHECK(snapshot::parse(json, rule_set::server_v2, "default", 10).error().code() == errc::response_too_large);
    }
    const std::string rule_alone = R"({"flags":[)" + in_rule + "," + in_rule + "]}";
    CHECK(snapshot::parse(rule_alone, rule_set::server_v2, "default", 10).ok());
    CHECK_FALSE(snapshot::parse(rule_alone, rule_set::server_v2, "default", 9).ok());
}

TEST_CASE("a refused document says where and what")
{
    const auto why = [](std::string_view json) {
        const auto r = snapshot::parse(json);
        CAPTURE(json);
        CHECK_FALSE(r.ok());
        CHECK(r->empty());
        CHECK(r.error().code() == errc::invalid_snapshot);
        CHECK(r.error().offset() <= json.size());
        return r.error().message();
    };
    CHECK(why("") == "the document: expected an object (byte 0)");
    CHECK(why("[]") == "the document: expected an object (byte 0)");
    CHECK(why("{}").find("not a snapshot") != std::string::npos);
    CHECK(why(R"({"code":5,"message":"x","details":[]})").find("not a snapshot") != std::string::npos);
    CHECK(why(R"({"flags":[]} x)") == "the document: text after the document (byte 13)");
    CHECK(why(R"({"flags":{}})") == "flags: expected an array (byte 9)");
    CHECK(why(R"({"flags":[{"key":"a"},{"name":"b"}]})").find("flags[1]: a flag without a key") == 0);
    CHECK(why(R"({"flags":[{"key":"a","enabled":1}]})") == "flags[0]: expected true or false (byte 31)");
    CHECK(why(R"({"flags":[{"key":"a","rules":[{"segments":[{"key":1}]}]}]})") ==
          "flags[0].rules[0].segments[0]: expected a string (byte 50)");
    CHECK(why(R"({"flags":[{"key":"a","rules":[{"rank":1.5}]}]})").find("expected a 32-bit integer") !=
          std::string::npos);
    CHECK(why(R"({"flags":[{"key":"a","rules":[{"rank":3e9}]}]})").find("expected a 32-bit integer") !=
          std::string::npos);
    CHECK(
        why(R"({"flags":[{"key":"a","rules":[{"distributions":[{"rollout":"x"}]}]}]})").find("a number out of range") !=
        std::string::npos);
    CHECK(why("{\"flags\":[],\"x\":\"\xff\"}") == "the document: not UTF-8 (byte 0)");
    CHECK(why("{\"flags\":[],\"x\":\"a\nb\"}").find("a control character") != std::string::npos);
    CHECK(why(R"({"flags":[],"x":"\q"})").find("a bad escape") != std::string::npos);
    CHECK(why(R"({"flags":[],"x":"\ud800"})").find("a bad escape") != std::string::npos);
    CHECK(why(R"({"flags":[],"x":01})").find("expected") != std::string::npos);
    CHECK(why(R"({"flags":[],})").find("expected a string") != std::string::npos);
    const std::string good =
        R"({"namespace":{"key":"n"},"flags":[)" + boolean_flag("f", rollout(eu)) + R"(],"digest":"0123"})";
    REQUIRE(snapshot::parse(good).ok());
    for (std::size_t n = 0; n < good.size(); ++n)
        CHECK_FALSE(snapshot::parse(std::string_view(good).substr(0, n)).ok());
}

#if defined(__SIZEOF_INT128__) // the hash that these keys were made for
// Keys of 32 bytes with one hash. The last step multiplies by the last eight bytes xor what the first sixteen made: by
// zero, where the two are equal.
class colliding_keys {
public:
    colliding_keys()
    {
        using flipt::detail::hash_seed;
        using flipt::detail::hash_step;
        using flipt::detail::mix;
        const auto word = [this](std::size_t at) { return flipt::detail::load<std::uint64_t>(start_.data() + at); };
        for (std::uint64_t n = 0;; ++n) {
            start_ = "start" + std::to_string(100000000000 + n).substr(1);
            const std::uint64_t h = mix(word(0) ^ hash_step, word(8) ^ (hash_seed ^ 32));
            end_.assign(sizeof h, '\0');
            std::memcpy(end_.data(), &h, sizeof h);
            if (std::all_of(end_.begin(), end_.end(), [](char c) { return c >= '#' && c < 127 && c != '\\'; }))
                return;
        }
    }
    [[nodiscard]] std::string operator()(int i) const { return start_ + std::to_string(10000000 + i) + end_; }

private:
    std::string start_;
    std::string end_;
};

TEST_CASE("keys that were chosen to collide are refused, wherever they are")
{
    const colliding_keys key;
    REQUIRE(key(0).size() == 32);
    REQUIRE(flipt::detail::hash_bytes(key(0)) == flipt::detail::hash_bytes(key(1)));
    const auto list = [&](int count, const auto& one) {
        std::string all;
        for (int i = 0; i < count; ++i)
            all += (i != 0 ? "," : "") + one(key(i));
        return all;
    };
    const auto refused = [](const std::string& flags) {
        const auto r = snapshot::parse(R"({"flags":[)" + flags + "]}");
        CHECK_FALSE(r.ok());
        CHECK(r.error().code() == errc::invalid_snapshot);
        return r.error().path() + ": " + r.error().problem();
    };
    const auto flag = [](const std::string& k) { return boolean_flag(k, ""); };
    CHECK(refused(list(3000, flag)) == "flags[1024]: too many keys collide");
    const auto few = load(list(1024, flag));
    CHECK(few.find(key(0)));
    CHECK(few.find(key(1023)));
    CHECK_FALSE(few.find(key(1024)));

    const auto of_property = [](const std::string& k) { return constraint("STRING", k, "eq", "x"); };
    const auto of_segment = [](const std::string& k) { return rollout(segment(k, "")); };
    const auto share = [](const std::string& k) { return R"({"variantKey":")" + k + R"(","rollout":0})"; };
    const auto text = [](const std::string& k) { return R"(\")" + k + R"(\")"; };
    CHECK(refused(boolean_flag("f", rollout(segment("s", list(3000, of_property))))) ==
          "flags[0]: too many keys collide");
    CHECK(refused(boolean_flag("f", list(3000, of_segment))) == "flags[0]: too many keys collide");
    CHECK(refused(variant_flag("f", R"({"rank":1,"distributions":[)" + list(3000, share) + "]}")) ==
          "flags[0]: too many keys collide");
    const std::string members = "[" + list(3000, text) + "]";
    CHECK(refused(boolean_flag("f", rollout(segment("s", constraint("STRING", "p", "isoneof", members))))) ==
          ": too many keys collide");
}
#endif

TEST_CASE("many keys that were counted up do not")
{
    std::string flags;
    std::string members;
    std::string constraints;
    constexpr int count = 20000;
    for (int i = 0; i < count; ++i) {
        const std::string n = std::to_string(100000 + i);
        flags +=
            boolean_flag("flag-" + n, "") + "," + boolean_flag("checkout_experiment_number_" + n.substr(1), "") + ",";
        members += (i != 0 ? "," : "") + (R"(\"u)" + n + R"(\")");
        constraints += (i != 0 ? "," : "") + constraint("STRING", "p" + n, "eq", "x");
    }
    const auto s = load(
        flags + boolean_flag("f", rollout(segment("s", constraint("STRING", "user", "isoneof", "[" + members + "]"))) +
                                      "," + rollout(segment("t", constraints, "ANY"), 2)));
    CHECK(s.size() == 2 * count + 1);
    CHECK(s.evaluate_boolean("f", "e", {{"user", "u119999"}}).enabled);
    CHECK(s.evaluate_boolean("f", "e", {{"p119999", "x"}}).enabled);
    CHECK_FALSE(s.evaluate_boolean("f", "e", {{"user", "u120000"}}).enabled);
}

TEST_CASE("UTF-8 is checked wherever it is, and before anything else")
{
    const auto good = [](const std::string& json) { return snapshot::parse(json).ok(); };
    const auto why = [](const std::string& json) { return snapshot::parse(json).error().message(); };
    const std::string utf8 = "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\x89";
    for (const std::string& bad : {std::string("\xC3"), std::string("\xFF"), std::string("\xED\xA0\x80")})
        for (const std::size_t before : {0U, 1U, 7U, 14U, 15U, 16U, 17U, 40U})
            for (const std::size_t after : {0U, 1U, 7U, 40U}) {
                const std::string a(before, 'a');
                const std::string b(after, 'b');
                for (const auto& place :
                     {std::pair<std::string, std::string>{R"({"flags":[],"x":")", R"("})"},
                      {R"({"flags":[],"x":"\")", R"("})"},
                      {R"({"flags":[],")", R"(":1})"},
                      {R"({"flags":[{"key":")", R"("}]})"},
                      {R"({"flags":[{"key":"f","rules":[{"segments":[{"key":"s","name":")", R"("}]}]}]})"},
                      {R"({"flags":[{"key":"f","rules":[{"distributions":[{"ruleId":"","variantKey":")",
                       R"("}]}]}]})"}}) {
                    CHECK(good(place.first + a + utf8 + b + place.second));
                    CHECK(why(place.first + a + bad + b + place.second) == "the document: not UTF-8 (byte 0)");
                    // Even if something else is wrong, in front of it or behind.
                    CHECK(why(place.first + a + bad + b + place.second + "]") == "the document: not UTF-8 (byte 0)");
                    CHECK(why("!" + place.first + a + bad + b + place.second) == "the document: not UTF-8 (byte 0)");
                }
            }
    CHECK(why("{\"flags\":[]}\xFF") == "the document: not UTF-8 (byte 0)");
    CHECK(why("{\"flags\":[]}" + utf8) == "the document: text after the document (byte 12)");
}

TEST_CASE("what is repeated counts each time as what it says")
{
    const auto share = [](const std::string& ids, const std::string& key, const std::string& attachment,
                          const std::string& rollout) {
        return "{" + ids + R"("variantKey":")" + key + R"(","variantAttachment":")" + attachment + R"(","rollout":)" +
               rollout + "}";
    };
    const std::string all = segment("all", "");
    const auto flag = [&](const std::string& key, const std::string& shares) {
        return variant_flag(key, R"({"rank":1,"segments":[)" + all + R"(],"distributions":[)" + shares + "]}");
    };
    const std::string a = share(R"("ruleId":"1",)", "a", R"({\"n\":1})", "100");
    const auto s = load(
        flag("f0", a) + "," + flag("f1", a) + "," + flag("f2", share(R"("ruleId":"22",)", "a", R"({\"n\":1})", "100")) +
        "," + flag("f3", share(R"("ruleId":"22",)", "a", R"({\"n\":2})", "100")) + "," +
        flag("f4", share(R"("id":"","ruleId":"3","variantId":"4",)", "a", R"({\"n\":1})", "100")) + "," +
        // A member that means something in front of the rest that is known, and one that comes twice.
        flag("f5", R"({"rollout":100,"ruleId":"1","variantKey":"a","variantAttachment":"{\"n\":1}"})") + "," +
        flag("f6", R"({"variantAttachment":"x","ruleId":"1","variantKey":"a","rollout":100})") + "," +
        flag("f7", share("", "a", R"({\"n\":1})", "100")) + "," + flag("f8", R"({"ruleId":"1","rollout":100})") + "," +
        flag("f9", R"({"ruleId":"2","rollout":100})") + "," +
        flag("f10",
             share(R"("ruleId":"1",)", "a", R"({\"n\":1})", "0") + "," + share(R"("ruleId":"1",)", "b", "", "100")) +
        "," + flag("f11", share(R"("ruleId" : "1" ,)", "a", R"({\"n\":1})", "100")) + "," +
        flag("f12", R"({"ruleId":"1"},)" + a + R"(,{"ruleId":"1"})"));
    const auto answer = [&](const char* key) {
        const auto r = s.evaluate_variant(key, "e");
        CHECK(r.match);
        return std::string(r.variant_key) + std::string(r.variant_attachment);
    };
    for (const char* key : {"f0", "f1", "f2", "f4", "f5", "f7", "f11", "f12"})
        CHECK(answer(key) == R"(a{"n":1})");
    CHECK(answer("f3") == R"(a{"n":2})");
    CHECK(answer("f6") == "ax");
    CHECK(answer("f8").empty());
    CHECK(answer("f9").empty());
    CHECK(answer("f10") == "b");
}

TEST_CASE("numbers in every form JSON has for them")
{
    const auto with = [](const std::string& number) {
        return snapshot::parse(R"({"flags":[{"key":"f","type":"BOOLEAN_FLAG_TYPE","rollouts":[{"rank":)" + number +
                               R"(,"threshold":{"percentage":100,"value":true}}]}]})");
    };
    for (const char* good :
         {"0", "1", "1.0", "1.000000", "1e2", "1.5e1", "\"3\"", "null", "2147483647", "12345678", "-0"})
        CHECK(with(good).ok());
    for (const char* bad :
         {"01", "00", "1.", ".5", "1.5", "1.25", "1..0", "1.0.0", "+1", "1e", "-", "2147483648", "1 2", "1x"})
        CHECK_FALSE(with(bad).ok());
    const auto percent = [](const std::string& number) {
        const auto s = snapshot::parse(
            R"({"flags":[{"key":"f","type":"BOOLEAN_FLAG_TYPE","rollouts":[{"rank":1,"threshold":{"percentage":)" +
            number + R"(,"value":true}}]}]})");
        REQUIRE(s.ok());
        int enabled = 0;
        for (int i = 0; i < 2000; ++i)
            enabled += s->evaluate_boolean("f", "entity-" + std::to_string(i)).enabled ? 1 : 0;
        return enabled;
    };
    CHECK(percent("0") == 0);
    CHECK(percent("-1") == 0);
    CHECK(percent("99.001") == 2000);
    CHECK(percent("1e2") == 2000);
    CHECK(percent("1000") == 2000);
    CHECK(percent("50") == percent("50.0"));
    CHECK(percent("50") == percent("\"50\""));
    CHECK(percent("50") == percent("49.5"));
    CHECK(percent("50") < percent("50.01"));
    CHECK(percent("50.01") == percent("51"));
}

TEST_CASE("what a snapshot says of itself, and the later of two flags")
{
    const auto s = load(R"({"key":"f","name":"first","type":"VARIANT_FLAG_TYPE"},)" + boolean_flag("g", "") + "," +
                        boolean_flag("f", "", true));
    CHECK(s.namespace_key() == "default");
    CHECK(s.digest() == "d");
    CHECK(s.rules() == rule_set::server_v2);
    CHECK(s.flags().size() == 2);
    CHECK(s.evaluate_boolean("f", "e").enabled);
    CHECK((*s.flags().begin()).key == "f");
    CHECK(s.flags()[0].enabled);
    CHECK(s.info("g").type == flipt::flag_type::boolean);
    CHECK(s.info("x").key.data() == nullptr);
    CHECK(s.memory_bytes() > 0);
}

TEST_CASE("a difference is of what evaluates, not of ids and times")
{
    const auto rule = [](const std::string& id, const std::string& segments, const std::string& share) {
        return R"({"id":")" + id + R"(","rank":1,"segments":[)" + segments + R"(],"distributions":[{"ruleId":")" + id +
               R"(","variantKey":"x","variantAttachment":"1","rollout":)" + share +
               R"(},{"variantKey":"y","rollout":50}]})";
    };
    const auto x = segment("x", "");
    const auto a =
        load(variant_flag("same", rule("1", eu + "," + x, "50")) + "," + variant_flag("share", rule("1", eu, "50")) +
             "," + variant_flag("segment", rule("1", eu, "50")) + "," + boolean_flag("state", "") + "," +
             boolean_flag("gone", ""));
    const auto b = load(boolean_flag("new", "") + "," + boolean_flag("state", "", true) + "," +
                        variant_flag("same", rule("2", x + "," + eu, "50")) + "," +
                        variant_flag("share", rule("1", eu, "49")) + "," + variant_flag("segment", rule("1", x, "50")));
    const auto d = flipt::diff(a, b);
    CHECK(d.added == std::vector<std::string>{"new"});
    CHECK(d.removed == std::vector<std::string>{"gone"});
    CHECK(d.changed == std::vector<std::string>{"state", "share", "segment"});
    CHECK(flipt::diff(a, a).empty());
}

TEST_CASE("handles survive a move of the snapshot")
{
    auto s = load(boolean_flag("f", rollout(eu)));
    const auto f = s.find("f");
    REQUIRE(f);
    CHECK(f.key() == "f");
    CHECK(f.type() == flipt::flag_type::boolean);
    const snapshot moved = std::move(s);
    CHECK(f.evaluate_boolean("e", {{"region", "eu"}}).enabled);
    CHECK(f.evaluate_variant("e").code() == errc::flag_type_mismatch);
    CHECK(s.empty()); // NOLINT: moved from is empty
}

TEST_CASE("a context is copied with its texts, and what was there before is gone")
{
    flipt::context a;
    CHECK(a.empty());
    flipt::context b;
    {
        const std::string region = "eu";
        flipt::context made;
        made.with("region", "us").with("plan", "pro").with("region", region); // the last counts
        b.with("plan", "free").with("more", "x");
        a = made;
        b = made;
        const flipt::context& same = made;
        made = same;
        CHECK(made.size() == 2);
    }
    const snapshot s = load(boolean_flag("f", rollout(segment("s", constraint("STRING", "region", "eq", "eu") + "," +
                                                                       constraint("STRING", "plan", "eq", "pro")))));
    for (const flipt::context* c : {&a, &b}) {
        CHECK(c->size() == 2);
        CHECK_FALSE(c->empty());
        CHECK(s.evaluate_boolean("f", "e", *c).enabled);
    }
    CHECK_FALSE(s.evaluate_boolean("f", "e", flipt::context()).enabled);
}

TEST_CASE("a handle knows its flag and evaluates it with any context")
{
    const snapshot s =
        load(boolean_flag("on", "", true) + "," + boolean_flag("off", "") + "," +
             variant_flag("v", R"({"id":"r","rank":1,"segmentOperator":"OR_SEGMENT_OPERATOR","segments":[)" +
                                   segment("s", constraint("STRING", "region", "eq", "eu")) +
                                   R"(],"distributions":[{"variantKey":"x","variantAttachment":"","rollout":100}]})"));
    CHECK(s.find("on").enabled());
    CHECK_FALSE(s.find("off").enabled());
    const flipt::flag_handle v = s.find("v");
    REQUIRE(v);
    CHECK(v.key() == "v");
    CHECK(v.type() == flipt::flag_type::variant);
    CHECK(v.evaluate_variant("e", {{"region", "eu"}}).variant_key == "x");
    CHECK(v.evaluate_variant("e", flipt::context().with("region", "eu")).variant_key == "x");
    CHECK(v.evaluate_variant("e", std::map<std::string, std::string>{{"region", "eu"}}).variant_key == "x");
    CHECK_FALSE(v.evaluate_variant("e").match);
    CHECK(v.evaluate_variant("e").ok());
    CHECK(v.evaluate_boolean("e", flipt::context()).code() == errc::flag_type_mismatch);
    CHECK(flipt::flag_handle().evaluate_variant("e", flipt::context()).code() == errc::not_found);
}

TEST_CASE("ranges: what is empty, and the value before a post-increment")
{
    const snapshot s = load(boolean_flag("a", rollout(segment("x", "") + "," + segment("y", ""), 1, "AND")) + "," +
                            boolean_flag("b", ""));
    CHECK(snapshot().flags().empty());
    CHECK_FALSE(s.flags().empty());
    const auto flags = s.flags();
    auto f = flags.begin();
    CHECK((*f++).key == "a");
    CHECK((*f++).key == "b");
    CHECK(f == flags.end());
    const auto matched = s.evaluate_boolean("a", "e").segment_keys;
    CHECK_FALSE(matched.empty());
    CHECK(matched.size() == 2);
    auto k = matched.begin();
    const std::string_view first = *k++;
    const std::string_view second = *k++;
    CHECK(k == matched.end());
    CHECK(first != second);
    CHECK(matched.contains(first));
    CHECK(matched.contains(second));
    CHECK(s.evaluate_boolean("b", "e").segment_keys.empty());
    const auto copy = matched; // NOLINT: a copy is what is looked at
    CHECK(copy.size() == 2);
}

TEST_CASE("a result that failed is thrown with its code and words when it is to be owned")
{
    const snapshot s = load(boolean_flag("b", "", true));
    CHECK(s.evaluate_boolean("b", "e").http_status() == 200);
    CHECK(s.evaluate_boolean("b", "e").grpc_code() == 0);
    CHECK(to_owned(s.evaluate_boolean("b", "e")).enabled);
    const auto thrown = [](const auto& result) {
        std::error_code ec;
        try {
            (void)to_owned(result);
        } catch (const flipt::error& e) {
            ec = e.code();
            CHECK(std::string_view(e.what()).find(result.message()) == 0);
        }
        return ec;
    };
    CHECK(thrown(s.evaluate_boolean("none", "e")) == errc::not_found);
    CHECK(thrown(s.evaluate_variant("none", "e")) == errc::not_found);
    CHECK(thrown(s.evaluate_variant("b", "e")) == errc::flag_type_mismatch);
}

} // namespace
