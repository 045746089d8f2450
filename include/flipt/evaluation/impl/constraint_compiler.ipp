// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Prepares constraints: resolves their operators and reads their values once, at load.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/go_number.hpp"
#include "flipt/evaluation/go_text.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/evaluation/impl/text_store.ipp"

#include <algorithm>
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

// A constraint with its operator resolved and its value read.
struct compiled_constraint {
    operation op = operation::never;
    bool sound = true;                     // false: a value v2 would refuse to prepare
    std::vector<std::string_view> members; // of a set of texts, also of one
    double number = 0;
    std::uint64_t a = 0; // as in constraint_rec
    std::uint64_t b = 0;
};

class constraint_compiler {
public:
    explicit constraint_compiler(text_pool& texts) : texts_(texts) {}

    compiled_constraint compile(const constraint_def& def)
    {
        compiled_constraint out;
        switch (def.type) {
        case comparison::unknown: out.op = operation::unknown_type; break;
        case comparison::text:
        case comparison::entity: compile_text(def, out); break;
        case comparison::number: compile_number(def, out); break;
        case comparison::moment: compile_moment(def, out); break;
        case comparison::boolean:
            out.op = pick(def.op, {{"present", operation::not_blank},
                                   {"notpresent", operation::blank},
                                   {"true", operation::bool_true},
                                   {"false", operation::bool_false}});
            break;
        }
        return out;
    }

    // Sets of numbers, and what column_builder adds.
    [[nodiscard]] std::vector<double>& numbers() noexcept { return numbers_; }

private:
    using choices = std::initializer_list<std::pair<std::string_view, operation>>;

    static operation pick(std::string_view name, choices of) noexcept
    {
        for (const auto& [key, op] : of)
            if (key == name)
                return op;
        return operation::never;
    }

    void compile_text(const constraint_def& def, compiled_constraint& out)
    {
        out.op = pick(def.op, {{"empty", operation::blank},
                               {"notempty", operation::not_blank},
                               {"eq", operation::text_in},
                               {"neq", operation::text_not_in},
                               {"prefix", operation::text_prefix},
                               {"suffix", operation::text_suffix},
                               {"contains", operation::text_contains},
                               {"notcontains", operation::text_not_contains},
                               {"isoneof", operation::text_in},
                               {"isnotoneof", operation::text_not_in}});
        if (out.op == operation::blank || out.op == operation::not_blank || out.op == operation::never)
            return;
        if (out.op != operation::text_in && out.op != operation::text_not_in) {
            const text_ref value = texts_.add(def.value);
            out.a = value.offset;
            out.b = value.size;
            return;
        }
        if (def.op == "eq" || def.op == "neq") {
            out.members.push_back(def.value);
            return;
        }
        std::vector<std::string> members;
        if (!decode_string_array(def.value, members)) {
            out.op = operation::never;
            out.sound = false;
            return;
        }
        out.members.reserve(members.size());
        for (const std::string& m : members)
            out.members.push_back(kept_.keep(m));
    }

    void compile_number(const constraint_def& def, compiled_constraint& out)
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
            return;
        if (out.op != operation::number_in && out.op != operation::number_not_in) {
            if (parse_float64(def.value, out.number))
                return;
            out.op = operation::never;
            out.sound = def.value.empty(); // v2 lets an empty value stand, and it never matches
            return;
        }
        std::vector<double> members;
        if (!decode_number_array(def.value, members)) {
            out.op = operation::never;
            out.sound = false;
            return;
        }
        std::sort(members.begin(), members.end());
        out.a = numbers_.size();
        out.b = members.size();
        numbers_.insert(numbers_.end(), members.begin(), members.end());
    }

    void compile_moment(const constraint_def& def, compiled_constraint& out)
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
            return;
        moment value{};
        if (parse_moment(def.value, value)) {
            out.a = static_cast<std::uint64_t>(value.seconds);
            out.b = static_cast<std::uint64_t>(value.nanoseconds);
            return;
        }
        out.op = operation::never;
        out.sound = def.value.empty();
    }

    text_pool& texts_;
    text_arena kept_;
    std::vector<double> numbers_;
};

} // namespace flipt::inline v0::detail
