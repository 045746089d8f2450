// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The saved state of the official SDKs loads and answers as the document it was made from.
#include "flipt/evaluation/snapshot.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr std::string_view saved =
    R"({"version":1,"namespace":{"key":"game","flags":{)"
    R"("b":{"key":"b","enabled":false,"type":"BOOLEAN_FLAG_TYPE"},)"
    R"("v":{"key":"v","enabled":true,"type":"VARIANT_FLAG_TYPE","description":"a \"b\"","default_variant":{"id":"","key":"d","attachment":"{\"a\":1}"}}},)"
    R"("eval_rules":{"b":[],"v":[)"
    R"({"id":"v-1","flag_key":"v","segments":{"s":{"segment_key":"s","match_type":"ANY_SEGMENT_MATCH_TYPE","constraints":[)"
    R"({"type":"STRING_CONSTRAINT_COMPARISON_TYPE","property":"region","operator":"eq","value":"eu"}]},)"
    R"("t":{"segment_key":"t","match_type":"ALL_SEGMENT_MATCH_TYPE","constraints":[]}},"rank":1,"segment_operator":"AND_SEGMENT_OPERATOR"},)"
    R"({"id":"v-2","flag_key":"v","segments":{"s":{"segment_key":"s","match_type":"ANY_SEGMENT_MATCH_TYPE","constraints":[)"
    R"({"type":"STRING_CONSTRAINT_COMPARISON_TYPE","property":"region","operator":"eq","value":"eu"}]},)"
    R"("t":{"segment_key":"t","match_type":"ALL_SEGMENT_MATCH_TYPE","constraints":[]}},"rank":2,"segment_operator":"AND_SEGMENT_OPERATOR"}]},)"
    R"("eval_rollouts":{"b":[{"rollout_type":"SEGMENT_ROLLOUT_TYPE","rank":1,"segment":{"value":true,"segment_operator":"OR_SEGMENT_OPERATOR","segments":{)"
    R"("s":{"segment_key":"s","match_type":"ANY_SEGMENT_MATCH_TYPE","constraints":[{"type":"STRING_CONSTRAINT_COMPARISON_TYPE","property":"region","operator":"eq","value":"eu"}]}}}},)"
    R"({"rollout_type":"THRESHOLD_ROLLOUT_TYPE","rank":2,"threshold":{"percentage":100.0,"value":true}}],"v":[]},)"
    R"("eval_distributions":{)"
    R"("v-1":[{"rule_id":"v-1","rollout":50.0,"variant_key":"x","variant_attachment":"1"},{"rule_id":"v-1","rollout":50.0,"variant_key":"y"},)"
    R"({"rule_id":"v-1","rollout":50.0,"variant_key":"x","variant_attachment":"1"},{"rule_id":"v-1","rollout":50.0,"variant_key":"y"}],)"
    R"("v-2":[{"rule_id":"v-2","rollout":50.0,"variant_key":"x","variant_attachment":"1"},{"rule_id":"v-2","rollout":50.0,"variant_key":"y"},)"
    R"({"rule_id":"v-2","rollout":50.0,"variant_key":"x","variant_attachment":"1"},{"rule_id":"v-2","rollout":50.0,"variant_key":"y"}]}}})";

