// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every operation of the gRPC client in each of its spellings, its circuit breaker, and ends of calls that come early.
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/refreshing_token.hpp"
#include "flipt/token/static_token.hpp"

#include "client_support.hpp"

#include <asio/redirect_error.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace grpc_test;

// A server whose answers repeat what was asked.
struct echo {
    asio::io_context io;
    grpc_test::server server;
    flipt::config settings = settings_for(server);

    echo()
    {
        server.on("Boolean", [](const std::shared_ptr<call>& c) {
            const auto asked = c->as<wire::EvaluationRequest>();
            c->answer(boolean_answer(asked.flag_key(), asked.request_id()));
        });
        server.on("Variant", [](const std::shared_ptr<call>& c) {
            const auto asked = c->as<wire::EvaluationRequest>();
            c->answer(variant_answer(asked.flag_key(), asked.request_id()));
        });
        server.on("Batch", [](const std::shared_ptr<call>& c) {
            const auto asked = c->as<wire::BatchEvaluationRequest>();
            wire::BatchEvaluationResponse answer;
            answer.set_request_id(asked.request_id());
            for (const auto& one : asked.requests())
                *answer.add_responses()->mutable_variant_response() = variant_answer(one.flag_key(), one.request_id());
            c->answer(answer);
        });
        server.on("ListFlags", [](const std::shared_ptr<call>& c) {
            wire::FlagList answer;
            answer.add_flags()->set_key(c->as<wire::ListFlagRequest>().namespace_key());
            c->answer(answer);
        });
        server.on("EvaluationSnapshotNamespace", [](const std::shared_ptr<call>& c) {
            flipt_cpp::wire_v2::Snapshot answer;
            answer.mutable_namespace_()->set_key(c->as<wire::SnapshotRequest>().key());
            c->answer(answer);
        });
        server.on("GetInfo", info(true));
    }

    static wire::BooleanEvaluationResponse boolean_answer(const std::string& flag, const std::string& id)
    {
        wire::BooleanEvaluationResponse answer;
        answer.set_enabled(flag == "on");
        answer.set_flag_key(flag);
        answer.set_request_id(id);
        return answer;
    }
    // The variant is the flag's key; "none" has none.
    static wire::VariantEvaluationResponse variant_answer(const std::string& flag, const std::string& id)
    {
        wire::VariantEvaluationResponse answer;
        answer.set_match(flag != "none");
        answer.set_variant_key(flag == "none" ? "" : flag);
        answer.set_flag_key(flag);
        answer.set_request_id(id);
        return answer;
    }

    template <class Policy = flipt::no_token>
    flipt::grpc_client<Policy> client(Policy policy = Policy())
    {
        return flipt::grpc_client<Policy>(io.get_executor(), settings, std::move(policy));
    }
    void run_all()
    {
        io.restart();
        io.run();
    }
};

const std::error_code not_called = std::make_error_code(std::errc::operation_in_progress);

} // namespace

TEST_CASE_FIXTURE(echo, "async_ spellings into the caller's result")
{
    auto flags = client();
    std::error_code codes[3] = {not_called, not_called, not_called};
    const auto to = [&](int i) { return [&codes, i](std::error_code ec) { codes[i] = ec; }; };
    const flipt::evaluation_request on = ask("on");
    const flipt::evaluation_request blue = ask("blue");
    const flipt::evaluation_request wrong = ask("\xff");
    flipt::boolean_evaluation boolean;
    flipt::variant_evaluation variant;
    flipt::boolean_evaluation untouched;
    flags.async_evaluate_boolean(on, boolean, flipt::call_options(), to(0));
    flags.async_evaluate_variant(blue, variant, flipt::call_options(), to(1));
    flags.async_evaluate_boolean(wrong, untouched, flipt::call_options(), to(2));
    CHECK(codes[0] == not_called);
    run_all();
    CHECK(!codes[0]);
    CHECK(!codes[1]);
    CHECK(codes[2] == flipt::errc::invalid_argument);
    CHECK(boolean.enabled);
    CHECK(boolean.flag_key == "on");
    CHECK(variant.variant_key == "blue");
    CHECK(untouched.flag_key.empty());
}

