// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Prepares constraints: resolves their operators and reads their values once, at load.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/go_text.hpp"
#include "flipt/evaluation/image.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

enum class comparison : std::uint8_t { unknown, text, number, boolean, moment, entity };

struct constraint_def {
    comparison type = comparison::unknown;
    std::string_view property;
    std::string_view op;
    std::string_view value;

    friend bool operator==(const constraint_def&, const constraint_def&) = default;
};

// Numbers of things that have a hash: an open-addressing table.
class id_table {
public:
    template <class Same, class Add>
    std::uint32_t find_or_add(std::uint64_t hash, Same&& same, Add&& add)
    {
        if (count_ * 2 >= slots_.size())
            grow();
        const std::size_t mask = slots_.size() - 1;
        for (auto i = static_cast<std::size_t>(hash);; ++i) {
            slot& s = slots_[i & mask];
            if (s.id == none) {
                s = {hash, add()};
                ++count_;
                return s.id;
            }
            if (s.hash == hash && same(s.id))
                return s.id;
        }
    }

private:
    static constexpr std::uint32_t none = 0xFFFFFFFFU;
    struct slot {
        std::uint64_t hash = 0;
        std::uint32_t id = none;
    };

    void grow()
    {
        std::vector<slot> larger(slots_.empty() ? 64 : slots_.size() * 2);
        const std::size_t mask = larger.size() - 1;
        for (const slot& s : slots_) {
            if (s.id == none)
                continue;
            auto i = static_cast<std::size_t>(s.hash);
            while (larger[i & mask].id != none)
                ++i;
            larger[i & mask] = s;
        }
        slots_.swap(larger);
    }

    std::vector<slot> slots_;
    std::size_t count_ = 0;
};

// Keeps each text once.
class text_pool {
public:
    explicit text_pool(std::string& chars) : chars_(chars) {}

    text_ref add(std::string_view s)
    {
        if (s.empty())
            return {0, 0};
        const auto id = index_.find_or_add(
            hash_bytes(s),
            [&](std::uint32_t i) { return std::string_view(chars_).substr(refs_[i].offset, refs_[i].size) == s; },
            [&] {
                refs_.push_back({static_cast<std::uint32_t>(chars_.size()), static_cast<std::uint32_t>(s.size())});
                chars_.append(s);
                return static_cast<std::uint32_t>(refs_.size() - 1);
            });
        return refs_[id];
    }

private:
    std::string& chars_;
    std::vector<text_ref> refs_;
    id_table index_;
};

class constraint_compiler {
public:
    explicit constraint_compiler(text_pool& texts) : texts_(texts) {}

    // False when the value cannot be read, where v2 would refuse to prepare it.
    bool compile(const constraint_def& def, constraint_rec& out)
    {
        out.property = texts_.add(def.property);
        out.mark = fingerprint(def.property);
        out.of_entity = def.type == comparison::entity;
        out.property_id = out.of_entity ? no_property_id : property_id(out.property);
        out.op = operation::never;
        switch (def.type) {
        case comparison::unknown: out.op = operation::unknown_type; return true;
        case comparison::text:
        case comparison::entity: return compile_text(def, out);
        case comparison::number: return compile_number(def, out);
        case comparison::moment: return compile_moment(def, out);
        case comparison::boolean:
            out.op = pick(def.op, {{"present", operation::not_blank},
                                   {"notpresent", operation::blank},
                                   {"true", operation::bool_true},
                                   {"false", operation::bool_false}});
            return true;
        }
        return true;
    }

    [[nodiscard]] const std::vector<text_ref>& lists() const noexcept { return lists_; }
    [[nodiscard]] const std::vector<set_slot>& tables() const noexcept { return tables_; }
    [[nodiscard]] const std::vector<double>& numbers() const noexcept { return numbers_; }
    [[nodiscard]] const std::vector<std::uint32_t>& properties() const noexcept { return properties_; }

private:
    using choices = std::initializer_list<std::pair<std::string_view, operation>>;

    static operation pick(std::string_view name, choices of) noexcept
    {
        for (const auto& [key, op] : of)
            if (key == name)
                return op;
        return operation::never;
    }

