// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Requests and options as they are put together, in one expression and step by step.
#include "flipt/types/request.hpp"

#include <doctest/doctest.h>

#include <utility>

TEST_CASE("a request is the same in one expression and step by step")
{
    const flipt::evaluation_request whole = flipt::evaluation_request("flag", "who")
                                                .with("a", "1")
                                                .with("b", "2")
                                                .with("a", "3")
                                                .in_namespace("ns")
                                                .in_environment("env")
                                                .with_request_id("id")
                                                .at_reference("ref");
    flipt::evaluation_request steps("flag", "who");
    steps.with("a", "1").with("b", "2").with("a", "3");
    steps.in_namespace("ns").in_environment("env").with_request_id("id").at_reference("ref");
    for (const auto* request : {&whole, &std::as_const(steps)}) {
        CHECK(request->flag_key == "flag");
        CHECK(request->entity_id == "who");
        CHECK(request->context == flipt::context_map{{"a", "3"}, {"b", "2"}});
        CHECK(request->namespace_key == "ns");
        CHECK(request->environment_key == "env");
        CHECK(request->request_id == "id");
        CHECK(request->reference == "ref");
    }
}

TEST_CASE("a batch is the same in one expression and step by step")
{
    const flipt::evaluation_request one("flag", "who");
    const flipt::batch_request whole =
        flipt::batch_request().add(one).add(one).in_environment("env").with_request_id("id").at_reference("ref");
    flipt::batch_request steps;
    steps.add(one).add(one).in_environment("env").with_request_id("id").at_reference("ref");
    for (const auto* batch : {&whole, &std::as_const(steps)}) {
        CHECK(batch->requests.size() == 2);
        CHECK(batch->requests[1].flag_key == "flag");
        CHECK(batch->environment_key == "env");
        CHECK(batch->request_id == "id");
        CHECK(batch->reference == "ref");
    }
}

TEST_CASE("options for a list are the same in one expression and step by step")
{
    const flipt::list_options whole = flipt::list_options().in_namespace("ns").in_environment("env").page(7, "token");
    flipt::list_options steps;
    steps.in_namespace("ns").in_environment("env").page(7, "token");
    for (const auto* options : {&whole, &std::as_const(steps)}) {
        CHECK(options->namespace_key == "ns");
        CHECK(options->environment_key == "env");
        CHECK(options->limit == 7);
        CHECK(options->page_token == "token");
    }
}
