// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The typed, strict walk over a document that flipt/protocol/reply_reader.hpp reads with.
#pragma once

#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/json_scan.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/types/error.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

// Every function that reads returns false after fail() noted why. Uses only what simdjson 3.0.1 and 4.x share.
class reply_reader::impl {
public:
    using document = simdjson::ondemand::document;
    using value = simdjson::ondemand::value;

    // The known fields of one object that were seen: none may come twice.
    class field_set {
    public:
        bool add(unsigned bit) noexcept
        {
            const bool fresh = (bits_ >> bit & 1) == 0;
            bits_ |= 1U << bit;
            return fresh;
        }
        [[nodiscard]] bool has(unsigned bit) const noexcept { return (bits_ >> bit & 1) != 0; }

    private:
        unsigned bits_ = 0;
    };

    explicit impl(std::size_t max_depth) : max_depth_(std::min(max_depth, json_depth_ceiling)) {}

    // Finds the structure of the document; checks UTF-8 and that strings end.
    bool open(const char* json, std::size_t size, document& doc)
    {
        reset();
        end_ = json + size;
        if (size >= 3 && static_cast<unsigned char>(json[0]) == 0xef) // newer parsers would skip a byte order mark
            return fail({}, "the document does not start with {");
        if (!reserve(size))
            return false;
        const simdjson::error_code code = parser_.iterate(json, size, size + byte_buffer::padding).get(doc);
        if (code == simdjson::UTF8_ERROR)
            return fail({}, "the document is not valid UTF-8");
        return code == simdjson::SUCCESS || malformed();
    }

    // Nothing but white space may follow the outermost object.
    bool close(document& doc)
    {
        return doc.current_location().error() == simdjson::OUT_OF_BOUNDS || fail({}, "something follows the document");
    }

    // Calls on_field(key, value, depth of the value's own members) for every member.
    template <class Source, class OnField>
    bool members(std::string_view name, Source& source, std::size_t depth, OnField on_field)
    {
        if (depth > max_depth_)
            return too_deep();
        simdjson::ondemand::object object;
        if (source.get_object().get(object) != simdjson::SUCCESS)
            return fail(name, "is not an object");
        for (auto item : object) {
            if (item.error() != simdjson::SUCCESS)
                return malformed();
            auto&& field = std::move(item).value_unsafe();
            std::string_view key;
            if (!string_text(field.key().raw(), key))
                return malformed();
            if (!on_field(key, field.value(), depth + 1))
                return false;
        }
        return true;
    }

    template <class OnElement>
    bool elements(std::string_view name, value& source, std::size_t depth, OnElement on_element)
    {
        if (depth > max_depth_)
            return too_deep();
        simdjson::ondemand::array array;
        if (source.get_array().get(array) != simdjson::SUCCESS)
            return fail(name, "is not an array");
        for (auto item : array) {
            if (item.error() != simdjson::SUCCESS)
                return malformed();
            auto&& element = std::move(item).value_unsafe();
            if (!on_element(element, depth + 1))
                return false;
        }
        return true;
    }

    // A field that nobody knows (or whose text is wanted): the parser only steps over it, so it is checked here.
    bool raw(value& source, std::size_t depth, std::string_view& out)
    {
        const char* const at = source.raw_json_token().data();
        json_fault fault;
        const std::size_t left = depth > max_depth_ ? 0 : max_depth_ - depth + 1;
        const char* const end = scan_json_value(at, end_, left, fault);
        if (end == nullptr)
            return fault == json_fault::depth ? too_deep() : malformed();
        out = std::string_view(at, static_cast<std::size_t>(end - at));
        return true;
    }
    bool skip(value& source, std::size_t depth)
    {
        std::string_view ignored;
        return raw(source, depth, ignored);
    }

    // Only its bytes: a view into the document or, if it holds an escape, into scratch_.
    bool text(std::string_view name, value& source, std::string_view& out)
    {
        simdjson::ondemand::raw_json_string start;
        if (source.get_raw_json_string().get(start) != simdjson::SUCCESS)
            return fail(name, "is not a string");
        return string_text(start.raw(), out) || fail(name, "holds a broken escape");
    }

    // Sink is a std::string or a byte_buffer.
    template <class Sink>
    bool string(std::string_view name, value& source, Sink& out)
    {
        simdjson::ondemand::raw_json_string start;
        if (source.get_raw_json_string().get(start) != simdjson::SUCCESS)
            return fail(name, "is not a string");
        const char* const from = start.raw();
        const char* const special = find_quote_or_backslash(from);
        out.clear();
        if (*special == '"') {
            out.append(std::string_view(from, static_cast<std::size_t>(special - from)));
            return true;
        }
        return append_unescaped(out, from, string_end(special)) || fail(name, "holds a broken escape");
    }

    bool boolean(std::string_view name, value& source, bool& out)
    {
        return source.get_bool().get(out) == simdjson::SUCCESS || fail(name, "is not a boolean");
    }

