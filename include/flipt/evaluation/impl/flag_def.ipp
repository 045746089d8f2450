// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A flag as a document has it, and what is worked out of it before it is compiled: v1's repair, and the buckets.
#pragma once

#include "flipt/evaluation/image.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace flipt::inline v0::detail {

struct distribution_def {
    std::uint32_t variant;
    float rollout;

    friend bool operator==(const distribution_def&, const distribution_def&) = default;
};

struct rule_def {
    std::string_view id;
    std::int32_t rank = 0;
    bool all = false;
    std::uint32_t first_segment = 0;
    std::uint32_t segments = 0;
    std::uint32_t first_distribution = 0;
    std::uint32_t distributions = 0;
};

struct rollout_def {
    std::int32_t rank = 0;
    bool has_threshold = false;
    bool has_segments = false;
    bool all = false;
    bool segment_value = false;
    bool threshold_value = false;
    float percentage = 0;
    std::uint32_t first_segment = 0;
    std::uint32_t segments = 0;
};

struct flag_def {
    std::string_view key;
    std::string_view name;
    bool boolean = false;
    bool enabled = false;
    bool has_default = false;
    std::uint32_t default_variant = 0;
    std::vector<rule_def> rules;
    std::vector<rollout_def> rollouts;
    std::vector<std::uint32_t> segments;
    std::vector<distribution_def> distributions;

    void clear() noexcept
    {
        key = name = {};
        boolean = enabled = has_default = false;
        default_variant = 0;
        rules.clear();
        rollouts.clear();
        segments.clear();
        distributions.clear();
    }
};

// Go's conversion on amd64: what does not fit (and NaN) is the least integer.
inline std::int64_t go_int(float f) noexcept
{
    constexpr float limit = 9223372036854775808.0F;
    return f >= -limit && f < limit ? static_cast<std::int64_t>(f) : INT64_MIN;
}

// The intermediate results are float32 in Go on amd64, never fused: keep the compiler from contracting them.
inline float rounded(float f) noexcept
{
    volatile float v = f;
    return v;
}

inline void make_buckets(rule_set rules, std::span<const distribution_def> all, std::vector<std::uint16_t>& out)
{
    const auto put = [&](std::int64_t bucket) {
        // Only compared with 1 to 1000.
        out.push_back(static_cast<std::uint16_t>(bucket < 0 ? 0 : (bucket > 1001 ? 1001 : bucket)));
    };
    if (rules == rule_set::server_v1) {
        std::uint64_t sum = 0; // wraps as Go's int does
        for (const distribution_def& d : all)
            if (d.rollout > 0) {
                sum += static_cast<std::uint64_t>(go_int(rounded(d.rollout * 10.0F)));
                put(static_cast<std::int64_t>(sum));
            }
        return;
    }
    float total = 0;
    std::size_t left = 0;
    for (const distribution_def& d : all)
        if (d.rollout > 0) {
            total = rounded(total + d.rollout);
            ++left;
        }
    float cumulative = 0;
    for (const distribution_def& d : all)
        if (d.rollout > 0) {
            const float share = rounded(rounded(d.rollout / total) * 100.0F);
            cumulative = rounded(cumulative + share);
            put(--left == 0 ? bucket_count : go_int(rounded(cumulative * 10.0F)));
        }
}

// v1 lists a rule with N segments N times over, each time with N copies of its distributions. The copies have one id
// and follow each other: only where both are seen is anything taken out.
inline void repair_rules(flag_def& def)
{
    std::size_t write = 0;
    for (std::size_t read = 0; read < def.rules.size();) {
        rule_def rule = def.rules[read];
        std::size_t copies = 1;
        while (read + copies < def.rules.size() && !rule.id.empty() && def.rules[read + copies].id == rule.id)
            ++copies;
        if (copies > 1 && copies == rule.segments && rule.distributions % copies == 0) {
            const std::uint32_t period = rule.distributions / rule.segments;
            const auto* const first = def.distributions.data() + rule.first_distribution;
            bool periodic = true;
            for (std::uint32_t i = period; i < rule.distributions; ++i)
                periodic = periodic && first[i] == first[i - period];
            if (periodic)
                rule.distributions = period;
        }
        def.rules[write++] = rule;
        read += copies;
    }
    def.rules.resize(write);
}

} // namespace flipt::inline v0::detail
