// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Writes JSON the way Flipt's gateway does (one space behind each comma), for the embedded server's replies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0::testing::detail {

inline void append_json_string(std::string& out, std::string_view text)
{
    static constexpr char hex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        default:
            if (const auto u = static_cast<unsigned char>(c); u < 0x20) {
                out += "\\u00";
                out += hex[u >> 4];
                out += hex[u & 15];
            } else {
                out += c;
            }
        }
    }
    out += '"';
}

// Objects and arrays in the order they are written; commas look after themselves.
class json_text {
public:
    json_text() = default;

    json_text& key(std::string_view name)
    {
        item();
        append_json_string(out_, name);
        out_ += ':';
        first_ = true; // the value needs no comma
        return *this;
    }
    json_text& open(char bracket)
    {
        item();
        out_ += bracket;
        first_ = true;
        return *this;
    }
    json_text& close(char bracket)
    {
        out_ += bracket;
        first_ = false;
        return *this;
    }
    json_text& text(std::string_view value)
    {
        item();
        append_json_string(out_, value);
        return *this;
    }
    // JSON as it is: numbers, literals, and documents made elsewhere.
    json_text& raw(std::string_view json)
    {
        item();
        out_ += json;
        return *this;
    }
    json_text& boolean(bool value) { return raw(value ? "true" : "false"); }
    json_text& number(std::int64_t value) { return raw(std::to_string(value)); }

    json_text& member(std::string_view name, std::string_view value) { return key(name).text(value); }
    json_text& member(std::string_view name, const char* value) { return key(name).text(value); }
    json_text& member(std::string_view name, bool value) { return key(name).boolean(value); }
    json_text& member_raw(std::string_view name, std::string_view json) { return key(name).raw(json); }

    [[nodiscard]] std::string take() { return std::move(out_); }
    [[nodiscard]] const std::string& str() const noexcept { return out_; }

private:
    void item()
    {
        if (!first_)
            out_ += ", ";
        first_ = false;
    }

    std::string out_;
    bool first_ = true;
};

} // namespace flipt::inline v0::testing::detail
