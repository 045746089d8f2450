// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of text.hpp.
#include "text.hpp"

#include "flipt/protocol/json_scan.hpp"
#include "flipt/token/token_file.hpp"
#include "flipt/types/error.hpp"

#include <cstdint>
#include <cstdio>

namespace flipt_cli {
namespace {

std::uint32_t code_point(std::string_view sequence) noexcept
{
    std::uint32_t code = static_cast<unsigned char>(sequence[0]) & (0xffu >> (sequence.size() + 1));
    for (const char c : sequence.substr(1))
        code = code << 6 | (static_cast<unsigned char>(c) & 0x3fu);
    return code;
}

// C1 controls, line and paragraph separators, and the marks that change the direction of text.
bool misleads(std::uint32_t code) noexcept
{
    return code < 0xa0 || code == 0x2028 || code == 0x2029 || code == 0x200e || code == 0x200f ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

std::string escaped_byte(char c)
{
    switch (c) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
    }
    char text[8];
    std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    return text;
}

// The next piece of `text`, moved off it: one character, or what stands for it.
std::string next_piece(std::string_view& text)
{
    const char first = text.front();
    std::size_t size = 1;
    std::string piece;
    if (static_cast<unsigned char>(first) < 0x80) {
        const bool control = static_cast<unsigned char>(first) < 0x20 || first == 0x7f;
        piece = control ? escaped_byte(first) : std::string(1, first);
    } else if ((size = flipt::detail::utf8_sequence(text.data(), text.data() + text.size())) == 0) {
        size = 1;
        piece = escaped_byte(first);
    } else if (const std::uint32_t code = code_point(text.substr(0, size)); misleads(code)) {
        char escape[16];
        std::snprintf(escape, sizeof escape, "\\u{%04x}", static_cast<unsigned>(code));
        piece = escape;
    } else {
        piece.assign(text.substr(0, size));
    }
    text.remove_prefix(size);
    return piece;
}

void replace_all(std::string& text, std::string_view what)
{
    constexpr std::string_view mark = "[token]";
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + mark.size()))
        text.replace(at, what.size(), mark);
}

bool is_base64url(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// A JWT begins with the base64url of `{"`.
void remove_jwts(std::string& text)
{
    constexpr std::string_view begin = "eyJ";
    for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
        std::size_t end = at;
        std::size_t dots = 0;
        while (end < text.size() && (is_base64url(text[end]) || text[end] == '.'))
            dots += text[end++] == '.';
        if (dots != 0)
            text.replace(at, end - at, "[token]");
    }
}

} // namespace

std::string printable(std::string_view text, std::size_t limit)
{
    constexpr std::string_view ellipsis = "...";
    std::string out;
    std::size_t last_fit = 0; // where "..." would still fit behind it
    while (!text.empty()) {
        const std::string piece = next_piece(text);
        if (out.size() + piece.size() > limit)
            return out.substr(0, last_fit).append(ellipsis.substr(0, limit));
        out += piece;
        if (out.size() + ellipsis.size() <= limit)
            last_fit = out.size();
    }
    return out;
}

std::string rfc3339(std::chrono::system_clock::time_point time)
{
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<milliseconds>(time - day));
    char text[64];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return text;
}

std::string_view whole_characters(std::string_view text) noexcept
{
    for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (byte < 0x80)
            break;
        if (byte >= 0xc0) { // a sequence begins here; is all of it there?
            const std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
            return size > back ? text.substr(0, text.size() - back) : text;
        }
    }
    return text;
}

void redactor::add(std::string_view token)
{
    if (token.size() >= 4) // less is no secret, and would tear ordinary words apart
        tokens_.emplace_back(token);
}

void redactor::add_file(const std::string& path)
{
    try {
        flipt::detail::file_stamp unused;
        add(flipt::detail::read_token_file(path, unused).view());
    } catch (const flipt::error&) {
        // Nothing that could be sent.
    }
}

std::string redactor::operator()(std::string_view text) const
{
    std::string out(text);
    for (const flipt::secret& token : tokens_)
        replace_all(out, token.view());
    remove_jwts(out);
    return out;
}

} // namespace flipt_cli
