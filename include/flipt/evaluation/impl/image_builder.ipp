// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Compiles flags into the image: interns texts, segments and variants, prepares constraints and buckets.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/crc32.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/evaluation/impl/column_builder.ipp"
#include "flipt/evaluation/impl/flag_def.ipp"
#include "flipt/evaluation/snapshot.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace flipt::inline v0::detail {

class image_builder {
public:
    // For a document of about so many bytes: only a start for what grows.
    image_builder(rule_set rules, std::size_t document) : rules_(rules), texts_(strings_)
    {
        words_.reserve(document / 64);
    }

    std::uint32_t variant(std::string_view key, std::string_view attachment)
    {
        const std::uint64_t h = mix(hash_bytes(key) ^ hash_seed, hash_bytes(attachment) ^ hash_step);
        return variant_index_.find_or_add(
            h,
            [&](std::uint32_t id) {
                return strings_text(variants_[id].key) == key && strings_text(variants_[id].attachment) == attachment;
            },
            [&] {
                variants_.push_back({texts_.add(key), texts_.add(attachment)});
                variant_hashes_.push_back(h);
                return static_cast<std::uint32_t>(variants_.size() - 1);
            });
    }

    // Two segments are one only when all of their definition is equal, whatever their keys.
    std::uint32_t segment(std::string_view key, bool any, std::span<const constraint_def> constraints)
    {
        std::uint64_t h = mix(hash_bytes(key) ^ (any ? hash_seed : hash_step), constraints.size() ^ hash_seed);
        for (const constraint_def& c : constraints)
            h = mix(h ^ hash_bytes(c.property), hash_bytes(c.op) ^ static_cast<std::uint64_t>(c.type)) ^
                mix(h ^ hash_step, hash_bytes(c.value) ^ hash_seed);
        return segment_index_.find_or_add(
            h,
            [&](std::uint32_t id) {
                const segment_def& s = segment_defs_[id];
                return s.key == key && s.any == any && s.count == constraints.size() &&
                       std::equal(constraints.begin(), constraints.end(), constraint_defs_.begin() + s.first);
            },
            [&] { return add_segment(key, any, constraints, h); });
    }

    // False when a rule names more segments than there is room for.
    bool add_flag(flag_def& def)
    {
        const auto head = static_cast<std::uint32_t>(words_.size());
        const auto key_words = (def.key.size() + 3) / 4;
        words_.resize(words_.size() + flag_head_words + key_words);
        std::uint32_t* const flag = words_.data() + head;
        flag[flag_key_size] = static_cast<std::uint32_t>(def.key.size());
        flag[flag_crc] = def.boolean ? crc32_of_zero(def.key) : crc32_update(crc32_start, def.key);
        flag[flag_default] = def.default_variant;
        std::memcpy(flag + flag_head_words, def.key.data(), def.key.size());
        needed_ = 0;
        content_ = mix(hash_bytes(def.name) ^ hash_seed, (def.boolean ? 2U : 0U) | (def.enabled ? 1U : 0U));
        if (def.has_default)
            absorb(variant_hashes_[def.default_variant]);
        rule_count_ = 0;
        if (!(def.boolean ? add_rollouts(def) : add_rules(def)))
            return false;
        words_[head + flag_bits] = (def.boolean ? flag_boolean : 0U) | (def.enabled ? flag_enabled : 0U) |
                                   (def.has_default ? flag_has_default : 0U) | rule_count_ << flag_rules_shift;
        words_[head + flag_columns] = def.boolean || def.enabled ? needed_ : 0;
        const text_ref name = texts_.append(def.name);
        const std::uint64_t h = hash_bytes(def.key);
        const auto index = flag_index_.find_or_add(
            h, [&](std::uint32_t i) { return key_of(words_.data() + entries_[i].head) == def.key; },
            [&] {
                entries_.emplace_back();
                return static_cast<std::uint32_t>(entries_.size() - 1);
            });
        words_[head + v0::detail::flag_index] = index;
        entries_[index] = {head, name, content_}; // of two flags with one key the server keeps the later
        return true;
    }

    [[nodiscard]] image_ptr finish(std::string_view namespace_key, std::string_view digest);

    // Everything so far still fits 32-bit offsets.
    [[nodiscard]] bool fits() const noexcept
    {
        return words_.size() < 0x40000000U && strings_.size() < 0x80000000U && places_.size() < segment_count_mask;
    }

    // Keys collide as they only do when they were chosen for it: what was built is of no use.
    [[nodiscard]] bool crowded() const noexcept
    {
        return texts_.crowded() || variant_index_.crowded() || segment_index_.crowded() || flag_index_.crowded() ||
               columns_.crowded();
    }

private:
    struct segment_def {
        std::string_view key;
        bool any;
        std::uint32_t first;
        std::uint32_t count;
    };
    struct segment_note {
        std::uint64_t hash;
        std::uint32_t columns = 0; // as in flag_columns
        bool dropped = false;
        bool may_fail = false;
        bool distant = false;
    };

