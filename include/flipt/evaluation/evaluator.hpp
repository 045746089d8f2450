// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The walk over a flag's rules: Flipt's evaluation, on the compiled form.
#pragma once

#include "flipt/evaluation/crc32.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/evaluation/result.hpp"
#include "flipt/evaluation/verdicts.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

class evaluator {
public:
    using failure = evaluation_status::failure;
    static constexpr auto default_reason = static_cast<std::uint32_t>(evaluation_reason::default_value);
    static_assert(default_reason == static_cast<std::uint32_t>(evaluation_reason::match) + 1);

    template <class Verdicts>
    [[gnu::always_inline]] static void boolean(const image& im, const std::uint32_t* flag, Verdicts& verdicts,
                                               auto& out) noexcept
    {
        out.image_ = &im;
        out.flag_key = key_of(flag);
        const std::uint32_t bits = flag[flag_bits];
        const std::uint32_t* p = flag + flag_head_words + (flag[flag_key_size] + 3) / 4;
        for (std::uint32_t rules = bits >> flag_rules_shift; rules != 0; --rules) {
            const std::uint32_t word = p[0];
            const auto kind = static_cast<rule_kind>(word & rule_kind_mask);
            if (kind == rule_kind::threshold) {
                const std::uint32_t percent = crc32_value(verdicts.entity_and(flag)) % 100;
                if (rules == 1) { // the last: one way out for both, and no branch, as there is no pattern
                    const std::uint32_t hit = (percent - p[1]) >> 31;
                    const std::uint32_t answers =
                        (bits & flag_enabled) / flag_enabled | (word & rule_value) / (rule_value / 2);
                    out.enabled = (answers >> hit & 1U) != 0;
                    out.reason = static_cast<evaluation_reason>(default_reason - hit);
                    return;
                }
                if (percent < p[1]) {
                    out.enabled = (word & rule_value) != 0;
                    out.reason = evaluation_reason::match;
                    return;
                }
                p += 2;
                continue;
            }
            if (kind == rule_kind::bad_rank) {
                fail(out, failure::rollout_rank);
                out.rank_ = static_cast<std::int32_t>(p[1]);
                return;
            }
            const verdict v = match_segments(im, p, verdicts, out.segment_keys);
            if (v == verdict::yes) {
                out.enabled = (word & rule_value) != 0;
                out.reason = evaluation_reason::match;
                return;
            }
            if (v == verdict::error)
                return fail(out, failure::unknown_constraint);
            p += 2 + (word >> rule_segments_shift);
        }
        out.enabled = (bits & flag_enabled) != 0;
        out.reason = evaluation_reason::default_value;
    }

    template <class Verdicts>
    [[gnu::always_inline]] static void variant(const image& im, const std::uint32_t* flag, Verdicts& verdicts,
                                               auto& out) noexcept
    {
        out.image_ = &im;
        out.flag_key = key_of(flag);
        const std::uint32_t bits = flag[flag_bits];
        if ((bits & flag_has_default) != 0) {
            out.reason = evaluation_reason::default_value;
            set_variant(im, flag[flag_default], out);
        }
        if ((bits & flag_enabled) == 0) {
            out.reason = evaluation_reason::flag_disabled;
            return;
        }
        const std::uint32_t* p = flag + flag_head_words + (flag[flag_key_size] + 3) / 4;
        for (std::uint32_t rules = bits >> flag_rules_shift; rules != 0; --rules) {
            const std::uint32_t word = p[0];
            if (static_cast<rule_kind>(word & rule_kind_mask) == rule_kind::bad_rank) {
                fail(out, failure::rule_rank);
                out.rank_ = static_cast<std::int32_t>(p[1]);
                return;
            }
            const verdict v = match_segments(im, p, verdicts, out.segment_keys);
            const std::uint32_t distributions = p[1];
            p += 2 + (word >> rule_segments_shift);
            if (v == verdict::yes)
                return distribute(im, p, distributions, (word & rule_few) != 0, flag, verdicts, out);
            if (v == verdict::error)
                return fail(out, failure::unknown_constraint);
            p += distributions + (distributions + 1) / 2;
        }
    }

