// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Replies read into typed answers: right ones, hostile ones, their limits, and what they allocate.
#include "flipt/protocol/datetime.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/protocol/reply_writer.hpp"
#include "flipt/types/error.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>

namespace {

std::size_t allocations = 0;

void* counted(std::size_t size)
{
    ++allocations;
    if (void* const p = std::malloc(size))
        return p;
    throw std::bad_alloc();
}

} // namespace

// For the whole program: only this file looks at the count.
void* operator new(std::size_t size) { return counted(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept // simdjson's way
{
    ++allocations;
    return std::malloc(size);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

using namespace flipt;
using flipt::detail::byte_buffer;
using flipt::detail::reply_reader;
using flipt::detail::stream_message;

namespace {

// A reply as it lies in the connection's buffer. Its padding holds what would complete a document that was cut.
struct reply {
    explicit reply(std::string_view text, std::string_view behind = "\"}]}}}}:,\"}")
    {
        bytes.append(text);
        std::string padding;
        while (padding.size() < byte_buffer::padding)
            padding.append(behind);
        std::memcpy(bytes.prepare(byte_buffer::padding), padding.data(), byte_buffer::padding);
    }
    byte_buffer bytes;
};

constexpr const char* good_boolean =
    R"({"enabled":true, "reason":"MATCH_EVALUATION_REASON", "requestId":"r", "requestDurationMillis":0.693603, )"
    R"("timestamp":"2026-11-24T15:25:04.723667846Z", "flagKey":"lobby", "segmentKeys":["eu", "high"]})";

struct boolean_outcome {
    boolean_outcome() = default;

    std::error_code ec;
    std::string detail;
    boolean_evaluation answer;
};

boolean_outcome boolean(std::string_view json, std::size_t depth = 64)
{
    boolean_outcome out;
    reply_reader reader(depth);
    const reply r(json);
    out.ec = reader.read_boolean(r.bytes.data(), r.bytes.size(), out.answer);
    out.detail = reader.detail();
    return out;
}

std::string replaced(std::string text, std::string_view what, std::string_view with)
{
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

} // namespace

TEST_CASE("a boolean evaluation is read")
{
    const boolean_outcome got = boolean(good_boolean);
    CHECK_MESSAGE(!got.ec, got.detail);
    CHECK(got.answer.enabled);
    CHECK(got.answer.reason == evaluation_reason::match);
    CHECK(got.answer.request_id == "r");
    CHECK(got.answer.duration == std::chrono::nanoseconds(693603));
    CHECK(got.answer.timestamp.time_since_epoch() == std::chrono::nanoseconds(1795533904723667846));
    CHECK(got.answer.flag_key == "lobby");
    CHECK(got.answer.segment_keys == std::vector<std::string>{"eu", "high"});
    CHECK(got.detail.empty());
}

TEST_CASE("missing fields are the zero values of proto3, also in an answer that held others")
{
    reply_reader reader;
    boolean_evaluation answer = boolean(good_boolean).answer;
    const reply empty("{ }");
    CHECK(!reader.read_boolean(empty.bytes.data(), empty.bytes.size(), answer));
    CHECK(!answer.enabled);
    CHECK(answer.reason == evaluation_reason::unknown);
    CHECK(answer.request_id.empty());
    CHECK(answer.flag_key.empty());
    CHECK(answer.segment_keys.empty());
    CHECK(answer.duration.count() == 0);
    CHECK(answer.timestamp == timestamp_type());
}

TEST_CASE("strings and keys are unescaped, white space and unknown fields are passed over")
{
    const boolean_outcome got =
        boolean("\r\n\t {\"\\u0066lagKey\" :\n\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\\u0000z\" ,"
                "\"new\":{\"a\":[1,-2.5e+3,null,true,{}],\"flagKey\":\"no\"},\"segmentKeys\":[ ]\t}\n ");
    CHECK_MESSAGE(!got.ec, got.detail);
    CHECK(got.answer.flag_key == std::string("a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0z", 20));
}

TEST_CASE("unknown enumerators become unknown")
{
    const boolean_outcome got = boolean(R"({"reason":"BRAND_NEW_REASON"})");
    CHECK(!got.ec);
    CHECK(got.answer.reason == evaluation_reason::unknown);
    CHECK(boolean(R"({"reason":"\u0044EFAULT_EVALUATION_REASON"})").answer.reason == evaluation_reason::default_value);
}

TEST_CASE("durations are rounded to nanoseconds")
{
    const auto nanos = [](std::string_view number) {
        const boolean_outcome got = boolean("{\"requestDurationMillis\":" + std::string(number) + "}");
        return got.ec ? std::int64_t{-999} : static_cast<std::int64_t>(got.answer.duration.count());
    };
    CHECK(nanos("0") == 0);
    CHECK(nanos("-0") == 0);
    CHECK(nanos("1") == 1000000);
    CHECK(nanos("0.0000004") == 0);
    CHECK(nanos("0.0000005") == 1);
    CHECK(nanos("0.69360349999999999999999999") == 693603);
    CHECK(nanos("0.6936035") == 693604);
    CHECK(nanos("1e-6") == 1);
    CHECK(nanos("1E+3") == 1000000000);
    CHECK(nanos("-1.5") == -1500000);
    CHECK(nanos("0e999999999999999999999999") == 0);
    CHECK(nanos("1e-999999999999999999999999") == 0);
    CHECK(nanos("9200000000000") == 9200000000000000000);
    CHECK(nanos("9300000000000") == -999);
    CHECK(nanos("1e400") == -999);
    CHECK(nanos("123456789012345678901234567890") == -999);
    CHECK(nanos("0.000000000000000000000000000000000000001") == 0);
    CHECK(nanos("00.5") == -999);
    for (const char* const bad :
         {"01", "-", "+1", ".5", "1.", "1.e3", "1e", "1e+", "0x10", "NaN", "Infinity", "\"1\"", "1 2"})
        CHECK_MESSAGE(nanos(bad) == -999, bad);
}

TEST_CASE("broken documents are invalid responses")
{
    const std::string good = good_boolean;
    // Cut anywhere. What lies behind the end may look like the rest.
    for (std::size_t size = 0; size < good.size(); ++size)
        for (const std::string_view behind :
             {std::string_view(good).substr(size), std::string_view("}"), std::string_view("\"")}) {
            reply_reader reader;
            boolean_evaluation answer;
            const reply r(good.substr(0, size), behind);
            CHECK_MESSAGE(reader.read_boolean(r.bytes.data(), r.bytes.size(), answer) == errc::invalid_response,
                          good.substr(0, size));
        }
    for (const std::string_view bad : {
             std::string_view(""),
             std::string_view(" "),
             std::string_view("\0", 1),
             std::string_view("null"),
             std::string_view("[]"),
             std::string_view("\"x\""),
             std::string_view("{}{}"),
             std::string_view("{}}"),
             std::string_view("{} x"),
             std::string_view("{}\0", 3),
             std::string_view("{},"),
             std::string_view("\xef\xbb\xbf{}"),
             std::string_view("\xfe\xff{}"),
             std::string_view("{,}"),
             std::string_view(R"({"x":1,})"),
             std::string_view(R"({"x" 1})"),
             std::string_view(R"({"x":})"),
             std::string_view(R"({"x":1 "y":2})"),
             std::string_view(R"({x:1})"),
             std::string_view(R"({'x':1})"),
             std::string_view(R"({"x":1]})"),
             std::string_view(R"({"x":[1,]})"),
             std::string_view(R"({"x":[,1]})"),
             std::string_view(R"({"x":[1 2]})"),
             std::string_view(R"({"x":[1}})"),
             std::string_view(R"({"x":tru})"),
             std::string_view(R"({"x":nul)"),
             std::string_view(R"({"x":truee})"),
             std::string_view(R"({"x":TRUE})"),
             std::string_view(R"({"x":01})"),
             std::string_view(R"({"x":1.})"),
             std::string_view(R"({"x":-})"),
             std::string_view(R"({"x":NaN})"),
             std::string_view(R"({"x":1/*c*/})"),
             std::string_view("{\"x\":\"\n\"}"),
             std::string_view("{\"x\":\"\t\"}"),
             std::string_view("{\"x\":\"\0\"}", 9),
             std::string_view(R"({"x":"\q"})"),
             std::string_view(R"({"x":"\u12g4"})"),
             std::string_view(R"({"x":"\ud800"})"),
             std::string_view(R"({"x":"\ud800\u0041"})"),
             std::string_view(R"({"x":"\udc00"})"),
             std::string_view(R"({"x":"\ud83d\ud83d"})"),
             std::string_view(R"({"\ud800":1})"),
             std::string_view("{\"x\":\"\xff\"}"),
             std::string_view("{\"\xc0\x80\":1}"),
             std::string_view("{\"x\":\"\xed\xa0\x80\"}"),
             std::string_view("{\"x\":\xff}"),
             std::string_view("{\xa0\"x\":1}"),
             std::string_view("{\"x\":1\v}"),
             std::string_view("{\"x\":1\f}"),
             std::string_view(R"({"x":{"y":[{"z":}]}})"),
             std::string_view(R"({"x":"a"b"})"),
             std::string_view(R"({"x":garbage,"enabled":true})"),
             std::string_view(R"({"flagKey":"\ud800"})"),
             std::string_view(R"({"flagKey":"\q"})"),
             std::string_view("{\"flagKey\":\"\xe2\x82\"}"),
             std::string_view("{\"flagKey\":\"a\x1f\"}"),
         }) {
        const boolean_outcome got = boolean(bad);
        CHECK_MESSAGE(got.ec == errc::invalid_response, bad);
        CHECK_MESSAGE(!got.detail.empty(), bad);
    }
}

TEST_CASE("a known field of another type, or given twice, is named")
{
    const struct {
        const char *field, *value;
    } cases[] = {
        {"enabled", "1"},
        {"enabled", "\"true\""},
        {"enabled", "null"},
        {"reason", "2"},
        {"reason", "null"},
        {"requestId", "5"},
        {"requestId", "[]"},
        {"requestDurationMillis", "\"0.5\""},
        {"requestDurationMillis", "true"},
        {"timestamp", "0"},
        {"timestamp", "\"yesterday\""},
        {"timestamp", "\"\""},
        {"flagKey", "{}"},
        {"flagKey", "false"},
        {"segmentKeys", "\"eu\""},
        {"segmentKeys", "{}"},
        {"segmentKeys", "[1]"},
        {"segmentKeys", "null"},
        {"segmentKeys", "[[\"eu\"]]"},
    };
    for (const auto& c : cases) {
        const std::string json = std::string("{\"") + c.field + "\":" + c.value + "}";
        const boolean_outcome got = boolean(json);
        CHECK_MESSAGE(got.ec == errc::invalid_response, json);
        CHECK_MESSAGE(got.detail.find(std::string("field \"") + c.field + "\" ") == 0, json << " -> " << got.detail);
    }
    CHECK(boolean(R"({"timestamp":"x"})").detail == "field \"timestamp\" is not an RFC 3339 time");
    for (const char* const twice :
         {R"("enabled":true)", R"("reason":"")", R"("requestId":"")", R"("requestDurationMillis":0)",
          R"("timestamp":"1970-01-01T00:00:00Z")", R"("flagKey":"")", R"("segmentKeys":[])"}) {
        const boolean_outcome got = boolean(std::string("{") + twice + "," + twice + "}");
        CHECK_MESSAGE(got.ec == errc::invalid_response, twice);
        CHECK(got.detail.find("comes twice") != std::string::npos);
    }
    CHECK(boolean(R"({"flagKey":"a","flag\u004bey":"b"})").ec == errc::invalid_response);
}

TEST_CASE("nesting is limited, also in fields that are not known")
{
    const auto nested = [](std::size_t depth) { // the outermost object is 1
        return "{\"x\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
    };
    for (const std::size_t limit : {std::size_t{1}, std::size_t{2}, std::size_t{64}, std::size_t{1024}}) {
        if (limit > 1)
            CHECK(!boolean(nested(limit), limit).ec);
        CHECK(boolean(nested(limit + 1), limit).ec == errc::response_too_large);
    }
    CHECK(boolean(nested(1025), 5000).ec == errc::response_too_large);
    CHECK(boolean("{}", 0).ec == errc::response_too_large);
    CHECK(boolean(R"({"segmentKeys":[]})", 1).ec == errc::response_too_large);
    CHECK(!boolean(R"({"segmentKeys":[]})", 2).ec);
    const reply deep(nested(65));
    reply_reader reader;
    CHECK(reader.validate(deep.bytes.data(), deep.bytes.size()) == errc::response_too_large);
    CHECK(reader.detail() == "the document nests deeper than the limit");
}

TEST_CASE("no field of a flag, a variant, a page, a batch's entry or a resource may come twice")
{
    reply_reader reader;
    flag_list list;
    flag one;
    const auto named = [&](const std::string& field) {
        return reader.detail() == "field \"" + field + "\" comes twice";
    };
    const auto once = [](const char* const(&member)[2]) { return std::string("\"") + member[0] + "\":" + member[1]; };
    const auto twice = [&](const char* const(&member)[2]) { return once(member) + "," + once(member); };
    constexpr const char* of_flag[][2] = {{"key", "\"k\""},
                                          {"name", "\"n\""},
                                          {"description", "\"d\""},
                                          {"namespaceKey", "\"n\""},
                                          {"enabled", "true"},
                                          {"createdAt", "\"2026-11-24T15:25:03Z\""},
                                          {"updatedAt", "\"2026-11-24T15:25:03Z\""},
                                          {"type", "\"BOOLEAN_FLAG_TYPE\""},
                                          {"variants", "[]"},
                                          {"defaultVariant", "{}"},
                                          {"metadata", "{}"}};
    for (const auto& member : of_flag) {
        CAPTURE(member[0]);
        const reply good("{" + once(member) + ",\"other\":1}");
        CHECK(!reader.read_flag(good.bytes.data(), good.bytes.size(), one));
        const reply bad("{" + twice(member) + "}");
        CHECK(reader.read_flag(bad.bytes.data(), bad.bytes.size(), one) == errc::invalid_response);
        CHECK(named(member[0]));
    }
    constexpr const char* of_variant[][2] = {{"id", "\"i\""},
                                             {"flagKey", "\"f\""},
                                             {"key", "\"k\""},
                                             {"name", "\"n\""},
                                             {"description", "\"d\""},
                                             {"attachment", "\"a\""},
                                             {"namespaceKey", "\"n\""},
                                             {"createdAt", "\"2026-11-24T15:25:03Z\""},
                                             {"updatedAt", "\"2026-11-24T15:25:03Z\""}};
    for (const auto& member : of_variant) {
        CAPTURE(member[0]);
        const reply good("{\"variants\":[{" + once(member) + ",\"other\":1}]}");
        CHECK(!reader.read_flag(good.bytes.data(), good.bytes.size(), one));
        const reply bad("{\"variants\":[{" + twice(member) + "}]}");
        CHECK(reader.read_flag(bad.bytes.data(), bad.bytes.size(), one) == errc::invalid_response);
        CHECK(named(member[0]));
    }
    constexpr const char* of_page[][2] = {{"flags", "[]"}, {"nextPageToken", "\"t\""}, {"totalCount", "1"}};
    for (const auto& member : of_page) {
        CAPTURE(member[0]);
        const reply bad("{" + twice(member) + "}");
        CHECK(reader.read_flags(bad.bytes.data(), bad.bytes.size(), list) == errc::invalid_response);
        CHECK(named(member[0]));
    }
    batch_evaluation answer;
    constexpr const char* of_error[][2] = {
        {"flagKey", "\"f\""}, {"namespaceKey", "\"n\""}, {"reason", "\"NOT_FOUND_ERROR_EVALUATION_REASON\""}};
    const std::string error_type = "\"type\":\"ERROR_EVALUATION_RESPONSE_TYPE\"";
    for (const auto& member : of_error) {
        CAPTURE(member[0]);
        const reply bad("{\"responses\":[{" + error_type + ",\"errorResponse\":{" + twice(member) + "}}]}");
        CHECK(reader.read_batch(bad.bytes.data(), bad.bytes.size(), answer, 1) == errc::invalid_response);
        CHECK(named(member[0]));
    }
    const reply type("{\"responses\":[{" + error_type + "," + error_type + ",\"errorResponse\":{}}]}");
    CHECK(reader.read_batch(type.bytes.data(), type.bytes.size(), answer, 1) == errc::invalid_response);
    CHECK(named("type"));
    std::string_view payload;
    const reply resource(R"({"resource":{"payload":{},"payload":{}}})");
    CHECK(reader.read_flag_resource(resource.bytes.data(), resource.bytes.size(), payload) == errc::invalid_response);
    CHECK(named("payload"));
}

TEST_CASE("a batch is read in order and must answer every request")
{
    const std::string boolean_item =
        std::string(R"({"type":"BOOLEAN_EVALUATION_RESPONSE_TYPE","booleanResponse":)") + good_boolean + "}";
    const std::string variant_item =
        R"({"variantResponse":{"match":true,"variantKey":"blue","variantAttachment":"{\"n\":1}"},"type":"VARIANT_EVALUATION_RESPONSE_TYPE"})";
    const std::string error_item =
        R"({"type":"ERROR_EVALUATION_RESPONSE_TYPE","errorResponse":{"flagKey":"f","namespaceKey":"n","reason":"NOT_FOUND_ERROR_EVALUATION_REASON"}})";
    reply_reader reader;
    batch_evaluation answer;
    const auto read = [&](const std::string& items, std::size_t expected) {
        const reply r("{\"requestId\":\"b\",\"responses\":[" + items + "],\"requestDurationMillis\":1.5}");
        return reader.read_batch(r.bytes.data(), r.bytes.size(), answer, expected);
    };
    CHECK(!read(boolean_item + "," + variant_item + "," + error_item, 3));
    CHECK(answer.request_id == "b");
    CHECK(answer.duration == std::chrono::microseconds(1500));
    CHECK(std::get<boolean_evaluation>(answer.responses.at(0)).flag_key == "lobby");
    CHECK(std::get<variant_evaluation>(answer.responses.at(1)).variant_attachment == "{\"n\":1}");
    CHECK(std::get<error_evaluation>(answer.responses.at(2)).reason == error_evaluation_reason::not_found);
    // The same object again, with other types in the same places.
    CHECK(!read(error_item + "," + boolean_item, 2));
    CHECK(answer.responses.size() == 2);
    CHECK(std::get<error_evaluation>(answer.responses.at(0)).flag_key == "f");
    CHECK(!read("", 0));
    CHECK(answer.responses.empty());

    CHECK(read(boolean_item, 2) == errc::invalid_response);
    CHECK(reader.detail() == "field \"responses\" has fewer entries than were asked for");
    CHECK(read(boolean_item + "," + boolean_item, 1) == errc::invalid_response);
    CHECK(reader.detail() == "field \"responses\" has more entries than were asked for");
    for (const std::string& bad :
         {std::string("{}"), std::string("1"), std::string("null"), replaced(boolean_item, "BOOLEAN", "VARIANT"),
          replaced(boolean_item, "BOOLEAN", "NOVEL"), replaced(boolean_item, "{", "{\"errorResponse\":{},"),
          replaced(boolean_item, "{", "{\"booleanResponse\":{},"), replaced(boolean_item, "\"lobby\"", "7"),
          std::string(R"({"type":"ERROR_EVALUATION_RESPONSE_TYPE"})")})
        CHECK_MESSAGE(read(bad, 1) == errc::invalid_response, bad);
    // proto3: no type is VARIANT
    CHECK(!read(R"({"variantResponse":{}})", 1));
    const reply missing("{}");
    CHECK(reader.read_batch(missing.bytes.data(), missing.bytes.size(), answer, 1) == errc::invalid_response);
    CHECK(!reader.read_batch(missing.bytes.data(), missing.bytes.size(), answer, 0));
}

TEST_CASE("flags are read page by page")
{
    reply_reader reader;
    flag_list list;
    const reply first(R"({"flags":[{"key":"a","type":"BOOLEAN_FLAG_TYPE","enabled":true,"metadata":{"n" : [1]},
        "variants":[{"key":"v","attachment":"{}","createdAt":"2026-11-24T15:25:03.5Z"}],
        "defaultVariant":{"id":"7","name":"V"},"updatedAt":"1970-01-01T00:00:01Z"}],"nextPageToken":"t","totalCount":2})");
    const reply second(R"({"flags":[{"key":"b"}],"totalCount":2})");
    CHECK(!reader.read_flags(first.bytes.data(), first.bytes.size(), list));
    CHECK(list.next_page_token == "t");
    CHECK(!reader.read_flags(second.bytes.data(), second.bytes.size(), list, true));
    REQUIRE(list.flags.size() == 2);
    const flag& a = list.flags[0];
    CHECK(a.type == flag_type::boolean);
    CHECK(a.metadata == "{\"n\" : [1]}");
    CHECK(a.variants.at(0).attachment == "{}");
    CHECK(a.variants[0].created_at->time_since_epoch() == std::chrono::milliseconds(1795533903500));
    CHECK(a.default_variant->name == "V");
    CHECK(!a.created_at);
    CHECK(a.updated_at->time_since_epoch() == std::chrono::seconds(1));
    CHECK(list.flags[1].key == "b");
    CHECK(list.next_page_token.empty());
    CHECK(list.total_count == 2);
    // Read anew into the same list: nothing of before is left.
    CHECK(!reader.read_flags(second.bytes.data(), second.bytes.size(), list));
    REQUIRE(list.flags.size() == 1);
    CHECK(list.flags[0].metadata.empty());
    CHECK(list.flags[0].variants.empty());
    CHECK(!list.flags[0].default_variant);
    CHECK(!list.flags[0].updated_at);
    for (const char* const bad : {R"({"flags":{}})", R"({"flags":[1]})", R"({"totalCount":-1})",
                                  R"({"totalCount":1.5})", R"({"totalCount":1e2})", R"({"totalCount":2147483648})",
                                  R"({"totalCount":99999999999999999999})", R"({"flags":[{"type":"NEW_FLAG_TYPE"}]})",
                                  R"({"flags":[{"metadata":[]}]})", R"({"flags":[{"metadata":null}]})",
                                  R"({"flags":[{"variants":[{"key":1}]}]})", R"({"flags":[{"defaultVariant":null}]})",
                                  R"({"flags":[{"createdAt":"2026-11-24"}]})", R"({"totalCount":01})"}) {
        const reply r(bad);
        CHECK_MESSAGE(reader.read_flags(r.bytes.data(), r.bytes.size(), list) == errc::invalid_response, bad);
    }
    const reply most(R"({"totalCount":2147483647})");
    CHECK(!reader.read_flags(most.bytes.data(), most.bytes.size(), list));
}

