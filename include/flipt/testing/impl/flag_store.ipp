// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/flag_store.hpp.
#pragma once

#include "flipt/testing/flag_store.hpp"
#include "flipt/testing/json_text.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>

namespace flipt::inline v0::testing {

namespace detail {

FLIPT_DECL std::pair<std::size_t, std::size_t> find_top_level(std::string_view json, std::string_view name)
{
    // The text is known to be valid JSON; only strings and brackets matter.
    int depth = 0;
    bool is_key = true; // at depth 1: the next string is a key
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (c == '"') {
            const auto start = i;
            for (++i; i < json.size() && json[i] != '"'; ++i)
                if (json[i] == '\\')
                    ++i;
            if (depth == 1 && is_key && json.substr(start + 1, i - start - 1) == name) {
                auto begin = json.find_first_not_of(" \t\r\n", json.find(':', i) + 1);
                int inner = 0;
                auto end = begin;
                for (; end < json.size(); ++end) {
                    if (json[end] == '"') {
                        for (++end; end < json.size() && json[end] != '"'; ++end)
                            if (json[end] == '\\')
                                ++end;
                    } else if (json[end] == '{' || json[end] == '[') {
                        ++inner;
                    } else if (json[end] == '}' || json[end] == ']') {
                        if (inner-- == 0)
                            break;
                    } else if (json[end] == ',' && inner == 0) {
                        break;
                    }
                }
                while (end > begin && (json[end - 1] == ' ' || json[end - 1] == '\n' || json[end - 1] == '\r' ||
                                       json[end - 1] == '\t'))
                    --end;
                return {begin, end - begin};
            }
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            --depth;
        } else if (depth == 1 && c == ':') {
            is_key = false;
        } else if (depth == 1 && c == ',') {
            is_key = true;
        }
    }
    return {std::string_view::npos, 0};
}

FLIPT_DECL std::string sha1_hex(std::string_view bytes)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error("OpenSSL: EVP_Digest failed");
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (unsigned int i = 0; i < size; ++i) {
        out += hex[digest[i] >> 4];
        out += hex[digest[i] & 15];
    }
    return out;
}

