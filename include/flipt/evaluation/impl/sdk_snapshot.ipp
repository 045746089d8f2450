// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Imports the state that Flipt's official client SDKs save: written out again as the server's document, then compiled.
#pragma once

#include "flipt/evaluation/go_json.hpp"
#include "flipt/evaluation/snapshot.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flipt::inline v0 {
namespace detail {

// RFC 4648 section 4, with or without padding; line breaks are skipped.
inline bool decode_base64(std::string_view in, std::string& out)
{
    std::uint32_t bits = 0;
    int have = 0;
    std::size_t padding = 0;
    out.clear();
    for (const char c : in) {
        std::uint32_t v = 0;
        if (c >= 'A' && c <= 'Z')
            v = static_cast<std::uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            v = static_cast<std::uint32_t>(c - 'a') + 26;
        else if (c >= '0' && c <= '9')
            v = static_cast<std::uint32_t>(c - '0') + 52;
        else if (c == '+')
            v = 62;
        else if (c == '/')
            v = 63;
        else if (c == '\n' || c == '\r' || c == ' ' || c == '\t')
            continue;
        else if (c == '=' && ++padding <= 2)
            continue;
        else
            return false;
        if (padding != 0)
            return false;
        bits = bits << 6 | v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>(static_cast<unsigned char>(bits >> have & 0xFF));
        }
    }
    return have < 6;
}

// The official engine's Snapshot {version, namespace {key, flags, eval_rules, eval_rollouts, eval_distributions}}.
class sdk_document {
public:
    explicit sdk_document(rule_set rules) : rules_(rules) {}

    bool convert(std::string_view json)
    {
        using simdjson::dom::object;
        simdjson::dom::parser parser(std::size_t{1} << 30);
        object ns;
        object flags;
        std::string_view key;
        const simdjson::padded_string padded(json);
        if (parser.parse(padded).at_key("namespace").get(ns) != simdjson::SUCCESS ||
            ns.at_key("key").get(key) != simdjson::SUCCESS || ns.at_key("flags").get(flags) != simdjson::SUCCESS)
            return false;
        if (ns.at_key("eval_rules").get(rules_of_) != simdjson::SUCCESS ||
            ns.at_key("eval_rollouts").get(rollouts_of_) != simdjson::SUCCESS ||
            ns.at_key("eval_distributions").get(distributions_of_) != simdjson::SUCCESS)
            return false;
        out_ = "{\"namespace\":{\"key\":" + quoted(key) + "},\"flags\":[";
        bool first = true;
        for (const auto field : flags) {
            if (!first)
                out_ += ',';
            first = false;
            object flag;
            if (field.value.get(flag) != simdjson::SUCCESS || !add_flag(flag))
                return false;
        }
        out_ += "]}";
        return true;
    }

    [[nodiscard]] const std::string& text() const noexcept { return out_; }

private:
    using element = simdjson::dom::element;
    using object = simdjson::dom::object;
    using array = simdjson::dom::array;

    static std::string quoted(std::string_view s)
    {
        std::string out;
        append_json_string(out, s);
        return out;
    }

    // Adds `"to":` and the value of `from`, if there is one.
    void copy(const object& from, std::string_view name, std::string_view to)
    {
        element value;
        if (from.at_key(name).get(value) != simdjson::SUCCESS)
            return;
        if (out_.back() != '{')
            out_ += ',';
        out_ += '"';
        out_ += to;
        out_ += "\":";
        out_ += simdjson::minify(value);
    }

    bool add_flag(const object& flag)
    {
        std::string_view key;
        if (flag.at_key("key").get(key) != simdjson::SUCCESS)
            return false;
        out_ += '{';
        copy(flag, "key", "key");
        copy(flag, "enabled", "enabled");
        copy(flag, "type", "type");
        copy(flag, "description", "description");
        copy(flag, "default_variant", "defaultVariant");
        out_ += ",\"rules\":[";
        array list;
        if (rules_of_.at_key(key).get(list) == simdjson::SUCCESS && !add_rules(list))
            return false;
        out_ += "],\"rollouts\":[";
        if (rollouts_of_.at_key(key).get(list) == simdjson::SUCCESS && !add_rollouts(list))
            return false;
        out_ += "]}";
        return true;
    }

