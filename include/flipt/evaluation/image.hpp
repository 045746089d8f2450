// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The compiled form of a snapshot: one block of memory of offsets, read by the evaluator and never changed.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/types/response.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace flipt::inline v0 {

/// Whose rules an evaluation follows: those of the server the snapshot came from. They differ in how rollouts are
/// turned into buckets, in repairs of the document, and in when an unknown constraint type is an error.
enum class rule_set { server_v2, server_v1 };

namespace detail {

struct text_ref {
    std::uint32_t offset;
    std::uint32_t size;
};

// A constraint of a known type with a known operator is one of these; whatever cannot match is `never`.
enum class operation : std::uint8_t {
    never,
    unknown_type, // an error when reached
    blank,
    not_blank,
    text_prefix,
    text_suffix,
    text_contains,
    text_not_contains,
    text_in,
    text_not_in,
    number_equal,
    number_not_equal,
    number_less,
    number_less_equal,
    number_greater,
    number_greater_equal,
    number_in,
    number_not_in,
    bool_true,
    bool_false,
    moment_equal,
    moment_not_equal,
    moment_less,
    moment_less_equal,
    moment_greater,
    moment_greater_equal,
};

// What is compared one value at a time. a and b hold: a text (offset, size), a moment, or a set (first, size).
struct constraint_rec {
    operation op;
    std::uint32_t column; // meaningful for the first 32
    std::uint64_t a;
    std::uint64_t b;
};

// Verdicts are bits of 64-bit words, one for each distinct constraint. A column is up to 64 constraints of one
// property: what a value of the property is to all of them is found at once, among the values and between the numbers
// they name, as the bits in which it differs from no value at all. The first 32 columns share words with each other;
// any other column has the word of its own number.
enum class column_kind : std::uint8_t {
    any,
    texts,   // texts only, every one at its first place and with all verdicts, or longer than eight bytes
    numbers, // numbers only, all of them small
};

struct column_rec {
    std::uint64_t other;       // for a value that no constraint names
    std::uint64_t single;      // constraints that have to be asked one by one
    std::uint64_t blanks;      // those that ask for white space, only to be asked for a value that begins like it
    std::uint64_t text_factor; // of the hash of texts
    std::uint32_t word;
    std::uint32_t near_bit; // its bit among the first 32 columns
    std::uint32_t next;     // column of the same property, plus one
    std::uint32_t texts;    // first text_slot
    std::uint32_t numbers;
    std::uint32_t number_rows; // below, at, above, ... each number; last for NaN
    std::uint32_t small_rows;  // which row, for the integers from 0 to small_top; numbers only
    std::uint32_t small_top;   // above all numbers
    std::uint32_t constraints; // the first constraint_rec, in the order of the bits of single and blanks
    std::uint32_t property;    // slot; none for the entity id
    std::uint8_t text_shift;   // 64 less the logarithm of the number of slots; 0 = none
    std::uint8_t number_count;
    column_kind kind;
    bool resolved; // the texts' verdicts include those of `single`
};

inline constexpr std::uint32_t near_columns = 32;

// A text that constraints name, by its text_word().
struct text_slot {
    std::uint64_t word;
    std::uint64_t change; // from what the column says of other texts
    std::uint32_t offset;
    std::uint32_t size; // 0 = free
};

struct property_slot {
    std::uint64_t word = 1; // key_word(name); no key of one byte has the word 1
    std::uint64_t size = 1;
    std::uint32_t name = 0;   // where it is
    std::uint32_t column = 0; // the first, plus one; 0 = free
};

[[nodiscard]] constexpr std::uint32_t property_place(std::uint64_t word, std::uint32_t factor) noexcept
{
    return static_cast<std::uint32_t>(word * factor >> 32);
}

// Constraints of a segment that are in one word.
struct term_rec {
    std::uint64_t mask;
    std::uint32_t word;
};

inline constexpr std::uint32_t error_word = 0xFFFFFFFFU; // a constraint of unknown type
inline constexpr std::uint32_t no_property = 0xFFFFFFFFU;

// Up to two terms are in the segment itself; of a segment with more, or with the bits ordered or far, all are
// elsewhere.
struct segment_rec {
    std::uint64_t masks[2];
    std::uint16_t words[2]; // twice their number
    std::uint32_t count;    // of terms elsewhere, with the following in the high bits
    std::uint32_t first;    // of them
    text_ref key;
};

inline constexpr std::uint32_t segment_any = 0x80000000U;
inline constexpr std::uint32_t segment_error = 0x40000000U;   // v1: one unknown type spoils the whole segment
inline constexpr std::uint32_t segment_ordered = 0x20000000U; // has an unknown type: a term per constraint, in order
inline constexpr std::uint32_t segment_far = 0x10000000U;     // looks at a column beyond the first 32
inline constexpr std::uint32_t segment_count_mask = 0x0FFFFFFFU;

struct variant_rec {
    text_ref key;
    text_ref attachment;
};

// Sets of numbers up to this size are searched one by one.
inline constexpr std::size_t small_set = 8;

struct flag_slot {
    std::uint32_t hash;
    std::uint32_t head; // word offset plus one; 0 = free
};

// What is not needed to evaluate.
struct flag_entry {
    std::uint32_t head;
    text_ref name;
    std::uint64_t content;
};

// The words of a flag: these, its key (padded), then its rules.
inline constexpr std::size_t flag_key_size = 0;
inline constexpr std::size_t flag_crc = 1; // what the key makes of a CRC-32 register: of zero (boolean), of the start
inline constexpr std::size_t flag_bits = 2;
inline constexpr std::size_t flag_default = 3; // variant
inline constexpr std::size_t flag_index = 4;   // of its flag_entry
inline constexpr std::size_t flag_columns = 5; // to look at among the first 32, a bit each
inline constexpr std::size_t flag_head_words = 6;

inline constexpr std::uint32_t flag_boolean = 1;
inline constexpr std::uint32_t flag_enabled = 2;
inline constexpr std::uint32_t flag_has_default = 4;
inline constexpr std::uint32_t flag_rules_shift = 3;

// A rule is two words, then its segments, then (rule) variant indices and 16-bit buckets, of which the last may be one
// that is beyond all others. Word 0: kind, bits, number of segments (high half). Word 1: distributions; the number of
// percents below the threshold; or rank.
enum class rule_kind : std::uint32_t { rule, threshold, segments, bad_rank };
inline constexpr std::uint32_t rule_kind_mask = 3;
inline constexpr std::uint32_t rule_all = 4;       // AND
inline constexpr std::uint32_t rule_value = 8;     // what a rollout answers
inline constexpr std::uint32_t rule_may_fail = 16; // has a segment with an unknown constraint type
inline constexpr std::uint32_t rule_far = 32;      // has a segment with segment_far
inline constexpr std::uint32_t rule_few = 64;      // has buckets in order, and no more than eight
inline constexpr std::uint32_t rule_long = 128;    // has more than four segments, or one with more than two terms
inline constexpr std::uint32_t rule_segments_shift = 16;
inline constexpr std::uint32_t max_rule_segments = 256;

inline constexpr std::uint32_t bucket_count = 1000;

struct image {
    const flag_slot* slots;
    const std::uint32_t* words;
    const segment_rec* segments;
    const term_rec* terms;
    const std::uint64_t* empties; // words of verdicts for no value; at least two
    const column_rec* columns;
    const property_slot* properties;
    const text_slot* texts;
    const double* numbers;
    const std::uint64_t* number_rows;
    const std::uint8_t* small_rows;
    const char* chars;
    const variant_rec* variants;
    const constraint_rec* constraints;
    const std::uint16_t* near_constraints; // which one a bit is, for each word of the first 32 columns
    std::uint32_t slot_mask;
    std::uint32_t property_mask;
    std::uint32_t property_factor;
    std::uint32_t word_count; // of the first 32 columns
    std::uint32_t column_count;
    std::uint32_t entity_column; // the first of the entity id, plus one
    std::uint32_t segment_count;
    std::uint32_t flag_count;
    // Cold.
    const flag_entry* flags;
    text_ref namespace_key;
    text_ref digest;
    std::size_t bytes;
    rule_set rules;

