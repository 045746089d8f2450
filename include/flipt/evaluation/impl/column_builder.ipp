// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Lays distinct constraints out in columns, and works out what each value and number they name is to all of a column.
#pragma once

#include "flipt/evaluation/column.hpp"
#include "flipt/evaluation/impl/constraint_compiler.ipp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

class column_builder {
public:
    struct place {
        std::uint32_t column; // error_word for an unknown type
        std::uint32_t bit;
        bool sound;
    };

    column_builder(std::string& chars, text_pool& texts) : chars_(chars), texts_(texts), compiler_(texts) {}

    // The place of a constraint; equal ones share it.
    place add(const constraint_def& def)
    {
        if (def.type == comparison::unknown)
            return {error_word, 0, true};
        const std::uint64_t h = mix(hash_bytes(def.property) ^ static_cast<std::uint64_t>(def.type),
                                    hash_bytes(def.op) ^ mix(hash_bytes(def.value), hash_seed));
        const auto id = index_.find_or_add(
            h, [&](std::uint32_t i) { return defs_[i] == def; },
            [&] {
                defs_.push_back(def);
                places_.push_back(add_new(def));
                return static_cast<std::uint32_t>(places_.size() - 1);
            });
        return places_[id];
    }

    // Works the columns out, once all constraints are there.
    void finish()
    {
        find_slots();
        share_words();
        for (std::uint32_t i = 0; i < columns_.size(); ++i)
            lay_out(columns_[i], i);
    }

    // The term of a constraint that add() gave a place. After finish().
    [[nodiscard]] term_rec term(std::uint32_t at, std::uint32_t bit) const noexcept
    {
        if (at == error_word)
            return {0, error_word};
        return {std::uint64_t{1} << (bit + shifts_[at]), records_[at].word};
    }
    [[nodiscard]] std::uint32_t word_count() const noexcept { return word_count_; }

    [[nodiscard]] const std::vector<column_rec>& columns() const noexcept { return records_; }
    [[nodiscard]] const std::vector<std::uint64_t>& empties() const noexcept { return empties_; }
    [[nodiscard]] const std::vector<property_slot>& properties() const noexcept { return slots_; }
    [[nodiscard]] std::uint32_t property_factor() const noexcept { return property_factor_; }
    [[nodiscard]] const std::vector<text_slot>& texts() const noexcept { return text_slots_; }
    [[nodiscard]] const std::vector<constraint_rec>& constraints() const noexcept { return constraints_; }
    [[nodiscard]] const std::vector<std::uint16_t>& near_constraints() const noexcept { return near_constraints_; }
    [[nodiscard]] const std::vector<double>& numbers() noexcept { return compiler_.numbers(); }
    [[nodiscard]] const std::vector<std::uint64_t>& number_rows() const noexcept { return number_rows_; }
    [[nodiscard]] const std::vector<std::uint8_t>& small_rows() const noexcept { return small_rows_; }
    [[nodiscard]] std::uint32_t entity_column() const noexcept { return entity_.first; }

    // As id_table's.
    [[nodiscard]] bool crowded() const noexcept { return crowded_ || index_.crowded() || property_index_.crowded(); }

private:
    // Tables that are placed by the bytes of short texts, not by a hash of all of them, and up to four fifths full: the
    // way is longer where names are counted up, and costs little.
    static constexpr std::uint32_t longest_way = 16384;
    static constexpr double small_numbers = 255;

    struct property {
        text_ref name;
        std::uint32_t first = 0; // column, plus one
        std::uint32_t last = 0;
    };
    struct column {
        std::uint32_t property;
        std::uint32_t next = 0;
        std::vector<compiled_constraint> constraints;
    };

