// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The walk over a flag's rules: Flipt's evaluation, on the compiled form.
#pragma once

#include "flipt/evaluation/constraint.hpp"
#include "flipt/evaluation/crc32.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/evaluation/result.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

// Remembers segments that one flag asks for more than once, during one evaluation of it.
class flag_memo {
public:
    template <class Compute>
    verdict get(std::uint32_t reference, Compute&& compute) noexcept
    {
        const std::uint32_t place = reference >> segment_id_bits;
        if (place == 0)
            return compute(reference & segment_id_mask);
        const std::uint64_t bit = std::uint64_t{1} << place;
        if ((known_ & bit) != 0)
            return (matched_ & bit) != 0 ? verdict::yes : verdict::no;
        const verdict v = compute(reference & segment_id_mask);
        known_ |= bit; // an error ends the evaluation, so it need not be remembered
        matched_ |= v == verdict::yes ? bit : 0;
        return v;
    }

private:
    std::uint64_t known_ = 0;
    std::uint64_t matched_ = 0;
};

// Remembers the segments of a namespace over the evaluation of all its flags. Segments beyond the room are computed
// again.
class namespace_memo {
public:
    explicit namespace_memo(std::uint32_t segments) noexcept
    {
        const std::uint32_t n = segments < room ? segments : room;
        for (std::uint32_t i = 0; i < n; i += 32)
            verdicts_[i / 32] = 0;
    }
    namespace_memo(const namespace_memo&) = delete;
    namespace_memo& operator=(const namespace_memo&) = delete;

    template <class Compute>
    verdict get(std::uint32_t reference, Compute&& compute) noexcept
    {
        const std::uint32_t id = reference & segment_id_mask;
        if (id >= room)
            return compute(id);
        std::uint64_t& word = verdicts_[id / 32];
        const unsigned at = id % 32 * 2;
        if (const auto known = static_cast<unsigned>(word >> at & 3U); known != 0)
            return static_cast<verdict>(known - 1);
        const verdict v = compute(id);
        word |= (std::uint64_t{static_cast<unsigned>(v)} + 1) << at;
        return v;
    }

private:
    static constexpr std::uint32_t room = 65536; // 16 KiB of stack
    std::uint64_t verdicts_[room / 32];
};

class evaluator {
public:
    using failure = evaluation_status::failure;

    template <class Memo, class Lookup>
    static void boolean(const image& im, const std::uint32_t* flag, std::string_view entity, Lookup&& lookup,
                        Memo& memo, auto& out) noexcept
    {
        out.image_ = &im;
        out.flag_key = key_of(flag);
        const std::uint32_t bits = flag[flag_bits];
        const std::uint32_t* p = flag + flag_head_words + (flag[flag_key_size] + 3) / 4;
        for (std::uint32_t rules = bits >> flag_rules_shift; rules != 0; --rules) {
            const std::uint32_t word = p[0];
            const auto kind = static_cast<rule_kind>(word & rule_kind_mask);
            if (kind == rule_kind::threshold) {
                const std::uint32_t crc = crc32_text(entity).before(flag[flag_crc], flag[flag_key_size]);
                if (static_cast<float>(crc32_value(crc) % 100) < std::bit_cast<float>(p[1])) {
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
            const verdict v = match_segments(im, p, entity, lookup, memo, out.segment_keys);
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

    template <class Memo, class Lookup>
    static void variant(const image& im, const std::uint32_t* flag, std::string_view entity, Lookup&& lookup,
                        Memo& memo, auto& out) noexcept
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
            const verdict v = match_segments(im, p, entity, lookup, memo, out.segment_keys);
            const std::uint32_t distributions = p[1];
            p += 2 + (word >> rule_segments_shift);
            if (v == verdict::yes)
                return distribute(im, flag[flag_crc], p, distributions, entity, out);
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

    template <class Memo, class Lookup>
    static verdict match_segments(const image& im, const std::uint32_t* rule, std::string_view entity, Lookup& lookup,
                                  Memo& memo, segment_key_range& keys) noexcept
    {
        const std::uint32_t word = rule[0];
        const std::uint32_t count = word >> rule_segments_shift;
        const std::uint32_t* const segments = rule + 2;
        const auto compute = [&](std::uint32_t id) { return match_segment(im, im.segments[id], entity, lookup); };
        const bool all = (word & rule_all) != 0;
        // The server looks at every segment; once an AND has failed the rest matters only if it can be an error.
        const bool may_stop = all && (word & rule_may_fail) == 0;
        std::uint32_t matched = 0;
        std::uint64_t mask[max_rule_segments / 64] = {};
        for (std::uint32_t i = 0; i < count; ++i) {
            const verdict v = memo.get(segments[i], compute);
            if (v == verdict::yes) {
                mask[i / 64] |= std::uint64_t{1} << (i % 64);
                ++matched;
            } else if (v == verdict::error) {
                return verdict::error;
            } else if (may_stop) {
                return verdict::no;
            }
        }
        if (all ? matched != count : matched == 0)
            return verdict::no;
        keys.image_ = &im;
        keys.segments_ = segments;
        keys.count_ = count;
        for (std::size_t i = 0; i < max_rule_segments / 64; ++i)
            keys.matched_[i] = mask[i];
        return verdict::yes;
    }

    static void distribute(const image& im, std::uint32_t crc, const std::uint32_t* p, std::uint32_t count,
                           std::string_view entity, auto& out) noexcept
    {
        if (count == 0) {
            out.match = true;
            out.reason = evaluation_reason::match;
            return;
        }
        const std::uint32_t wanted = crc32_value(crc32_text(entity).after(crc)) % bucket_count + 1;
        const std::uint32_t* const buckets = p + count;
        // Go's sort.SearchInts, halving in the same way: v1's buckets need not be sorted once they overflow.
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
        if (low == count)
            return; // v1: a gap matches nothing, and what was preset stays
        out.match = true;
        out.reason = evaluation_reason::match;
        set_variant(im, p[low], out);
    }
};

} // namespace flipt::inline v0::detail
