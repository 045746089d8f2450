// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One reply as simdjson reads it (on demand), and the checks that simdjson leaves to its user.
#pragma once

#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/protocol/impl/quoted_text.ipp"
#include "flipt/protocol/impl/scaled_number.ipp"
#include "flipt/protocol/json_scan.hpp"
#include "flipt/types/error.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

// The parser's state stays in registers only where all that takes a value is inlined; what is not gets plain pointers.
#define FLIPT_INLINE_LAMBDA __attribute__((always_inline))

namespace flipt::inline v0::detail {

// simdjson finds the structure of the whole document first (and that it is UTF-8, and that strings end and hold no
// control character), then values are looked at one by one, in the order they stand there. What it does not look at is
// checked here: escapes, the grammar of numbers, every value that is stepped over, the depth, and what follows.
//
// Every function that reads takes one value, and what it is not is an error: it returns false, and error() and detail()
// say why. Names given to them appear in detail(). Uses only what simdjson 3.0.1 and 4.x share.
class reply_document {
public:
    using document = simdjson::ondemand::document;
    using value = simdjson::ondemand::value;

    explicit reply_document(std::size_t max_depth) : max_depth_(std::min(max_depth, json_depth_ceiling)) {}

    // `size + byte_buffer::padding` bytes can be read.
    [[nodiscard]] simdjson_inline bool open(const char* json, std::size_t size, document& doc)
    {
        if (!prepare(json, size))
            return false;
        const simdjson::error_code code = parser_.iterate(json, size, size + byte_buffer::padding).get(doc);
        if (code == simdjson::SUCCESS) [[likely]]
            return true;
        return malformed(code == simdjson::UTF8_ERROR ? json_fault::utf8 : json_fault::syntax);
    }

    // Nothing but white space follows the document.
    [[nodiscard]] simdjson_inline bool close(document& doc)
    {
        return doc.current_location().error() == simdjson::OUT_OF_BOUNDS || fail({}, "something follows the document");
    }

    // An object: on_member(key, value) is called for every member and must take its value. The last thing it tries is
    // unknown(key, value); it is called again for a key with escapes, by what it spells.
    template <class Source, class OnMember>
    [[nodiscard]] simdjson_inline bool members(std::string_view name, Source& source, OnMember on_member)
    {
        simdjson::ondemand::object object;
        if (const simdjson::error_code code = source.get_object().get(object); code != simdjson::SUCCESS)
            return no_object(name, code == simdjson::INCORRECT_TYPE);
        if (depth_ == max_depth_)
            return malformed(json_fault::depth);
        ++depth_;
        for (auto item : object) {
            if (item.error() != simdjson::SUCCESS)
                return malformed();
            auto field = std::move(item).value_unsafe();
            quoted_text key(field.key().raw());
            while (!on_member(key, field.value())) {
                if (!again_)
                    return false;
                again_ = false;
                key = quoted_text(scratch_.data(), true);
            }
        }
        --depth_;
        return true;
    }
    // An array: on_element(value) is called for each element and must take it.
    template <class OnElement>
    [[nodiscard]] simdjson_inline bool elements(std::string_view name, value& source, OnElement on_element)
    {
        simdjson::ondemand::array array;
        if (source.get_array().get(array) != simdjson::SUCCESS)
            return fail(name, "is not an array");
        if (depth_ == max_depth_)
            return malformed(json_fault::depth);
        ++depth_;
        for (auto item : array) {
            if (item.error() != simdjson::SUCCESS)
                return malformed();
            value element = std::move(item).value_unsafe();
            if (!on_element(element))
                return false;
        }
        --depth_;
        return true;
    }

    // A string, written to a std::string or byte_buffer (which it replaces).
    template <class Sink>
    [[nodiscard]] simdjson_inline bool string(std::string_view name, value& v, Sink& out)
    {
        const char* from = nullptr;
        return quoted(name, v, from) && copy(from, out);
    }