    [[nodiscard]] std::string_view strings_text(text_ref t) const noexcept
    {
        return std::string_view(strings_).substr(t.offset, t.size);
    }

    void absorb(std::uint64_t v) noexcept { content_ = mix(content_ ^ v, hash_step ^ rule_count_) + 1; }

    std::uint32_t add_segment(std::string_view key, bool any, std::span<const constraint_def> constraints,
                              std::uint64_t h)
    {
        const auto id = static_cast<std::uint32_t>(segments_.size());
        segment_defs_.push_back({key, any, static_cast<std::uint32_t>(constraint_defs_.size()),
                                 static_cast<std::uint32_t>(constraints.size())});
        constraint_defs_.insert(constraint_defs_.end(), constraints.begin(), constraints.end());
        segment_note note{};
        note.hash = h;
        segment_rec rec{};
        rec.key = texts_.add(key);
        rec.first = static_cast<std::uint32_t>(places_.size());
        rec.count = static_cast<std::uint32_t>(constraints.size());
        for (const constraint_def& c : constraints) {
            const auto place = columns_.add(c);
            // v2 prepares values at load and leaves out the segment of one it cannot read; v1 tries at each evaluation
            // and does not match.
            note.dropped = note.dropped || (!place.sound && rules_ == rule_set::server_v2);
            note.may_fail = note.may_fail || place.column == error_word;
            note.columns |= place.column < near_columns ? 1U << place.column : 0U;
            note.distant = note.distant || place.column >= near_columns;
            places_.push_back(place);
        }
        if (any && !constraints.empty()) // without a constraint both match
            rec.count |= segment_any;
        if (note.may_fail)
            rec.count |= rules_ == rule_set::server_v1 ? segment_error : segment_ordered;
        if (note.distant)
            rec.count |= segment_far;
        segments_.push_back(rec);
        notes_.push_back(note);
        return id;
    }

    // Makes the segments' terms, now that words are known: one for each word, or in order for each constraint.
    void add_terms()
    {
        std::vector<term_rec> terms;
        for (segment_rec& s : segments_) {
            const std::uint32_t count = s.count & segment_count_mask;
            terms.clear();
            for (std::uint32_t i = 0; i < count; ++i)
                terms.push_back(columns_.term(places_[s.first + i].column, places_[s.first + i].bit));
            if ((s.count & segment_ordered) == 0)
                merge(terms);
            if ((s.count & (segment_ordered | segment_far)) == 0 && terms.size() <= 2) {
                for (std::size_t i = 0; i < terms.size(); ++i) {
                    s.masks[i] = terms[i].mask;
                    s.words[i] = static_cast<std::uint16_t>(2 * terms[i].word);
                }
                terms.clear();
            }
            s.first = static_cast<std::uint32_t>(terms_.size());
            s.count = (s.count & ~segment_count_mask) | static_cast<std::uint32_t>(terms.size());
            terms_.insert(terms_.end(), terms.begin(), terms.end());
        }
    }

    void merge(std::vector<term_rec>& terms) const
    {
        std::sort(terms.begin(), terms.end(), [](const term_rec& a, const term_rec& b) { return a.word < b.word; });
        std::size_t n = 0;
        for (const term_rec& t : terms) {
            if (n != 0 && terms[n - 1].word == t.word) {
                terms[n - 1].mask |= t.mask;
            } else {
                terms[n++] = t;
            }
        }
        terms.resize(n);
    }

    // Marks the rules that evaluation cannot take the short way for, now that segments are complete.
    void mark_long_rules()
    {
        for (const flag_entry& e : entries_) {
            const std::uint32_t bits = words_[e.head + flag_bits];
            std::size_t at = e.head + flag_head_words + (words_[e.head + flag_key_size] + 3) / 4;
            for (std::uint32_t rules = bits >> flag_rules_shift; rules != 0; --rules) {
                const std::uint32_t word = words_[at];
                const auto kind = static_cast<rule_kind>(word & rule_kind_mask);
                const std::uint32_t count = word >> rule_segments_shift;
                bool is_long = count > 4;
                for (std::uint32_t i = 0; i < count; ++i)
                    is_long = is_long || (segments_[words_[at + 2 + i]].count & segment_count_mask) != 0;
                words_[at] |= is_long ? rule_long : 0U;
                const std::uint32_t shares = kind == rule_kind::rule ? words_[at + 1] : 0;
                at += 2 + count + shares + (shares + 1) / 2;
            }
        }
    }

