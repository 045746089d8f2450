// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Snapshot documents and requests like those of a server: see benchmarks/README.md.
#pragma once

#include "flipt/types/request.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace bench {

// The same numbers on every machine.
class numbers {
public:
    explicit numbers(std::uint64_t seed) : state_(seed * 2 + 1) {}
    std::uint32_t below(std::uint32_t n)
    {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::uint32_t>((state_ >> 33) % n);
    }
    template <std::size_t N>
    const char* of(const char* const (&list)[N])
    {
        return list[below(N)];
    }

private:
    std::uint64_t state_;
};

struct shape {
    int flags = 100;
    int segments = 40;         // of the namespace, three constraints each
    int segments_per_rule = 2; // the first rule wants all of them, the second one of them
};

inline std::string constraint(numbers& n)
{
    static constexpr const char* properties[] = {"region", "plan", "age", "level", "beta", "env"};
    static constexpr const char* members[] = {"eu", "us", "asia", "pro", "free"};
    const std::string property = n.of(properties);
    const auto one = [&](const char* type, const std::string& op, const std::string& value) {
        return std::string(R"({"type":")") + type + R"(_CONSTRAINT_COMPARISON_TYPE","property":")" + property +
               R"(","operator":")" + op + R"(","value":")" + value + R"("})";
    };
    if (property == "age" || property == "level") {
        static constexpr const char* operators[] = {"gt", "lt", "eq", "gte"};
        const std::string op = n.of(operators);
        return one("NUMBER", op, std::to_string(1 + n.below(60)));
    }
    if (property == "beta")
        return one("BOOLEAN", "true", "");
    if (n.below(10) < 4) {
        std::string list = "[";
        for (int i = 0; i < 4; ++i)
            list += std::string(i == 0 ? "" : ", ") + R"(\")" +
                    (n.below(6) == 5 ? "x" + std::to_string(i) : n.of(members)) + R"(\")";
        return one("STRING", "isoneof", list + "]");
    }
    static constexpr const char* operators[] = {"eq", "neq", "prefix", "suffix"};
    static constexpr const char* values[] = {"eu", "us", "pro", "free", "prod"};
    const std::string op = n.of(operators);
    return one("STRING", op, n.of(values));
}