    // A string as a view that ends with the next read.
    [[nodiscard]] simdjson_inline bool text(std::string_view name, value& v, std::string_view& out)
    {
        const char* from = nullptr;
        return quoted(name, v, from) && view(from, out);
    }

    // A string of which some are known: on_word(text) says whether it is one of them, and so does `known`.
    template <class OnWord>
    [[nodiscard]] simdjson_inline bool word(std::string_view name, value& v, bool& known, OnWord on_word)
    {
        const char* from = nullptr;
        if (!quoted(name, v, from))
            return false;
        quoted_text text(from);
        while (!(known = on_word(text)) && !text.unescaped()) {
            bool escaped = false;
            if (!spell(from, escaped))
                return false;
            if (!escaped)
                break;
            text = quoted_text(scratch_.data(), true);
        }
        return true;
    }

    [[nodiscard]] simdjson_inline bool boolean(std::string_view name, value& v, bool& out)
    {
        return v.get_bool().get(out) == simdjson::SUCCESS || fail(name, "is not a boolean");
    }

    // A number that is an integer from 0 to `most`, without fraction or exponent.
    [[nodiscard]] bool count(std::string_view name, value& v, std::uint64_t most, std::uint64_t& out)
    {
        if (v.get_uint64().get(out) != simdjson::SUCCESS)
            return fail(name, "is not a count");
        return out <= most || fail(name, "is out of range");
    }

    // A number times 10^shift, rounded to the nearest integer (halves away from zero); digits beyond the 18th are cut.
    // From its digits, because by way of a double halves go either way.
    [[nodiscard]] simdjson_inline bool scaled_number(std::string_view name, value& v, int shift, std::int64_t& out)
    {
        return scale(name, v.raw_json_token(), shift, out);
    }

    // Any value, checked by every rule; its text is a view into the document.
    [[nodiscard]] simdjson_inline bool raw(value& v, std::string_view& out)
    {
        return check(v.raw_json_token().data(), out);
    }
    // A member that is not known, as far as that can be said of a key which may hold escapes.
    [[nodiscard]] simdjson_inline bool unknown(const quoted_text& key, value& v)
    {
        std::string_view ignored;
        return is_unknown(key) && raw(v, ignored);
    }

    // Instead of open(): a document that is an object, walked without an index. on_member(key, text of the value) is
    // called for every member. All of it is checked, and nests at most `max_depth` deep.
    template <class OnMember>
    [[nodiscard]] bool walk_members(const char* json, std::size_t size, std::size_t max_depth, OnMember on_member);

    // These return false, for `return fail(…)`.
    bool fail(std::string_view field, std::string_view what, errc why = errc::invalid_response);
    bool twice(std::string_view field) { return fail(field, "comes twice"); }
    bool malformed(json_fault fault = json_fault::syntax);

    void reset() noexcept
    {
        failed_ = again_ = false;
        detail_.clear();
    }
    [[nodiscard]] std::error_code error() const noexcept { return failed_ ? make_error_code(why_) : std::error_code(); }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    [[nodiscard]] std::size_t max_depth() const noexcept { return max_depth_; }
    // Whether a document of this size may be read without the parser: it is not one that makes it give memory back.
    [[nodiscard]] bool leaves_index(std::size_t size) const noexcept
    {
        return size <= modest && parser_.capacity() <= large;
    }

private:
    static constexpr std::size_t least = 4096, modest = 64 * 1024, large = 1024 * 1024; // bytes of a document

    [[nodiscard]] simdjson_inline bool quoted(std::string_view name, value& v, const char*& from)
    {
        simdjson::ondemand::raw_json_string start;
        if (v.get_raw_json_string().get(start) != simdjson::SUCCESS)
            return fail(name, "is not a string");
        from = start.raw();
        return true;
    }