    // Looking at a column or not is a branch that follows no pattern: a flag that looks at most of few looks at all.
    void widen_columns()
    {
        const std::size_t count = columns_.columns().size();
        if (count > near_columns / 2)
            return;
        for (const flag_entry& e : entries_) {
            std::uint32_t& needed = words_[e.head + flag_columns];
            if (static_cast<std::size_t>(std::popcount(needed)) * 2 >= count)
                needed |= (1U << count) - 1;
        }
    }

    // Appends the segments of a rule; a rule's segments are a map by key, so the last of one key counts. Adds their
    // number and properties to the first word of the rule, at `at`.
    bool add_segments(const flag_def& def, std::uint32_t first, std::uint32_t count, std::size_t at)
    {
        std::uint32_t kept = 0;
        if (count > max_rule_segments)
            return false;
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::uint32_t id = def.segments[first + i];
            const segment_note& note = notes_[id];
            bool replaced = note.dropped;
            for (std::uint32_t j = i + 1; j < count && !replaced; ++j) {
                const std::uint32_t other = def.segments[first + j];
                replaced = segments_[other].key.offset == segments_[id].key.offset &&
                           segments_[other].key.size == segments_[id].key.size && !notes_[other].dropped;
            }
            if (replaced)
                continue;
            words_.push_back(id);
            needed_ |= note.columns;
            words_[at] |= (note.may_fail ? rule_may_fail : 0U) | (note.distant ? rule_far : 0U);
            sum += note.hash;
            ++kept;
        }
        words_[at] |= kept << rule_segments_shift;
        absorb(sum);
        return true;
    }

    // A rank below the one before is an error when the walk reaches it.
    bool rank_in_order(std::int32_t rank, std::int32_t& last)
    {
        if (rank >= last) {
            last = rank;
            return true;
        }
        words_.push_back(static_cast<std::uint32_t>(rule_kind::bad_rank));
        words_.push_back(static_cast<std::uint32_t>(rank));
        ++rule_count_;
        absorb(static_cast<std::uint32_t>(rank));
        return false;
    }

    bool add_rollouts(const flag_def& def)
    {
        std::int32_t last = 0;
        for (const rollout_def& r : def.rollouts) {
            if (!rank_in_order(r.rank, last))
                return true;
            if (!r.has_threshold && !r.has_segments)
                continue;
            ++rule_count_;
            const std::size_t at = words_.size();
            words_.resize(at + 2);
            if (r.has_threshold) {
                words_[at] = static_cast<std::uint32_t>(rule_kind::threshold) | (r.threshold_value ? rule_value : 0U);
                words_[at + 1] = std::bit_cast<std::uint32_t>(r.percentage);
            } else {
                words_[at] = static_cast<std::uint32_t>(rule_kind::segments) | (r.segment_value ? rule_value : 0U) |
                             (r.all ? rule_all : 0U);
                if (!add_segments(def, r.first_segment, r.segments, at))
                    return false;
            }
            absorb((words_[at] & ~rule_far) | std::uint64_t{words_[at + 1]} << 32);
            if (r.has_threshold)
                words_[at + 1] = percents_below(r.percentage);
        }
        return true;
    }

    // As many of 0, 1, ... 99.
    static std::uint32_t percents_below(float threshold) noexcept
    {
        std::uint32_t n = 0;
        while (n < 100 && static_cast<float>(n) < threshold)
            ++n;
        return n;
    }

    bool add_rules(flag_def& def)
    {
        if (rules_ == rule_set::server_v1)
            repair_rules(def);
        std::int32_t last = 0;
        for (const rule_def& r : def.rules) {
            if (!rank_in_order(r.rank, last))
                return true;
            ++rule_count_;
            const std::size_t at = words_.size();
            words_.resize(at + 2);
            words_[at] = static_cast<std::uint32_t>(rule_kind::rule) | (r.all ? rule_all : 0U);
            if (!add_segments(def, r.first_segment, r.segments, at))
                return false;
            words_[at + 1] = add_distributions({def.distributions.data() + r.first_distribution, r.distributions});
            absorb(words_[at] & ~rule_far);
            if (buckets_.size() <= 8 && std::is_sorted(buckets_.begin(), buckets_.end()))
                words_[at] |= rule_few;
        }
        return true;
    }

    std::uint32_t add_distributions(std::span<const distribution_def> all)
    {
        buckets_.clear();
        make_buckets(rules_, all, buckets_);
        std::size_t n = 0;
        for (const distribution_def& d : all)
            if (d.rollout > 0) {
                words_.push_back(d.variant);
                absorb(variant_hashes_[d.variant] + buckets_[n++]);
            }
        for (std::size_t i = 0; i < n; i += 2)
            words_.push_back(buckets_[i] | (i + 1 < n ? std::uint32_t{buckets_[i + 1]} : 0xFFFFU) << 16);
        return static_cast<std::uint32_t>(n);
    }

    rule_set rules_;
    std::string strings_;
    text_pool texts_;
    std::vector<std::uint32_t> words_;
    std::vector<segment_rec> segments_;
    std::vector<segment_note> notes_;
    std::vector<segment_def> segment_defs_;
    std::vector<constraint_def> constraint_defs_;
    column_builder columns_{strings_, texts_};
    std::vector<term_rec> terms_;
    std::vector<column_builder::place> places_; // of the segments' constraints
    std::vector<variant_rec> variants_;
    std::vector<std::uint64_t> variant_hashes_;
    std::vector<flag_entry> entries_;
    id_table variant_index_;
    id_table segment_index_;
    id_table flag_index_;
    std::vector<std::uint16_t> buckets_;
    std::uint64_t content_ = 0;
    std::uint32_t rule_count_ = 0;
    std::uint32_t needed_ = 0;
};