    place add_new(const constraint_def& def)
    {
        compiled_constraint compiled = compiler_.compile(def);
        const bool sound = compiled.sound;
        std::uint32_t id = no_property;
        if (def.type != comparison::entity) {
            const text_ref name = texts_.add(def.property);
            id = property_index_.find_or_add(
                mix(name.offset ^ hash_seed, name.size ^ hash_step),
                [&](std::uint32_t i) {
                    return properties_[i].name.offset == name.offset && properties_[i].name.size == name.size;
                },
                [&] {
                    properties_.push_back({name});
                    return static_cast<std::uint32_t>(properties_.size() - 1);
                });
        }
        property& p = id == no_property ? entity_ : properties_[id];
        if (p.last == 0 || columns_[p.last - 1].constraints.size() == 64) {
            columns_.push_back({id, 0, {}});
            const auto number = static_cast<std::uint32_t>(columns_.size());
            (p.last == 0 ? p.first : columns_[p.last - 1].next) = number;
            p.last = number;
        }
        auto& constraints = columns_[p.last - 1].constraints;
        constraints.push_back(std::move(compiled));
        return {p.last - 1, static_cast<std::uint32_t>(constraints.size() - 1), sound};
    }

    void find_slots()
    {
        const std::size_t size = std::bit_ceil(properties_.size() + properties_.size() / 4 + 1);
        slot_of_.resize(properties_.size());
        // A factor under which a small table has no two names in one place, or any.
        constexpr int most_tries = 64;
        for (int tries = 1; !place_properties(size) && size <= 64 && tries < most_tries; ++tries)
            property_factor_ += 0x9E3779B8U; // stays odd
    }

    // Whether each is at its first place.
    bool place_properties(std::size_t size)
    {
        bool perfect = true;
        slots_.assign(size, {});
        for (std::size_t id = 0; id < properties_.size(); ++id) {
            const property& p = properties_[id];
            const std::uint64_t word = key_word(std::string_view(chars_).substr(p.name.offset, p.name.size));
            std::uint32_t i = property_place(word, property_factor_);
            const std::uint32_t home = i;
            for (; slots_[i & (size - 1)].column != 0 && i - home != longest_way; ++i)
                perfect = false;
            crowded_ = crowded_ || i - home == longest_way;
            if (crowded_)
                return false;
            slot_of_[id] = i & static_cast<std::uint32_t>(size - 1);
            slots_[slot_of_[id]] = {word, p.name.size, p.name.offset, p.first};
        }
        return perfect;
    }

    // Finds each near column room in the first word that has it.
    void share_words()
    {
        records_.resize(columns_.size());
        shifts_.resize(columns_.size());
        std::uint32_t used[near_columns] = {};
        for (std::uint32_t i = 0; i < columns_.size(); ++i) {
            records_[i].word = i;
            if (i >= near_columns)
                continue;
            records_[i].near_bit = std::uint32_t{1} << i;
            const auto size = static_cast<std::uint32_t>(columns_[i].constraints.size());
            std::uint32_t word = 0;
            while (used[word] + size > 64)
                ++word;
            records_[i].word = word;
            shifts_[i] = used[word];
            used[word] += size;
            word_count_ = std::max(word_count_, word + 1);
        }
        near_constraints_.resize(std::size_t{64} * word_count_);
        empties_.resize(std::max<std::size_t>(2, columns_.size() > near_columns ? columns_.size() : word_count_));
    }

    static bool is_comparison(operation op) noexcept
    {
        return op >= operation::number_equal && op <= operation::number_greater_equal;
    }

