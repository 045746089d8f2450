// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/json_cursor.hpp.
#pragma once

#include "flipt/protocol/json_cursor.hpp"

namespace flipt::inline v0::detail {

FLIPT_DECL bool json_cursor::scaled_number(std::string_view name, int shift, std::int64_t& out)
{
    constexpr std::uint64_t enough = 100000000000000000; // another digit still fits
    const char* at = at_;
    const bool negative = at < end_ && *at == '-';
    if (negative)
        ++at;
    const auto digit = [&] { return at < end_ && *at >= '0' && *at <= '9'; };
    if (!digit())
        return fail(name, "is not a number");
    std::uint64_t value = 0;
    std::int64_t exponent = shift; // of value
    if (*at == '0') {
        ++at;
    } else {
        do {
            if (value < enough)
                value = value * 10 + static_cast<unsigned>(*at - '0');
            else
                ++exponent;
            ++at;
        } while (digit());
    }
    if (at != end_ && *at == '.') {
        ++at;
        if (!digit())
            return malformed();
        do {
            if (value < enough) {
                value = value * 10 + static_cast<unsigned>(*at - '0');
                --exponent;
            }
            ++at;
        } while (digit());
    }
    if (at != end_ && (*at | 0x20) == 'e') {
        ++at;
        const bool down = at != end_ && *at == '-';
        if (at != end_ && (*at == '-' || *at == '+'))
            ++at;
        if (!digit())
            return malformed();
        std::int64_t more = 0;
        do {
            more = std::min<std::int64_t>(more * 10 + (*at - '0'), 1000000000000);
            ++at;
        } while (digit());
        exponent += down ? -more : more;
    }
    at_ = at;

    if (value == 0)
        exponent = 0;
    for (; exponent > 0; --exponent) {
        if (value > std::uint64_t{9200000000000000000} / 10)
            return fail(name, "is out of range");
        value *= 10;
    }
    if (exponent < 0) {
        std::uint64_t divisor = 1;
        for (; exponent < 0 && divisor <= value; ++exponent)
            divisor *= 10; // value < 10^18, so that it ends before it overflows
        value = exponent < 0 ? 0 : value / divisor + (value % divisor >= divisor - divisor / 2 ? 1 : 0);
    }
    out = negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
    return true;
}

FLIPT_DECL bool json_cursor::count(std::string_view name, std::uint64_t most, std::uint64_t& out)
{
    const char* at = at_;
    const auto digit = [&] { return at < end_ && *at >= '0' && *at <= '9'; };
    if (!digit())
        return fail(name, "is not a count");
    std::uint64_t value = 0;
    const bool zero = *at == '0';
    do {
        const auto more = static_cast<unsigned>(*at - '0');
        if (value > (most - more) / 10 || more > most)
            return fail(name, "is out of range");
        value = value * 10 + more;
        ++at;
    } while (digit() && !zero);
    if (at != end_ && (*at == '.' || (*at | 0x20) == 'e'))
        return fail(name, "is not a count");
    at_ = at;
    out = value;
    return true;
}

FLIPT_DECL bool json_cursor::raw(std::string_view& out)
{
    json_fault fault;
    if (at_ >= end_)
        return malformed();
    const char* const behind = scan_json_value(at_, end_, max_depth_ - depth_, fault);
    if (behind == nullptr)
        return malformed(fault);
    out = std::string_view(at_, static_cast<std::size_t>(behind - at_));
    at_ = behind;
    return true;
}

FLIPT_DECL bool json_cursor::next_awkward_string(std::string_view& raw, bool& escaped)
{
    json_fault fault;
    const char* const behind = scan_json_string(at_, end_, fault);
    if (behind == nullptr)
        return malformed(fault);
    raw = std::string_view(at_ + 1, static_cast<std::size_t>(behind - at_ - 2));
    escaped = raw.find('\\') != std::string_view::npos;
    at_ = behind;
    return true;
}

FLIPT_DECL bool json_cursor::unescape_to_scratch(std::string_view& out)
{
    scratch_.clear();
    if (!append_unescaped(scratch_, out.data(), out.data() + out.size()))
        return malformed();
    out = scratch_;
    return true;
}

FLIPT_DECL bool json_cursor::no_container(std::string_view name, char bracket)
{
    if (peek() == bracket)
        return malformed(json_fault::depth);
    if (name.empty())
        return fail({}, "the document is not an object");
    return fail(name, bracket == '{' ? "is not an object" : "is not an array");
}

FLIPT_DECL bool json_cursor::fail(std::string_view field, std::string_view what, errc why)
{
    failed_ = true;
    why_ = why;
    detail_.clear();
    if (!field.empty())
        detail_.append("field \"").append(field).append("\" ");
    detail_.append(what);
    return false;
}

FLIPT_DECL bool json_cursor::malformed(json_fault fault)
{
    if (fault == json_fault::depth)
        return fail({}, "the document nests deeper than the limit", errc::response_too_large);
    return fail({},
                fault == json_fault::utf8 ? "the document is not valid UTF-8" : "the document is not well-formed JSON");
}

} // namespace flipt::inline v0::detail