    bool compile_text(const constraint_def& def, constraint_rec& out)
    {
        out.op = pick(def.op, {{"empty", operation::blank},
                               {"notempty", operation::not_blank},
                               {"eq", operation::text_equal},
                               {"neq", operation::text_not_equal},
                               {"prefix", operation::text_prefix},
                               {"suffix", operation::text_suffix},
                               {"contains", operation::text_contains},
                               {"notcontains", operation::text_not_contains},
                               {"isoneof", operation::text_in},
                               {"isnotoneof", operation::text_not_in}});
        if (out.op != operation::text_in && out.op != operation::text_not_in) {
            const text_ref value = texts_.add(def.value);
            out.a = value.offset;
            out.b = value.size;
            return true;
        }
        std::vector<std::string> members;
        if (!decode_string_array(def.value, members)) {
            out.op = operation::never;
            return false;
        }
        std::sort(members.begin(), members.end());
        members.erase(std::unique(members.begin(), members.end()), members.end());
        out.b = members.size();
        if (members.size() <= small_set) {
            out.a = lists_.size();
            for (const std::string& m : members)
                lists_.push_back(texts_.add(m));
            return true;
        }
        const std::size_t size = std::bit_ceil(members.size() * 2);
        out.a = tables_.size();
        tables_.resize(tables_.size() + size);
        set_slot* const table = tables_.data() + out.a;
        for (const std::string& m : members) {
            const std::uint64_t h = hash_bytes(m);
            auto i = static_cast<std::size_t>(h);
            while (table[i & (size - 1)].size != 0)
                ++i;
            const text_ref t = texts_.add(m);
            table[i & (size - 1)] = {static_cast<std::uint32_t>(h >> 32), t.offset, t.size + 1};
        }
        return true;
    }

    bool compile_number(const constraint_def& def, constraint_rec& out)
    {
        out.op = pick(def.op, {{"present", operation::not_blank},
                               {"notpresent", operation::blank},
                               {"eq", operation::number_equal},
                               {"neq", operation::number_not_equal},
                               {"lt", operation::number_less},
                               {"lte", operation::number_less_equal},
                               {"gt", operation::number_greater},
                               {"gte", operation::number_greater_equal},
                               {"isoneof", operation::number_in},
                               {"isnotoneof", operation::number_not_in}});
        if (out.op == operation::never || out.op == operation::blank || out.op == operation::not_blank)
            return true;
        if (out.op != operation::number_in && out.op != operation::number_not_in) {
            double value = 0;
            if (parse_float64(def.value, value)) {
                out.a = std::bit_cast<std::uint64_t>(value);
                return true;
            }
            out.op = operation::never;
            return def.value.empty(); // v2 lets an empty value stand, and it never matches
        }
        std::vector<double> members;
        if (!decode_number_array(def.value, members)) {
            out.op = operation::never;
            return false;
        }
        std::sort(members.begin(), members.end());
        out.a = numbers_.size();
        out.b = members.size();
        numbers_.insert(numbers_.end(), members.begin(), members.end());
        return true;
    }

    bool compile_moment(const constraint_def& def, constraint_rec& out)
    {
        out.op = pick(def.op, {{"present", operation::not_blank},
                               {"notpresent", operation::blank},
                               {"eq", operation::moment_equal},
                               {"neq", operation::moment_not_equal},
                               {"lt", operation::moment_less},
                               {"lte", operation::moment_less_equal},
                               {"gt", operation::moment_greater},
                               {"gte", operation::moment_greater_equal}});
        if (out.op == operation::never || out.op == operation::blank || out.op == operation::not_blank)
            return true;
        moment value{};
        if (parse_moment(def.value, value)) {
            out.a = static_cast<std::uint64_t>(value.seconds);
            out.b = static_cast<std::uint64_t>(value.nanoseconds);
            return true;
        }
        out.op = operation::never;
        return def.value.empty();
    }

    std::uint16_t property_id(text_ref property)
    {
        const auto h = mix(property.offset ^ hash_seed, property.size ^ hash_step);
        const auto id = property_index_.find_or_add(
            h, [&](std::uint32_t i) { return names_[i].offset == property.offset && names_[i].size == property.size; },
            [&] {
                names_.push_back(property);
                if (properties_.size() < no_property_id)
                    properties_.push_back(compiled_);
                return static_cast<std::uint32_t>(names_.size() - 1);
            });
        return id < no_property_id ? static_cast<std::uint16_t>(id) : no_property_id;
    }

public:
    // The number of the constraint being compiled, which stands for its property when that is new.
    void next(std::size_t number) noexcept { compiled_ = static_cast<std::uint32_t>(number); }

private:
    text_pool& texts_;
    std::vector<text_ref> lists_;
    std::vector<set_slot> tables_;
    std::vector<double> numbers_;
    std::vector<text_ref> names_;
    std::vector<std::uint32_t> properties_;
    id_table property_index_;
    std::uint32_t compiled_ = 0;
};

} // namespace flipt::inline v0::detail