    [[nodiscard]] std::string_view text(text_ref t) const noexcept { return {chars + t.offset, t.size}; }
};

// What a default-constructed snapshot looks at: no flags.
inline constexpr flag_slot no_slot{0, 0};
inline constexpr property_slot no_properties{};
inline constexpr std::uint64_t no_verdicts[2] = {};

constexpr image make_empty_image() noexcept
{
    image im{};
    im.slots = &no_slot;
    im.properties = &no_properties;
    im.empties = no_verdicts;
    im.chars = "";
    return im;
}
inline constexpr image empty_image = make_empty_image();

[[nodiscard]] inline std::string_view key_of(const std::uint32_t* flag) noexcept
{
    return {reinterpret_cast<const char*>(flag + flag_head_words), flag[flag_key_size]};
}

[[nodiscard]] inline flag_type type_of(const std::uint32_t* flag) noexcept
{
    return (flag[flag_bits] & flag_boolean) != 0 ? flag_type::boolean : flag_type::variant;
}

[[nodiscard, gnu::always_inline]] inline const std::uint32_t* find_flag_here(const image& im,
                                                                             std::string_view key) noexcept
{
    const std::uint64_t h =
        key.size() > 16 ? hash_long(key) : hash_rest(key.data(), key.size(), hash_seed ^ key.size());
    const auto tag = static_cast<std::uint32_t>(h >> 32);
    for (auto i = static_cast<std::uint32_t>(h);; ++i) {
        const flag_slot& slot = im.slots[i & im.slot_mask];
        if (slot.head == 0)
            return nullptr;
        if (slot.hash == tag) {
            const std::uint32_t* flag = im.words + (slot.head - 1);
            if (flag[flag_key_size] == key.size() &&
                same_bytes(reinterpret_cast<const char*>(flag + flag_head_words), key.data(), key.size()))
                return flag;
        }
    }
}

[[nodiscard]] inline const std::uint32_t* find_flag(const image& im, std::string_view key) noexcept
{
    return find_flag_here(im, key);
}

} // namespace detail
} // namespace flipt::inline v0