    static void not_found(const image& im, std::string_view key, auto& out) noexcept
    {
        out.image_ = &im;
        out.flag_key = key;
        out.failure_ = failure::no_flag;
    }

    static void wrong_type(const image& im, const std::uint32_t* flag, auto& out) noexcept
    {
        out.image_ = &im;
        out.flag_key = key_of(flag);
        out.failure_ = failure::wrong_type;
        out.type_ = type_of(flag);
    }

private:
    // An error answers nothing but itself.
    static void fail(auto& out, failure f) noexcept
    {
        const std::string_view key = out.flag_key;
        const image* const im = out.image_;
        const auto keep_type = [&] {
            if constexpr (requires { out.type; })
                return out.type;
            else
                return 0;
        }();
        out = {};
        out.image_ = im;
        out.flag_key = key;
        out.failure_ = f;
        if constexpr (requires { out.type; })
            out.type = keep_type;
    }

    static void set_variant(const image& im, std::uint32_t id, auto& out) noexcept
    {
        const variant_rec& v = im.variants[id];
        out.variant_key = im.text(v.key);
        out.variant_attachment = im.text(v.attachment);
    }

    template <class Verdicts>
    [[gnu::always_inline]] static verdict match_segments(const image& im, const std::uint32_t* rule, Verdicts& verdicts,
                                                         segment_key_range& keys) noexcept
    {
        const std::uint32_t word = rule[0];
        if ((word & (rule_may_fail | rule_far | rule_long)) != 0) [[unlikely]]
            return match_long_segments(im, rule, verdicts, keys);
        const std::uint32_t count = word >> rule_segments_shift;
        std::uint64_t matched = 0;
        std::uint64_t pending = 0;
        // Of few, looking at all costs less than a branch that follows no pattern.
        for (std::uint32_t i = 0; i != count; ++i)
            matched |= std::uint64_t{verdicts.matches_short(im, rule[2 + i], pending)} << i;
        if (pending != 0) [[unlikely]] {
            if ((word & rule_all) != 0)
                for (std::uint32_t i = 0; i != count; ++i)
                    if (fails_already(im.segments[rule[2 + i]], verdicts))
                        return verdict::no;
            matched = match_all_settled(im, rule, verdicts);
        }
        return conclude(im, rule, matched, keys);
    }

    // Whether it is enough that these segments match.
    [[gnu::always_inline]] static verdict conclude(const image& im, const std::uint32_t* rule, std::uint64_t matched,
                                                   segment_key_range& keys) noexcept
    {
        const std::uint32_t count = rule[0] >> rule_segments_shift;
        const std::uint64_t every = (std::uint64_t{1} << count) - 1;
        if ((rule[0] & rule_all) != 0 ? matched != every : matched == 0)
            return verdict::no;
        keys.image_ = &im;
        keys.segments_ = rule + 2;
        keys.count_ = count;
        keys.matched_[0] = matched;
        return verdict::yes;
    }

    // The segments that match, a bit each.
    template <class Verdicts>
    [[nodiscard, gnu::noinline]] static std::uint64_t match_all_settled(const image& im, const std::uint32_t* rule,
                                                                        Verdicts& verdicts) noexcept
    {
        std::uint64_t matched = 0;
        for (std::uint32_t i = 0; i != rule[0] >> rule_segments_shift; ++i)
            matched |= std::uint64_t{match_settled(im, im.segments[rule[2 + i]], verdicts)} << i;
        return matched;
    }