    void lay_out(const column& c, std::uint32_t number)
    {
        column_rec& rec = records_[number];
        rec.property = c.property == no_property ? no_property : slot_of_[c.property];
        rec.next = c.next;
        rec.constraints = static_cast<std::uint32_t>(constraints_.size());
        const std::size_t first_text = text_slots_.size();
        const std::size_t first_row = number_rows_.size();
        std::uint64_t empty = 0;
        bool numbers = false;
        bool texts = false;
        bool booleans = false;
        for (std::size_t i = 0; i < c.constraints.size(); ++i) {
            const compiled_constraint& one = c.constraints[i];
            const std::uint64_t bit = std::uint64_t{1} << i;
            switch (one.op) {
            case operation::never:
            case operation::unknown_type: continue;
            case operation::text_not_in: rec.other |= bit; [[fallthrough]];
            case operation::text_in: texts = true; continue;
            case operation::blank:
                empty |= bit;
                rec.blanks |= bit;
                break;
            case operation::not_blank:
                rec.other |= bit;
                rec.blanks |= bit;
                break;
            default:
                if (is_comparison(one.op)) {
                    numbers = true;
                    continue;
                }
                booleans = booleans || one.op == operation::bool_true || one.op == operation::bool_false;
                rec.single |= bit;
            }
            if (number < near_columns)
                near_constraints_[rec.word * std::size_t{64} + shifts_[number] + i] =
                    static_cast<std::uint16_t>(constraints_.size());
            constraints_.push_back({one.op, number, one.a, one.b});
        }
        if (numbers)
            lay_out_numbers(c, rec);
        if (texts || booleans)
            lay_out_texts(c, rec, booleans);
        // From verdicts of this column to bits of its word that differ from those of no value.
        const std::uint32_t shift = shifts_[number];
        const auto change = [&](std::uint64_t verdicts) { return (verdicts ^ empty) << shift; };
        for (std::size_t i = first_text; i < text_slots_.size(); ++i)
            text_slots_[i].change <<= shift;
        for (std::size_t i = first_row; i < number_rows_.size(); ++i)
            number_rows_[i] <<= shift;
        rec.other = change(rec.other);
        rec.single <<= shift;
        rec.blanks <<= shift;
        empties_[rec.word] |= empty << shift;
    }

    void lay_out_numbers(const column& c, column_rec& rec)
    {
        std::vector<double> sorted;
        for (const compiled_constraint& one : c.constraints)
            if (is_comparison(one.op) && one.number == one.number)
                sorted.push_back(one.number);
        std::sort(sorted.begin(), sorted.end());
        sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
        constexpr double infinity = std::numeric_limits<double>::infinity();
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        if (sorted.empty())
            sorted.push_back(0); // only comparisons with NaN
        rec.number_count = static_cast<std::uint8_t>(sorted.size());
        rec.number_rows = static_cast<std::uint32_t>(number_rows_.size());
        // A number of each interval; where there is none between two, the row is never asked for.
        number_rows_.push_back(row_of(c, -infinity));
        for (const double n : sorted) {
            number_rows_.push_back(row_of(c, n));
            number_rows_.push_back(row_of(c, std::nextafter(n, infinity)));
        }
        number_rows_.push_back(row_of(c, nan));
        std::vector<double>& all = compiler_.numbers();
        rec.numbers = static_cast<std::uint32_t>(all.size());
        all.insert(all.end(), sorted.begin(), sorted.end());
        all.push_back(nan);
        if (sorted.back() < small_numbers)
            lay_out_small(all.data() + rec.numbers, rec);
    }

    // Which row the integers have, up to one that is above all numbers.
    void lay_out_small(const double* sorted, column_rec& rec)
    {
        rec.kind = column_kind::numbers;
        rec.small_rows = static_cast<std::uint32_t>(small_rows_.size());
        const double last = sorted[rec.number_count - 1];
        rec.small_top = last < 0 ? 0 : static_cast<std::uint32_t>(last) + 1;
        for (std::uint32_t n = 0; n <= rec.small_top; ++n)
            small_rows_.push_back(static_cast<std::uint8_t>(number_row(sorted, rec.number_count, n)));
    }

    static std::uint64_t row_of(const column& c, double v)
    {
        std::uint64_t row = 0;
        for (std::size_t i = 0; i < c.constraints.size(); ++i)
            if (const compiled_constraint& one = c.constraints[i]; is_comparison(one.op)) {
                const unsigned order = v < one.number ? 0U : v == one.number ? 1U : v > one.number ? 2U : 3U;
                row |= std::uint64_t{holds(one.op, operation::number_equal, order)} << i;
            }
        return row;
    }

    struct known_text {
        std::string_view text;
        std::uint64_t verdicts;
    };

