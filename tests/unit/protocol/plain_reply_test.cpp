// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The fast way through an evaluation's reply: what it accepts it reads as simdjson does, and real replies are accepted.
#include "flipt/protocol/impl/plain_reply.ipp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/types/error.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

using namespace flipt;
using flipt::detail::byte_buffer;
using flipt::detail::minute_memo;
using flipt::detail::plain_reply;
using flipt::detail::reply_reader;

namespace {

byte_buffer padded(std::string_view text, std::string_view behind)
{
    byte_buffer out;
    out.append(text);
    std::string padding(behind);
    padding.resize(byte_buffer::padding, '"');
    std::memcpy(out.prepare(byte_buffer::padding), padding.data(), byte_buffer::padding);
    return out;
}

bool equal(const boolean_evaluation& a, const boolean_evaluation& b)
{
    return a.enabled == b.enabled && a.reason == b.reason && a.flag_key == b.flag_key &&
           a.segment_keys == b.segment_keys && a.request_id == b.request_id && a.duration == b.duration &&
           a.timestamp == b.timestamp;
}
bool equal(const variant_evaluation& a, const variant_evaluation& b)
{
    return a.match == b.match && a.reason == b.reason && a.flag_key == b.flag_key && a.variant_key == b.variant_key &&
           a.variant_attachment == b.variant_attachment && a.segment_keys == b.segment_keys &&
           a.request_id == b.request_id && a.duration == b.duration && a.timestamp == b.timestamp;
}
bool equal(const error_evaluation& a, const error_evaluation& b)
{
    return a.flag_key == b.flag_key && a.namespace_key == b.namespace_key && a.reason == b.reason;
}
bool equal(const batch_evaluation& a, const batch_evaluation& b)
{
    bool same = a.request_id == b.request_id && a.duration == b.duration && a.responses.size() == b.responses.size();
    for (std::size_t i = 0; same && i != a.responses.size(); ++i)
        same = std::visit(
            [&]<class Answer>(const Answer& one) {
                const Answer* const other = std::get_if<Answer>(&b.responses[i]);
                return other != nullptr && equal(one, *other);
            },
            a.responses[i]);
    return same;
}
std::error_code read(reply_reader& reader, const byte_buffer& in, boolean_evaluation& out, std::size_t)
{
    return reader.read_boolean(in.data(), in.size(), out);
}
std::error_code read(reply_reader& reader, const byte_buffer& in, variant_evaluation& out, std::size_t)
{
    return reader.read_variant(in.data(), in.size(), out);
}
std::error_code read(reply_reader& reader, const byte_buffer& in, batch_evaluation& out, std::size_t count)
{
    return reader.read_batch(in.data(), in.size(), out, count);
}
bool read(plain_reply reply, auto& out, std::size_t) { return reply.read(out); }
bool read(plain_reply reply, batch_evaluation& out, std::size_t count) { return reply.read(out, count); }

/// Reads `text` both ways. White space behind a document is nothing to simdjson, but makes it none for the fast way.
template <class Answer>
class comparison {
public:
    // True if the fast way accepts it.
    bool operator()(std::string_view text, std::string_view behind = {}, std::size_t count = 0)
    {
        const byte_buffer in = padded(text, behind);
        const bool accepted = read(plain_reply(in.data(), in.size(), minute_), fast_, count);
        const byte_buffer other = padded(std::string(text) + " ", behind);
        const std::error_code slow_ec = read(slow_reader_, other, slow_, count);
        Answer either;
        const std::error_code ec = read(reader_, in, either, count);
        bool same = ec == slow_ec && reader_.detail() == slow_reader_.detail();
        if (!slow_ec)
            same = same && equal(either, slow_);
        if (accepted)
            same = same && !slow_ec && equal(fast_, slow_);
        if (!same)
            FAIL_CHECK("read in two ways: ", std::string(text), " behind it ", std::string(behind));
        return accepted;
    }

private:
    // Answers and memory of earlier documents stay: the next one must overwrite them.
    Answer fast_, slow_;
    minute_memo minute_;
    reply_reader reader_, slow_reader_;
};

// As v1.61 and v2 sent them (tests/data/flipt-wire), and with what else they print.
const std::vector<std::string> booleans = {
    R"({"enabled":true, "reason":"MATCH_EVALUATION_REASON", "requestId":"req-1", "requestDurationMillis":0.693603, "timestamp":"2026-11-24T15:25:04.723667846Z", "flagKey":"lobby", "segmentKeys":["eu"]})",
    R"({"enabled":false,"reason":"DEFAULT_EVALUATION_REASON","requestId":"3f0f0f6a-6a3e-4f2b-9a57-0f6f9c2c1a11","requestDurationMillis":12,"timestamp":"2026-11-24T15:25:59.999999999Z","flagKey":"","segmentKeys":[]})",
    R"({"enabled":false,"reason":"FLAG_DISABLED_EVALUATION_REASON","requestId":"","requestDurationMillis":1234.5,"timestamp":"2026-11-24T15:26:00Z","flagKey":"a-key-of-more-than-thirty-two-bytes","segmentKeys":["eu", "a-segment-of-16b"]})",
    R"({"segmentKeys":["a"], "flagKey":"k", "timestamp":"2026-11-24T15:26:00.125Z", "requestDurationMillis":0, "requestId":"r", "reason":"MATCH_EVALUATION_REASON", "enabled":true})",
    R"({"enabled":true})",
};
const std::vector<std::string> variants = {
    R"({"match":true, "segmentKeys":["high", "eu"], "reason":"MATCH_EVALUATION_REASON", "variantKey":"blue", "variantAttachment":"{\"hex\":\"#00f\",\"n\":[1,2.5,null]}", "requestId":"req-1", "requestDurationMillis":0.67218, "timestamp":"2026-11-24T15:25:04.726404018Z", "flagKey":"color"})",
    R"({"match":false, "segmentKeys":[], "reason":"DEFAULT_EVALUATION_REASON", "variantKey":"red", "variantAttachment":"", "requestId":"req-1", "requestDurationMillis":0.442218, "timestamp":"2026-11-24T15:25:04.728320050Z", "flagKey":"color"})",
    R"({"flagKey":"color","variantAttachment":"\u00e9\n\\","match":true})",
};

