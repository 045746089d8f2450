// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the values of one evaluation are to the constraints, each value looked at once; and to segments.
#pragma once

#include "flipt/evaluation/column.hpp"
#include "flipt/evaluation/context.hpp"
#include "flipt/evaluation/crc32.hpp"
#include "flipt/evaluation/image.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0::detail {

enum class verdict : std::uint8_t { no, yes, error };

// The words of the first columns; those beyond the room are worked out each time they are asked for.
template <std::uint32_t Room>
class verdict_words {
public:
    verdict_words(const image& im, context_finder find, std::string_view entity) noexcept
        : image_(im), find_(find), entity_(entity)
    {}
    verdict_words(const verdict_words&) = delete;
    verdict_words& operator=(const verdict_words&) = delete;

    // Of a word that has room, by twice its number.
    [[nodiscard]] std::uint64_t yes(std::size_t twice) const noexcept { return words_[twice]; }
    [[nodiscard]] std::uint64_t pending(std::size_t twice) const noexcept { return words_[twice + 1]; }

    // Any word, with none of `mask` pending.
    [[nodiscard, gnu::noinline]] std::uint64_t settled(std::uint32_t word, std::uint64_t mask) noexcept
    {
        if (word >= Room)
            return work_out(word, mask);
        if (const std::uint64_t asked = words_[2 * std::size_t{word} + 1] & mask; asked != 0) {
            words_[2 * std::size_t{word} + 1] &= ~asked;
            if (word < near_columns)
                ask(word, asked);
            else
                resolve(image_, image_.columns[word], value(word), asked, words_[2 * std::size_t{word}]);
        }
        return words_[2 * std::size_t{word}];
    }

protected:
    [[gnu::always_inline]] void start() noexcept
    {
        start_word(0);
        start_word(1);
        for (std::uint32_t i = 2; i < image_.word_count; ++i)
            start_word(i);
    }
    [[gnu::always_inline]] void start_word(std::uint32_t i) noexcept
    {
        words_[2 * std::size_t{i}] = image_.empties[i];
        words_[2 * std::size_t{i} + 1] = 0;
    }

    // A value for column i, which has room.
    [[gnu::always_inline]] void set(const image& im, std::size_t i, const column_rec& c, std::string_view v) noexcept
    {
        if (v.empty())
            return;
        const verdict_bits bits = classify(im, c, v);
        words_[2 * std::size_t{c.word}] ^= bits.change;
        words_[2 * std::size_t{c.word} + 1] |= bits.pending;
        data_[i] = v.data();
        size_[i] = v.size();
    }

    // Constraints of a word that columns share.
    void ask(std::uint32_t word, std::uint64_t asked) noexcept
    {
        const std::uint16_t* const constraints = image_.near_constraints + std::size_t{word} * 64;
        for (; asked != 0; asked &= asked - 1) {
            const constraint_rec& c = image_.constraints[constraints[std::countr_zero(asked)]];
            const std::uint64_t bit = asked & (~asked + 1);
            words_[2 * std::size_t{word}] = match_constraint(image_, c, value(c.column))
                                                ? words_[2 * std::size_t{word}] | bit
                                                : words_[2 * std::size_t{word}] & ~bit;
        }
    }

    [[nodiscard]] std::string_view value(std::uint32_t column) const noexcept { return {data_[column], size_[column]}; }

    [[nodiscard, gnu::noinline]] std::uint64_t work_out(std::uint32_t i, std::uint64_t mask) const noexcept
    {
        const column_rec& c = image_.columns[i];
        std::string_view v = entity_;
        if (c.property != no_property) {
            const property_slot& p = image_.properties[c.property];
            v = find_(p.word, {image_.chars + p.name, static_cast<std::size_t>(p.size)});
        }
        std::uint64_t word = image_.empties[i];
        if (!v.empty()) {
            const verdict_bits bits = classify(image_, c, v);
            word ^= bits.change;
            resolve(image_, c, v, bits.pending & mask, word);
        }
        return word;
    }

    const image& image_;
    context_finder find_;
    std::string_view entity_;
    std::uint64_t words_[2 * Room]; // yes and pending; this and what follows is not initialised
    const char* data_[Room];        // of columns
    std::size_t size_[Room];
};

template <class Verdicts>
[[nodiscard, gnu::noinline]] inline bool match_settled(const image& im, const segment_rec& segment,
                                                       Verdicts& verdicts) noexcept
{
    const bool any = (segment.count & segment_any) != 0;
    const std::uint64_t flip = any ? 0 : ~std::uint64_t{0};
    for (std::size_t i = 0; i < 2; ++i)
        if (const std::uint64_t mask = segment.masks[i]; mask != 0)
            if (((verdicts.settled(segment.words[i] / 2U, mask) ^ flip) & mask) != 0)
                return any;
    const term_rec* term = im.terms + segment.first;
    for (std::uint32_t n = segment.count & segment_count_mask; n != 0; --n, ++term)
        if (((verdicts.settled(term->word, term->mask) ^ flip) & term->mask) != 0)
            return any;
    return !any;
}