    void lay_out_texts(const column& c, column_rec& rec, bool booleans)
    {
        std::vector<std::pair<std::string_view, std::uint32_t>> named;
        for (std::uint32_t i = 0; i < c.constraints.size(); ++i)
            if (c.constraints[i].op == operation::text_in || c.constraints[i].op == operation::text_not_in)
                for (const std::string_view m : c.constraints[i].members)
                    if (!m.empty()) // no value is empty when it gets here
                        named.emplace_back(m, i);
        std::sort(named.begin(), named.end());
        std::vector<known_text> known;
        for (const auto& [text, i] : named) {
            if (known.empty() || known.back().text != text)
                known.push_back({text, rec.other});
            const std::uint64_t bit = std::uint64_t{1} << i;
            known.back().verdicts =
                c.constraints[i].op == operation::text_in ? known.back().verdicts | bit : known.back().verdicts & ~bit;
        }
        // What has to be asked is asked now if there is little of it.
        constexpr std::size_t little = 4096;
        rec.resolved = known.size() * static_cast<std::size_t>(std::popcount(rec.single)) <= little;
        if (rec.resolved && booleans)
            for (const std::string_view word : {"true", "false"})
                if (std::none_of(known.begin(), known.end(), [&](const known_text& k) { return k.text == word; }))
                    known.push_back({word, rec.other});
        if (known.empty())
            return;
        image view{};
        view.chars = chars_.data();
        view.numbers = compiler_.numbers().data();
        view.constraints = constraints_.data();
        for (known_text& k : known)
            resolve(view, rec, k.text, rec.blanks | (rec.resolved ? rec.single : 0), k.verdicts);
        place_texts(known, rec);
    }

    void place_texts(const std::vector<known_text>& known, column_rec& rec)
    {
        bool perfect = false;
        const std::size_t size = std::bit_ceil(known.size() + known.size() / 2 + 1);
        rec.text_shift = static_cast<std::uint8_t>(65 - std::bit_width(size));
        rec.text_factor = hash_step;
        rec.texts = static_cast<std::uint32_t>(text_slots_.size());
        text_slots_.resize(text_slots_.size() + size);
        text_slot* const table = text_slots_.data() + rec.texts;
        const auto home = [&](std::string_view text) {
            return text_place(text_word(text), rec.text_factor, rec.text_shift);
        };
        // A hash under which a small table has no two texts in one place.
        if (known.size() <= 64) {
            std::vector<bool> taken;
            for (int tries = 0; tries < 512 && !perfect; ++tries) {
                rec.text_factor += 2 * hash_seed; // odd, as it has to be
                taken.assign(size, false);
                perfect = std::none_of(known.begin(), known.end(), [&](const known_text& k) {
                    const std::size_t at = home(k.text);
                    const bool was = taken[at];
                    taken[at] = true;
                    return was;
                });
            }
        }
        for (const known_text& k : known) {
            std::size_t i = home(k.text);
            std::uint32_t way = 0;
            for (; table[i].size != 0 && way != longest_way; ++way)
                i = (i + 1) & (size - 1);
            crowded_ = crowded_ || way == longest_way;
            if (crowded_)
                return;
            const text_ref kept = k.text.size() <= 8 ? text_ref{0, 0} : texts_.add(k.text);
            table[i] = {text_word(k.text), k.verdicts ^ rec.other, kept.offset,
                        static_cast<std::uint32_t>(k.text.size())};
        }
        rec.kind = perfect && rec.resolved && rec.number_count == 0 ? column_kind::texts : column_kind::any;
    }

    std::string& chars_;
    text_pool& texts_;
    constraint_compiler compiler_;
    std::vector<constraint_def> defs_;
    std::vector<place> places_;
    id_table index_;
    std::vector<property> properties_;
    property entity_;
    id_table property_index_;
    std::vector<column> columns_;
    std::vector<std::uint32_t> slot_of_;
    std::vector<property_slot> slots_;
    std::uint32_t property_factor_ = 0x5BD1E995U;
    bool crowded_ = false;
    std::vector<column_rec> records_;
    std::vector<std::uint32_t> shifts_; // of each column's bits in its word
    std::uint32_t word_count_ = 0;
    std::vector<std::uint64_t> empties_;
    std::vector<text_slot> text_slots_;
    std::vector<constraint_rec> constraints_;
    std::vector<std::uint64_t> number_rows_;
    std::vector<std::uint8_t> small_rows_;
    std::vector<std::uint16_t> near_constraints_;
};

} // namespace flipt::inline v0::detail