std::string base64(std::string_view in)
{
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < in.size(); i += 3) {
        unsigned bits = 0;
        const std::size_t n = in.size() - i < 3 ? in.size() - i : 3;
        for (std::size_t k = 0; k < 3; ++k)
            bits = bits << 8 | (k < n ? static_cast<unsigned char>(in[i + k]) : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

TEST_CASE("base64 and the JSON inside it load alike")
{
    for (const std::string& text : {std::string(saved), base64(saved), base64(saved) + "\n"}) {
        const auto r = flipt::snapshot::parse_sdk(text, flipt::rule_set::server_v1);
        REQUIRE_MESSAGE(r.ok(), r.error().message());
        CHECK(r->namespace_key() == "game");
        CHECK(r->flags().size() == 2);
        CHECK(r->evaluate_boolean("b", "e", {{"region", "eu"}}).segment_keys.contains("s"));
        CHECK(r->evaluate_boolean("b", "e").enabled);
        const auto v = r->evaluate_variant("v", "e");
        CHECK(v.variant_key == "d");
        CHECK(v.variant_attachment == "{\"a\":1}");
        const auto m = r->evaluate_variant("v", "e", {{"region", "eu"}});
        CHECK(m.match);
        CHECK(m.segment_keys.size() == 2);
        // v1's copies are put right here too: [500, 1000], not [500, 1000, 1500, 2000] or halves of it.
        int x = 0;
        for (int i = 0; i < 1000; ++i)
            x += r->evaluate_variant("v", std::to_string(i), {{"region", "eu"}}).variant_key == "x" ? 1 : 0;
        CHECK(x > 450);
        CHECK(x < 550);
    }
}

TEST_CASE("anything else is refused")
{
    for (const std::string_view text :
         {"", "!", "e30=", "{}", "{\"namespace\":{}}", "eyJ4", "{\"namespace\":{\"key\":\"k\",\"flags\":[]}}", "a"}) {
        const auto r = flipt::snapshot::parse_sdk(text);
        CAPTURE(text);
        CHECK_FALSE(r.ok());
        CHECK_FALSE(r.error().message().empty());
    }
}

std::string replaced(std::string_view from, std::string_view to)
{
    std::string out(saved);
    const auto at = out.find(from);
    REQUIRE(at != std::string::npos);
    return out.replace(at, from.size(), to);
}

TEST_CASE("base64 may be broken into lines, hold every digit, and nothing behind its padding")
{
    const std::string text = replaced("\"a \\\"b\\\"\"", "\"?>?>~~\xC3\xBF\xC3\xBE\"");
    std::string lines;
    for (const char c : base64(text)) {
        lines += c;
        if (lines.size() % 61 == 60)
            lines += "\r\n";
    }
    CHECK(lines.find('/') != std::string::npos);
    CHECK(flipt::snapshot::parse_sdk(" \n" + text).ok());
    CHECK(flipt::snapshot::parse_sdk(lines).ok());
    CHECK(flipt::snapshot::parse_sdk("\n " + lines).ok());
    CHECK_FALSE(flipt::snapshot::parse_sdk(lines + "=A").ok());
    CHECK_FALSE(flipt::snapshot::parse_sdk(lines + "====").ok());
}

TEST_CASE("a state whose parts are of another kind is refused, whichever part")
{
    for (const auto& [from, to] : {std::pair<std::string_view, std::string_view>("\"eval_rules\":{", "\"x\":{"),
                                   {R"("b":{"key":"b","enabled":false,"type":"BOOLEAN_FLAG_TYPE"})", R"("b":3)"},
                                   {R"("b":{"key":"b",)", R"("b":{"key":3,)"},
                                   {R"("v":[{"id":"v-1")", R"("v":[3,{"id":"v-1")"},
                                   {R"("id":"v-1","flag_key")", R"("id":1,"flag_key")"},
                                   {R"("segments":{"s":{)", R"("segments":{"r":3,"s":{)"},
                                   {R"("flag_key":"v","segments")", R"("flag_key":"v","x")"},
                                   {R"({"rollout_type":"SEGMENT_ROLLOUT_TYPE")", R"(3,{"rollout_type":"S")"},
                                   {R"("segment_operator":"OR_SEGMENT_OPERATOR","segments")",
                                    R"("segment_operator":"OR_SEGMENT_OPERATOR","x")"}}) {
        CAPTURE(from);
        CAPTURE(to);
        const auto r = flipt::snapshot::parse_sdk(replaced(from, to));
        CHECK_FALSE(r);
        CHECK(r.error().code() == flipt::errc::invalid_snapshot);
        CHECK(r->empty());
    }
}

} // namespace