TEST_CASE_FIXTURE(echo, "async_ spellings that give the result")
{
    auto flags = client();
    int done = 0;
    flags.async_evaluate_variant(ask("blue"), [&](std::error_code ec, const flipt::variant_evaluation& got) {
        CHECK(!ec);
        CHECK(got.variant_key == "blue");
        ++done;
    });
    flipt::batch_request two;
    two.add(ask("a")).add(ask("b"));
    const auto check_batch = [&](std::error_code ec, const flipt::batch_evaluation& got) {
        CHECK(!ec);
        REQUIRE(got.responses.size() == 2);
        CHECK(std::get<flipt::variant_evaluation>(got.responses[1]).variant_key == "b");
        ++done;
    };
    flags.async_evaluate_batch(two, check_batch);
    flags.async_evaluate_batch(two, flipt::call_options(), check_batch);
    flags.async_list_flags(flipt::list_options().in_namespace("game"),
                           [&](std::error_code ec, const flipt::flag_list& got) {
                               CHECK(!ec);
                               REQUIRE(got.flags.size() == 1);
                               CHECK(got.flags[0].key == "game");
                               ++done;
                           });
    flags.async_snapshot(flipt::list_options().in_namespace("game"), {}, flipt::call_options(),
                         [&](std::error_code ec, const flipt::snapshot_document& got) {
                             CHECK(!ec);
                             CHECK(got.json == R"({"namespace":{"key":"game"},"flags":[],"digest":""})");
                             ++done;
                         });
    run_all();
    CHECK(done == 5);
}

TEST_CASE_FIXTURE(echo, "awaited into the caller's result, and thrown where there is none")
{
    auto flags = client();
    flipt::batch_request two;
    two.add(ask("a")).add(ask("b"));
    flipt::batch_evaluation batch;
    run(io, flags.evaluate_batch(two, batch));
    REQUIRE(batch.responses.size() == 2);
    CHECK(std::get<flipt::variant_evaluation>(batch.responses[0]).variant_key == "a");
    const flipt::evaluation_request on = ask("on");
    flipt::boolean_evaluation boolean;
    run(io, flags.evaluate_boolean(on, boolean));
    CHECK(boolean.enabled);
    server.on("Boolean", [](const std::shared_ptr<call>& c) {
        c->finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "no such flag"));
    });
    const outcome missing = fails(io, flags.evaluate_boolean(on, boolean));
    CHECK(missing.ec == flipt::errc::not_found);
    CHECK(missing.details.server_message() == "no such flag");
}

TEST_CASE_FIXTURE(echo, "_or gives the value where there is one")
{
    auto flags = client();
    std::error_code why = not_called;
    CHECK(run(io, flags.evaluate_boolean_or(ask("on"), false, &why)));
    CHECK(!why);
    CHECK_FALSE(run(io, flags.evaluate_boolean_or(ask("off"), true)));
    why = not_called;
    CHECK(run(io, flags.evaluate_variant_or(ask("blue"), "red", &why)) == "blue");
    CHECK(!why);
    why = not_called;
    CHECK(run(io, flags.evaluate_variant_or(ask("none"), "red", &why)) == "red"); // no variant is no error
    CHECK(!why);
    CHECK(run(io, flags.evaluate_variant_or(ask("\xff"), "red", &why)) == "red");
    CHECK(why == flipt::errc::invalid_argument);
}

TEST_CASE_FIXTURE(echo, "lists and snapshots that cannot be read, or asked for")
{
    settings.limits.json_depth = 1;
    auto flags = client();
    server.on("ListFlags", [](const std::shared_ptr<call>& c) {
        wire::FlagList answer;
        (*answer.add_flags()->mutable_metadata()->mutable_fields())["a"].mutable_struct_value();
        c->answer(answer);
    });
    const outcome deep = fails(io, flags.list_flags());
    CHECK(deep.ec == flipt::errc::response_too_large);
    CHECK(deep.details.detail() == "the metadata of a flag is nested too deep");

    settings.limits.json_depth = 64;
    const auto of_info = [&](const std::string& bytes) {
        server.on("GetInfo", [bytes](const std::shared_ptr<call>& c) { c->send_bytes(bytes), c->finish(); });
        auto fresh = client();
        return fails(io, fresh.snapshot());
    };
    CHECK(of_info("\xff").details.detail() == "the bytes are not the message that was expected");
    wire::HttpBody body;
    body.set_data("{}");
    const outcome nothing = of_info(body.SerializeAsString());
    CHECK(nothing.ec == flipt::errc::invalid_response);
    CHECK(nothing.details.detail().find("\"version\"") != std::string::npos);

    settings.server = flipt::server_version::v2;
    auto known = client();
    const std::size_t before = server.seen().size();
    CHECK(fails(io, known.snapshot({}, "a\nb")).ec == flipt::errc::invalid_argument);
    CHECK(server.seen().size() == before);
}

