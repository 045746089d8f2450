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

    // Of a word that has room.
    [[nodiscard]] std::uint64_t yes(std::uint32_t word) const noexcept { return words_[word].yes; }
    [[nodiscard]] std::uint64_t pending(std::uint32_t word) const noexcept { return words_[word].pending; }

    // Any word, with none of `mask` pending.
    [[nodiscard, gnu::noinline]] std::uint64_t settled(std::uint32_t word, std::uint64_t mask) noexcept
    {
        if (word >= Room)
            return work_out(word, mask);
        if (const std::uint64_t asked = words_[word].pending & mask; asked != 0) {
            words_[word].pending &= ~asked;
            if (word >= near_columns)
                resolve(image_, image_.columns[word], value(word), asked, words_[word].yes);
            for (std::uint32_t i = 0; i < near_columns && i < image_.column_count; ++i) {
                const column_rec& c = image_.columns[i];
                if (const std::uint64_t of_it = asked & (c.single | c.blanks); of_it != 0 && c.word == word)
                    resolve(image_, c, value(i), of_it, words_[word].yes);
            }
        }
        return words_[word].yes;
    }

protected:
    void start() noexcept
    {
        for (std::uint32_t i = 0; i < image_.word_count; ++i) {
            words_[i] = {image_.empties[i], 0};
        }
    }

    // A value for a column with room.
    [[gnu::always_inline]] void set(std::uint32_t i, const column_rec& c, std::string_view v) noexcept
    {
        if (v.empty())
            return;
        const verdict_bits bits = classify(image_, c, v);
        words_[c.word].yes ^= bits.change;
        words_[c.word].pending |= bits.pending;
        data_[i] = v.data();
        size_[i] = v.size();
    }

    [[nodiscard]] std::string_view value(std::uint32_t column) const noexcept { return {data_[column], size_[column]}; }

    [[nodiscard, gnu::noinline]] std::uint64_t work_out(std::uint32_t i, std::uint64_t mask) const noexcept
    {
        const column_rec& c = image_.columns[i];
        std::string_view v = entity_;
        if (c.property != no_property) {
            const property_slot& p = image_.properties[c.property];
            v = find_(p.word, image_.text(p.name));
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
    struct {
        std::uint64_t yes;
        std::uint64_t pending;
    } words_[Room];          // this and what follows is not initialised
    const char* data_[Room]; // of columns
    std::size_t size_[Room];
};

template <class Verdicts>
[[nodiscard, gnu::noinline]] inline bool match_settled(const image& im, const segment_rec& segment,
                                                       Verdicts& verdicts) noexcept
{
    const bool any = (segment.count & segment_any) != 0;
    const std::uint64_t flip = any ? 0 : ~std::uint64_t{0};
    const term_rec* term = im.terms + segment.first;
    for (std::uint32_t n = segment.count & segment_count_mask; n != 0; --n, ++term)
        if (((verdicts.settled(term->word, term->mask()) ^ flip) & term->mask()) != 0)
            return any;
    return !any;
}

// A segment all of whose words have room. ANY looks for a bit that is set, ALL for one that is not.
template <class Verdicts>
[[nodiscard, gnu::always_inline]] inline bool match_segment(const image& im, const segment_rec& segment,
                                                            Verdicts& verdicts) noexcept
{
    const bool all = (segment.count & segment_any) == 0;
    const std::uint64_t flip = ~static_cast<std::uint64_t>(static_cast<std::int32_t>(segment.count) >> 31);
    std::uint64_t found = 0;
    std::uint64_t pending = 0;
    const term_rec* term = im.terms + segment.first;
    for (std::uint32_t n = segment.count & segment_count_mask; n != 0; --n, ++term) {
        const std::uint64_t mask = term->mask();
        found |= (verdicts.yes(term->word) ^ flip) & mask;
        pending |= verdicts.pending(term->word) & mask;
    }
    if (pending != 0) [[unlikely]]
        return match_settled(im, segment, verdicts);
    return (found != 0) != all;
}

// Any segment. A constraint of unknown type is an error when it is reached (v2), or always (v1).
template <class Verdicts>
[[nodiscard, gnu::noinline]] inline verdict match_rare(const image& im, const segment_rec& segment,
                                                       Verdicts& verdicts) noexcept
{
    if ((segment.count & segment_error) != 0)
        return verdict::error;
    if ((segment.count & (segment_ordered | segment_far)) == 0)
        return match_segment(im, segment, verdicts) ? verdict::yes : verdict::no;
    if ((segment.count & segment_ordered) == 0)
        return match_settled(im, segment, verdicts) ? verdict::yes : verdict::no;
    const bool any = (segment.count & segment_any) != 0;
    const term_rec* term = im.terms + segment.first;
    for (std::uint32_t n = segment.count & segment_count_mask; n != 0; --n, ++term) {
        if (term->word == error_word)
            return verdict::error;
        if (((verdicts.settled(term->word, term->mask()) & term->mask()) != 0) == any)
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
        if (needed == 0)
            return;
        start();
        for (const auto& pair : pairs_of(ctx)) {
            const context_item& item = item_of(pair);
            if (const property_slot* const p = find_property(im, item); p != nullptr) {
                take(p->column, {item.value, item.value_size}, needed);
                if (needed == 0)
                    return;
            }
        }
        if (im.entity_column != 0)
            take(im.entity_column, entity, needed);
    }

    [[nodiscard, gnu::always_inline]] bool matches(std::uint32_t segment) noexcept
    {
        return match_segment(image_, image_.segments[segment], *this);
    }

    // The CRC-32 register after the entity and the flag's key.
    [[nodiscard]] std::uint32_t entity_and(const std::uint32_t* flag) const noexcept
    {
        return crc32_text(entity_).before(flag[flag_crc], flag[flag_key_size]);
    }
    [[nodiscard]] std::uint32_t and_entity(const std::uint32_t* flag) const noexcept
    {
        return crc32_text(entity_).after(flag[flag_crc], flag[flag_key_size]);
    }

private:
    [[gnu::always_inline]] void take(std::uint32_t next, std::string_view value, std::uint32_t& needed) noexcept
    {
        do {
            const std::uint32_t i = next - 1;
            if (i >= near_columns)
                return; // they are in order
            const column_rec& c = image_.columns[i];
            next = c.next;
            if (const std::uint32_t bit = 1U << i; (needed & bit) != 0) {
                needed &= ~bit; // of pairs with one key the first counts
                set(i, c, value);
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
        for (std::uint32_t i = near_columns; i < im.column_count && i < room; ++i) {
            words_[i] = {im.empties[i], 0};
        }
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
            matches_[i] = match_rare(im, im.segments[i], *this) == verdict::yes;
    }

    [[nodiscard]] bool matches(std::uint32_t segment) noexcept
    {
        if (segments_known_) [[likely]]
            return matches_[segment];
        return match_rare(image_, image_.segments[segment], *this) == verdict::yes;
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
        return entity_crc_.after(flag[flag_crc], flag[flag_key_size]);
    }

private:
    static constexpr std::uint32_t room = 256;
    static constexpr std::uint32_t segment_room = 4096;

    void take(std::uint32_t next, std::string_view value) noexcept
    {
        for (; next != 0 && next <= room; next = image_.columns[next - 1].next) {
            const std::uint32_t i = next - 1;
            std::uint64_t& word = taken_[i / 64];
            if ((word >> i % 64 & 1U) == 0) // of pairs with one key the first counts
                set(i, image_.columns[i], value);
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