    bool add_segments(const object& owner)
    {
        object segments;
        if (owner.at_key("segments").get(segments) != simdjson::SUCCESS)
            return false;
        out_ += ",\"segments\":[";
        bool first = true;
        for (const auto field : segments) {
            object segment;
            if (field.value.get(segment) != simdjson::SUCCESS)
                return false;
            out_ += first ? "{" : ",{";
            first = false;
            copy(segment, "segment_key", "key");
            copy(segment, "match_type", "matchType");
            copy(segment, "constraints", "constraints");
            out_ += '}';
        }
        out_ += ']';
        return true;
    }

    bool add_rules(const array& list)
    {
        std::string before;
        std::size_t serial = 0;
        bool first = true;
        for (const auto item : list) {
            object rule;
            std::string_view rule_id;
            if (item.get(rule) != simdjson::SUCCESS || rule.at_key("id").get(rule_id) != simdjson::SUCCESS)
                return false;
            const std::string body = rule_body(rule, rule_id);
            if (body.empty())
                return false;
            // The engine numbers rules anew, so v1's copies of one rule are known by being equal and adjacent.
            if (rules_ != rule_set::server_v1 || body != before)
                ++serial;
            before = body;
            out_ += first ? "{\"id\":\"" : ",{\"id\":\"";
            first = false;
            out_ += std::to_string(serial) + '"';
            copy(rule, "rank", "rank");
            out_ += body;
            out_ += '}';
        }
        return true;
    }

    std::string rule_body(const object& rule, std::string_view rule_id)
    {
        std::string saved;
        saved.swap(out_);
        out_ = " ";
        copy(rule, "segment_operator", "segmentOperator");
        const bool ok = add_segments(rule);
        out_ += ",\"distributions\":[";
        array list;
        if (ok && distributions_of_.at_key(rule_id).get(list) == simdjson::SUCCESS) {
            bool first = true;
            for (const auto item : list) {
                object d;
                if (item.get(d) != simdjson::SUCCESS)
                    continue;
                out_ += first ? "{" : ",{";
                first = false;
                copy(d, "rollout", "rollout");
                copy(d, "variant_key", "variantKey");
                copy(d, "variant_attachment", "variantAttachment");
                out_ += '}';
            }
        }
        out_ += ']';
        out_.swap(saved);
        return ok ? saved : std::string();
    }

    bool add_rollouts(const array& list)
    {
        bool first = true;
        for (const auto item : list) {
            object rollout;
            if (item.get(rollout) != simdjson::SUCCESS)
                return false;
            out_ += first ? "{" : ",{";
            first = false;
            copy(rollout, "rank", "rank");
            copy(rollout, "threshold", "threshold");
            object segment;
            if (rollout.at_key("segment").get(segment) == simdjson::SUCCESS) {
                out_ += ",\"segment\":{";
                copy(segment, "value", "value");
                copy(segment, "segment_operator", "segmentOperator");
                if (!add_segments(segment))
                    return false;
                out_ += '}';
            }
            out_ += '}';
        }
        return true;
    }

    rule_set rules_;
    std::string out_;
    object rules_of_;
    object rollouts_of_;
    object distributions_of_;
};

} // namespace detail

FLIPT_DECL snapshot_result snapshot::parse_sdk(std::string_view saved, rule_set rules)
{
    std::string json;
    std::size_t start = 0;
    while (start < saved.size() && (saved[start] == ' ' || saved[start] == '\n' || saved[start] == '\r'))
        ++start;
    if (start < saved.size() && saved[start] == '{')
        json = saved.substr(start);
    else if (!detail::decode_base64(saved, json))
        return snapshot_result(snapshot_error(0, {}, "neither base64 nor JSON"));
    detail::sdk_document document(rules);
    if (!document.convert(json))
        return snapshot_result(snapshot_error(0, {}, "not a snapshot saved by a Flipt client SDK"));
    return parse(document.text(), rules);
}

} // namespace flipt::inline v0
