// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Messages of evaluations, lists and logins: what becomes of them, and what is refused, each way.
#include "flipt/grpc/codec.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/types/error.hpp"

#include "flipt_cpp/wire.pb.h"
#include "recorded_message.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
namespace detail = flipt::v0::detail;
namespace wire = flipt_cpp::wire;

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
const std::string broken = "a\xff"; // no UTF-8

grpc::ByteBuffer buffer_of(std::string_view bytes)
{
    const grpc::Slice slice(bytes.data(), bytes.size());
    return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer buffer_of(const google::protobuf::MessageLite& message)
{
    return buffer_of(std::string_view(message.SerializeAsString()));
}

std::string text_of(const grpc::ByteBuffer& bytes)
{
    std::vector<grpc::Slice> slices;
    CHECK(bytes.Dump(&slices).ok());
    std::string out;
    for (const grpc::Slice& slice : slices)
        out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return out;
}

template <class Message>
Message sent(const grpc::ByteBuffer& bytes)
{
    Message message;
    CHECK(message.ParseFromString(text_of(bytes)));
    return message;
}

// What was read, or why nothing was.
template <class Answer>
class read_answer {
public:
    read_answer() = default;

    [[nodiscard]] bool refused(std::string_view why) const
    {
        return ec == flipt::errc::invalid_response && reason == why;
    }

    Answer value;
    std::error_code ec;
    std::string reason;
};

template <class Answer, class Message, class... More>
read_answer<Answer> read(const Message& message, More... more)
{
    read_answer<Answer> got;
    detail::decode_detail why;
    got.ec = detail::decode(buffer_of(message), got.value, more..., why);
    got.reason = why.text;
    return got;
}

read_answer<flipt::flag_list> read_list(const wire::FlagList& message, std::size_t max_depth = 64)
{
    return read<flipt::flag_list>(message, false, max_depth);
}

std::string nanoseconds(const std::optional<flipt::timestamp_type>& time)
{
    return time ? std::to_string(time->time_since_epoch().count()) : "-";
}

std::string all_of(const flipt::flag_variant& v)
{
    return v.id + "|" + v.flag_key + "|" + v.key + "|" + v.name + "|" + v.description + "|" + v.attachment + "|" +
           v.namespace_key + "|" + nanoseconds(v.created_at) + "|" + nanoseconds(v.updated_at) + "\n";
}

std::string all_of(const flipt::flag_list& list)
{
    std::string out = list.next_page_token + "|" + std::to_string(list.total_count) + "\n";
    for (const flipt::flag& f : list.flags) {
        out += f.key + "|" + f.name + "|" + f.description + "|" + f.namespace_key + "|" +
               std::string(flipt::to_string(f.type)) + (f.enabled ? "|on|" : "|off|") + nanoseconds(f.created_at) +
               "|" + nanoseconds(f.updated_at) + "|" + f.metadata + "\n";
        for (const flipt::flag_variant& v : f.variants)
            out += all_of(v);
        out += "default " + (f.default_variant ? all_of(*f.default_variant) : "none\n");
    }
    return out;
}

// The same reply over HTTP.
flipt::flag_list over_http(std::string_view json)
{
    detail::reply_reader reader(64);
    detail::byte_buffer padded; // with the room behind it that the reader wants
    padded.append(json);
    flipt::flag_list out;
    CHECK(!reader.read_flags(padded.data(), padded.size(), out, false));
    return out;
}

// Metadata {"a":{"a":… 1}}, or the same in lists, so deep.
wire::FlagList nested(int depth, bool lists)
{
    wire::FlagList list;
    wire::Value* at = &(*list.add_flags()->mutable_metadata()->mutable_fields())["a"];
    for (int i = 1; i < depth; ++i)
        at = lists ? at->mutable_list_value()->add_values() : &(*at->mutable_struct_value()->mutable_fields())["a"];
    at->set_number_value(1);
    return list;
}

} // namespace

TEST_CASE("reasons of both kinds of evaluation, one that is new to us being unknown")
{
    const std::pair<int, flipt::evaluation_reason> reasons[] = {
        {0, flipt::evaluation_reason::unknown}, {1, flipt::evaluation_reason::flag_disabled},
        {2, flipt::evaluation_reason::match},   {3, flipt::evaluation_reason::default_value},
        {4, flipt::evaluation_reason::unknown}, {-1, flipt::evaluation_reason::unknown}};
    for (const auto& [number, reason] : reasons) {
        CAPTURE(number);
        wire::BooleanEvaluationResponse boolean;
        boolean.set_reason(number);
        CHECK(read<flipt::boolean_evaluation>(boolean).value.reason == reason);
        wire::VariantEvaluationResponse variant;
        variant.set_reason(number);
        CHECK(read<flipt::variant_evaluation>(variant).value.reason == reason);
    }
}