    bool count(std::string_view name, value& source, std::size_t& out)
    {
        std::uint64_t number = 0;
        if (source.get_uint64().get(number) != simdjson::SUCCESS)
            return fail(name, "is not a count");
        out = static_cast<std::size_t>(number);
        return true;
    }

    bool millis(std::string_view name, value& source, std::chrono::nanoseconds& out)
    {
        double number = 0;
        if (source.get_double().get(number) != simdjson::SUCCESS)
            return fail(name, "is not a finite number");
        const double nanos = std::nearbyint(number * 1e6);
        if (!(std::fabs(nanos) < 9.2e18))
            return fail(name, "is out of range");
        out = std::chrono::nanoseconds(static_cast<std::int64_t>(nanos));
        return true;
    }

    bool time(std::string_view name, value& source, timestamp_type& out)
    {
        std::string_view digits;
        if (!text(name, source, digits))
            return false;
        const std::optional<timestamp_type> when = parse_rfc3339(digits);
        if (!when)
            return fail(name, "is not an RFC 3339 time");
        out = *when;
        return true;
    }
    bool time(std::string_view name, value& source, std::optional<timestamp_type>& out)
    {
        return time(name, source, out.emplace());
    }

    bool reason(std::string_view name, value& source, evaluation_reason& out)
    {
        std::string_view word;
        if (!text(name, source, word))
            return false;
        out = evaluation_reason::unknown;
        for (const evaluation_reason known :
             {evaluation_reason::match, evaluation_reason::default_value, evaluation_reason::flag_disabled})
            if (word == to_string(known))
                out = known;
        return true;
    }

    // Into the strings that are there already, as far as they go.
    bool strings(std::string_view name, value& source, std::size_t depth, std::vector<std::string>& out)
    {
        std::size_t used = 0;
        const bool ok = elements(name, source, depth, [&](value& element, std::size_t) {
            if (used == out.size())
                out.emplace_back();
            return string(name, element, out[used++]);
        });
        out.resize(used);
        return ok;
    }

    bool fail(std::string_view field, std::string_view what, std::error_code why = errc::invalid_response)
    {
        error_ = why;
        detail_.clear();
        if (!field.empty())
            detail_.append("field \"").append(field).append("\" ");
        detail_.append(what);
        return false;
    }
    bool twice(std::string_view field) { return fail(field, "comes twice"); }
    bool malformed() { return fail({}, "the document is not well-formed JSON"); }
    bool too_deep() { return fail({}, "the document nests deeper than the limit", errc::response_too_large); }
    void reset() noexcept
    {
        error_.clear();
        detail_.clear();
    }

    bool boolean_members(std::string_view name, auto& source, std::size_t depth, boolean_evaluation& out);
    bool variant_members(std::string_view name, auto& source, std::size_t depth, variant_evaluation& out);
    bool error_members(std::string_view name, value& source, std::size_t depth, error_evaluation& out);
    bool batch_item_members(value& source, std::size_t depth, batch_evaluation& out, std::size_t index);
    bool flag_members(std::string_view name, auto& source, std::size_t depth, flag& out);
    bool flag_variant_members(std::string_view name, value& source, std::size_t depth, flag_variant& out);
    bool server_error_members(auto& source, std::size_t depth, std::string& message, int& grpc_code);

    [[nodiscard]] const std::error_code& error() const noexcept { return error_; }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    [[nodiscard]] std::size_t max_depth() const noexcept { return max_depth_; }

    // The text of the string whose first byte is at `from`; false at a broken escape.
    bool string_text(const char* from, std::string_view& out)
    {
        const char* const special = find_quote_or_backslash(from);
        if (*special == '"') {
            out = std::string_view(from, static_cast<std::size_t>(special - from));
            return true;
        }
        scratch_.clear();
        if (!append_unescaped(scratch_, from, string_end(special)))
            return false;
        out = scratch_;
        return true;
    }

private:
    // Where the string that goes on at `at` ends. It does: the parser looked at that first.
    static const char* string_end(const char* at) noexcept
    {
        while (*at != '"')
            at = find_quote_or_backslash(*at == '\\' ? at + 2 : at);
        return at;
    }

    // The parser would grow by little and little, and never give anything back.
    bool reserve(std::size_t size)
    {
        constexpr std::size_t least = 4096, small = 64 * 1024, large = 1024 * 1024;
        if (size <= parser_.capacity() && (parser_.capacity() <= large || size > small))
            return true;
        if (size <= small && parser_.capacity() > large)
            parser_ = simdjson::ondemand::parser();
        const std::size_t capacity = std::max({size, least, parser_.capacity() + parser_.capacity() / 2});
        const simdjson::error_code code = parser_.allocate(capacity);
        if (code == simdjson::MEMALLOC)
            return fail({}, "no memory for the parser", std::make_error_code(std::errc::not_enough_memory));
        return code == simdjson::SUCCESS || fail({}, "the document is too large", errc::response_too_large);
    }

    simdjson::ondemand::parser parser_;
    std::size_t max_depth_;
    const char* end_ = nullptr; // of the document
    std::string scratch_;
    std::string detail_;
    std::error_code error_;
};

} // namespace flipt::inline v0::detail