TEST_CASE_FIXTURE(echo, "the circuit breaker opens after failures in a row, and a refusal is none")
{
    std::vector<grpc::StatusCode> script = {grpc::StatusCode::INTERNAL,
                                            grpc::StatusCode::NOT_FOUND, // the server is well: counted anew
                                            grpc::StatusCode::INTERNAL, grpc::StatusCode::UNAVAILABLE};
    std::atomic<std::size_t> at{0};
    server.on("Boolean", [&](const std::shared_ptr<call>& c) {
        c->finish(grpc::Status(script.at(at++ % script.size()), "as written"));
    });
    settings.circuit.failures = 2;
    settings.circuit.pause = 1h;
    settings.retry.retries = 0;
    auto flags = client();
    CHECK(fails(io, flags.evaluate_boolean(ask("a"))).ec == flipt::errc::server_error);
    CHECK(fails(io, flags.evaluate_boolean(ask("a"))).ec == flipt::errc::not_found);
    CHECK(fails(io, flags.evaluate_boolean(ask("a"))).ec == flipt::errc::server_error);
    CHECK(fails(io, flags.evaluate_boolean(ask("\xff"))).ec == flipt::errc::invalid_argument); // says nothing
    CHECK(fails(io, flags.evaluate_boolean(ask("a"))).ec == asio::error::not_connected);
    const outcome open = fails(io, flags.evaluate_boolean(ask("a")));
    CHECK(open.ec == flipt::errc::circuit_open);
    CHECK(open.details.attempts() == 0);
    CHECK(server.seen().size() == 4);
}

TEST_CASE_FIXTURE(echo, "after the pause one call probes; its end without an answer gives the probe back")
{
    settings.circuit.failures = 1;
    settings.circuit.pause = 1ns;
    settings.retry.retries = 0;
    auto flags = client();
    server.on("Variant",
              [](const std::shared_ptr<call>& c) { c->finish(grpc::Status(grpc::StatusCode::INTERNAL, "")); });
    server.on("Boolean", [](const std::shared_ptr<call>&) {}); // answers never
    CHECK(fails(io, flags.evaluate_variant(ask("a"))).ec == flipt::errc::server_error);
    std::error_code probe = not_called;
    flags.async_evaluate_boolean(ask("a"), [&](std::error_code ec, const flipt::boolean_evaluation&) { probe = ec; });
    io.restart();
    io.poll();
    REQUIRE(server.wait_for_calls(2));
    std::error_code second = not_called;
    flags.async_evaluate_boolean(ask("a"), [&](std::error_code ec, const flipt::boolean_evaluation&) { second = ec; });
    while (second == not_called)
        io.run_one();
    CHECK(second == flipt::errc::circuit_open);
    CHECK(probe == not_called);
    flags.cancel();
    flags.cancel(); // once is enough
    run_all();
    CHECK(probe == asio::error::operation_aborted);
    server.on("Variant", [](const std::shared_ptr<call>& c) { c->answer(variant_answer("blue", "")); });
    CHECK(run(io, flags.evaluate_variant(ask("a"))).variant_key == "blue");
    int together = 0; // it is closed: more than one may go
    for (int i = 0; i < 3; ++i)
        flags.async_evaluate_variant(ask("a"), [&](std::error_code ec, const flipt::variant_evaluation&) {
            CHECK(!ec);
            ++together;
        });
    run_all();
    CHECK(together == 3);
}