// A segment of two terms in words that have room, as far as is known: the answer may be wrong if there are bits in
// `pending`. ANY looks for a bit that is set, ALL for one that is not.
template <class Verdicts>
[[nodiscard, gnu::always_inline]] inline bool match_short(const segment_rec& segment, const Verdicts& verdicts,
                                                          std::uint64_t& pending) noexcept
{
    const std::uint32_t count = segment.count;
    const std::uint64_t flip = ~static_cast<std::uint64_t>(static_cast<std::int32_t>(count) >> 31);
    const auto wrong = [&](std::size_t word, std::uint64_t mask) {
        pending |= verdicts.pending(word) & mask;
        return (verdicts.yes(word) ^ flip) & mask;
    };
    return ((wrong(segment.words[0], segment.masks[0]) | wrong(segment.words[1], segment.masks[1])) != 0) ==
           ((count & segment_any) != 0);
}

// The same of any number of terms.
template <class Verdicts>
[[nodiscard, gnu::always_inline]] inline bool match_known(const image& im, const segment_rec& segment,
                                                          const Verdicts& verdicts, std::uint64_t& pending) noexcept
{
    std::uint32_t terms = segment.count & segment_count_mask;
    if (terms == 0)
        return match_short(segment, verdicts, pending);
    const bool any = (segment.count & segment_any) != 0;
    const std::uint64_t flip = any ? 0 : ~std::uint64_t{0};
    std::uint64_t found = 0;
    for (const term_rec* term = im.terms + segment.first; terms != 0; --terms, ++term) {
        pending |= verdicts.pending(2 * std::size_t{term->word}) & term->mask;
        found |= (verdicts.yes(2 * std::size_t{term->word}) ^ flip) & term->mask;
    }
    return (found != 0) == any;
}

// Whether an ALL segment of two terms fails for what is known alone.
template <class Verdicts>
[[nodiscard]] inline bool fails_already(const segment_rec& segment, const Verdicts& verdicts) noexcept
{
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < 2; ++i)
        wrong |= segment.masks[i] & ~(verdicts.yes(segment.words[i]) | verdicts.pending(segment.words[i]));
    return wrong != 0 && (segment.count & segment_any) == 0;
}

// Any segment. A constraint of unknown type is an error when it is reached (v2), or always (v1).
template <class Verdicts>
[[nodiscard, gnu::noinline]] inline verdict match_rare(const image& im, const segment_rec& segment,
                                                       Verdicts& verdicts) noexcept
{
    if ((segment.count & segment_error) != 0)
        return verdict::error;
    if ((segment.count & segment_ordered) == 0)
        return match_settled(im, segment, verdicts) ? verdict::yes : verdict::no;
    const bool any = (segment.count & segment_any) != 0;
    const term_rec* term = im.terms + segment.first;
    for (std::uint32_t n = segment.count & segment_count_mask; n != 0; --n, ++term) {
        if (term->word == error_word)
            return verdict::error;
        if (((verdicts.settled(term->word, term->mask) & term->mask) != 0) == any)
            return any ? verdict::yes : verdict::no;
    }
    return any ? verdict::no : verdict::yes;
}

// For the evaluation of one flag: the columns its segments look at.
class flag_verdicts : public verdict_words<near_columns> {
public:
    template <class Context>
    [[gnu::always_inline]] flag_verdicts(const image& im, const Context& ctx, std::string_view entity,
                                         std::uint32_t needed) noexcept
        : verdict_words(im, context_finder(ctx), entity)
    {
        if (needed != 0)
            look(im, ctx, needed);
    }

    [[nodiscard, gnu::always_inline]] bool matches_short(const image& im, std::uint32_t segment,
                                                         std::uint64_t& pending) const noexcept
    {
        return match_short(im.segments[segment], *this, pending);
    }
    [[nodiscard]] bool matches(const image& im, std::uint32_t segment, std::uint64_t& pending) const noexcept
    {
        return match_known(im, im.segments[segment], *this, pending);
    }