TEST_CASE("error bodies give their message, anything else nothing")
{
    reply_reader reader;
    std::string message = "old";
    int code = 99;
    const auto read = [&](std::string_view body) {
        const reply r(body);
        reader.read_server_error(r.bytes.data(), r.bytes.size(), message, code);
        return message + "/" + std::to_string(code);
    };
    CHECK(read(R"({"code":5, "message":"flag \"a\" not found", "details":[]})") == "flag \"a\" not found/5");
    CHECK(read(R"({"error":{"code":16,"message":"no"}})") == "no/16");
    for (const char* const garbage :
         {"", "404 page not found\n", "<html>", "{\"code\":5", R"({"code":"5","message":"x"})", R"({"message":5})",
          "{\"message\":\"\xff\"}", R"({"message":"x"}z)", R"({"error":5,"message":"x"})",
          R"({"error":{"error":{"message":1}, "message":2}})", R"({"code":-1,"message":"x"})"})
        CHECK_MESSAGE(read(garbage) == "/0", garbage);
    CHECK(reader.detail().empty());
}

TEST_CASE("meta, resources, tokens, stream messages and plain documents")
{
    reply_reader reader;
    server_version version = server_version::automatic;
    const auto meta = [&](std::string_view body) {
        const reply r(body);
        return reader.read_meta_version(r.bytes.data(), r.bytes.size(), version);
    };
    CHECK(!meta(R"({"version":"dev","storage":{}})"));
    CHECK(version == server_version::v1);
    CHECK(!meta(R"({"build":{"version":"v2.0.0"},"product":"pro"})"));
    CHECK(version == server_version::v2);
    for (const char* const bad : {"{}", R"({"version":1})", R"({"build":[]})", R"({"build":{},"build":{}})", "<html>"})
        CHECK_MESSAGE(meta(bad) == errc::invalid_response, bad);

    std::string_view payload;
    const reply resource(
        R"({"resource":{"key":"k","payload":{"@type":"flipt.core.Flag", "key":"k"},"z":1},"revision":"r"})");
    CHECK(!reader.read_flag_resource(resource.bytes.data(), resource.bytes.size(), payload));
    CHECK(payload == R"({"@type":"flipt.core.Flag", "key":"k"})");
    for (const char* const bad : {"{}", R"({"resource":{}})", R"({"resource":{"payload":1}})",
                                  R"({"resource":{"payload":{x}}})", R"({"resource":{"payload":{}},"resource":{}})"}) {
        const reply r(bad);
        CHECK_MESSAGE(reader.read_flag_resource(r.bytes.data(), r.bytes.size(), payload) == errc::invalid_response,
                      bad);
    }

    byte_buffer token;
    std::optional<timestamp_type> end;
    const auto login = [&](const char* json) {
        const reply r(json);
        return reader.read_kubernetes_token(r.bytes.data(), r.bytes.size(), token, end);
    };
    CHECK(!login(R"({"clientToken":"abc\u002f1","authentication":{"id":"x","expiresAt":"2026-01-02T03:04:05Z"}})"));
    CHECK(token.view() == "abc/1");
    CHECK(end == flipt::detail::parse_rfc3339("2026-01-02T03:04:05Z"));
    for (const char* const endless : {R"({"clientToken":"a"})", R"({"authentication":null,"clientToken":"a"})",
                                      R"({"clientToken":"a","authentication":{"expiresAt":null}})"}) {
        CHECK_MESSAGE(!login(endless), endless);
        CHECK_MESSAGE(!end, endless);
    }
    for (const char* const bad :
         {"{}", R"({"clientToken":""})", R"({"clientToken":1})", R"({"clientToken":"a")",
          R"({"clientToken":"a","authentication":1})", R"({"clientToken":"a","authentication":{"expiresAt":"soon"}})",
          R"({"clientToken":"a","authentication":{},"authentication":{}})"}) {
        CHECK_MESSAGE(login(bad) == errc::invalid_response, bad);
        CHECK(std::string(reader.detail()).find("abc") == std::string::npos);
    }

    stream_message message;
    const auto stream = [&](std::string_view body) {
        const reply r(body);
        const std::error_code ec = reader.read_stream_message(r.bytes.data(), r.bytes.size(), message);
        return ec ? ec.message() : message.is_error ? message.error_message : std::string(message.result);
    };
    CHECK(stream("{\"result\":{\"a\":[1, 2]}}\n") == "{\"a\":[1, 2]}");
    CHECK(stream(R"({"error":{"code":3,"message":"bad digest","details":[]}})") == "bad digest");
    CHECK(message.grpc_code == 3);
    for (const char* const bad :
         {"{}", R"({"result":1})", R"({"result":{},"error":{}})", R"({"result":{},"result":{}})", R"({"error":"x"})",
          R"({"result":{"a":}})", R"({"result":{}}{"result":{}})", ""})
        CHECK_MESSAGE(stream(bad) == make_error_code(errc::invalid_response).message(), bad);

    reply_reader shallow(2); // of the document: what is around it does not count
    const reply fits(R"({"result":{"a":[]}})"), deep(R"({"result":{"a":[[]]}})");
    CHECK(!shallow.read_stream_message(fits.bytes.data(), fits.bytes.size(), message));
    CHECK(shallow.read_stream_message(deep.bytes.data(), deep.bytes.size(), message) == errc::response_too_large);

    const reply health("{\"status\":\"SERVING\"}\n"), cut("{\"status\":\"SERV"), list("[]");
    CHECK(!reader.validate(health.bytes.data(), health.bytes.size()));
    CHECK(reader.validate(cut.bytes.data(), cut.bytes.size()) == errc::invalid_response);
    CHECK(reader.validate(list.bytes.data(), list.bytes.size()) == errc::invalid_response);
}

