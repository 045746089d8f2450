// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of evaluation_line.hpp.
#include "evaluation_line.hpp"

#include "flipt/protocol/json_writer.hpp"

#include "json_cursor.hpp"

#include <utility>

namespace flipt_cli {
namespace {

using flipt::detail::byte_buffer;
using flipt::detail::json_writer;

constexpr std::size_t depth_limit = 64;

/// A string or null, which is an empty one, as in the server's own reading.
bool read_text(json_cursor& cursor, std::string_view name, std::string& out)
{
    std::string_view raw;
    if (!cursor.raw(raw))
        return false;
    out.clear();
    if (raw == "null")
        return true;
    if (raw.front() != '"')
        return cursor.fail(name, "is not a string");
    return flipt::detail::append_unescaped(out, raw.data() + 1, raw.data() + raw.size() - 1) || cursor.malformed();
}

class request_reader {
public:
    request_reader(json_cursor& cursor, flipt::evaluation_request& out) : cursor_(cursor), out_(out) {}

    bool read()
    {
        return cursor_.members("request", [this](std::string_view key) { return member(key); });
    }

private:
    bool member(std::string_view key)
    {
        if (key == "context") {
            if (std::exchange(has_context_, true))
                return cursor_.twice("context");
            return context();
        }
        for (field& one : fields_)
            if (key == one.name)
                return std::exchange(one.seen, true) ? cursor_.twice(one.name)
                                                     : read_text(cursor_, one.name, out_.*one.member);
        return cursor_.skip();
    }

    bool context()
    {
        // The pairs as they stand, also one key twice: the server is to judge that.
        return cursor_.members("context", [this](std::string_view key) {
            auto& pair = out_.context.emplace_back(std::string(key), std::string());
            return read_text(cursor_, "context", pair.second);
        });
    }

    struct field {
        const char* name;
        std::string flipt::evaluation_request::* member;
        bool seen = false;
    };

    json_cursor& cursor_;
    flipt::evaluation_request& out_;
    bool has_context_ = false;
    field fields_[6] = {
        {"namespaceKey", &flipt::evaluation_request::namespace_key},
        {"flagKey", &flipt::evaluation_request::flag_key},
        {"entityId", &flipt::evaluation_request::entity_id},
        {"requestId", &flipt::evaluation_request::request_id},
        {"environmentKey", &flipt::evaluation_request::environment_key},
        {"reference", &flipt::evaluation_request::reference},
    };
};

bool read_object(json_cursor& cursor, evaluation_line& out)
{
    bool has_request = false;
    const bool read = cursor.members("line", [&](std::string_view key) {
        if (key == "type") {
            if (std::exchange(out.has_type, true))
                return cursor.twice("type");
            return read_text(cursor, "type", out.type_text);
        }
        if (key == "request") {
            if (std::exchange(has_request, true))
                return cursor.twice("request");
            return request_reader(cursor, out.request).read();
        }
        return cursor.skip();
    });
    if (!read || !cursor.close())
        return false;
    if (out.type_text == "boolean")
        out.type = line_type::boolean;
    else if (out.type_text == "variant")
        out.type = line_type::variant;
    else
        return cursor.fail("type", "is neither \"boolean\" nor \"variant\"");
    return has_request || cursor.fail("request", "is missing");
}

/// The gRPC code behind a status of Flipt's gateway.
int grpc_code_of(int http_status) noexcept
{
    switch (http_status) {
    case 400: return 3;  // INVALID_ARGUMENT
    case 401: return 16; // UNAUTHENTICATED
    case 403: return 7;  // PERMISSION_DENIED
    case 404: return 5;  // NOT_FOUND
    case 409: return 6;  // ALREADY_EXISTS
    case 429: return 8;  // RESOURCE_EXHAUSTED
    case 499: return 1;  // CANCELLED
    case 500: return 13; // INTERNAL
    case 501: return 12; // UNIMPLEMENTED
    case 503: return 14; // UNAVAILABLE
    case 504: return 4;  // DEADLINE_EXCEEDED
    default: return 2;   // UNKNOWN
    }
}

void write_type(json_writer& writer, const evaluation_line& line)
{
    writer.key("type");
    if (line.has_type)
        writer.value(std::string_view(line.type_text));
    else
        writer.null();
}

std::string error_text(const evaluation_line& line, std::string_view code, std::string_view message)
{
    byte_buffer out;
    json_writer writer(out);
    writer.begin_object();
    write_type(writer, line);
    writer.key("error").begin_object();
    writer.member("code", code).member("message", message);
    writer.end_object().end_object();
    out.push_back('\n');
    return std::string(out.view());
}

} // namespace

void read_line(std::string_view text, evaluation_line& out)
{
    out = evaluation_line();
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string_view::npos || text[start] != '{') {
        out.problem = "not a JSON object";
        return;
    }
    json_cursor cursor(text, depth_limit);
    if (read_object(cursor, out))
        return;
    out.type = line_type::none;
    out.problem = cursor.detail();
}

std::string answer_line(std::string_view type, std::string_view response)
{
    std::string out = "{\"type\":\"";
    out.append(type).append("\",\"status\":200,\"response\":").append(response).append("}\n");
    return out;
}

std::string failure_line(const evaluation_line& line, const std::error_code& ec, const flipt::diagnostics& details,
                         const redactor& redact)
{
    if (!answered_with_status(ec, details)) {
        const failure why = describe(ec, details, redact);
        return error_text(line, why.name, printable(why.text));
    }
    byte_buffer out;
    json_writer writer(out);
    writer.begin_object();
    write_type(writer, line);
    writer.member("status", details.http_status()).key("response");
    const std::string message = redact(whole_characters(details.server_message()));
    if (message.empty()) { // no error object of Flipt's: a proxy's page, perhaps
        writer.null();
    } else {
        writer.begin_object();
        writer.member("code", grpc_code_of(details.http_status())).member("message", std::string_view(message));
        writer.key("details").begin_array().end_array().end_object();
    }
    writer.end_object();
    out.push_back('\n');
    return std::string(out.view());
}

std::string problem_line(const evaluation_line& line) { return error_text(line, "invalid_argument", line.problem); }

} // namespace flipt_cli