// Half boolean flags (segments, then a threshold), half variant flags (two rules of three distributions). As servers
// do, every rule repeats its segments whole.
inline std::string document(const shape& s)
{
    static constexpr const char* times =
        R"(,"createdAt":"2026-11-24T15:32:06.043167Z","updatedAt":"2026-11-24T15:32:06.043167Z")";
    numbers n(1);
    std::vector<std::string> segments;
    for (int i = 0; i < s.segments; ++i) {
        const std::string id = std::to_string(i);
        segments.push_back(R"({"key":"segment-)" + id + R"(","name":"Segment )" + id +
                           R"(","description":"A segment of users","matchType":")" + (n.below(2) == 0 ? "ALL" : "ANY") +
                           R"(_SEGMENT_MATCH_TYPE")" + times + R"(,"constraints":[)" + constraint(n) + "," +
                           constraint(n) + "," + constraint(n) + "]}");
    }
    const auto some = [&] {
        std::string list;
        const auto first = n.below(static_cast<std::uint32_t>(s.segments));
        for (int i = 0; i < s.segments_per_rule; ++i)
            list += (i == 0 ? "" : ",") +
                    segments[(first + static_cast<std::uint32_t>(i) * 7U) % static_cast<std::uint32_t>(s.segments)];
        return list;
    };
    const auto uuid = [&](char suffix) {
        char text[40];
        std::snprintf(text, sizeof text, "62bf3e91-1605-4498-9985-%08x%03x%c", n.below(0x7FFFFFFF), n.below(4096),
                      suffix);
        return std::string(text);
    };
    std::string out = R"({"namespace":{"key":"default"},"flags":[)";
    for (int i = 0; i < s.flags; ++i) {
        char key[32];
        std::snprintf(key, sizeof key, "flag-%05d", i);
        out += std::string(i == 0 ? "" : ",") + R"({"key":")" + key + R"(","name":"Flag )" + std::to_string(i) +
               R"(","description":"description of the flag number )" + std::to_string(i) + R"(","enabled":true)" +
               times;
        if (i % 2 == 0) {
            out +=
                R"(,"type":"BOOLEAN_FLAG_TYPE","rules":[],"rollouts":[{"type":"SEGMENT_ROLLOUT_TYPE","rank":1,"segment":{"value":true,"segmentOperator":"AND_SEGMENT_OPERATOR","segments":[)" +
                some() + R"(]}},{"type":"THRESHOLD_ROLLOUT_TYPE","rank":2,"threshold":{"percentage":)" +
                std::to_string(10 + n.below(81)) + R"(,"value":true}}]})";
            continue;
        }
        out += R"(,"type":"VARIANT_FLAG_TYPE","rollouts":[],"rules":[)";
        for (int r = 0; r < 2; ++r) {
            out += std::string(r == 0 ? "" : ",") + R"({"id":")" + uuid('0') + R"(","rank":)" + std::to_string(r + 1) +
                   R"(,"segmentOperator":")" + (r == 0 ? "AND" : "OR") + R"(_SEGMENT_OPERATOR","segments":[)" + some() +
                   R"(],"distributions":[)";
            static constexpr const char* shares[] = {"33.33", "33.33", "33.34"};
            for (int d = 0; d < 3; ++d)
                out += std::string(d == 0 ? "" : ",") + R"({"ruleId":")" + uuid('1') + R"(","variantKey":"v)" +
                       std::to_string(d) + R"(","variantAttachment":"{\"color\":\"#000000\",\"size\":)" +
                       std::to_string(d) + R"(}","rollout":)" + shares[d] + "}";
            out += "]}";
        }
        out += "]}";
    }
    return out + R"(],"digest":"0000000000000000000000000000000000000000"})";
}

// What is asked: random flags of one type for random entities in random contexts.
struct questions {
    std::vector<std::string> keys;
    std::vector<std::string> entities;
    std::vector<flipt::context_map> contexts;
    std::vector<std::uint32_t> order;

    questions(int flags, bool boolean, int context_keys)
    {
        for (int i = boolean ? 0 : 1; i < flags; i += 2) {
            char key[32];
            std::snprintf(key, sizeof key, "flag-%05d", i);
            keys.emplace_back(key);
        }
        for (int i = 0; i < 1024; ++i)
            entities.push_back("user-" + std::to_string(i * 7919));
        static constexpr const char* regions[] = {"eu", "us", "asia", "me"};
        static constexpr const char* plans[] = {"pro", "free", "prod-x", ""};
        for (int i = 0; i < 64; ++i) {
            flipt::context_map c;
            for (int k = 3; k < context_keys; ++k) // what no constraint asks for, in front of what they do
                c.emplace_back("attribute-" + std::to_string(k), "value-" + std::to_string(i + k));
            c.emplace_back("region", regions[i % 4]);
            if (context_keys > 1)
                c.emplace_back("plan", plans[i / 4 % 4]);
            if (context_keys > 2)
                c.emplace_back("age", std::to_string(i));
            contexts.push_back(std::move(c));
        }
        numbers n(7);
        for (int i = 0; i < 65536; ++i)
            order.push_back(n.below(0x7FFFFFFF));
    }
    [[nodiscard]] const std::string& key(std::size_t i) const { return keys[order[i % order.size()] % keys.size()]; }
    [[nodiscard]] const std::string& entity(std::size_t i) const
    {
        return entities[order[i % order.size()] >> 8 & 1023U];
    }
    [[nodiscard]] std::size_t context(std::size_t i) const { return order[i % order.size()] >> 20 & 63U; }
};

} // namespace bench
