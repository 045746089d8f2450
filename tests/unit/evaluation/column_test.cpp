// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Constraints by the column: many of one property, many properties, long and unusual values, against asking each one.
#include "flipt/evaluation/column.hpp"
#include "flipt/evaluation/crc32.hpp"
#include "flipt/evaluation/snapshot.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
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

TEST_CASE("every property is found, however many there are")
{
    for (int count = 1; count <= 70; ++count) {
        std::vector<one_constraint> all;
        std::vector<std::pair<std::string, std::string>> context;
        for (int i = 0; i < count; ++i) {
            const std::string n = std::to_string(i);
            all.push_back({"STRING", i % 3 == 0 ? "a long property " + n : "p" + n, "eq", "v" + n});
            context.emplace_back(all.back().property, "v" + n);
        }
        context.emplace_back("p", "v");
        context.emplace_back("no property", "v");
        const auto s = flipt::snapshot::parse(document(all));
        REQUIRE(s.ok());
        for (int i = 0; i < count; ++i)
            CHECK(s->evaluate_boolean("f" + std::to_string(i), "entity", context).enabled);
    }
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

TEST_CASE("small integers, and what looks like them")
{
    std::vector<one_constraint> all;
    for (const char* op : {"eq", "neq", "lt", "lte", "gt", "gte"})
        for (const char* value : {"-3", "0", "7.5", "18", "99", "254"})
            all.push_back({"NUMBER", "n", op, value});
    all.push_back({"NUMBER", "n", "isoneof", "[18,19]"});
    all.push_back({"NUMBER", "n", "present", ""});
    all.push_back({"NUMBER", "m", "lt", "-1"});
    all.push_back({"NUMBER", "m", "neq", "NaN"});
    check(all, contexts_of({"n", "m"},
                           {"0",   "7",   "8",    "17", "18", "19", "98", "99",  "100",  "253",      "254", "255",
                            "256", "999", "1000", "-1", "-3", "+7", ".5", "5.",  "007",  "018",      "1e1", "0x7",
                            "1_0", "8 ",  " 8",   ":",  "/",  "1:", "/1", "1a2", "\xB0", "\xB1\xB2", ""}));
}

TEST_CASE("short texts of one size have different words")
{
    std::set<std::pair<std::size_t, std::uint64_t>> words;
    std::size_t count = 0;
    for (std::size_t n = 1; n <= 8; ++n)
        for (unsigned bits = 0; bits < 1U << n; ++bits, ++count) {
            std::string text;
            for (std::size_t i = 0; i < n; ++i)
                text += (bits >> i & 1U) != 0 ? static_cast<char>('a' + i) : '\xff';
            words.emplace(n, flipt::v0::detail::short_word(text.data(), n));
        }
    CHECK(words.size() == count);
}

// More segments and distributions than there is a short way for, against fewer of them.
TEST_CASE("rules of one to nine segments")
{
    for (std::size_t count = 1; count <= 9; ++count)
        for (const char* both : {"AND", "OR"}) {
            std::string segments;
            for (std::size_t i = 0; i < count; ++i) {
                const std::string n = std::to_string(i);
                segments += (i == 0 ? "" : ",") + (R"({"key":"s)" + n) + R"(","matchType":")" +
                            (i % 2 == 0 ? "ALL" : "ANY") + R"(_SEGMENT_MATCH_TYPE","constraints":[)" +
                            R"({"type":"STRING_CONSTRAINT_COMPARISON_TYPE","property":"p)" + n +
                            R"(","operator":"prefix","value":"y"},{"type":"STRING_CONSTRAINT_COMPARISON_TYPE",)" +
                            R"("property":"q","operator":"eq","value":"q"}]})";
            }
            const auto s = flipt::snapshot::parse(
                R"({"flags":[{"key":"f","type":"BOOLEAN_FLAG_TYPE","rollouts":[{"rank":1,"segment":{"value":true,)"
                R"("segmentOperator":")" +
                std::string(both) + R"(_SEGMENT_OPERATOR","segments":[)" + segments + "]}}]}]}");
            REQUIRE(s.ok());
            for (unsigned bits = 0; bits < 1U << (count + 1); ++bits) {
                texts context;
                std::size_t matching = 0;
                const bool q = (bits >> count & 1U) != 0;
                context["q"] = q ? "q" : "other";
                for (std::size_t i = 0; i < count; ++i) {
                    const bool yes = (bits >> i & 1U) != 0;
                    context["p" + std::to_string(i)] = yes ? "yes" : "no";
                    matching += (i % 2 == 0 ? yes && q : yes || q) ? 1U : 0U;
                }
                const bool enabled = both == std::string_view("AND") ? matching == count : matching != 0;
                const auto r = s->evaluate_boolean("f", "entity", context);
                CHECK(r.enabled == enabled);
                CHECK(r.segment_keys.size() == (enabled ? matching : 0));
                s->evaluate_all("entity", context, [&](const flipt::flag_result& all) {
                    CHECK(all.enabled == enabled);
                    CHECK(all.segment_keys.size() == r.segment_keys.size());
                });
            }
        }
}

TEST_CASE("an entity is in the share its bucket says, with any number of distributions")
{
    for (const auto rules : {flipt::rule_set::server_v2, flipt::rule_set::server_v1})
        for (int count = 1; count <= 12; ++count) {
            std::string shares;
            for (int i = 0; i < count; ++i)
                shares += (i == 0 ? "" : ",") + (R"({"variantKey":"v)" + std::to_string(i)) + R"(","rollout":)" +
                          std::to_string(100 / count) + "}";
            const auto s = flipt::snapshot::parse(
                R"({"flags":[{"key":"f","enabled":true,"type":"VARIANT_FLAG_TYPE","rules":[{"rank":1,"segments":[{"key":"s",)"
                R"("matchType":"ALL_SEGMENT_MATCH_TYPE","constraints":[]}],"distributions":[)" +
                    shares + "]}]}]}",
                rules);
            REQUIRE(s.ok());
            for (int e = 0; e < 300; ++e) {
                const std::string entity = std::to_string(e * e);
                const std::uint32_t bucket = flipt::v0::detail::crc32("f" + entity) % 1000;
                // v2 shares out what is missing of 100, v1 leaves a gap.
                const double share = rules == flipt::rule_set::server_v1 ? 10 * (100 / count) : 1000.0 / count;
                const auto wanted = static_cast<int>(bucket / share);
                const double from = wanted * share;
                if (bucket - from < 1 || from + share - bucket < 2)
                    continue; // how the edges are rounded is tested elsewhere
                const auto r = s->evaluate_variant("f", entity);
                CHECK(r.match == (wanted < count));
                CHECK(r.variant_key == (wanted < count ? "v" + std::to_string(wanted) : ""));
            }
        }
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