TEST_CASE("what is written reads back the same")
{
    reply_reader reader;
    variant_evaluation answer;
    answer.match = true;
    answer.reason = evaluation_reason::flag_disabled;
    answer.flag_key = "k\"\n";
    answer.variant_key = "\xe2\x82\xac";
    answer.variant_attachment = "{\"a\":\"\\\\\"}";
    answer.segment_keys = {"", "b"};
    answer.request_id = std::string("\0x", 2);
    answer.duration = std::chrono::nanoseconds(123456789);
    answer.timestamp = timestamp_type(std::chrono::nanoseconds(1795533904723667846));
    batch_evaluation batch, batch_back;
    batch.responses.emplace_back(boolean(good_boolean).answer);
    batch.responses.emplace_back(answer);
    batch.responses.emplace_back(error_evaluation());
    byte_buffer out;
    REQUIRE(!write_batch_evaluation(out, batch));
    out.prepare(byte_buffer::padding);
    CHECK_MESSAGE(!reader.read_batch(out.data(), out.size(), batch_back, 3), out.view());
    const auto& back = std::get<variant_evaluation>(batch_back.responses.at(1));
    CHECK(back.match == answer.match);
    CHECK(back.reason == answer.reason);
    CHECK(back.flag_key == answer.flag_key);
    CHECK(back.variant_key == answer.variant_key);
    CHECK(back.variant_attachment == answer.variant_attachment);
    CHECK(back.segment_keys == answer.segment_keys);
    CHECK(back.request_id == answer.request_id);
    CHECK(back.duration == answer.duration);
    CHECK(back.timestamp == answer.timestamp);
    byte_buffer again;
    REQUIRE(!write_batch_evaluation(again, batch_back));
    CHECK(again.view() == out.view());

    byte_buffer zero;
    REQUIRE(!write_boolean_evaluation(zero, boolean_evaluation()));
    CHECK(zero.view() ==
          R"({"enabled":false,"reason":"UNKNOWN_EVALUATION_REASON","requestId":"","requestDurationMillis":0,)"
          R"("timestamp":"1970-01-01T00:00:00Z","flagKey":"","segmentKeys":[]})");
    answer.flag_key = "\xff";
    zero.clear();
    CHECK(write_variant_evaluation(zero, answer) == errc::invalid_argument);
    CHECK(zero.empty());
}