FLIPT_DECL std::string format_time(timestamp_type t)
{
    const auto days = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(days);
    const std::chrono::hh_mm_ss clock(t - days);
    std::array<char, 48> buffer{};
    const auto length = std::snprintf(
        buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
    std::string out(buffer.data(), static_cast<std::size_t>(length));
    if (const auto nanos = static_cast<long>(clock.subseconds().count()); nanos != 0) {
        std::snprintf(buffer.data(), buffer.size(), ".%09ld", nanos);
        std::string fraction(buffer.data());
        while (fraction.size() > 4 && fraction.compare(fraction.size() - 3, 3, "000") == 0)
            fraction.resize(fraction.size() - 3);
        out += fraction;
    }
    return out + "Z";
}

inline std::string json_string_or_empty(simdjson::dom::object object, std::string_view name)
{
    std::string_view text;
    return object.at_key(name).get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

// What a snapshot tells of one flag. Its variants are those of its default and its distributions.
inline flag read_snapshot_flag(simdjson::dom::object object, std::string_view namespace_key)
{
    flag out;
    out.key = json_string_or_empty(object, "key");
    out.name = json_string_or_empty(object, "name");
    out.description = json_string_or_empty(object, "description");
    out.namespace_key.assign(namespace_key);
    out.type = json_string_or_empty(object, "type") == "BOOLEAN_FLAG_TYPE" ? flag_type::boolean : flag_type::variant;
    bool enabled = false;
    out.enabled = object.at_key("enabled").get(enabled) == simdjson::SUCCESS && enabled;
    const auto variant = [&](std::string key, std::string attachment) {
        flag_variant v;
        v.flag_key = out.key;
        v.key = std::move(key);
        v.attachment = std::move(attachment);
        v.namespace_key.assign(namespace_key);
        if (std::none_of(out.variants.begin(), out.variants.end(), [&](const auto& o) { return o.key == v.key; }))
            out.variants.push_back(v);
        return v;
    };
    simdjson::dom::object standard;
    if (object.at_key("defaultVariant").get(standard) == simdjson::SUCCESS)
        out.default_variant =
            variant(json_string_or_empty(standard, "key"), json_string_or_empty(standard, "attachment"));
    simdjson::dom::array rules;
    if (object.at_key("rules").get(rules) == simdjson::SUCCESS)
        for (const auto rule : rules) {
            simdjson::dom::array distributions;
            if (rule.at_key("distributions").get(distributions) != simdjson::SUCCESS)
                continue;
            for (const auto item : distributions) {
                simdjson::dom::object distribution;
                if (item.get(distribution) == simdjson::SUCCESS)
                    variant(json_string_or_empty(distribution, "variantKey"),
                            json_string_or_empty(distribution, "variantAttachment"));
            }
        }
    return out;
}

// The flags of a document; throws when it has none.
inline simdjson::dom::array read_document(simdjson::dom::parser& parser, std::string_view document,
                                          simdjson::dom::object& object)
{
    simdjson::dom::array flags;
    if (parser.parse(document.data(), document.size()).get(object) != simdjson::SUCCESS ||
        object.at_key("flags").get(flags) != simdjson::SUCCESS)
        throw std::invalid_argument("flipt::testing: not a snapshot document: no JSON object with flags");
    return flags;
}

inline std::string make_snapshot(std::string_view namespace_key, const std::vector<flag>& flags)
{
    json_text json;
    json.open('{').key("namespace").open('{').member("key", namespace_key).close('}').key("flags").open('[');
    for (const auto& f : flags) {
        json.open('{').member("key", f.key).member("name", f.name).member("description", f.description);
        json.member("enabled", f.enabled).member("type", to_string(f.type));
        json.member("createdAt", format_time(f.created_at.value_or(timestamp_type{})));
        json.member("updatedAt", format_time(f.updated_at.value_or(timestamp_type{})));
        json.member_raw("rules", "[]").member_raw("rollouts", "[]");
        if (f.default_variant) {
            json.key("defaultVariant").open('{').member("id", f.default_variant->id);
            json.member("key", f.default_variant->key).member("attachment", f.default_variant->attachment).close('}');
        }
        json.close('}');
    }
    return json.close(']').close('}').take();
}

} // namespace detail

FLIPT_DECL flag_store::flag_store() { add_environment("default"); }

FLIPT_DECL void flag_store::add_environment(std::string_view environment) { at(environment, "default"); }

FLIPT_DECL bool flag_store::has_environment(std::string_view environment) const
{
    return environments_.find(environment) != environments_.end();
}

FLIPT_DECL void flag_store::add_namespace(std::string_view environment, std::string_view name)
{
    changed(at(environment, name));
}

FLIPT_DECL bool flag_store::has_namespace(std::string_view environment, std::string_view name) const
{
    return look(environment, name) != nullptr;
}

FLIPT_DECL flag_store::space& flag_store::at(std::string_view environment, std::string_view name)
{
    return environments_[std::string(environment)][std::string(name)];
}

FLIPT_DECL const flag_store::space* flag_store::look(std::string_view environment, std::string_view name) const
{
    const auto e = environments_.find(environment);
    if (e == environments_.end())
        return nullptr;
    const auto s = e->second.find(name);
    return s == e->second.end() ? nullptr : &s->second;
}

FLIPT_DECL void flag_store::changed(space& s)
{
    ++revision_;
    if (s.document_is_made)
        s.document.reset();
}

FLIPT_DECL void flag_store::add_flag(std::string_view environment, std::string_view name, flag details)
{
    auto& s = at(environment, name);
    const auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
    details.namespace_key.assign(name);
    details.updated_at = now;
    const auto old = std::find_if(s.flags.begin(), s.flags.end(), [&](const auto& f) { return f.key == details.key; });
    if (!details.created_at)
        details.created_at = old == s.flags.end() ? now : old->created_at;
    const auto complete = [&](flag_variant& v) {
        v.flag_key = details.key;
        v.namespace_key.assign(name);
        if (!v.created_at)
            v.created_at = v.updated_at = now;
    };
    std::for_each(details.variants.begin(), details.variants.end(), complete);
    if (details.default_variant)
        complete(*details.default_variant);
    if (old == s.flags.end())
        s.flags.push_back(std::move(details));
    else
        *old = std::move(details);
    changed(s);
}

FLIPT_DECL void flag_store::remove_flag(std::string_view environment, std::string_view name, std::string_view key)
{
    auto& s = at(environment, name);
    std::erase_if(s.flags, [&](const auto& f) { return f.key == key; });
    if (const auto found = s.set.find(key); found != s.set.end())
        s.set.erase(found);
    changed(s);
}

FLIPT_DECL void flag_store::set(std::string_view environment, std::string_view name, std::string_view key,
                                const entity& who, answer a, flag_type type)
{
    const flag* known = find(environment, name, key);
    if (known == nullptr || known->type != type) {
        flag details;
        if (known != nullptr)
            details = *known;
        details.key.assign(key);
        details.type = type;
        details.enabled = true;
        if (known == nullptr && type == flag_type::boolean && !who.id())
            details.enabled = std::get<boolean_evaluation>(a).enabled;
        add_flag(environment, name, std::move(details));
    } else if (type == flag_type::boolean && !who.id() && known->enabled != std::get<boolean_evaluation>(a).enabled) {
        flag details = *known;
        details.enabled = std::get<boolean_evaluation>(a).enabled;
        add_flag(environment, name, std::move(details));
    }
    auto& s = at(environment, name);
    auto& set = s.set[std::string(key)];
    if (who.id())
        set.by_entity.insert_or_assign(*who.id(), std::move(a));
    else
        set.any = std::move(a);
    changed(s);
}

FLIPT_DECL void flag_store::set_boolean(std::string_view environment, std::string_view name, std::string_view key,
                                        const entity& who, boolean_evaluation result)
{
    set(environment, name, key, who, std::move(result), flag_type::boolean);
}

FLIPT_DECL void flag_store::set_variant(std::string_view environment, std::string_view name, std::string_view key,
                                        const entity& who, variant_evaluation result)
{
    set(environment, name, key, who, std::move(result), flag_type::variant);
}

FLIPT_DECL void flag_store::set_evaluator(std::string_view environment, std::string_view name,
                                          std::shared_ptr<evaluator> engine)
{
    auto& s = at(environment, name);
    s.engine = std::move(engine);
    changed(s);
}

FLIPT_DECL void flag_store::check(std::string_view document)
{
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    (void)detail::read_document(parser, document, object);
}

FLIPT_DECL void flag_store::load(std::string_view environment, std::string_view name, std::string_view document)
{
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    const auto flags = detail::read_document(parser, document, object);
    std::vector<flag> read;
    for (const auto item : flags) {
        simdjson::dom::object f;
        if (item.get(f) == simdjson::SUCCESS)
            read.push_back(detail::read_snapshot_flag(f, name));
    }
    auto& s = at(environment, name);
    auto fresh = std::make_shared<snapshot_document>();
    fresh->text.assign(document);
    fresh->digest = detail::json_string_or_empty(object, "digest");
    const bool stale =
        s.document && !s.document_is_made && s.document->digest == fresh->digest && s.document->text != fresh->text;
    if (fresh->digest.empty() || stale) {
        fresh->digest = detail::sha1_hex(document);
        const auto [begin, size] = detail::find_top_level(fresh->text, "digest");
        if (begin != std::string::npos)
            fresh->text.replace(begin, size, "\"" + fresh->digest + "\"");
    }
    s.document = std::move(fresh);
    s.document_is_made = false;
    s.flags = std::move(read);
    s.set.clear();
    changed(s);
}

FLIPT_DECL std::shared_ptr<const snapshot_document> flag_store::snapshot(std::string_view environment,
                                                                         std::string_view name)
{
    if (look(environment, name) == nullptr)
        return nullptr;
    auto& s = at(environment, name);
    if (!s.document) {
        auto made = std::make_shared<snapshot_document>();
        made->text = detail::make_snapshot(name, s.flags);
        made->digest = detail::sha1_hex(made->text);
        s.document = std::move(made);
        s.document_is_made = true;
    }
    return s.document;
}

FLIPT_DECL const std::vector<flag>* flag_store::flags(std::string_view environment, std::string_view name) const
{
    const auto* s = look(environment, name);
    return s == nullptr ? nullptr : &s->flags;
}

FLIPT_DECL const flag* flag_store::find(std::string_view environment, std::string_view name, std::string_view key) const
{
    const auto* s = look(environment, name);
    if (s == nullptr)
        return nullptr;
    const auto found = std::find_if(s->flags.begin(), s->flags.end(), [&](const auto& f) { return f.key == key; });
    return found == s->flags.end() ? nullptr : &*found;
}

FLIPT_DECL evaluation_result flag_store::evaluate(std::string_view environment, std::string_view name,
                                                  std::string_view key, std::string_view entity_id,
                                                  const context_map& context)
{
    const auto* s = look(environment, name);
    if (s == nullptr)
        return {};
    const auto as_result = [](const answer& a) {
        return std::visit([](const auto& value) { return evaluation_result(value); }, a);
    };
    const auto set = s->set.find(key);
    if (set != s->set.end())
        if (const auto own = set->second.by_entity.find(entity_id); own != set->second.by_entity.end())
            return as_result(own->second);
    if (set != s->set.end() && set->second.any)
        return as_result(*set->second.any);
    if (s->engine) {
        auto result = s->engine->evaluate(name, environment, key, entity_id, context);
        if (!std::holds_alternative<std::monostate>(result))
            return result;
    }
    const flag* f = find(environment, name, key);
    if (f == nullptr)
        return {};
    if (f->type == flag_type::boolean) {
        boolean_evaluation b;
        b.enabled = f->enabled;
        b.reason = evaluation_reason::default_value;
        return b;
    }
    variant_evaluation v;
    if (f->default_variant) {
        v.reason = evaluation_reason::default_value;
        v.variant_key = f->default_variant->key;
        v.variant_attachment = f->default_variant->attachment;
    }
    if (!f->enabled)
        v.reason = evaluation_reason::flag_disabled;
    return v;
}

} // namespace flipt::inline v0::testing