    template <class Sink>
    bool copy(const char* from, Sink& out)
    {
        const char* const to = find_quote_or_backslash(from);
        if (*to != '"') {
            out.clear();
            return append_unescaped(out, from, end_of_string(to)) || malformed();
        }
        const std::string_view plain(from, static_cast<std::size_t>(to - from));
        if constexpr (std::is_same_v<Sink, std::string>) {
            if (out.size() == plain.size()) // often: a request id, or the same flag again
                std::memcpy(out.data(), plain.data(), plain.size());
            else
                out.assign(plain);
        } else {
            out.clear();
            out.append(plain);
        }
        return true;
    }
    bool view(const char* from, std::string_view& out)
    {
        const char* const to = find_quote_or_backslash(from);
        if (*to == '"') {
            out = std::string_view(from, static_cast<std::size_t>(to - from));
            return true;
        }
        if (!unescape(from, to))
            return false;
        out = scratch_;
        return true;
    }
    bool is_unknown(const quoted_text& key) { return key.unescaped() || (spell(key.data(), again_) && !again_); }

    // There is one: simdjson found where the string ends. Reads less than 16 bytes behind it.
    static const char* find_quote_or_backslash(const char* at) noexcept
    {
#if defined(__SSE2__)
        while (true) {
            const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
            const int hits = _mm_movemask_epi8(
                _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
            if (hits != 0)
                return at + std::countr_zero(static_cast<unsigned>(hits));
            at += 16;
        }
#else
        while (*at != '"' && *at != '\\')
            ++at;
        return at;
#endif
    }
    // The closing quote of the string that goes on at `at`, a quote or backslash.
    static const char* end_of_string(const char* at) noexcept
    {
        while (*at != '"')
            at = find_quote_or_backslash(at + 2);
        return at;
    }
    bool unescape(const char* from, const char* quote_or_backslash)
    {
        scratch_.clear();
        return append_unescaped(scratch_, from, end_of_string(quote_or_backslash)) || malformed();
    }
    // Checks the string behind whose opening quote is `at`. If it holds escapes, scratch_ becomes what it spells, as
    // quoted_text wants it.
    [[nodiscard]] bool spell(const char* at, bool& escaped);
    [[nodiscard]] bool scale(std::string_view name, std::string_view token, int shift, std::int64_t& out);
    [[nodiscard]] bool check(const char* at, std::string_view& out);
    bool no_object(std::string_view name, bool wrong_type);
    [[nodiscard]] bool prepare(const char* json, std::size_t size);
    bool reserve(std::size_t size);

    simdjson::ondemand::parser parser_;
    const char* end_ = nullptr;
    std::size_t depth_ = 0;
    std::size_t max_depth_;
    bool again_ = false; // the key that scratch_ spells is to be tried
    bool failed_ = false;
    errc why_ = errc::invalid_response;
    std::string scratch_;
    std::string detail_;
};

// A number stands inside the outermost object, so that its end is found without looking for that of the document.
inline bool reply_document::scale(std::string_view name, std::string_view token, int shift, std::int64_t& out)
{
    const char* at = token.data();
    switch (read_scaled_number(at, shift, out)) {
    case number_fault::none: break;
    case number_fault::type: return fail(name, "is not a number");
    case number_fault::range: return fail(name, "is out of range");
    case number_fault::syntax: return malformed();
    }
    const char* const end = token.data() + token.size(); // where the next token starts
    return at == end || skip_json_space(at, end) == end || malformed();
}

inline bool reply_document::check(const char* at, std::string_view& out)
{
    json_fault fault;
    const char* const behind = scan_json_value(at, end_, max_depth_ - depth_, fault);
    if (behind == nullptr)
        return malformed(fault);
    // simdjson steps over a value by the first byte of it, and of what is inside: it takes `truee` for one, and a
    // string before a colon for a key.
    const char* const next = skip_json_space(behind, end_);
    if (next == end_ || (*next != ',' && *next != '}' && *next != ']'))
        return malformed();
    out = std::string_view(at, static_cast<std::size_t>(behind - at));
    return true;
}

template <class OnMember>
bool reply_document::walk_members(const char* json, std::size_t size, std::size_t max_depth, OnMember on_member)
{
    reset();
    end_ = json + size;
    depth_ = 1;
    const char* at = json;
    const auto space = [&] { at = skip_json_space(at, end_); };
    const auto next = [&](char mark) { return at != end_ && *at == mark; };
    const auto pass = [&](char mark) { // and the white space around it
        space();
        if (!next(mark))
            return false;
        ++at;
        space();
        return true;
    };
    if (!pass('{'))
        return no_object({}, true);
    if (max_depth == 0)
        return malformed(json_fault::depth);
    if (!next('}')) {
        do {
            json_fault fault;
            const char* const name = at + 1;
            at = scan_json_string(at, end_, fault);
            if (at == nullptr)
                return malformed(fault);
            if (!pass(':'))
                return malformed();
            const char* const from = at;
            at = scan_json_value(at, end_, max_depth - 1, fault);
            if (at == nullptr)
                return malformed(fault);
            bool escaped = false;
            if (!spell(name, escaped) || !on_member(escaped ? quoted_text(scratch_.data(), true) : quoted_text(name),
                                                    std::string_view(from, static_cast<std::size_t>(at - from))))
                return false;
        } while (pass(','));
    }
    if (!pass('}'))
        return malformed();
    return at == end_ || fail({}, "something follows the document");
}

inline bool reply_document::spell(const char* at, bool& escaped)
{
    json_fault fault;
    if (scan_json_string(at - 1, end_, fault) == nullptr)
        return malformed(fault);
    const char* const special = find_quote_or_backslash(at);
    escaped = *special == '\\';
    if (!escaped)
        return true;
    if (!unescape(at, special))
        return false;
    if (scratch_.find('"') != std::string::npos)
        scratch_.clear(); // nothing that is known holds a quote, or is empty
    scratch_.push_back('"');
    scratch_.append(byte_buffer::padding, '\0');
    return true;
}

inline bool reply_document::prepare(const char* json, std::size_t size)
{
    static_assert(byte_buffer::padding >= simdjson::SIMDJSON_PADDING);
    reset();
    end_ = json + size;
    depth_ = 0;
    if ((size > parser_.capacity() || parser_.capacity() > large) && !reserve(size))
        return false;
    return (size != 0 && *json != '\xef') || malformed(); // newer parsers would skip a byte order mark
}

// The parser would grow by little and little, and never give anything back.
inline bool reply_document::reserve(std::size_t size)
{
    if (size <= parser_.capacity() && size > modest)
        return true;
    if (size <= modest && parser_.capacity() > large)
        parser_ = simdjson::ondemand::parser();
    const std::size_t capacity = std::max({size, least, parser_.capacity() + parser_.capacity() / 2});
    // Builds of simdjson with development checks note where each container starts, also of one that is too deep.
    const simdjson::error_code code = parser_.allocate(capacity, max_depth_ + 2);
    if (code == simdjson::MEMALLOC)
        throw std::bad_alloc();
    return code == simdjson::SUCCESS || fail({}, "the document is too large", errc::response_too_large);
}

inline bool reply_document::no_object(std::string_view name, bool wrong_type)
{
    if (!wrong_type)
        return malformed();
    return fail(name, name.empty() ? "the document is not an object" : "is not an object");
}

[[gnu::cold, gnu::noinline]] inline bool reply_document::fail(std::string_view field, std::string_view what, errc why)
{
    failed_ = true;
    again_ = false;
    why_ = why;
    detail_.clear();
    if (!field.empty())
        detail_.append("field \"").append(field).append("\" ");
    detail_.append(what);
    return false;
}

[[gnu::cold, gnu::noinline]] inline bool reply_document::malformed(json_fault fault)
{
    if (fault == json_fault::depth)
        return fail({}, "the document nests deeper than the limit", errc::response_too_large);
    return fail({},
                fault == json_fault::utf8 ? "the document is not valid UTF-8" : "the document is not well-formed JSON");
}

} // namespace flipt::inline v0::detail
