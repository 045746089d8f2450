// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Reads a snapshot document into the image builder.
#pragma once

#include "flipt/evaluation/impl/image_builder.ipp"
#include "flipt/evaluation/impl/json_reader.ipp"
#include "flipt/evaluation/snapshot.hpp"
#include "flipt/protocol/json_scan.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0 {
namespace detail {

// Compares with a text of known size, without a call.
template <std::size_t N>
[[nodiscard, gnu::always_inline]] inline bool is(std::string_view text, const char (&name)[N]) noexcept
{
    return text.size() == N - 1 && std::memcmp(text.data(), name, N - 1) == 0;
}

// Servers repeat themselves, byte for byte: a segment in every rule that uses it, which is most of a large document.
// What was read once is recognised by comparing bytes, with no need to read it again.
template <class Value>
class repeated_texts {
public:
    struct entry {
        const char* text = nullptr;
        std::size_t size = 0;
        Value value{};
    };

    // For a document of so many bytes.
    explicit repeated_texts(std::size_t document)
        : entries_(std::bit_ceil(std::clamp<std::size_t>(document / 2048, 64, 8192)))
    {}

    // A place for what begins with these bytes.
    [[nodiscard]] entry& at(std::string_view start) noexcept
    {
        return entries_[static_cast<std::size_t>(hash_bytes(start)) & (entries_.size() - 1)];
    }

private:
    std::vector<entry> entries_;
};

class snapshot_parser {
public:
    snapshot_parser(std::string_view json, rule_set rules, std::string_view unnamed, std::size_t max_depth)
        : json_(json),
          in_(json, std::min(max_depth, json_depth_ceiling)),
          builder_(rules, json.size()),
          segments_(json.size()),
          shares_(json.size()),
          unnamed_(unnamed)
    {}

    snapshot_result run()
    {
        const bool read = document();
        // What is repeated was read the first time, and outside of strings anything but ASCII is a failure.
        if ((!read || in_.wide()) && !simdjson::validate_utf8(json_.data(), json_.size()))
            return snapshot_result(snapshot_error(0, {}, "not UTF-8"));
        if (!read)
            return failure();
        image_ptr built = builder_.finish(namespace_key_.empty() ? unnamed_ : namespace_key_, digest_);
        if (builder_.crowded())
            return snapshot_result(snapshot_error(json_.size(), {}, crowded));
        return snapshot_result(std::move(built));
    }

private:
    bool document()
    {
        in_.space();
        bool known = false;
        const bool read = in_.object([&](std::string_view key) {
            if (is(key, "namespace")) {
                known = true;
                return in_.null() ||
                       in_.object([&](std::string_view k) { return is(k, "key") ? text(namespace_key_) : in_.skip(); });
            }
            if (is(key, "flags")) {
                known = true;
                return list("flags", [&] { return flag(); });
            }
            if (is(key, "digest"))
                return text(digest_);
            return in_.skip();
        });
        if (!read)
            return false;
        in_.space();
        if (!in_.at_end())
            return in_.fail("text after the document");
        return known || in_.fail("neither a namespace nor flags: not a snapshot");
    }

    static constexpr const char* crowded = "too many keys collide";
    static constexpr std::size_t not_in_element = static_cast<std::size_t>(-1);

    struct step {
        const char* name;
        std::size_t index;
    };

    snapshot_result failure()
    {
        std::string path;
        for (std::size_t i = 0; i < steps_; ++i) {
            path += i == 0 ? "" : ".";
            path += path_[i].name;
            if (path_[i].index != not_in_element)
                path += '[' + std::to_string(path_[i].index) + ']';
        }
        return snapshot_result(snapshot_error(in_.offset(), std::move(path), in_.problem(),
                                              in_.too_deep() ? errc::response_too_large : errc::invalid_snapshot));
    }

    // An array member; the path keeps the element a failure happened in.
    template <class F>
    bool list(const char* name, F&& element)
    {
        if (in_.null())
            return true;
        const std::size_t at = steps_++;
        path_[at] = {name, not_in_element};
        const bool ok = in_.array([&](std::size_t i) {
            path_[at] = {name, i};
            return element();
        });
        if (ok)
            --steps_;
        return ok;
    }

    bool text(std::string_view& out) { return in_.null() || in_.string(out); }
    bool boolean(bool& out) { return in_.null() || in_.boolean(out); }

    // An enumeration: its name, or its number.
    template <class F>
    bool enumeration(F&& by_name)
    {
        std::string_view s;
        if (in_.null())
            return true;
        if (in_.peek() == '"') {
            if (!in_.string(s))
                return false;
        } else if (!in_.number(s)) {
            return in_.fail("expected the name of an enumerator");
        }
        by_name(s);
        return true;
    }

    // A number, also in quotes: the JSON form of protocol buffers allows both.
    bool number(std::string_view& out)
    {
        if (in_.peek() == '"')
            return in_.string(out);
        return in_.number(out);
    }