TEST_CASE_FIXTURE(echo, "repeats of an outage are bounded over all calls")
{
    server.on("Boolean", [](const std::shared_ptr<call>& c) {
        c->finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now"));
    });
    settings.retry.max_backoff = 1ms;
    auto flags = client();
    flipt::call_options options;
    options.retries = 50;
    const outcome first = fails(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(first.ec == asio::error::not_connected);
    CHECK(first.details.attempts() == 11); // a burst of ten repeats
    CHECK(fails(io, flags.evaluate_boolean(ask("a"), options)).details.attempts() == 1);
}

TEST_CASE_FIXTURE(echo, "a call that waits for a token is cancelled, and one whose client is gone is not begun")
{
    auto gate = std::make_shared<asio::steady_timer>(io, std::chrono::steady_clock::time_point::max());
    const auto never = [gate]() -> asio::awaitable<std::string> {
        const auto kept = gate;
        std::error_code ec;
        co_await kept->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        co_return secret_token;
    };
    {
        auto flags = client(flipt::refreshing_token(never));
        std::error_code got = not_called;
        flags.async_evaluate_boolean(ask("a"), [&](std::error_code ec, const flipt::boolean_evaluation&) { got = ec; });
        io.poll();
        CHECK(got == not_called);
        flags.cancel();
        io.poll();
        CHECK(got == asio::error::operation_aborted);
    }
    run_all(); // the refresh ends with the client
    std::optional<flipt::grpc_client<>> gone(client());
    auto work = gone->evaluate_boolean(ask("a"));
    gone.reset();
    CHECK(fails(io, std::move(work)).ec == asio::error::operation_aborted);
    CHECK(server.seen().empty());
}

TEST_CASE_FIXTURE(echo, "an answer to another request is refused, as over HTTP")
{
    auto flags = client();
    const auto id = [](const char* flag) { return ask(flag).with_request_id("mine"); };
    CHECK(run(io, flags.evaluate_boolean(id("on"))).request_id == "mine");
    flipt::batch_request two;
    two.add(id("a")).add(ask("b")).with_request_id("all");
    CHECK(run(io, flags.evaluate_batch(two)).request_id == "all");

    const auto check = [](const outcome& got) {
        CHECK(got.ec == flipt::errc::invalid_response);
        CHECK(got.details.detail().find("requestId") != std::string::npos);
    };
    server.on("Boolean", [](const std::shared_ptr<call>& c) { c->answer(boolean_answer("on", "other")); });
    server.on("Variant", [](const std::shared_ptr<call>& c) { c->answer(variant_answer("blue", "")); });
    check(fails(io, flags.evaluate_boolean(id("on"))));
    check(fails(io, flags.evaluate_variant(id("blue"))));
    CHECK(run(io, flags.evaluate_boolean(ask("on"))).request_id == "other"); // the server makes one up
    for (const unsigned wrong : {0U, 1U, 2U}) {
        CAPTURE(wrong);
        server.on("Batch", [wrong](const std::shared_ptr<call>& c) {
            wire::BatchEvaluationResponse answer;
            answer.set_request_id(wrong == 0 ? "other" : "all");
            *answer.add_responses()->mutable_boolean_response() = boolean_answer("on", wrong == 1 ? "other" : "mine");
            *answer.add_responses()->mutable_variant_response() = variant_answer("b", wrong == 2 ? "other" : "mine");
            answer.add_responses()->mutable_error_response(); // has no id
            c->answer(answer);
        });
        flipt::batch_request three;
        three.add(id("on")).add(id("b")).add(id("missing")).with_request_id("all");
        check(fails(io, flags.evaluate_batch(three)));
    }
}

TEST_CASE_FIXTURE(echo, "the end of a login's token is in the answer only, and one that is past is no token")
{
    const std::string path = "kubernetes-token-of-operations-test";
    std::ofstream(path) << secret_token;
    server.on("VerifyServiceAccount", [](const std::shared_ptr<call>& c) {
        wire::VerifyServiceAccountResponse answer;
        answer.set_client_token("opaque-s3cret");
        answer.mutable_authentication()->mutable_expires_at()->set_seconds(1000);
        c->answer(answer);
    });
    auto flags = client(flipt::kubernetes_token(path));
    const outcome late = fails(io, flags.evaluate_boolean(ask("on")));
    std::remove(path.c_str());
    CHECK(late.ec == flipt::errc::invalid_token);
    CHECK(server.seen() == std::vector<std::string>{"-"}); // only the login
}
