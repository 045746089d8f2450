// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every recorded reply of a real Flipt v1 and v2 that a method of the client covers, read into the right values.
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/protocol/reply_writer.hpp"
#include "flipt/types/error.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using namespace flipt;
using flipt::detail::byte_buffer;
using flipt::detail::reply_reader;
using flipt::detail::stream_message;

namespace {

class recording {
public:
    recording() = default;

    std::string name, method, path;
    std::uint64_t status = 0;
    std::string body;
    std::size_t requests = 0; // entries of a batch's "requests"
};

byte_buffer padded(std::string_view text)
{
    byte_buffer out;
    out.append(text);
    std::memset(out.prepare(byte_buffer::padding), '"', byte_buffer::padding);
    return out;
}

bool read_recording(const std::string& line, recording& out)
{
    simdjson::dom::parser parser;
    simdjson::dom::element all;
    simdjson::dom::array requests;
    const auto text = [&](const char* pointer, std::string& to) {
        std::string_view found;
        const bool ok = all.at_pointer(pointer).get(found) == simdjson::SUCCESS;
        to.assign(found);
        return ok;
    };
    if (parser.parse(line).get(all) != simdjson::SUCCESS || !text("/name", out.name) ||
        !text("/request/method", out.method) || !text("/request/path", out.path))
        return false;
    if (out.path == "/evaluate/v1/batch" && all.at_pointer("/request/body/requests").get(requests) == simdjson::SUCCESS)
        out.requests = requests.size();
    return all.at_pointer("/response/status").get(out.status) == simdjson::SUCCESS && text("/response/body", out.body);
}

std::vector<recording> recordings(const std::string& major)
{
    std::vector<recording> out;
    std::ifstream file(std::string(FLIPT_TEST_DATA) + "/flipt-wire/" + major + ".jsonl");
    for (std::string line; std::getline(file, line);) {
        out.emplace_back();
        REQUIRE_MESSAGE(read_recording(line, out.back()), line);
    }
    return out;
}

// What protojson prints at random (it puts a space behind commas in half of its builds) does not count.
std::string without_space(std::string_view json)
{
    std::string out;
    bool inside = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        if (inside && json[i] == '\\')
            out.push_back(json[i++]);
        else if (json[i] == '"')
            inside = !inside;
        if (inside || (json[i] != ' ' && json[i] != '\n'))
            out.push_back(json[i]);
    }
    return out;
}

// Reads with `read` and checks that writing gives the server's own text again, byte for byte but for the spaces.
template <class Answer, class Read, class Write>
Answer same_text(const recording& one, Read read, Write write)
{
    reply_reader reader;
    Answer answer;
    const byte_buffer body = padded(one.body);
    const std::error_code ec = read(reader, body.data(), body.size(), answer);
    REQUIRE_MESSAGE(!ec, one.name << ": " << std::string(reader.detail()) << "\n" << one.body);
    byte_buffer out;
    REQUIRE(!write(out, answer));
    CHECK_MESSAGE(std::string(out.view()) == without_space(one.body), one.name);
    return answer;
}

const recording& named(const std::vector<recording>& all, std::string_view name)
{
    for (const recording& one : all)
        if (one.name == name)
            return one;
    FAIL("no recording " << std::string(name));
    return all.front();
}

} // namespace

