// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every recorded answer of a real v2 and a real v1 server, answered from the snapshot that server gave.
#include "flipt/evaluation/jsonl.hpp"
#include "flipt/evaluation/snapshot.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::string read_file(const std::string& name)
{
    std::ifstream file(std::string(FLIPT_TEST_DATA) + "/conformance/" + name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// JSON with numbers as doubles and members sorted: how attachments are compared.
std::string canonical(simdjson::dom::element e)
{
    std::string out;
    if (simdjson::dom::object o; e.get(o) == simdjson::SUCCESS) {
        std::vector<std::string> members;
        for (const auto field : o)
            members.push_back(std::string(field.key) + ":" + canonical(field.value));
        std::sort(members.begin(), members.end());
        for (const auto& m : members)
            out += m + ",";
        return "{" + out + "}";
    }
    if (simdjson::dom::array a; e.get(a) == simdjson::SUCCESS) {
        for (const auto item : a)
            out += canonical(item) + ",";
        return "[" + out + "]";
    }
    if (double d = 0; e.get(d) == simdjson::SUCCESS)
        return "number " + std::to_string(d);
    return simdjson::minify(e);
}

// The response with what may differ taken out or put in order.
std::string comparable(std::string_view line, bool made_up_id)
{
    simdjson::dom::parser parser;
    simdjson::dom::parser attachment_parser;
    const auto root = parser.parse(simdjson::padded_string(line));
    std::string out{std::string_view(root["type"])};
    out += " " + std::to_string(std::int64_t(root["status"]));
    std::vector<std::string> members;
    for (const auto field : simdjson::dom::object(root["response"])) {
        std::string value = canonical(field.value);
        if (field.key == "requestId" && made_up_id)
            value = std::string_view(field.value).empty() ? "none" : "some";
        if (field.key == "segmentKeys") {
            std::vector<std::string> keys;
            for (const auto key : simdjson::dom::array(field.value))
                keys.emplace_back(std::string_view(key));
            std::sort(keys.begin(), keys.end());
            value.clear();
            for (const auto& key : keys)
                value += key + " ";
        }
        if (field.key == "variantAttachment" && !std::string_view(field.value).empty()) {
            const simdjson::padded_string text{std::string_view(field.value)};
            simdjson::dom::element attachment;
            if (attachment_parser.parse(text).get(attachment) == simdjson::SUCCESS)
                value = canonical(attachment);
        }
        members.push_back(std::string(field.key) + "=" + value);
    }
    std::sort(members.begin(), members.end());
    for (const auto& m : members)
        out += " " + m;
    return out;
}

void check_all(const std::string& version, flipt::rule_set rules)
{
    const auto parsed = flipt::snapshot::parse(read_file(version + ".snapshot.json"), rules);
    REQUIRE_MESSAGE(parsed.ok(), parsed.error().message());
    std::istringstream lines(read_file(version + ".vectors.jsonl"));
    int count = 0;
    int wrong = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        std::string actual;
        flipt::v0::detail::answer_line(*parsed, line, actual);
        const bool made_up = line.find("\"requestId\": \"") == line.rfind("\"requestId\": \"");
        const auto a = comparable(line, made_up);
        const auto b = comparable(actual, made_up);
        if (a != b && ++wrong <= 5)
            FAIL_CHECK(line << "\n expected " << a << "\n actual   " << b);
    }
    CHECK(count == 4010);
    CHECK(wrong == 0);
}

TEST_CASE("every recorded answer of Flipt v2") { check_all("v2", flipt::rule_set::server_v2); }

TEST_CASE("every recorded answer of Flipt v1") { check_all("v1", flipt::rule_set::server_v1); }

TEST_CASE("a line that is no request is answered with 400")
{
    const flipt::snapshot none;
    for (const std::string_view line :
         {"", "{}", "x", "{\"type\":\"boolean\",\"request\":{\"context\":{\"a\":1}}}", "{\"type\":\"boolean\"} x",
          "{\"type\":\"boolean\"}", "{\"type\":\"boolean\",\"flagKey\":\"a\"}", "{\"type\":\"batch\",\"request\":{}}",
          "{\"type\":\"boolean\",\"request\":{\"flagKey\":\"\xff\"}}"}) {
        std::string out;
        flipt::v0::detail::answer_line(none, line, out);
        CAPTURE(line);
        CHECK(out.find("\"status\": 400") != std::string::npos);
    }
}

} // namespace
