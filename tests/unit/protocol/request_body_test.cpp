// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies of evaluation requests.
#include "flipt/protocol/request_body.hpp"
#include "flipt/types/error.hpp"

#include <doctest/doctest.h>

#include <string>

using flipt::batch_request;
using flipt::evaluation_request;
using flipt::detail::byte_buffer;
using flipt::detail::request_defaults;

namespace {

constexpr request_defaults defaults = {"default", "production"};

std::string body(const evaluation_request& request)
{
    byte_buffer out;
    const std::error_code ec = write_evaluation(out, request, defaults);
    return ec ? ec.message() : std::string(out.view());
}

std::string body(const batch_request& batch)
{
    byte_buffer out;
    const std::error_code ec = write_batch(out, batch, defaults);
    return ec ? ec.message() : std::string(out.view());
}

} // namespace

TEST_CASE("an evaluation has exactly Flipt's fields, with the defaults in place of what is empty")
{
    CHECK(
        body(evaluation_request("lobby", "player-42")) ==
        R"({"environmentKey":"production","namespaceKey":"default","flagKey":"lobby","entityId":"player-42","context":{}})");
    CHECK(body(evaluation_request("lobby", "p")
                   .with("region", "eu")
                   .with("level", "12")
                   .in_namespace("arena")
                   .in_environment("staging")
                   .with_request_id("r-1")
                   .at_reference("main")) ==
          R"({"environmentKey":"staging","namespaceKey":"arena","flagKey":"lobby","entityId":"p",)"
          R"("context":{"region":"eu","level":"12"},"requestId":"r-1","reference":"main"})");
}

TEST_CASE("what needs an escape is escaped in every field, and nothing can add a field")
{
    const std::string nasty = "a\"},\\\n";
    const std::string nasty_json = R"("a\"},\\\n")";
    const auto request = evaluation_request(nasty, nasty)
                             .with(nasty, nasty)
                             .in_namespace(nasty)
                             .in_environment(nasty)
                             .with_request_id(nasty)
                             .at_reference(nasty);
    CHECK(body(request) == "{\"environmentKey\":" + nasty_json + ",\"namespaceKey\":" + nasty_json + ",\"flagKey\":" +
                               nasty_json + ",\"entityId\":" + nasty_json + ",\"context\":{" + nasty_json + ":" +
                               nasty_json + "},\"requestId\":" + nasty_json + ",\"reference\":" + nasty_json + "}");
    CHECK(body(evaluation_request("gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac"))
              .find("\"flagKey\":\"gr\xc3\xbc\xc3\x9f\",\"entityId\":\"\xe2\x82\xac\"") != std::string::npos);
}

TEST_CASE("text that is not UTF-8 is an invalid argument in every field and leaves the buffer as it was")
{
    const std::string bad = "long enough for blocks \xff";
    const evaluation_request requests[] = {
        evaluation_request(bad, "e"),
        evaluation_request("f", bad),
        evaluation_request("f", "e").with(bad, "v"),
        evaluation_request("f", "e").with("k", bad),
        evaluation_request("f", "e").in_namespace(bad),
        evaluation_request("f", "e").in_environment(bad),
        evaluation_request("f", "e").with_request_id(bad),
        evaluation_request("f", "e").at_reference(bad),
    };
    for (const evaluation_request& request : requests) {
        byte_buffer out;
        out.append("head");
        CHECK(write_evaluation(out, request, defaults) == flipt::errc::invalid_argument);
        CHECK(out.view() == "head");
        CHECK(write_batch(out, batch_request().add(request), defaults) == flipt::errc::invalid_argument);
        CHECK(out.view() == "head");
    }
    byte_buffer out;
    CHECK(write_batch(out, batch_request().with_request_id(bad), defaults) == flipt::errc::invalid_argument);
    CHECK(write_batch(out, batch_request().at_reference(bad), defaults) == flipt::errc::invalid_argument);
    CHECK(out.empty());
}

TEST_CASE("a batch is written in order, all of one environment")
{
    CHECK(body(batch_request()) == R"({"requests":[]})");
    CHECK(body(batch_request()
                   .add(evaluation_request("a", "1"))
                   .add(evaluation_request("b", "2").in_environment("staging"))
                   .with_request_id("batch-1")
                   .at_reference("main")) ==
          R"({"requestId":"batch-1","requests":[)"
          R"({"environmentKey":"staging","namespaceKey":"default","flagKey":"a","entityId":"1","context":{}},)"
          R"({"environmentKey":"staging","namespaceKey":"default","flagKey":"b","entityId":"2","context":{}}],)"
          R"("reference":"main"})");
    CHECK(environment_of(batch_request(), defaults) == "production");
    CHECK(environment_of(batch_request().in_environment("x"), defaults) == "x");
    CHECK(body(batch_request()
                   .add(evaluation_request("a", "1").in_environment("one"))
                   .add(evaluation_request("b", "2").in_environment("two"))) ==
          flipt::make_error_code(flipt::errc::invalid_argument).message());
}