TEST_CASE("a duration is in nanoseconds, bounded, and refused if it is no finite number")
{
    const std::pair<double, std::chrono::nanoseconds> durations[] = {
        {0.000001, 1ns}, {2.5, 2500us}, {-1, -1ms}, {1e300, 9'000'000'000s}, {-1e300, -9'000'000'000s}};
    wire::BooleanEvaluationResponse message;
    for (const auto& [milliseconds, expected] : durations) {
        CAPTURE(milliseconds);
        message.set_request_duration_millis(milliseconds);
        CHECK(read<flipt::boolean_evaluation>(message).value.duration == expected);
    }
    for (const double milliseconds : {infinite, -infinite, not_a_number}) {
        CAPTURE(milliseconds);
        message.set_request_duration_millis(milliseconds);
        CHECK(read<flipt::boolean_evaluation>(message).refused("the duration is no finite number"));
        wire::VariantEvaluationResponse variant;
        variant.set_request_duration_millis(milliseconds);
        CHECK(read<flipt::variant_evaluation>(variant).refused("the duration is no finite number"));
        wire::BatchEvaluationResponse batch;
        batch.set_request_duration_millis(milliseconds);
        CHECK(read<flipt::batch_evaluation>(batch, std::size_t{0}).refused("the duration is no finite number"));
    }
}

