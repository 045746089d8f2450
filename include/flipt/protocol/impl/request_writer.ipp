// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/request_writer.hpp.
#pragma once

#include "flipt/protocol/chars.hpp"
#include "flipt/protocol/json_scan.hpp"
#include "flipt/protocol/request_writer.hpp"
#include "flipt/version.hpp"

#include <array>
#include <atomic>

namespace flipt::inline v0::detail {

FLIPT_DECL bool is_field_value(std::string_view value) noexcept
{
    const char* end = value.data() + value.size();
    return skip_value(value.data(), end) == end;
}

FLIPT_DECL bool is_whole_field_value(std::string_view value) noexcept
{
    const auto is_white = [](char c) { return c == ' ' || c == '\t'; };
    return is_field_value(value) && (value.empty() || (!is_white(value.front()) && !is_white(value.back())));
}

FLIPT_DECL std::error_code check_headers(const std::vector<std::pair<std::string, std::string>>& headers,
                                         std::string& why)
{
    constexpr std::array<std::string_view, 7> own = {
        "host",          "content-length",  "transfer-encoding",  "connection",
        "authorization", "accept-encoding", "x-flipt-environment"}; // the last of which is config::environment_key's
    for (std::size_t i = 0; i != headers.size(); ++i) {
        const auto& [name, value] = headers[i];
        const char* name_end = name.data() + name.size();
        if (name.empty() || skip_token(name.data(), name_end) != name_end) {
            // The name is not repeated: bytes that are no token may be anything.
            why = "headers: the name of entry " + std::to_string(i) +
                  (name.empty() ? " is empty" : " holds a byte that may not stand in a field name");
            return errc::invalid_config;
        }
        for (const std::string_view reserved : own) {
            if (equals_lower(name, reserved)) {
                why = "headers: " + name + " is set by the client itself";
                return errc::invalid_config;
            }
        }
        if (!is_whole_field_value(value)) {
            why = "headers: the value of " + name +
                  (is_field_value(value) ? " begins or ends with white space, which it loses on its way"
                                         : " holds a control character (CR, LF, NUL or another)");
            return errc::invalid_config;
        }
    }
    return {};
}

FLIPT_DECL std::error_code check_name(const char* field, std::string_view value, std::string& why)
{
    const bool control = has_control(value);
    if (!control && is_utf8(value))
        return {};
    why = std::string("config::") + field + (control ? " holds a control character" : " is not UTF-8");
    return errc::invalid_config;
}

FLIPT_DECL std::error_code check_environment(std::string_view value, std::string& why)
{
    constexpr const char* field = "environment_key";
    if (const auto ec = check_name(field, value, why))
        return ec;
    if (is_whole_field_value(value))
        return {};
    why = std::string("config::") + field + " begins or ends with white space, which a header loses on its way";
    return errc::invalid_config;
}

FLIPT_DECL std::error_code head_template::build(const endpoint& to,
                                                const std::vector<std::pair<std::string, std::string>>& headers,
                                                std::string_view scheme, std::string_view token)
{
    static std::atomic<std::uint64_t> built{0};
    id_ = built.fetch_add(1, std::memory_order_relaxed) + 1;
    bytes_.clear();
    has_content_type_ = false;
    if (!is_field_value(scheme) || !is_field_value(token)) {
        bytes_.release();
        return errc::invalid_token;
    }
    bool user_agent = false;
    bool accept = false;
    for (const auto& [name, value] : headers) {
        user_agent = user_agent || equals_lower(name, "user-agent");
        accept = accept || equals_lower(name, "accept");
        has_content_type_ = has_content_type_ || equals_lower(name, "content-type");
    }
    const auto line = [this](std::string_view name, std::string_view value) {
        bytes_.append(name);
        bytes_.append(": ");
        bytes_.append(value);
        bytes_.append("\r\n");
    };
    line("Host", to.host_field);
    if (!user_agent)
        line("User-Agent", "flipt-cpp/" FLIPT_VERSION);
    if (!accept)
        line("Accept", "application/json");
    for (const auto& [name, value] : headers)
        line(name, value);
    if (!token.empty()) {
        bytes_.append("Authorization: ");
        bytes_.append(scheme);
        if (!scheme.empty())
            bytes_.push_back(' ');
        bytes_.append(token);
        bytes_.append("\r\n");
    }
    return {};
}

FLIPT_DECL std::error_code request_writer::field(std::string_view name, std::string_view value)
{
    if (!is_whole_field_value(value))
        return errc::invalid_argument;
    const std::size_t size = name.size() + value.size() + 4;
    char* p = put(out_->prepare(size), name);
    p = put(p, ": ");
    p = put(p, value);
    put(p, "\r\n");
    out_->commit(size);
    return {};
}

} // namespace flipt::inline v0::detail
