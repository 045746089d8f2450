// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/routes.hpp that turn replies into bytes.
#pragma once

#include "flipt/testing/json_text.hpp"
#include "flipt/testing/routes.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace flipt::inline v0::testing {

FLIPT_DECL std::string_view status_text(int status) noexcept
{
    switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 409: return "Conflict";
    case 413: return "Request Entity Too Large";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
    }
}

FLIPT_DECL http_reply error_reply(int grpc_code, std::string_view message)
{
    http_reply reply;
    switch (grpc_code) { // the map of grpc-gateway
    case 0: reply.status = 200; break;
    case 1: reply.status = 499; break;
    case 3:
    case 9:
    case 11: reply.status = 400; break;
    case 4: reply.status = 504; break;
    case 5: reply.status = 404; break;
    case 6:
    case 10: reply.status = 409; break;
    case 7: reply.status = 403; break;
    case 8: reply.status = 429; break;
    case 12: reply.status = 501; break;
    case 14: reply.status = 503; break;
    case 16:
        reply.status = 401;
        reply.headers.emplace_back("Www-Authenticate", message);
        break;
    default: reply.status = 500; break;
    }
    detail::json_text json;
    json.open('{').key("code").number(grpc_code).member("message", message).member_raw("details", "[]").close('}');
    reply.body = json.take();
    return reply;
}

FLIPT_DECL std::string reply_head(const http_reply& reply, bool keep_alive, bool chunked)
{
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto day = std::chrono::floor<std::chrono::days>(now);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(now - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[std::chrono::weekday(day).c_encoding() % 7], static_cast<unsigned>(date.day()),
                  months[(static_cast<unsigned>(date.month()) - 1) % 12], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));

    std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " ";
    head.append(status_text(reply.status)).append("\r\n");
    if (!reply.content_type.empty() && reply.status != 304)
        head.append("Content-Type: ").append(reply.content_type).append("\r\n");
    for (const auto& [name, value] : reply.headers)
        head.append(name).append(": ").append(value).append("\r\n");
    head.append("Date: ").append(text.data()).append("\r\n");
    if (chunked)
        head.append("Transfer-Encoding: chunked\r\n");
    else if (reply.status != 304 && reply.status != 204)
        head.append("Content-Length: ").append(std::to_string(reply.body.size())).append("\r\n");
    if (!keep_alive)
        head.append("Connection: close\r\n");
    return head.append("\r\n");
}

FLIPT_DECL std::string chunk(std::string_view data)
{
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
    return std::string(size.data()).append(data).append("\r\n");
}

FLIPT_DECL std::string reply_bytes(const http_reply& reply, bool keep_alive, bool with_body, std::size_t* head_size)
{
    constexpr std::size_t go_buffer = 2048; // larger bodies leave Go's server in chunks
    const bool bodiless = reply.status == 304 || reply.status == 204 || !with_body;
    const bool chunked = !bodiless && (reply.chunked || reply.body.size() > go_buffer);
    std::string bytes = reply_head(reply, keep_alive, chunked);
    if (head_size != nullptr)
        *head_size = bytes.size();
    if (bodiless)
        return bytes;
    if (!chunked)
        return bytes.append(reply.body);
    constexpr std::size_t largest = 32 * 1024;
    for (std::string_view rest = reply.body; !rest.empty(); rest.remove_prefix(std::min(largest, rest.size())))
        bytes.append(chunk(rest.substr(0, largest)));
    return bytes.append("0\r\n\r\n");
}

FLIPT_DECL std::string random_uuid()
{
    std::array<unsigned char, 16> b{};
    if (RAND_bytes(b.data(), static_cast<int>(b.size())) != 1)
        throw std::runtime_error("OpenSSL: RAND_bytes failed");
    b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
    b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < b.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out += '-';
        out += hex[b[i] >> 4];
        out += hex[b[i] & 15];
    }
    return out;
}

} // namespace flipt::inline v0::testing