    // The CRC-32 register after the entity and the flag's key.
    [[nodiscard, gnu::always_inline]] std::uint32_t entity_and(const std::uint32_t* flag) const noexcept
    {
        return crc32_before(entity_, flag[flag_crc], flag[flag_key_size]);
    }
    [[nodiscard, gnu::always_inline]] std::uint32_t and_entity(const std::uint32_t* flag) const noexcept
    {
        return crc32_append(flag[flag_crc], entity_);
    }

private:
    // Out of line: by itself it has all the registers.
    template <class Context>
    [[gnu::noinline]] void look(const image& im, const Context& ctx, std::uint32_t needed) noexcept
    {
        start();
        for (const auto& pair : pairs_of(ctx)) {
            const context_item& item = item_of(pair);
            if (const property_slot* const p = find_property(im, item); p != nullptr) {
                take(im, p->column, {item.value, item.value_size}, needed);
                if (needed == 0)
                    return;
            }
        }
        if (im.entity_column != 0)
            take(im, im.entity_column, entity_, needed);
    }

    [[gnu::always_inline]] void take(const image& im, std::size_t next, std::string_view value,
                                     std::uint32_t& needed) noexcept
    {
        do {
            const std::size_t i = next - 1;
            const column_rec& c = im.columns[i];
            next = c.next;
            if ((needed & c.near_bit) != 0) {
                needed ^= c.near_bit; // of pairs with one key the first counts
                set(im, i, c, value);
            }
        } while (next != 0);
    }
};

// For the evaluation of all flags of a namespace for one entity.
class namespace_verdicts : public verdict_words<256> {
public:
    template <class Context>
    namespace_verdicts(const image& im, const Context& ctx, std::string_view entity) noexcept
        : verdict_words(im, context_finder(ctx), entity), entity_crc_(entity)
    {
        start();
        for (std::uint32_t i = near_columns; i < im.column_count && i < room; ++i)
            start_word(i);
        for (const auto& pair : pairs_of(ctx)) {
            const context_item& item = item_of(pair);
            if (const property_slot* const p = find_property(im, item); p != nullptr)
                take(p->column, {item.value, item.value_size});
        }
        if (im.entity_column != 0)
            take(im.entity_column, entity);
        if (im.segment_count > segment_room || im.segment_count > 2 * im.flag_count)
            return;
        segments_known_ = true;
        for (std::uint32_t i = 0; i < im.segment_count; ++i)
            matches_[i] = match(im.segments[i]);
    }

    [[nodiscard, gnu::always_inline]] bool matches_short(const image& im, std::uint32_t segment,
                                                         std::uint64_t& pending) noexcept
    {
        return matches(im, segment, pending);
    }
    [[nodiscard, gnu::always_inline]] bool matches(const image& im, std::uint32_t segment,
                                                   std::uint64_t& /*pending*/) noexcept
    {
        if (segments_known_) [[likely]]
            return matches_[segment];
        return match(im.segments[segment]);
    }

    [[nodiscard]] std::uint32_t entity_and(const std::uint32_t* flag) noexcept
    {
        // What the entity adds depends on the flag only by the length of its key.
        const std::uint32_t size = flag[flag_key_size];
        if (size >= 64) [[unlikely]]
            return entity_crc_.before(flag[flag_crc], size);
        if ((shifts_known_ >> size & 1U) == 0) {
            shifts_known_ |= std::uint64_t{1} << size;
            shifts_[size] = entity_crc_.before(0, size);
        }
        return shifts_[size] ^ flag[flag_crc];
    }
    [[nodiscard]] std::uint32_t and_entity(const std::uint32_t* flag) const noexcept
    {
        return entity_crc_.after(flag[flag_crc]);
    }

private:
    static constexpr std::uint32_t room = 256;
    static constexpr std::uint32_t segment_room = 4096;

    // False for an error, too.
    [[nodiscard]] bool match(const segment_rec& segment) noexcept
    {
        if ((segment.count & (segment_error | segment_ordered | segment_far)) == 0) [[likely]] {
            std::uint64_t pending = 0;
            if (const bool yes = match_known(image_, segment, *this, pending); pending == 0)
                return yes;
        }
        return match_rare(image_, segment, *this) == verdict::yes;
    }

    void take(std::uint32_t next, std::string_view value) noexcept
    {
        for (; next != 0 && next <= room; next = image_.columns[next - 1].next) {
            const std::uint32_t i = next - 1;
            std::uint64_t& word = taken_[i / 64];
            if ((word >> i % 64 & 1U) == 0) // of pairs with one key the first counts
                set(image_, i, image_.columns[i], value);
            word |= std::uint64_t{1} << i % 64;
        }
    }

    std::uint64_t taken_[room / 64] = {};
    bool segments_known_ = false;
    crc32_text entity_crc_;
    std::uint64_t shifts_known_ = 0;
    std::uint32_t shifts_[64];
    bool matches_[segment_room]; // not initialised beyond the segments there are
};

} // namespace flipt::inline v0::detail