    template <class Verdicts>
    [[gnu::noinline]] static verdict match_long_segments(const image& im, const std::uint32_t* rule, Verdicts& verdicts,
                                                         segment_key_range& keys) noexcept
    {
        const std::uint32_t word = rule[0];
        const std::uint32_t count = word >> rule_segments_shift;
        if (count > 63 || (word & (rule_may_fail | rule_far)) != 0)
            return match_rare_segments(im, rule, verdicts, keys);
        const bool all = (word & rule_all) != 0;
        std::uint64_t matched = 0;
        std::uint64_t pending = 0;
        for (std::uint32_t i = 0; i != count; ++i) {
            const bool yes = verdicts.matches(im, rule[2 + i], pending);
            matched |= std::uint64_t{yes} << i;
            if (i > 2 && all && !yes && pending == 0)
                return verdict::no;
        }
        if (pending != 0)
            matched = match_all_settled(im, rule, verdicts);
        return conclude(im, rule, matched, keys);
    }

    // Many segments, or some with a constraint of unknown type: the server looks at every segment, so once an AND has
    // failed the rest still matters as it can be an error.
    template <class Verdicts>
    static verdict match_rare_segments(const image& im, const std::uint32_t* rule, Verdicts& verdicts,
                                       segment_key_range& keys) noexcept
    {
        const std::uint32_t word = rule[0];
        const std::uint32_t count = word >> rule_segments_shift;
        const std::uint32_t* const segments = rule + 2;
        const bool may_stop = (word & (rule_all | rule_may_fail)) == rule_all;
        std::uint32_t matched = 0;
        std::uint64_t mask[max_rule_segments / 64] = {};
        for (std::uint32_t i = 0; i < count; ++i) {
            const verdict v = match_rare(im, im.segments[segments[i]], verdicts);
            if (v == verdict::error)
                return v;
            if (v == verdict::no && may_stop)
                return v;
            mask[i / 64] |= std::uint64_t{v == verdict::yes} << (i % 64);
            matched += v == verdict::yes ? 1U : 0U;
        }
        if ((word & rule_all) != 0 ? matched != count : matched == 0)
            return verdict::no;
        keys.image_ = &im;
        keys.segments_ = segments;
        keys.count_ = count;
        for (std::size_t i = 0; i < max_rule_segments / 64; ++i)
            keys.matched_[i] = mask[i];
        return verdict::yes;
    }

    // How many buckets are below: with no branch, as there is no pattern.
    [[nodiscard]] static std::uint32_t place_among_few(const std::uint32_t* buckets, std::uint32_t count,
                                                       std::uint32_t wanted) noexcept
    {
        std::uint32_t below = 0;
        for (std::uint32_t i = 0; i < count; i += 2, ++buckets)
            below += ((*buckets & 0xFFFFU) < wanted ? 1U : 0U) + (*buckets >> 16 < wanted ? 1U : 0U);
        return below;
    }

    // Go's sort.SearchInts, halving in the same way: v1's buckets need not be sorted once they overflow.
    [[nodiscard]] static std::uint32_t place_among_many(const std::uint32_t* buckets, std::uint32_t count,
                                                        std::uint32_t wanted) noexcept
    {
        std::uint32_t low = 0;
        std::uint32_t high = count;
        while (low < high) {
            const std::uint32_t middle = low + (high - low) / 2;
            const std::uint32_t bucket = buckets[middle / 2] >> (middle % 2 * 16) & 0xFFFFU;
            if (bucket < wanted)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    template <class Verdicts>
    [[gnu::always_inline]] static void distribute(const image& im, const std::uint32_t* p, std::uint32_t count,
                                                  bool few, const std::uint32_t* flag, Verdicts& verdicts,
                                                  auto& out) noexcept
    {
        if (count == 0) {
            out.match = true;
            out.reason = evaluation_reason::match;
            return;
        }
        const std::uint32_t wanted = crc32_value(verdicts.and_entity(flag)) % bucket_count + 1;
        const std::uint32_t* const buckets = p + count;
        const std::uint32_t at =
            few ? place_among_few(buckets, count, wanted) : place_among_many(buckets, count, wanted);
        if (at == count)
            return; // v1: a gap matches nothing, and what was preset stays
        out.match = true;
        out.reason = evaluation_reason::match;
        set_variant(im, p[at], out);
    }
};

} // namespace flipt::inline v0::detail