    bool float32(float& out)
    {
        std::string_view s;
        std::uint32_t digits = 0;
        std::uint32_t behind = 0;
        if (in_.short_number(digits, behind)) {
            // Both operands are exact, so one division rounds once.
            constexpr float powers[] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F, 1e6F};
            out = static_cast<float>(digits) / powers[behind];
            return true;
        }
        if (in_.null())
            return true;
        if (!number(s))
            return false;
        return parse_float32(s, out) || in_.fail("a number out of range");
    }

    bool int32(std::int32_t& out)
    {
        std::string_view s;
        double v = 0;
        if (std::uint32_t digits = 0, behind = 0; in_.short_number(digits, behind)) {
            for (; behind != 0 && digits % 10 == 0; --behind)
                digits /= 10;
            out = static_cast<std::int32_t>(digits);
            return behind == 0 || in_.fail("expected a 32-bit integer");
        }
        if (in_.null())
            return true;
        if (!number(s))
            return false;
        if (!parse_float64(s, v) || !(v >= -2147483648.0 && v <= 2147483647.0) || v != static_cast<std::int32_t>(v))
            return in_.fail("expected a 32-bit integer");
        out = static_cast<std::int32_t>(v);
        return true;
    }

    bool flag()
    {
        flag_.clear();
        if (in_.peek() != '{')
            return in_.fail("expected a flag");
        std::string_view default_key;
        std::string_view default_attachment;
        const bool read = in_.object([&](std::string_view key) {
            if (is(key, "key"))
                return text(flag_.key);
            if (is(key, "name"))
                return text(flag_.name);
            if (is(key, "enabled"))
                return boolean(flag_.enabled);
            if (is(key, "type"))
                return enumeration([&](std::string_view s) { flag_.boolean = s == "BOOLEAN_FLAG_TYPE" || s == "1"; });
            if (is(key, "rules"))
                return list("rules", [&] { return rule(); });
            if (is(key, "rollouts"))
                return list("rollouts", [&] { return rollout(); });
            if (is(key, "defaultVariant")) {
                if (in_.null())
                    return true;
                flag_.has_default = true;
                return in_.object([&](std::string_view k) {
                    if (is(k, "key"))
                        return text(default_key);
                    if (is(k, "attachment"))
                        return text(default_attachment);
                    return in_.skip();
                });
            }
            return in_.skip();
        });
        if (!read)
            return false;
        if (flag_.key.empty())
            return in_.fail("a flag without a key");
        if (flag_.has_default)
            flag_.default_variant = builder_.variant(default_key, default_attachment);
        if (!builder_.add_flag(flag_))
            return in_.fail("a rule with more than 256 segments");
        if (builder_.crowded())
            return in_.fail(crowded);
        return builder_.fits() || in_.fail("the document is too large");
    }

    bool segment_operator(bool& all)
    {
        return enumeration([&](std::string_view s) { all = s == "AND_SEGMENT_OPERATOR" || s == "1"; });
    }

    bool rule()
    {
        rule_def r;
        r.first_segment = static_cast<std::uint32_t>(flag_.segments.size());
        r.first_distribution = static_cast<std::uint32_t>(flag_.distributions.size());
        const bool read = in_.object([&](std::string_view key) {
            if (is(key, "segments"))
                return list("segments", [&] { return segment(); });
            if (is(key, "distributions"))
                return list("distributions", [&] { return distribution(); });
            if (is(key, "segmentOperator"))
                return segment_operator(r.all);
            if (is(key, "rank"))
                return int32(r.rank);
            if (is(key, "id"))
                return text(r.id);
            return in_.skip();
        });
        r.segments = static_cast<std::uint32_t>(flag_.segments.size()) - r.first_segment;
        r.distributions = static_cast<std::uint32_t>(flag_.distributions.size()) - r.first_distribution;
        flag_.rules.push_back(r);
        return read;
    }

    // Most of a distribution, too, is repeated byte for byte: all but the ids in front of it.
    bool distribution()
    {
        std::string_view variant;
        std::string_view attachment;
        float rollout = 0;
        repeated_texts<distribution_def>::entry* seen = nullptr;
        const char* rest = nullptr; // what is behind members that mean nothing
        bool plain = true;          // no other member so far
        bool known = false;
        const bool read = in_.object([&](std::string_view key) {
            if (is(key, "variantKey")) {
                plain = false;
                return text(variant);
            }
            if (is(key, "variantAttachment")) {
                plain = false;
                return text(attachment);
            }
            if (is(key, "rollout")) {
                plain = false;
                return float32(rollout);
            }
            if (!in_.skip())
                return false;
            if (plain) {
                rest = in_.position();
                seen = &shares_.at({rest, std::min<std::size_t>(in_.left(), 32)});
                known = in_.at_text(seen->text, seen->size);
                if (known)
                    in_.skip_to(rest + seen->size - 1); // to the end of the object
            }
            return true;
        });
        if (!read)
            return false;
        const distribution_def share =
            known ? seen->value : distribution_def{builder_.variant(variant, attachment), rollout};
        if (seen != nullptr && !known)
            *seen = {rest, static_cast<std::size_t>(in_.position() - rest), share};
        flag_.distributions.push_back(share);
        return true;
    }