const std::vector<std::string> batches = {
    R"({"requestId":"b", "responses":[{"type":"BOOLEAN_EVALUATION_RESPONSE_TYPE", "booleanResponse":{"enabled":true, "flagKey":"lobby", "segmentKeys":["eu"]}}, {"type":"ERROR_EVALUATION_RESPONSE_TYPE", "errorResponse":{"flagKey":"nope", "namespaceKey":"default", "reason":"NOT_FOUND_ERROR_EVALUATION_REASON"}}], "requestDurationMillis":0.0942})",
    R"({"requestId":"", "responses":[{"type":"VARIANT_EVALUATION_RESPONSE_TYPE","variantResponse":{"match":true, "timestamp":"2026-11-24T15:25:04.726404018Z"}},{"type":"ERROR_EVALUATION_RESPONSE_TYPE","errorResponse":{"namespaceKey":"n"}}]})",
};

// Each byte of each document changed, left out, doubled, and preceded by others; and the document cut there, with what
// was cut off behind it.
template <class Answer>
std::size_t mutate(const std::vector<std::string>& documents, std::size_t count = 0)
{
    constexpr std::string_view bytes("\0\x1f \"\\,:{}[]09.-eEtZzuA\x7f\x80\xc3", 25);
    comparison<Answer> compare;
    std::size_t accepted = 0;
    for (const std::string& text : documents)
        for (std::size_t at = 0; at <= text.size(); ++at) {
            const std::string_view all = text;
            accepted +=
                compare(all.substr(0, at), all.substr(at, byte_buffer::padding), count) && at != all.size() ? 1U : 0U;
            for (const char c : bytes) {
                std::string other = text;
                other.insert(at, 1, c);
                accepted += compare(other, {}, count) ? 1U : 0U;
                if (at == text.size())
                    continue;
                other = text;
                other[at] = c;
                accepted += compare(other, {}, count) ? 1U : 0U;
            }
            if (at == text.size())
                continue;
            std::string other = text;
            other.erase(at, 1);
            accepted += compare(other, {}, count) ? 1U : 0U;
            other = text;
            other.insert(at, 1, text[at]);
            accepted += compare(other, {}, count) ? 1U : 0U;
        }
    return accepted;
}

} // namespace

TEST_CASE("replies as the servers send them are read the fast way")
{
    comparison<boolean_evaluation> boolean;
    for (const std::string& text : booleans) {
        CHECK_MESSAGE(boolean(text), text);
        CHECK_MESSAGE(boolean(text), text); // the minute is remembered
    }
    comparison<variant_evaluation> variant;
    for (const std::string& text : variants)
        CHECK_MESSAGE(variant(text), text);
    comparison<batch_evaluation> batch;
    for (const std::string& text : batches) {
        CHECK_MESSAGE(batch(text, {}, 2), text);
        CHECK_FALSE(batch(text, {}, 1));
        CHECK_FALSE(batch(text, {}, 3));
    }
    CHECK(batch(R"({"requestId":"b", "responses":[], "requestDurationMillis":0.1})", {}, 0));
    CHECK_FALSE(batch(R"({"requestId":"b", "responses":[], "requestDurationMillis":0.1})", {}, 1));
    CHECK_FALSE(batch(R"({"responses":[{}]})", {}, 1));
    // More, fewer and other responses than those that the answer holds from before.
    CHECK(batch(R"({"responses":[{"type":"VARIANT_EVALUATION_RESPONSE_TYPE", "variantResponse":{"match":true}}]})", {},
                1));
    CHECK(batch(batches[0], {}, 2));
    CHECK(batch(batches[1], {}, 2));
}

