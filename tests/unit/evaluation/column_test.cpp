// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Constraints by the column: many of one property, many properties, long and unusual values, against asking each one.
#include "flipt/evaluation/snapshot.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using texts = std::map<std::string, std::string>;

struct one_constraint {
    std::string type;
    std::string property;
    std::string op;
    std::string value;
};

// One boolean flag for each constraint, "f0" and so on, enabled where it matches; and flags "pair0" of two constraints.
std::string document(const std::vector<one_constraint>& all)
{
    const auto segment = [&](std::size_t i, std::size_t j, const char* match) {
        const auto json = [](const one_constraint& c) {
            return R"({"type":")" + c.type + R"(_CONSTRAINT_COMPARISON_TYPE","property":")" + c.property +
                   R"(","operator":")" + c.op + R"(","value":")" + c.value + R"("})";
        };
        return R"({"key":"s)" + std::to_string(i) + "-" + std::to_string(j) + match + R"(","matchType":")" + match +
               R"(_SEGMENT_MATCH_TYPE","constraints":[)" + json(all[i]) + (i == j ? "" : "," + json(all[j])) + "]}";
    };
    const auto flag = [](const std::string& key, const std::string& s) {
        return R"({"key":")" + key +
               R"(","type":"BOOLEAN_FLAG_TYPE","rollouts":[{"rank":1,"segment":{"value":true,"segments":[)" + s +
               "]}}]}";
    };
    std::string flags;
    for (std::size_t i = 0; i < all.size(); ++i) {
        const std::size_t j = (i * 7 + 3) % all.size();
        flags += (flags.empty() ? "" : ",") + flag("f" + std::to_string(i), segment(i, i, "ALL"));
        flags += "," + flag("all" + std::to_string(i), segment(i, j, "ALL"));
        flags += "," + flag("any" + std::to_string(i), segment(i, j, "ANY"));
    }
    return R"({"namespace":{"key":"default"},"flags":[)" + flags + "]}";
}

// What one constraint says, by itself in a document of its own.
bool alone(const one_constraint& c, const texts& context)
{
    const auto s = flipt::snapshot::parse(document({c}));
    REQUIRE(s.ok());
    return s->evaluate_boolean("f0", "entity", context).enabled;
}

void check(const std::vector<one_constraint>& all, const std::vector<texts>& contexts)
{
    const auto parsed = flipt::snapshot::parse(document(all));
    REQUIRE_MESSAGE(parsed.ok(), parsed.error().message());
    const flipt::snapshot& s = *parsed;
    for (const texts& context : contexts) {
        std::vector<bool> expected;
        for (const one_constraint& c : all)
            expected.push_back(alone(c, context));
        const flipt::context prepared(context);
        std::map<std::string, bool, std::less<>> together;
        s.evaluate_all("entity", context,
                       [&](const flipt::flag_result& r) { together[std::string(r.flag_key)] = r.enabled; });
        for (std::size_t i = 0; i < all.size(); ++i) {
            const std::size_t j = (i * 7 + 3) % all.size();
            const std::pair<std::string, bool> wanted[] = {
                {"f", expected[i]}, {"all", expected[i] && expected[j]}, {"any", expected[i] || expected[j]}};
            for (const auto& [name, yes] : wanted) {
                const std::string key = name + std::to_string(i);
                INFO(key, " ", all[i].property, " ", all[i].op, " ", all[i].value, "; ", all[j].property, " ",
                     all[j].op, " ", all[j].value);
                CHECK(s.evaluate_boolean(key, "entity", context).enabled == yes);
                CHECK(s.evaluate_boolean(key, "entity", prepared).enabled == yes);
                CHECK(together.at(key) == yes);
            }
        }
    }
}

std::vector<texts> contexts_of(const std::vector<std::string>& properties, const std::vector<std::string>& values)
{
    std::vector<texts> out(1);
    for (std::size_t i = 0; i < values.size(); ++i) {
        texts t;
        for (std::size_t p = 0; p < properties.size(); ++p)
            t[properties[p]] = values[(i + p) % values.size()];
        out.push_back(std::move(t));
    }
    return out;
}

TEST_CASE("more constraints of one property than there are bits in a word")
{
    std::vector<one_constraint> all;
    for (int i = 0; i < 70; ++i) {
        all.push_back({"STRING", "p", i % 2 == 0 ? "eq" : "neq", "v" + std::to_string(i)});
        all.push_back({"NUMBER", "p", i % 3 == 0 ? "lt" : i % 3 == 1 ? "gte" : "eq", std::to_string(i * 3)});
    }
    all.push_back({"STRING", "p", "isoneof", R"([\"v1\",\"v2\",\"a value longer than eight bytes\",\"\"])"});
    all.push_back({"STRING", "p", "isnotoneof", R"([\"v3\",\"a value longer than eight bytes\"])"});
    all.push_back({"STRING", "p", "prefix", "v1"});
    all.push_back({"STRING", "p", "contains", "longer"});
    all.push_back({"STRING", "p", "notcontains", "longer"});
    all.push_back({"BOOLEAN", "p", "true", ""});
    all.push_back({"STRING", "p", "notempty", ""});
    all.push_back({"STRING", "p", "empty", ""});
    check(all, contexts_of({"p"}, {"v0", "v1", "v64", "v69", "v7", "6", "7", "210", "-1", "true", "T", "", " ", " v1",
                                   "a value longer than eight bytes", "a value longer than eight bytes!", "NaN"}));
}

TEST_CASE("more properties than a flag can name in a word")
{
    std::vector<one_constraint> all;
    std::vector<std::string> properties;
    for (int i = 0; i < 300; ++i) {
        const std::string p = i % 2 == 0 ? "p" + std::to_string(i) : "a property with a long name " + std::to_string(i);
        properties.push_back(p);
        if (i % 4 == 0)
            all.push_back({"NUMBER", p, "gt", "5"});
        else if (i % 4 == 1)
            all.push_back({"STRING", p, "suffix", "x"});
        else
            all.push_back({"STRING", p, i % 4 == 2 ? "eq" : "neq", "5"});
    }
    all.push_back({"ENTITY_ID", "", "eq", "entity"});
    all.push_back({"ENTITY_ID", "", "prefix", "x"});
    check(all, contexts_of(properties, {"5", "6", "x", ""}));
}

TEST_CASE("numbers at, between and beyond those that are named")
{
    std::vector<one_constraint> all;
    for (const char* op : {"eq", "neq", "lt", "lte", "gt", "gte"})
        for (const char* value : {"0", "-0", "1.5", "1e3", "-Inf", "Inf", "NaN", "0x1p-1074"})
            all.push_back({"NUMBER", "n", op, value});
    all.push_back({"NUMBER", "n", "isoneof", "[1.5,1000]"});
    all.push_back({"NUMBER", "n", "isnotoneof", "[1.5,1000]"});
    all.push_back({"NUMBER", "n", "present", ""});
    all.push_back({"NUMBER", "n", "notpresent", ""});
    check(all, contexts_of({"n"}, {"0", "-0", "0.0", "1", "1.5", "1.50000001", "1000", "1_000", "-Inf", "inf", "nan",
                                   "1e400", "-1e-400", "4.9e-324", "abc", "12345678901", "00000000000000000001", ""}));
}

TEST_CASE("texts of every length")
{
    std::vector<one_constraint> all;
    std::vector<std::string> values;
    std::string text;
    for (int i = 0; i < 24; ++i) {
        text += static_cast<char>('a' + i);
        all.push_back({"STRING", "t", "eq", text});
        all.push_back({"STRING", "t", "neq", text.substr(1) + "!"});
        values.push_back(text);
        values.push_back(text.substr(1) + "!");
        values.push_back(text.substr(1) + "?");
    }
    check(all, contexts_of({"t"}, values));
}

TEST_CASE("of pairs with one key the first counts, wherever the value is looked at")
{
    const auto s = flipt::snapshot::parse(document({{"STRING", "p", "eq", "first"}, {"STRING", "q", "eq", "x"}}));
    const std::vector<std::pair<std::string_view, std::string_view>> twice{
        {"p", "first"}, {"p", "second"}, {"q", ""}, {"q", "x"}};
    CHECK(s->evaluate_boolean("f0", "e", twice).enabled);
    CHECK_FALSE(s->evaluate_boolean("f1", "e", twice).enabled);
    std::size_t enabled = 0;
    s->evaluate_all("e", twice, [&](const flipt::flag_result& r) { enabled += r.enabled ? 1U : 0U; });
    CHECK(enabled == 3); // f0, any0 and any1
}

} // namespace
