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
    text_equal,
    text_not_equal,
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

// a and b hold: a text (offset, size), the bits of a double, a moment, or a set (first, size).
struct constraint_rec {
    std::uint32_t mark; // fingerprint of the property
    operation op;
    bool of_entity; // looks at the entity id in place of a property
    std::uint16_t property_id;
    text_ref property;
    std::uint64_t a;
    std::uint64_t b;
};

struct segment_rec {
    text_ref key;
    std::uint32_t first; // constraint
    std::uint32_t count; // with segment_any and segment_error in the high bits
};

inline constexpr std::uint32_t segment_any = 0x80000000U;
inline constexpr std::uint32_t segment_error = 0x40000000U; // v1: one unknown type spoils the whole segment
inline constexpr std::uint32_t segment_count_mask = 0x3FFFFFFFU;

struct variant_rec {
    text_ref key;
    text_ref attachment;
};

// A member of a large set of texts.
struct set_slot {
    std::uint32_t hash;
    std::uint32_t offset;
    std::uint32_t size; // plus one; 0 = free
};

// Sets up to this size are lists of text_ref searched one by one, larger ones tables of set_slot of twice the size.
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
inline constexpr std::size_t flag_crc = 1; // CRC-32 register after the flag key
inline constexpr std::size_t flag_bits = 2;
inline constexpr std::size_t flag_default = 3; // variant
inline constexpr std::size_t flag_index = 4;   // of its flag_entry
inline constexpr std::size_t flag_head_words = 5;

inline constexpr std::uint32_t flag_boolean = 1;
inline constexpr std::uint32_t flag_enabled = 2;
inline constexpr std::uint32_t flag_has_default = 4;
inline constexpr std::uint32_t flag_rules_shift = 3;

// A rule is two words, then its segments, then (rule) variant indices and 16-bit buckets.
// Word 0: kind, bits, number of segments (high half). Word 1: distributions, threshold or rank.
enum class rule_kind : std::uint32_t { rule, threshold, segments, bad_rank };
inline constexpr std::uint32_t rule_kind_mask = 3;
inline constexpr std::uint32_t rule_all = 4;       // AND
inline constexpr std::uint32_t rule_value = 8;     // what a rollout answers
inline constexpr std::uint32_t rule_may_fail = 16; // has a segment with an unknown constraint type
inline constexpr std::uint32_t rule_segments_shift = 16;
inline constexpr std::uint32_t max_rule_segments = 256;

// A reference to a segment; those used more than once by a flag have a place in the memo of the call.
inline constexpr std::uint32_t segment_id_bits = 26;
inline constexpr std::uint32_t segment_id_mask = (1U << segment_id_bits) - 1;

inline constexpr std::uint32_t bucket_count = 1000;
inline constexpr std::uint16_t no_property_id = 0xFFFF;

struct image {
    const flag_slot* slots;
    const std::uint32_t* words;
    const segment_rec* segments;
    const constraint_rec* constraints;
    const char* chars;
    const variant_rec* variants;
    const text_ref* text_lists;
    const set_slot* text_tables;
    const double* numbers;
    std::uint32_t slot_mask;
    std::uint32_t flag_count;
    std::uint32_t segment_count;
    std::uint32_t property_count;
    // Cold.
    const flag_entry* flags;
    const std::uint32_t* properties; // a constraint of each property, by its id
    text_ref namespace_key;
    text_ref digest;
    std::size_t bytes;
    rule_set rules;

    [[nodiscard]] std::string_view text(text_ref t) const noexcept { return {chars + t.offset, t.size}; }
};

// What a default-constructed snapshot looks at: no flags.
inline constexpr flag_slot no_slot{0, 0};
inline constexpr image empty_image{&no_slot,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   "",
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   0,
                                   0,
                                   0,
                                   0,
                                   nullptr,
                                   nullptr,
                                   {0, 0},
                                   {0, 0},
                                   0,
                                   rule_set::server_v2};

[[nodiscard]] inline std::string_view key_of(const std::uint32_t* flag) noexcept
{
    return {reinterpret_cast<const char*>(flag + flag_head_words), flag[flag_key_size]};
}

[[nodiscard]] inline flag_type type_of(const std::uint32_t* flag) noexcept
{
    return (flag[flag_bits] & flag_boolean) != 0 ? flag_type::boolean : flag_type::variant;
}

[[nodiscard]] inline const std::uint32_t* find_flag(const image& im, std::string_view key) noexcept
{
    const std::uint64_t h = hash_bytes(key);
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

} // namespace detail
} // namespace flipt::inline v0