TEST_CASE("what the fast way accepts of changed replies it reads as simdjson does, and refuses the rest like simdjson")
{
    // Some of the changes make another good reply: so many that the comparison is worth something.
    CHECK(mutate<boolean_evaluation>(booleans) > 1000);
    CHECK(mutate<variant_evaluation>(variants) > 1000);
    CHECK(mutate<batch_evaluation>(batches, 2) > 500);
}

TEST_CASE("a time is read alike whether its minute was just read or not")
{
    comparison<boolean_evaluation> compare;
    const auto at = [&](std::string_view time) { return compare("{\"timestamp\":\"" + std::string(time) + "\"}"); };
    for (int round = 0; round != 2; ++round) {
        CHECK(at("2026-11-24T15:25:04.723667846Z"));
        CHECK(at("2026-11-24T15:25:00.000000000Z"));
        CHECK(at("2026-11-24T15:25:59.999999999Z"));
        CHECK(at("2026-11-24T15:25:04Z"));
        CHECK(at("2026-11-24T15:25:04.723667846+01:00"));
        CHECK(at("2026-11-24t15:25:04.723667846z"));
        CHECK(at("1677-09-21T00:12:43.145224192Z"));
        CHECK(at("2262-04-11T23:47:16.854775807Z"));
        CHECK(at("1970-01-01T00:00:00.000000000Z"));
        CHECK(!at("1677-09-21T00:12:43.145224191Z"));
        CHECK(!at("2262-04-11T23:47:16.854775808Z"));
        CHECK(!at("2026-11-24T15:25:60.000000000Z"));
        CHECK(!at("2026-11-24T15:25:04.72366784xZ"));
        CHECK(!at("2026-11-24T15:25:04.7236678461Z"));
        CHECK(!at(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0:00.000000000Z", 30)));
    }
}

TEST_CASE("a duration is read alike, and what would need rounding or more digits is left to simdjson")
{
    comparison<boolean_evaluation> compare;
    const auto reads = [&](std::string_view number) {
        return compare("{\"requestDurationMillis\":" + std::string(number) + "}");
    };
    for (const char* const number : {"0", "1", "999999999", "0.1", "0.12", "0.123", "0.1234", "0.12345", "0.123456",
                                     "999999999.999999", "10.000001"})
        CHECK_MESSAGE(reads(number), std::string(number));
    for (const char* const number :
         {"1234567890", "0.1234567", "00", "01", "1.", ".5", "-0", "-1.5", "1e3", "0.1e3", "0.123456e1", "", "null",
          "\"1\"", "99999999999999999999999999999999999999999999999"})
        CHECK_MESSAGE(!reads(number), std::string(number));
}

TEST_CASE("limits hold on the fast way: nesting, and memory that a large document took is given back")
{
    const byte_buffer in = padded(booleans[0], {});
    boolean_evaluation answer;
    reply_reader shallow(1);
    CHECK(shallow.read_boolean(in.data(), in.size(), answer) == errc::response_too_large);
    reply_reader enough(2);
    CHECK(!enough.read_boolean(in.data(), in.size(), answer));
    const byte_buffer batch = padded(batches[0], {});
    batch_evaluation answers;
    for (std::size_t depth = 2; depth != 5; ++depth)
        CHECK(reply_reader(depth).read_batch(batch.data(), batch.size(), answers, 2) == errc::response_too_large);
    CHECK(!reply_reader(5).read_batch(batch.data(), batch.size(), answers, 2));

    // Longer than what the fast way takes: simdjson reads it.
    const byte_buffer large = padded("{\"flagKey\":\"" + std::string(100'000, 'k') + "\"}", {});
    CHECK(!enough.read_boolean(large.data(), large.size(), answer));
    CHECK(answer.flag_key.size() == 100'000);
}

TEST_CASE("a read that succeeds the fast way leaves no words of an earlier failure")
{
    reply_reader reader;
    boolean_evaluation answer;
    const byte_buffer bad = padded("{\"enabled\":1}", {}), good = padded(booleans[0], {});
    CHECK(reader.read_boolean(bad.data(), bad.size(), answer) == errc::invalid_response);
    CHECK(!reader.detail().empty());
    CHECK(!reader.read_boolean(good.data(), good.size(), answer));
    CHECK(reader.detail().empty());
}
