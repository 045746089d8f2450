// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Reads a snapshot document into the image builder.
#pragma once

#include "flipt/evaluation/impl/image_builder.ipp"
#include "flipt/evaluation/impl/json_reader.ipp"
#include "flipt/evaluation/snapshot.hpp"

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0 {
namespace detail {

// Servers repeat a segment, byte for byte, in every rule that uses it: most of a large document. What was read once is
// recognised by comparing bytes, with no need to read it again.
class seen_segments {
public:
    // The slot for the object at `p`, chosen by its first member (the key, in what servers write).
    [[nodiscard]] std::size_t slot_of(const char* p, std::size_t left) const noexcept
    {
        const std::size_t most = left < 64 ? left : 64;
        std::size_t n = 0;
        int quotes = 0;
        while (n < most && quotes < 4)
            quotes += p[n++] == '"' ? 1 : 0;
        return static_cast<std::size_t>(hash_bytes({p, n})) & (size - 1);
    }

    [[nodiscard]] bool matches(std::size_t slot, const char* p, std::size_t left) const noexcept
    {
        const entry& e = entries_[slot];
        return e.size != 0 && e.size <= left && std::memcmp(e.text, p, e.size) == 0;
    }
    [[nodiscard]] std::size_t length(std::size_t slot) const noexcept { return entries_[slot].size; }
    [[nodiscard]] std::uint32_t id(std::size_t slot) const noexcept { return entries_[slot].id; }
    void put(std::size_t slot, const char* p, std::size_t n, std::uint32_t id) noexcept { entries_[slot] = {p, n, id}; }

private:
    struct entry {
        const char* text = nullptr;
        std::size_t size = 0;
        std::uint32_t id = 0;
    };
    static constexpr std::size_t size = 8192;
    std::vector<entry> entries_{size};
};

class snapshot_parser {
public:
    snapshot_parser(std::string_view json, rule_set rules) : in_(json), builder_(rules) {}

    snapshot_result run()
    {
        in_.space();
        bool known = false;
        const bool read = in_.object([&](std::string_view key) {
            if (key == "namespace") {
                known = true;
                return in_.null() || in_.object([&](std::string_view k) {
                    return k == "key" ? text(namespace_key_) : in_.skip(depth);
                });
            }
            if (key == "flags") {
                known = true;
                return list("flags", [&] { return flag(); });
            }
            if (key == "digest")
                return text(digest_);
            return in_.skip(depth);
        });
        if (!read)
            return failure();
        in_.space();
        if (!in_.at_end()) {
            in_.fail("text after the document");
            return failure();
        }
        if (!known) {
            in_.fail("neither a namespace nor flags: not a snapshot");
            return failure();
        }
        return snapshot_result(builder_.finish(namespace_key_.empty() ? "default" : namespace_key_, digest_));
    }

private:
    static constexpr int depth = 64;
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
        return snapshot_result(snapshot_error(in_.offset(), std::move(path), in_.problem()));
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
            if (key == "key")
                return text(flag_.key);
            if (key == "name")
                return text(flag_.name);
            if (key == "enabled")
                return boolean(flag_.enabled);
            if (key == "type")
                return enumeration([&](std::string_view s) { flag_.boolean = s == "BOOLEAN_FLAG_TYPE" || s == "1"; });
            if (key == "rules")
                return list("rules", [&] { return rule(); });
            if (key == "rollouts")
                return list("rollouts", [&] { return rollout(); });
            if (key == "defaultVariant") {
                if (in_.null())
                    return true;
                flag_.has_default = true;
                return in_.object([&](std::string_view k) {
                    if (k == "key")
                        return text(default_key);
                    if (k == "attachment")
                        return text(default_attachment);
                    return in_.skip(depth);
                });
            }
            return in_.skip(depth);
        });
        if (!read)
            return false;
        if (flag_.key.empty())
            return in_.fail("a flag without a key");
        if (flag_.has_default)
            flag_.default_variant = builder_.variant(default_key, default_attachment);
        if (!builder_.add_flag(flag_))
            return in_.fail("a rule with more than 256 segments");
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
            if (key == "segments")
                return list("segments", [&] { return segment(); });
            if (key == "distributions")
                return list("distributions", [&] { return distribution(); });
            if (key == "segmentOperator")
                return segment_operator(r.all);
            if (key == "rank")
                return int32(r.rank);
            if (key == "id")
                return text(r.id);
            return in_.skip(depth);
        });
        r.segments = static_cast<std::uint32_t>(flag_.segments.size()) - r.first_segment;
        r.distributions = static_cast<std::uint32_t>(flag_.distributions.size()) - r.first_distribution;
        flag_.rules.push_back(r);
        return read;
    }

    bool distribution()
    {
        std::string_view variant;
        std::string_view attachment;
        float rollout = 0;
        const bool read = in_.object([&](std::string_view key) {
            if (key == "variantKey")
                return text(variant);
            if (key == "variantAttachment")
                return text(attachment);
            if (key == "rollout")
                return float32(rollout);
            return in_.skip(depth);
        });
        if (read)
            flag_.distributions.push_back({builder_.variant(variant, attachment), rollout});
        return read;
    }

    bool rollout()
    {
        rollout_def r;
        r.first_segment = static_cast<std::uint32_t>(flag_.segments.size());
        const bool read = in_.object([&](std::string_view key) {
            if (key == "rank")
                return int32(r.rank);
            if (key == "threshold") {
                if (in_.null())
                    return true;
                r.has_threshold = true;
                return in_.object([&](std::string_view k) {
                    if (k == "percentage")
                        return float32(r.percentage);
                    return k == "value" ? boolean(r.threshold_value) : in_.skip(depth);
                });
            }
            if (key == "segment") {
                if (in_.null())
                    return true;
                r.has_segments = true;
                return in_.object([&](std::string_view k) {
                    if (k == "segments")
                        return list("segments", [&] { return segment(); });
                    if (k == "segmentOperator")
                        return segment_operator(r.all);
                    return k == "value" ? boolean(r.segment_value) : in_.skip(depth);
                });
            }
            return in_.skip(depth);
        });
        r.segments = static_cast<std::uint32_t>(flag_.segments.size()) - r.first_segment;
        flag_.rollouts.push_back(r);
        return read;
    }

    bool segment()
    {
        const char* const start = in_.position();
        const std::size_t left = in_.left();
        const std::size_t slot = seen_.slot_of(start, left);
        if (seen_.matches(slot, start, left)) {
            in_.skip_to(start + seen_.length(slot));
            flag_.segments.push_back(seen_.id(slot));
            return true;
        }
        std::string_view key;
        bool any = false;
        constraints_.clear();
        const bool read = in_.object([&](std::string_view k) {
            if (k == "key")
                return text(key);
            if (k == "matchType")
                return enumeration([&](std::string_view s) { any = s == "ANY_SEGMENT_MATCH_TYPE" || s == "1"; });
            if (k == "constraints")
                return list("constraints", [&] { return constraint(); });
            return in_.skip(depth);
        });
        if (!read)
            return false;
        const std::uint32_t id = builder_.segment(key, any, constraints_);
        flag_.segments.push_back(id);
        seen_.put(slot, start, static_cast<std::size_t>(in_.position() - start), id);
        return true;
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
            if (k == "type")
                return enumeration([&](std::string_view s) { c.type = comparison_of(s); });
            if (k == "property")
                return text(c.property);
            if (k == "operator")
                return text(c.op);
            if (k == "value")
                return text(c.value);
            return in_.skip(depth);
        });
        constraints_.push_back(c);
        return read;
    }

    json_reader in_;
    image_builder builder_;
    seen_segments seen_;
    flag_def flag_;
    std::vector<constraint_def> constraints_;
    std::string_view namespace_key_;
    std::string_view digest_;
    std::array<step, 8> path_{};
    std::size_t steps_ = 0;
};

} // namespace detail

FLIPT_DECL snapshot_result snapshot::parse(std::string_view json, rule_set rules)
{
    if (json.size() > std::size_t{1} << 30)
        return snapshot_result(snapshot_error(0, {}, "larger than 1 GiB"));
    if (const auto ascii = simdjson::validate_utf8(json.data(), json.size()); !ascii)
        return snapshot_result(snapshot_error(0, {}, "not UTF-8"));
    return detail::snapshot_parser(json, rules).run();
}

} // namespace flipt::inline v0