inline image_ptr image_builder::finish(std::string_view namespace_key, std::string_view digest)
{
    const text_ref ns = texts_.add(namespace_key);
    const text_ref dg = texts_.add(digest);
    columns_.finish();
    add_terms();
    mark_long_rules();
    widen_columns();
    std::vector<flag_slot> slots(std::bit_ceil(entries_.size() + entries_.size() / 2 + 1));
    const auto mask = static_cast<std::uint32_t>(slots.size() - 1);
    flag_index_.visit([&](std::uint64_t h, std::uint32_t id) {
        auto i = static_cast<std::uint32_t>(h);
        while (slots[i & mask].head != 0)
            ++i;
        slots[i & mask] = {static_cast<std::uint32_t>(h >> 32), entries_[id].head + 1};
    });

    std::size_t bytes = sizeof(image);
    const auto place = [&](const auto& v) {
        const std::size_t at = bytes;
        bytes += (v.size() * sizeof(*v.data()) + 7) / 8 * 8;
        return at;
    };
    const std::size_t at_slots = place(slots);
    const std::size_t at_empties = place(columns_.empties());
    const std::size_t at_columns = place(columns_.columns());
    const std::size_t at_texts = place(columns_.texts());
    const std::size_t at_properties = place(columns_.properties());
    const std::size_t at_segments = place(segments_);
    const std::size_t at_terms = place(terms_);
    const std::size_t at_numbers = place(columns_.numbers());
    const std::size_t at_number_rows = place(columns_.number_rows());
    const std::size_t at_small_rows = place(columns_.small_rows());
    const std::size_t at_constraints = place(columns_.constraints());
    const std::size_t at_near_constraints = place(columns_.near_constraints());
    const std::size_t at_variants = place(variants_);
    const std::size_t at_entries = place(entries_);
    const std::size_t at_words = place(words_);
    const std::size_t at_chars = place(strings_);

    auto* const base = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{64}));
    const auto store = [&]<class V>(std::size_t at, const V& v) {
        using element = std::remove_cvref_t<decltype(*v.data())>;
        static_assert(std::is_trivially_copyable_v<element>);
        if (!v.empty())
            std::memcpy(base + at, v.data(), v.size() * sizeof(element));
        return reinterpret_cast<const element*>(base + at);
    };
    auto* const im = new (base) image;
    im->slots = store(at_slots, slots);
    im->empties = store(at_empties, columns_.empties());
    im->columns = store(at_columns, columns_.columns());
    im->texts = store(at_texts, columns_.texts());
    im->properties = store(at_properties, columns_.properties());
    im->segments = store(at_segments, segments_);
    im->terms = store(at_terms, terms_);
    im->numbers = store(at_numbers, columns_.numbers());
    im->number_rows = store(at_number_rows, columns_.number_rows());
    im->small_rows = store(at_small_rows, columns_.small_rows());
    im->constraints = store(at_constraints, columns_.constraints());
    im->near_constraints = store(at_near_constraints, columns_.near_constraints());
    im->variants = store(at_variants, variants_);
    im->flags = store(at_entries, entries_);
    im->words = store(at_words, words_);
    im->chars = store(at_chars, strings_);
    im->slot_mask = mask;
    im->flag_count = static_cast<std::uint32_t>(entries_.size());
    im->property_factor = columns_.property_factor();
    im->property_mask = static_cast<std::uint32_t>(columns_.properties().size() - 1);
    im->segment_count = static_cast<std::uint32_t>(segments_.size());
    im->word_count = columns_.word_count();
    im->column_count = static_cast<std::uint32_t>(columns_.columns().size());
    im->entity_column = columns_.entity_column();
    im->namespace_key = ns;
    im->digest = dg;
    im->bytes = bytes;
    im->rules = rules_;
    return image_ptr(im);
}

} // namespace flipt::inline v0::detail