TEST_CASE("every recorded evaluation and list of flags is read, and written again as the server printed it")
{
    using flipt::detail::write_batch_evaluation;
    using flipt::detail::write_boolean_evaluation;
    using flipt::detail::write_flag;
    using flipt::detail::write_flag_list;
    using flipt::detail::write_variant_evaluation;
    for (const std::string major : {"v1", "v2"}) {
        int booleans = 0, variants = 0, batches = 0, lists = 0, flags = 0;
        for (const recording& one : recordings(major)) {
            if (one.status != 200)
                continue;
            const std::string path = one.path.substr(0, one.path.find('?'));
            const bool lists_flags = path.starts_with("/api/v1/") && path.ends_with("/flags");
            if (path == "/evaluate/v1/boolean") {
                same_text<boolean_evaluation>(
                    one, [](reply_reader& r, const char* p, std::size_t n, auto& a) { return r.read_boolean(p, n, a); },
                    write_boolean_evaluation);
                ++booleans;
            } else if (path == "/evaluate/v1/variant") {
                same_text<variant_evaluation>(
                    one, [](reply_reader& r, const char* p, std::size_t n, auto& a) { return r.read_variant(p, n, a); },
                    write_variant_evaluation);
                ++variants;
            } else if (path == "/evaluate/v1/batch") {
                same_text<batch_evaluation>(
                    one,
                    [&](reply_reader& r, const char* p, std::size_t n, auto& a) {
                        return r.read_batch(p, n, a, one.requests);
                    },
                    write_batch_evaluation);
                ++batches;
            } else if (lists_flags && one.method == "GET") {
                same_text<flag_list>(
                    one, [](reply_reader& r, const char* p, std::size_t n, auto& a) { return r.read_flags(p, n, a); },
                    write_flag_list);
                ++lists;
            } else if (path.find("/flags/") != std::string::npos && path.starts_with("/api/v1/namespaces/") &&
                       path.find('/', path.find("/flags/") + 7) == std::string::npos && one.method == "GET") {
                same_text<flag>(
                    one, [](reply_reader& r, const char* p, std::size_t n, auto& a) { return r.read_flag(p, n, a); },
                    write_flag);
                ++flags;
            }
        }
        CHECK_MESSAGE(booleans >= 5, major);
        CHECK_MESSAGE(variants >= 2, major);
        CHECK_MESSAGE(batches == 2, major);
        CHECK_MESSAGE(lists >= 4, major);
        CHECK_MESSAGE(flags == (major == "v1" ? 1 : 0), major);
    }
}