TEST_CASE("reading into an answer whose memory suffices allocates nothing")
{
    reply_reader reader;
    const reply single(replaced(good_boolean, "\"r\"", "\"12afa903-e3d7-4837-b0ac-bb3e53c0dd59\""));
    const reply batch_text(
        "{\"responses\":[{\"type\":\"BOOLEAN_EVALUATION_RESPONSE_TYPE\",\"booleanResponse\":" +
        std::string(single.bytes.view()) +
        R"(},{"variantResponse":{"variantAttachment":"{\"text\":\"longer than a small string\"}"}}]})");
    boolean_evaluation one;
    batch_evaluation batch;
    std::size_t before = 0;
    for (int round = 0; round < 3; ++round) {
        before = allocations;
        const std::error_code ec = reader.read_boolean(single.bytes.data(), single.bytes.size(), one);
        const std::error_code batch_ec = reader.read_batch(batch_text.bytes.data(), batch_text.bytes.size(), batch, 2);
        const std::size_t made = allocations - before;
        CHECK(!ec);
        CHECK_MESSAGE(!batch_ec, reader.detail());
        CHECK((made == 0) == (round != 0));
    }
}

TEST_CASE("a reader can be moved")
{
    reply_reader first;
    reply_reader second = std::move(first);
    first = std::move(second);
    const reply r("{}");
    CHECK(!first.validate(r.bytes.data(), r.bytes.size()));
}