    bool rollout()
    {
        rollout_def r;
        r.first_segment = static_cast<std::uint32_t>(flag_.segments.size());
        const bool read = in_.object([&](std::string_view key) {
            if (is(key, "rank"))
                return int32(r.rank);
            if (is(key, "threshold")) {
                if (in_.null())
                    return true;
                r.has_threshold = true;
                return in_.object([&](std::string_view k) {
                    if (is(k, "percentage"))
                        return float32(r.percentage);
                    return is(k, "value") ? boolean(r.threshold_value) : in_.skip();
                });
            }
            if (is(key, "segment")) {
                if (in_.null())
                    return true;
                r.has_segments = true;
                return in_.object([&](std::string_view k) {
                    if (is(k, "segments"))
                        return list("segments", [&] { return segment(); });
                    if (is(k, "segmentOperator"))
                        return segment_operator(r.all);
                    return is(k, "value") ? boolean(r.segment_value) : in_.skip();
                });
            }
            return in_.skip();
        });
        r.segments = static_cast<std::uint32_t>(flag_.segments.size()) - r.first_segment;
        flag_.rollouts.push_back(r);
        return read;
    }

    bool segment()
    {
        const char* const start = in_.position();
        auto& seen = segments_.at(start_of_segment());
        const std::size_t depth_left = in_.depth_left(); // a rollout's segments stand deeper than a rule's
        if (in_.at_text(seen.text, seen.size) && depth_left >= seen.value.depth_left) {
            in_.skip_to(start + seen.size);
            flag_.segments.push_back(seen.value.id);
            return true;
        }
        std::string_view key;
        bool any = false;
        constraints_.clear();
        const bool read = in_.object([&](std::string_view k) {
            if (is(k, "key"))
                return text(key);
            if (is(k, "matchType"))
                return enumeration([&](std::string_view s) { any = s == "ANY_SEGMENT_MATCH_TYPE" || s == "1"; });
            if (is(k, "constraints"))
                return list("constraints", [&] { return constraint(); });
            return in_.skip();
        });
        if (!read)
            return false;
        const std::uint32_t id = builder_.segment(key, any, constraints_);
        flag_.segments.push_back(id);
        seen = {start, static_cast<std::size_t>(in_.position() - start), {id, depth_left}};
        return true;
    }

    // The object up to the end of its key where that comes first, as in what servers write.
    [[nodiscard]] std::string_view start_of_segment() const noexcept
    {
        constexpr std::string_view start = R"({"key":")";
        const std::string_view ahead(in_.position(), std::min<std::size_t>(in_.left(), 64));
        return ahead.starts_with(start) ? ahead.substr(0, ahead.find('"', start.size())) : ahead;
    }

    static comparison comparison_of(std::string_view s) noexcept
    {
        constexpr std::string_view names[] = {
            "UNKNOWN_CONSTRAINT_COMPARISON_TYPE",  "STRING_CONSTRAINT_COMPARISON_TYPE",
            "NUMBER_CONSTRAINT_COMPARISON_TYPE",   "BOOLEAN_CONSTRAINT_COMPARISON_TYPE",
            "DATETIME_CONSTRAINT_COMPARISON_TYPE", "ENTITY_ID_CONSTRAINT_COMPARISON_TYPE"};
        for (std::uint8_t i = 0; i < 6; ++i)
            if (s == names[i] || (s.size() == 1 && s[0] == '0' + i))
                return static_cast<comparison>(i);
        return comparison::unknown;
    }

    bool constraint()
    {
        constraint_def c;
        const bool read = in_.object([&](std::string_view k) {
            if (is(k, "type"))
                return enumeration([&](std::string_view s) { c.type = comparison_of(s); });
            if (is(k, "property"))
                return text(c.property);
            if (is(k, "operator"))
                return text(c.op);
            if (is(k, "value"))
                return text(c.value);
            return in_.skip();
        });
        constraints_.push_back(c);
        return read;
    }

    std::string_view json_;
    json_reader in_;
    image_builder builder_;
    struct known_segment {
        std::uint32_t id = 0;
        std::size_t depth_left = 0; // at its start, and that was enough
    };

    repeated_texts<known_segment> segments_;
    repeated_texts<distribution_def> shares_;
    flag_def flag_;
    std::vector<constraint_def> constraints_;
    std::string_view unnamed_;
    std::string_view namespace_key_;
    std::string_view digest_;
    std::array<step, 8> path_{};
    std::size_t steps_ = 0;
};

} // namespace detail

FLIPT_DECL snapshot_result snapshot::parse(std::string_view json, rule_set rules, std::string_view unnamed,
                                           std::size_t max_depth)
{
    if (json.size() > std::size_t{1} << 30)
        return snapshot_result(snapshot_error(0, {}, "larger than 1 GiB"));
    return detail::snapshot_parser(json, rules, unnamed, max_depth).run();
}

} // namespace flipt::inline v0