TEST_CASE("the values of single recordings are the right ones")
{
    for (const std::string major : {"v1", "v2"}) {
        const std::vector<recording> all = recordings(major);
        reply_reader reader;
        boolean_evaluation boolean;
        byte_buffer body = padded(named(all, "evaluate boolean").body);
        REQUIRE(!reader.read_boolean(body.data(), body.size(), boolean));
        CHECK(boolean.enabled);
        CHECK(boolean.reason == evaluation_reason::match);
        CHECK(boolean.flag_key == "lobby");
        CHECK(boolean.request_id == "req-1");
        CHECK(boolean.segment_keys == std::vector<std::string>{"eu"});
        CHECK(boolean.duration > std::chrono::microseconds(10));
        CHECK(boolean.duration < std::chrono::milliseconds(10));
        CHECK(boolean.timestamp.time_since_epoch() / std::chrono::hours(1) == 1795533904 / 3600);

        variant_evaluation variant;
        body = padded(named(all, "evaluate variant").body);
        REQUIRE(!reader.read_variant(body.data(), body.size(), variant));
        CHECK(variant.match);
        CHECK(variant.variant_key == "blue");
        CHECK(without_space(variant.variant_attachment) == R"({"hex":"#00f","n":[1,2.5,null]})");
        CHECK(variant.segment_keys.size() == 2);
        body = padded(named(all, "evaluate variant, no rule matches").body);
        REQUIRE(!reader.read_variant(body.data(), body.size(), variant));
        CHECK(!variant.match);
        CHECK(variant.reason == evaluation_reason::default_value);
        CHECK(variant.variant_key == "red");
        CHECK(variant.variant_attachment == (major == "v1" ? "" : "null"));
        CHECK(variant.segment_keys.empty());

        batch_evaluation batch;
        body = padded(named(all, "evaluate batch").body);
        REQUIRE(!reader.read_batch(body.data(), body.size(), batch, 3));
        CHECK(std::get<boolean_evaluation>(batch.responses[0]).enabled);
        CHECK(std::get<variant_evaluation>(batch.responses[1]).variant_key == "blue");
        CHECK(std::get<error_evaluation>(batch.responses[2]).flag_key == "nope");
        CHECK(std::get<error_evaluation>(batch.responses[2]).reason == error_evaluation_reason::not_found);

        server_version version = server_version::automatic;
        body = padded(named(all, "meta info").body);
        REQUIRE(!reader.read_meta_version(body.data(), body.size(), version));
        CHECK(version == (major == "v1" ? server_version::v1 : server_version::v2));
        for (const char* const text : {"health", "meta info", "auth self"}) {
            body = padded(named(all, text).body);
            CHECK_MESSAGE(!reader.validate(body.data(), body.size()), text);
        }
    }
    const std::vector<recording> v1 = recordings("v1"), v2 = recordings("v2");
    reply_reader reader;
    flag_list list;
    byte_buffer body = padded(named(v1, "flags list, next page").body);
    REQUIRE(!reader.read_flags(body.data(), body.size(), list));
    CHECK(list.total_count == 3);
    CHECK(list.next_page_token == "eyJrZXkiOiJvZmYiLCJvZmZzZXQiOjJ9");
    CHECK(list.flags.at(0).variants.at(1).attachment == R"({"hex":"#00f","n":[1,2.5,null]})");
    CHECK(list.flags[0].default_variant->key == "red");
    CHECK(list.flags[0].metadata == R"({"team":"ui"})");

    std::string_view payload;
    body = padded(named(v2, "flag get").body);
    REQUIRE(!reader.read_flag_resource(body.data(), body.size(), payload));
    CHECK(payload.starts_with(R"({"@type":"flipt.core.Flag")"));
    CHECK(payload.ends_with("]}"));

    stream_message message;
    body = padded(named(v2, "stream (first event)").body);
    REQUIRE(!reader.read_stream_message(body.data(), body.size(), message));
    CHECK(!message.is_error);
    CHECK(message.result.starts_with(R"({"namespace":{"key":"default"},"flags":[{)"));
    body = padded(named(v2, "stream, bad digest").body);
    REQUIRE(!reader.read_stream_message(body.data(), body.size(), message));
    CHECK(message.is_error);
    CHECK(message.grpc_code == 3);
    CHECK(message.error_message == "invalid field digest: must be a 40-character string");
}

TEST_CASE("every recorded error gives the server's code and words")
{
    // As the gateway maps them (flipt.md A.0).
    const std::map<std::uint64_t, std::vector<int>> codes = {{400, {3}},     {401, {16}}, {403, {7}}, {404, {5}},
                                                             {409, {6, 10}}, {500, {13}}, {501, {12}}};
    int errors = 0;
    for (const std::string major : {"v1", "v2"})
        for (const recording& one : recordings(major)) {
            if (one.status < 400 || one.path.starts_with("/ofrep/"))
                continue;
            reply_reader reader;
            std::string message;
            int code = -1;
            const byte_buffer body = padded(one.body);
            reader.read_server_error(body.data(), body.size(), message, code);
            if (one.body.front() != '{') { // plain text of the router
                CHECK_MESSAGE(message.empty(), one.body);
                CHECK(code == 0);
                continue;
            }
            ++errors;
            CHECK_MESSAGE(!message.empty(), one.name);
            CHECK_MESSAGE(one.body.find(message.substr(0, message.find('"'))) != std::string::npos, one.body);
            const std::vector<int>& allowed = codes.at(one.status);
            CHECK_MESSAGE(std::find(allowed.begin(), allowed.end(), code) != allowed.end(),
                          one.name << " " << one.body);
        }
    CHECK(errors > 40);
    reply_reader reader;
    std::string message;
    int code = 0;
    const byte_buffer body = padded(named(recordings("v1"), "evaluate, unknown flag").body);
    reader.read_server_error(body.data(), body.size(), message, code);
    CHECK(message == "flag \"default/nope\" not found");
    CHECK(code == 5);
}

TEST_CASE("every recorded JSON body of either server is one well-formed document")
{
    int documents = 0;
    for (const std::string major : {"v1", "v2"})
        for (const recording& one : recordings(major)) {
            if (!one.body.starts_with('{'))
                continue;
            reply_reader reader;
            const byte_buffer body = padded(one.body);
            CHECK_MESSAGE(!reader.validate(body.data(), body.size()), one.name << ": " << std::string(reader.detail()));
            ++documents;
        }
    CHECK(documents > 120);
}