TEST_CASE("a time that the clock cannot have refuses the evaluation, alone and in a batch")
{
    constexpr std::int64_t last = 9'223'372'035; // of 64 bits of nanoseconds
    const auto with = [](std::int64_t seconds, std::int32_t nanos) {
        wire::BooleanEvaluationResponse message;
        message.mutable_timestamp()->set_seconds(seconds);
        message.mutable_timestamp()->set_nanos(nanos);
        return message;
    };
    CHECK(read<flipt::boolean_evaluation>(with(-1, 5)).value.timestamp.time_since_epoch() == -1s + 5ns);
    CHECK(read<flipt::boolean_evaluation>(with(last, 0)).value.timestamp.time_since_epoch().count() ==
          last * 1'000'000'000);
    for (const auto& wrong : {with(last + 2, 0), with(-last - 2, 0), with(0, -1), with(0, 1'000'000'000)}) {
        CHECK(read<flipt::boolean_evaluation>(wrong).refused("the timestamp is out of range"));
        wire::BatchEvaluationResponse batch;
        *batch.add_responses()->mutable_boolean_response() = wrong;
        CHECK(read<flipt::batch_evaluation>(batch, std::size_t{1}).refused("the timestamp is out of range"));
    }
    // An answer without a time has none of the one before.
    flipt::boolean_evaluation reused;
    reused.timestamp = flipt::timestamp_type(1s);
    detail::decode_detail why;
    CHECK(!detail::decode(buffer_of(wire::BooleanEvaluationResponse()), reused, why));
    CHECK(reused.timestamp == flipt::timestamp_type());
}

TEST_CASE("answers of a batch: errors with their reasons, and none of a kind nobody knows")
{
    wire::BatchEvaluationResponse batch;
    batch.set_request_duration_millis(1);
    auto* missing = batch.add_responses()->mutable_error_response();
    missing->set_flag_key("f");
    missing->set_namespace_key("game");
    missing->set_reason(1);
    batch.add_responses()->mutable_error_response()->set_reason(0);
    const auto got = read<flipt::batch_evaluation>(batch, std::size_t{2});
    REQUIRE(got.value.responses.size() == 2);
    CHECK(got.value.duration == 1ms);
    const auto& first = std::get<flipt::error_evaluation>(got.value.responses[0]);
    CHECK(first.flag_key == "f");
    CHECK(first.namespace_key == "game");
    CHECK(first.reason == flipt::error_evaluation_reason::not_found);
    const auto& second = std::get<flipt::error_evaluation>(got.value.responses[1]);
    CHECK(second.reason == flipt::error_evaluation_reason::unknown);
    batch.add_responses()->set_type(7);
    CHECK(read<flipt::batch_evaluation>(batch, std::size_t{3}).refused("an answer of the batch is of no known type"));
    CHECK(read<flipt::batch_evaluation>(batch, std::size_t{2})
              .refused("the batch has another number of answers than requests"));
}

TEST_CASE("recorded lists of flags that come as messages are read as they are over HTTP")
{
    int lists = 0;
    for (const char* file : {"v1.jsonl", "v2.jsonl"}) {
        simdjson::dom::parser lines;
        simdjson::dom::parser parser;
        const simdjson::padded_string text =
            simdjson::padded_string::load(std::string(FLIPT_TEST_DATA) + "/flipt-wire/" + file);
        for (const simdjson::dom::element line : lines.parse_many(text)) {
            const simdjson::padded_string body{std::string_view(line["response"]["body"])};
            simdjson::dom::object document;
            simdjson::dom::element count;
            if (parser.parse(body).get(document) != simdjson::SUCCESS ||
                document["totalCount"].get(count) != simdjson::SUCCESS || document["flags"].error() != 0)
                continue;
            ++lists;
            CAPTURE(std::string_view(line["name"]));
            flipt::flag_list got;
            detail::decode_detail why;
            CHECK(!detail::decode(buffer_of(grpc_test::recorded_message::bytes(0, "list", document)), got, false, 64,
                                  why));
            CHECK(all_of(got) == all_of(over_http(std::string_view(body))));
        }
    }
    CHECK(lists >= 8);
}

TEST_CASE("metadata of every kind is JSON with its keys in order, as deep as is allowed")
{
    wire::FlagList list;
    auto& fields = *list.add_flags()->mutable_metadata()->mutable_fields();
    auto& inner = *fields["b"].mutable_struct_value()->mutable_fields();
    inner["z"].set_bool_value(false);
    inner["y"].set_null_value(0);
    fields["a"].mutable_list_value()->add_values()->mutable_struct_value();
    fields["a"].mutable_list_value()->add_values()->set_number_value(-0.5);
    fields["c"]; // of no kind
    CHECK(read_list(list).value.flags.at(0).metadata == R"({"a":[{},-0.5],"b":{"y":null,"z":false},"c":null})");

    list.mutable_flags(0)->clear_metadata();
    CHECK(read_list(list).value.flags.at(0).metadata.empty());
    for (const bool lists : {false, true}) {
        CAPTURE(lists);
        CHECK(!read_list(nested(5, lists), 5).ec);
        const auto deep = read_list(nested(6, lists), 5);
        CHECK(deep.ec == flipt::errc::response_too_large);
        CHECK(deep.reason == "the metadata of a flag is nested too deep");
        CHECK(read_list(nested(1, lists), 0).ec == flipt::errc::response_too_large);
    }
}

TEST_CASE("what a list of flags is refused for")
{
    wire::FlagList list;
    wire::Flag& flag = *list.add_flags();
    flag.set_key("f");
    const wire::FlagList good = list;
    flag.set_type(2);
    CHECK(read_list(list).refused("a flag is of no known type"));
    list = good;
    list.set_total_count(-1);
    CHECK(read_list(list).refused("the count of flags is negative"));
    list = good;
    list.mutable_flags(0)->mutable_created_at()->set_nanos(-1);
    CHECK(read_list(list).refused("a time of a flag is out of range"));
    list = good;
    list.mutable_flags(0)->mutable_updated_at()->set_nanos(-1);
    CHECK(read_list(list).refused("a time of a flag is out of range"));
    list = good;
    list.mutable_flags(0)->add_variants()->mutable_created_at()->set_nanos(-1);
    CHECK(read_list(list).refused("a time of a variant is out of range"));
    list = good;
    list.mutable_flags(0)->mutable_default_variant()->mutable_updated_at()->set_nanos(-1);
    CHECK(read_list(list).refused("a time of a variant is out of range"));
    CHECK(!read_list(good).ec);
}

TEST_CASE("a page is added to those before it, or takes their place")
{
    wire::FlagList page;
    page.add_flags()->set_key("b");
    page.set_next_page_token("more");
    flipt::flag_list list;
    list.flags.emplace_back().key = "a";
    detail::decode_detail why;
    CHECK(!detail::decode(buffer_of(page), list, true, 64, why));
    REQUIRE(list.flags.size() == 2);
    CHECK(list.flags[1].key == "b");
    CHECK(list.next_page_token == "more");
    CHECK(!detail::decode(buffer_of(page), list, false, 64, why));
    REQUIRE(list.flags.size() == 1);
    CHECK(list.flags[0].key == "b");
}

TEST_CASE("bytes that are no message are refused whatever was expected, and a buffer without any")
{
    const std::string_view why = "the bytes are not the message that was expected";
    const auto check = [&](const grpc::ByteBuffer& bytes, std::string_view expected) {
        const auto refused = [&](auto&& decode_into) {
            detail::decode_detail got;
            const std::error_code ec = decode_into(got);
            return ec == flipt::errc::invalid_response && got.text == expected;
        };
        flipt::boolean_evaluation boolean;
        CHECK(refused([&](auto& d) { return detail::decode(bytes, boolean, d); }));
        flipt::variant_evaluation variant;
        CHECK(refused([&](auto& d) { return detail::decode(bytes, variant, d); }));
        flipt::batch_evaluation batch;
        CHECK(refused([&](auto& d) { return detail::decode(bytes, batch, 0, d); }));
        flipt::flag_list list;
        CHECK(refused([&](auto& d) { return detail::decode(bytes, list, false, 64, d); }));
        std::string body;
        CHECK(refused([&](auto& d) { return detail::decode_http_body(bytes, body, d); }));
        flipt::secret token;
        std::optional<std::chrono::system_clock::time_point> expires;
        CHECK(refused([&](auto& d) { return detail::decode_service_account(bytes, token, expires, d); }));
    };
    check(buffer_of(std::string_view("\x0a\x7f")), why); // longer than it is
    check(buffer_of(std::string_view("\xff")), why);
    check(grpc::ByteBuffer(), "the message cannot be read");
}

TEST_CASE("a login's answer has a token, and its end where it has one that can be")
{
    const auto login = [](const char* token, std::int64_t seconds, std::int32_t nanos) {
        wire::VerifyServiceAccountResponse message;
        message.set_client_token(token);
        message.mutable_authentication()->mutable_expires_at()->set_seconds(seconds);
        message.mutable_authentication()->mutable_expires_at()->set_nanos(nanos);
        return message;
    };
    using clock = std::chrono::system_clock;
    flipt::secret token;
    std::optional<clock::time_point> expires;
    detail::decode_detail why;
    CHECK(!detail::decode_service_account(buffer_of(login("s3cret", 1'800'000'000, 0)), token, expires, why));
    CHECK(token.view() == "s3cret");
    CHECK(expires == clock::time_point(1'800'000'000s));
    for (const auto& endless : {login("x", 0, 0), login("x", -5, 0), login("x", INT64_MAX, 0), login("x", 5, -1)}) {
        expires = clock::time_point();
        CHECK(!detail::decode_service_account(buffer_of(endless), token, expires, why));
        CHECK_FALSE(expires.has_value());
    }
    CHECK(detail::decode_service_account(buffer_of(login("", 5, 0)), token, expires, why) ==
          flipt::errc::invalid_response);
    CHECK(why.text == "the answer holds no client token");
}

TEST_CASE("the JSON of an HTTP body is taken as it is")
{
    wire::HttpBody body;
    body.set_data("{\"\xff\"}"); // bytes, which need not be UTF-8
    std::string text;
    detail::decode_detail why;
    CHECK(!detail::decode_http_body(buffer_of(body), text, why));
    CHECK(text == body.data());
}

TEST_CASE("no text of an evaluation is sent that is not UTF-8")
{
    const auto encode = [](const flipt::evaluation_request& request, detail::request_defaults defaults) {
        grpc::ByteBuffer out;
        return detail::encode_evaluation(request, defaults, out);
    };
    const flipt::evaluation_request good("f\xc3\xa4", "\xf0\x9f\x8e\xae");
    CHECK(!encode(good, {"default", "default"}));
    CHECK(encode(good, {broken, "default"}) == flipt::errc::invalid_argument);
    CHECK(encode(good, {"default", broken}) == flipt::errc::invalid_argument);
    for (const auto member : {&flipt::evaluation_request::flag_key, &flipt::evaluation_request::entity_id,
                              &flipt::evaluation_request::namespace_key, &flipt::evaluation_request::environment_key,
                              &flipt::evaluation_request::request_id, &flipt::evaluation_request::reference}) {
        flipt::evaluation_request bad = good;
        bad.*member = broken;
        CHECK(encode(bad, {"default", "default"}) == flipt::errc::invalid_argument);
    }
    flipt::evaluation_request key = good;
    CHECK(encode(key.with(broken, "x"), {}) == flipt::errc::invalid_argument);
    flipt::evaluation_request value = good;
    CHECK(encode(value.with("x", broken), {}) == flipt::errc::invalid_argument);
}

TEST_CASE("a batch is of one environment, and of texts that are UTF-8")
{
    grpc::ByteBuffer out;
    flipt::batch_request batch;
    batch.add(flipt::evaluation_request("a", "ada").in_environment("one"));
    batch.add(flipt::evaluation_request("b", "ada")).with_request_id("r").at_reference("main");
    REQUIRE(!detail::encode_batch(batch, {"default", "other"}, out));
    const auto message = sent<wire::BatchEvaluationRequest>(out);
    CHECK(message.request_id() == "r");
    CHECK(message.reference() == "main");
    REQUIRE(message.requests_size() == 2);
    for (const auto& item : message.requests()) {
        CHECK(item.environment_key() == "one"); // of the item that has one
        CHECK(item.namespace_key() == "default");
    }
    const auto refused = [&](const flipt::batch_request& bad) {
        return detail::encode_batch(bad, {"default", "other"}, out) == flipt::errc::invalid_argument;
    };
    flipt::batch_request bad = batch;
    CHECK(refused(bad.with_request_id(broken)));
    bad = batch;
    CHECK(refused(bad.at_reference(broken)));
    bad = batch;
    CHECK(refused(bad.add(flipt::evaluation_request(broken, "ada"))));
    bad = batch;
    CHECK(refused(bad.add(flipt::evaluation_request("c", "ada").in_environment("two"))));
    CHECK_FALSE(refused(batch));
}

TEST_CASE("what a list, a snapshot, a stream and a login send, and do not")
{
    grpc::ByteBuffer out;
    const detail::request_defaults defaults{"default", "main"};
    flipt::list_options options = flipt::list_options().page(7);
    options.reference = "v2";
    REQUIRE(!detail::encode_list(options, defaults, "next", out));
    const auto list = sent<wire::ListFlagRequest>(out);
    CHECK(list.limit() == 7);
    CHECK(list.page_token() == "next");
    CHECK(list.namespace_key() == "default");
    CHECK(list.environment_key() == "main");
    CHECK(list.reference() == "v2");
    const auto refused = [&](const flipt::list_options& bad, std::string_view page = {}) {
        return detail::encode_list(bad, defaults, page, out) == flipt::errc::invalid_argument;
    };
    CHECK(refused(options, broken));
    CHECK(refused(flipt::list_options().in_namespace(broken)));
    CHECK(refused(flipt::list_options().in_environment(broken)));
    options.reference = broken;
    CHECK(refused(options));
    CHECK_FALSE(refused(flipt::list_options().page(2147483647)));
    CHECK(refused(flipt::list_options().page(2147483648)));

    REQUIRE(!detail::encode_snapshot("game", "staging", out));
    CHECK(sent<wire::SnapshotRequest>(out).key() == "game");
    CHECK(sent<wire::SnapshotRequest>(out).environment_key() == "staging");
    CHECK(detail::encode_snapshot(broken, "", out) == flipt::errc::invalid_argument);
    CHECK(detail::encode_snapshot("", broken, out) == flipt::errc::invalid_argument);

    REQUIRE(!detail::encode_stream("game", "staging", "", out));
    CHECK_FALSE(sent<wire::SnapshotStreamRequest>(out).has_digest());
    REQUIRE(!detail::encode_stream("game", "staging", "abc", out));
    CHECK(sent<wire::SnapshotStreamRequest>(out).digest() == "abc");
    CHECK(sent<wire::SnapshotStreamRequest>(out).key() == "game");
    CHECK(sent<wire::SnapshotStreamRequest>(out).environment_key() == "staging");
    CHECK(detail::encode_stream(broken, "", "", out) == flipt::errc::invalid_argument);
    CHECK(detail::encode_stream("", broken, "", out) == flipt::errc::invalid_argument);
    CHECK(detail::encode_stream("", "", broken, out) == flipt::errc::invalid_argument);

    REQUIRE(!detail::encode_service_account("s3cret", out));
    CHECK(sent<wire::VerifyServiceAccountRequest>(out).service_account_token() == "s3cret");
    CHECK(detail::encode_service_account(broken, out) == flipt::errc::invalid_token);
    detail::encode_nothing(out);
    CHECK(text_of(out).empty());
}
