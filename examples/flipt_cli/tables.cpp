// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The tables of output.hpp, for a terminal.
#include "json_cursor.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace flipt_cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t depth_limit = 64;

// Columns of a terminal are counted as characters; wide ones make a table uneven, no more.
std::size_t width_of(std::string_view text) noexcept
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string_view reason_name(flipt::evaluation_reason reason) noexcept
{
    switch (reason) {
    case flipt::evaluation_reason::flag_disabled: return "flag disabled";
    case flipt::evaluation_reason::match: return "match";
    case flipt::evaluation_reason::default_value: return "default";
    case flipt::evaluation_reason::unknown: break;
    }
    return "unknown";
}

const char* yes_or_no(bool yes) noexcept { return yes ? "yes" : "no"; }

std::string joined(const std::vector<std::string>& keys)
{
    std::string out;
    for (const std::string& key : keys)
        out.append(out.empty() ? "" : ", ").append(key);
    return out.empty() ? "-" : out;
}

std::string in_milliseconds(std::chrono::nanoseconds duration)
{
    char text[64];
    std::snprintf(text, sizeof text, "%.3f ms", static_cast<double>(duration.count()) / 1e6);
    return text;
}

std::string time_text(flipt::timestamp_type moment)
{
    const std::string text = rfc3339(std::chrono::floor<std::chrono::system_clock::duration>(moment));
    return text.substr(0, 10) + " " + text.substr(11, 8) + " UTC";
}

template <class Evaluation>
void add_common_rows(table& out, const Evaluation& answer)
{
    out.row({"reason", std::string(reason_name(answer.reason))});
    out.row({"segments", joined(answer.segment_keys)});
    out.row({"request", answer.request_id});
    out.row({"duration", in_milliseconds(answer.duration)});
    out.row({"time", time_text(answer.timestamp)});
}

// A value's text as a person reads it: strings without quotes and escapes.
std::string plain(std::string_view json)
{
    if (json.size() < 2 || json.front() != '"')
        return std::string(json);
    std::string out;
    return flipt::detail::append_unescaped(out, json.data() + 1, json.data() + json.size() - 1) ? out
                                                                                                : std::string(json);
}

void flatten(table& out, const std::string& name, std::string_view json, std::size_t depth)
{
    const bool object = json.size() > 2 && json.front() == '{';
    if (!object || depth == depth_limit) {
        out.row({name, plain(json)});
        return;
    }
    json_cursor cursor(json, depth_limit);
    const bool read = cursor.members("object", [&](std::string_view key) {
        const std::string inner = name.empty() ? std::string(key) : name + "." + std::string(key);
        std::string_view value;
        if (!cursor.raw(value))
            return false;
        flatten(out, inner, value, depth + 1);
        return true;
    });
    if (!read)
        out.row({name, std::string(json)});
}

} // namespace

std::string table::text() const
{
    std::vector<std::vector<std::string>> cells = rows_;
    std::vector<std::size_t> widths;
    for (auto& row : cells) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = printable(row[i]);
            widths[i] = std::max(widths[i], width_of(row[i]));
        }
    }
    std::string out;
    for (const auto& row : cells) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            line.append(widths[i] - width_of(row[i]) + gap, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out.append(line).push_back('\n');
    }
    return out;
}

table to_table(const flipt::boolean_evaluation& answer)
{
    table out;
    out.row({"flag", answer.flag_key});
    out.row({"enabled", yes_or_no(answer.enabled)});
    add_common_rows(out, answer);
    return out;
}

table to_table(const flipt::variant_evaluation& answer)
{
    table out;
    out.row({"flag", answer.flag_key});
    out.row({"match", yes_or_no(answer.match)});
    out.row({"variant", answer.variant_key.empty() ? "-" : answer.variant_key});
    out.row({"attachment", answer.variant_attachment.empty() ? "-" : answer.variant_attachment});
    add_common_rows(out, answer);
    return out;
}

table to_table(const flipt::flag_list& list)
{
    table out;
    out.row({"KEY", "TYPE", "ENABLED", "NAME", "DESCRIPTION"});
    for (const flipt::flag& flag : list.flags)
        out.row({flag.key, flag.type == flipt::flag_type::boolean ? "boolean" : "variant", yes_or_no(flag.enabled),
                 flag.name, flag.description});
    return out;
}

table to_table(std::string_view json_object)
{
    table out;
    flatten(out, std::string(), json_object, 0);
    return out;
}

} // namespace flipt_cli
