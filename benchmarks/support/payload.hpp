// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What every client asks: the same flag, context and token, another entity each time.
#pragma once

#include <charconv>
#include <cstdio>
#include <string>
#include <string_view>

namespace bench {

inline constexpr std::string_view flag_key = "lobby";
inline constexpr std::string_view variant_flag_key = "color";
inline constexpr std::string_view request_id_of_reply = "3ce42140-6819-4d1c-84a9-984b76f27641";

/// As long as a JWT with a few claims and an RS256 signature: 539 bytes.
inline std::string token()
{
    std::string t = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.";
    while (t.size() < 539)
        t += static_cast<char>('A' + t.size() % 26);
    t[196] = '.';
    return t;
}

/// "player-" and six digits, written into `out` without allocation once it has the room.
inline void entity(long i, std::string& out)
{
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, 100000 + i % 900000).ptr;
    out.assign("player-");
    out.append(digits, static_cast<std::size_t>(end - digits));
}

/// Appends a JSON string, escaped byte by byte, as the peers without a JSON writer of their own do it.
inline void append_json(std::string& out, std::string_view text)
{
    out += '"';
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20) {
                char hex[8];
                std::snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(c));
                out += hex;
            } else {
                out += c;
            }
        }
    }
    out += '"';
}

/// The body of an evaluation, built from its strings.
inline void body(std::string& out, std::string_view flag, std::string_view entity_id)
{
    out.assign("{\"namespaceKey\":");
    append_json(out, "default");
    out += ",\"flagKey\":";
    append_json(out, flag);
    out += ",\"entityId\":";
    append_json(out, entity_id);
    out += ",\"context\":{";
    append_json(out, "region");
    out += ':';
    append_json(out, "eu");
    out += ',';
    append_json(out, "level");
    out += ':';
    append_json(out, "12");
    out += "}}";
}

/// The head up to the value of Content-Length, which comes last.
inline std::string head(std::string_view host, unsigned port, std::string_view prefix)
{
    std::string h = "POST " + std::string(prefix) + "/evaluate/v1/boolean HTTP/1.1\r\nHost: ";
    h.append(host);
    h += ':' + std::to_string(port) + "\r\nAccept: application/json\r\nContent-Type: application/json\r\n";
    h += "Authorization: JWT " + token() + "\r\nContent-Length: ";
    return h;
}

/// What a client keeps of a reply.
struct answer {
    answer() = default;

    bool enabled = false;
    std::string reason;
    std::string flag_key;
    std::string segment_key;
    std::string request_id;

    [[nodiscard]] bool right() const
    {
        return enabled && reason == "MATCH_EVALUATION_REASON" && flag_key == bench::flag_key && segment_key == "eu" &&
               request_id == request_id_of_reply;
    }
};

} // namespace bench
