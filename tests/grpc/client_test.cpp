// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The client over gRPC: what is sent, what comes back, errors, repeats, tokens, cancellation.
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/refreshing_token.hpp"
#include "flipt/token/static_token.hpp"

#include "client_support.hpp"

#include <asio/redirect_error.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace grpc_test;

struct fixture {
    asio::io_context io;
    grpc_test::server server;
    flipt::config settings = settings_for(server);

    template <class Policy = flipt::no_token>
    flipt::grpc_client<Policy> client(Policy policy = Policy())
    {
        return flipt::grpc_client<Policy>(io.get_executor(), settings, std::move(policy));
    }
};

} // namespace

TEST_CASE_FIXTURE(fixture,
                  "an evaluation is sent to Flipt's message and read from it, with Flipt's own code beside ours")
{
    std::promise<flipt::evaluation::EvaluationRequest> asked;
    server.on("Boolean", [&](const std::shared_ptr<call>& c) {
        asked.set_value(c->as<flipt::evaluation::EvaluationRequest>());
        flipt::evaluation::BooleanEvaluationResponse answer; // theirs
        answer.set_enabled(true);
        answer.set_reason(2);
        answer.set_request_id("r1");
        answer.set_request_duration_millis(1.5);
        answer.set_flag_key("dark-mode");
        answer.add_segment_keys("red");
        c->answer(answer);
    });
    auto flags = client();
    flipt::evaluation_request wanted("dark-mode", "ada");
    wanted.with("team", "red")
        .in_namespace("game")
        .in_environment("staging")
        .with_request_id("r1")
        .at_reference("main");
    const flipt::boolean_evaluation got = run(io, flags.evaluate_boolean(wanted));
    const auto sent = asked.get_future().get();
    CHECK(sent.flag_key() == "dark-mode");
    CHECK(sent.entity_id() == "ada");
    CHECK(sent.namespace_key() == "game");
    CHECK(sent.environment_key() == "staging");
    CHECK(sent.request_id() == "r1");
    CHECK(sent.reference() == "main");
    CHECK(sent.context().at("team") == "red");
    CHECK(got.enabled);
    CHECK(got.reason == flipt::evaluation_reason::match);
    CHECK(got.flag_key == "dark-mode");
    CHECK(got.request_id == "r1");
    CHECK(got.segment_keys == std::vector<std::string>{"red"});
    CHECK(got.duration == 1500us);
}

TEST_CASE_FIXTURE(fixture, "metadata of a call: the token once and lower-case, environment, headers, user agent")
{
    std::promise<std::vector<std::string>> seen;
    server.on("Variant", [&](const std::shared_ptr<call>& c) {
        seen.set_value({c->metadata("authorization"), c->metadata("Authorization"), c->metadata("x-flipt-environment"),
                        c->metadata("x-team"), c->metadata("user-agent")});
        wire::VariantEvaluationResponse answer;
        answer.set_match(true);
        answer.set_variant_key("blue");
        answer.set_variant_attachment("{\"a\":1}");
        answer.mutable_timestamp()->set_seconds(1);
        answer.mutable_timestamp()->set_nanos(5);
        c->answer(answer);
    });
    settings.headers = {{"X-Team", "red"}};
    auto flags = client(flipt::jwt_token(secret_token));
    flipt::variant_evaluation got;
    const flipt::evaluation_request wanted = ask("color");
    run(io, flags.evaluate_variant(wanted, got));
    const auto all = seen.get_future().get();
    CHECK(all[0] == "JWT " + std::string(secret_token));
    CHECK(all[1] == "-");
    CHECK(all[2] == "default");
    CHECK(all[3] == "red");
    CHECK(all[4].substr(0, 10) == "flipt-cpp/");
    CHECK(got.variant_key == "blue");
    CHECK(got.variant_attachment == "{\"a\":1}");
    CHECK(got.timestamp.time_since_epoch() == 1s + 5ns);
}

TEST_CASE_FIXTURE(fixture, "a batch keeps the order and knows its three kinds of answers")
{
    int missing = 0;
    server.on("Batch", [&](const std::shared_ptr<call>& c) {
        const auto asked = c->as<wire::BatchEvaluationRequest>();
        wire::BatchEvaluationResponse answer;
        answer.set_request_id(asked.request_id());
        answer.add_responses()->mutable_boolean_response()->set_flag_key(asked.requests(0).flag_key());
        answer.add_responses()->mutable_variant_response()->set_flag_key(asked.requests(1).flag_key());
        auto* error = answer.add_responses()->mutable_error_response();
        error->set_flag_key(asked.requests(2).flag_key());
        error->set_reason(1);
        if (missing != 0)
            answer.mutable_responses()->RemoveLast();
        c->answer(answer);
    });
    auto flags = client();
    flipt::batch_request three;
    three.add(ask("a")).add(ask("b")).add(ask("c")).with_request_id("r7");
    const flipt::batch_evaluation got = run(io, flags.evaluate_batch(three));
    REQUIRE(got.responses.size() == 3);
    CHECK(got.request_id == "r7");
    CHECK(std::get<flipt::boolean_evaluation>(got.responses[0]).flag_key == "a");
    CHECK(std::get<flipt::variant_evaluation>(got.responses[1]).flag_key == "b");
    CHECK(std::get<flipt::error_evaluation>(got.responses[2]).reason == flipt::error_evaluation_reason::not_found);
    flipt::batch_evaluation kept;
    std::error_code ended = make_error_code(flipt::errc::server_error);
    flags.async_evaluate_batch(three, kept, [&](std::error_code ec) { ended = ec; });
    io.restart();
    io.run();
    CHECK(!ended);
    CHECK(kept.responses.size() == 3);
    missing = 1;
    const outcome short_one = fails(io, flags.evaluate_batch(three));
    CHECK(short_one.ec == flipt::errc::invalid_response);
    three.in_environment("one").requests[1].in_environment("other");
    const outcome mixed = fails(io, flags.evaluate_batch(three));
    CHECK(mixed.ec == flipt::errc::invalid_argument);
    CHECK(server.seen().size() == 3);
}

TEST_CASE_FIXTURE(fixture, "all pages of the flags are listed, with their metadata as JSON")
{
    server.on("ListFlags", [&](const std::shared_ptr<call>& c) {
        const auto asked = c->as<wire::ListFlagRequest>();
        wire::FlagList page;
        page.set_total_count(2);
        wire::Flag& one = *page.add_flags();
        one.set_type(1);
        one.set_key(asked.page_token().empty() ? "first" : "second");
        auto& fields = *one.mutable_metadata()->mutable_fields();
        fields["n"].set_number_value(1.5);
        fields["list"].mutable_list_value()->add_values()->set_bool_value(true);
        fields["text"].set_string_value("a\"b");
        fields["none"].set_null_value(0);
        if (asked.page_token().empty())
            page.set_next_page_token("more");
        c->answer(page);
    });
    auto flags = client();
    const flipt::flag_list all = run(io, flags.list_flags());
    REQUIRE(all.flags.size() == 2);
    CHECK(all.flags[0].key == "first");
    CHECK(all.flags[1].key == "second");
    CHECK(all.flags[0].type == flipt::flag_type::boolean);
    CHECK(all.flags[0].metadata == R"({"list":[true],"n":1.5,"none":null,"text":"a\"b"})");
    CHECK(all.total_count == 2);
    const flipt::flag_list page = run(io, flags.list_flags(flipt::list_options().page(1)));
    CHECK(page.flags.size() == 1);
    CHECK(page.next_page_token == "more");
}

TEST_CASE_FIXTURE(fixture, "refusals are the errors they are over HTTP")
{
    auto flags = client(flipt::jwt_token(secret_token));
    const outcome missing = fails(io, flags.evaluate_boolean(ask("missing")));
    CHECK(missing.ec == flipt::errc::not_found);
    CHECK(missing.details.http_status() == 404);
    CHECK(missing.details.server_message() == "flag \"default/missing\" not found");
    CHECK(missing.details.attempts() == 1);
    const outcome refused = fails(io, flags.evaluate_boolean(ask("denied")));
    CHECK(refused.ec == flipt::errc::unauthenticated);
    CHECK(refused.details.attempts() == 1); // a fixed token does not get better
    const outcome unknown = fails(io, flags.evaluate_variant(ask("x")));
    CHECK(unknown.ec == flipt::errc::server_error);
    CHECK(unknown.details.http_status() == 501);
    server.on("Variant", [](const std::shared_ptr<call>& c) { c->send_bytes("\xff\xff"), c->finish(); });
    const outcome garbage = fails(io, flags.evaluate_variant(ask("x")));
    CHECK(garbage.ec == flipt::errc::invalid_response);
    CHECK(garbage.details.detail() == "the bytes are not the message that was expected");
}

TEST_CASE_FIXTURE(fixture, "what cannot be sent is refused before it is")
{
    auto flags = client();
    const outcome bytes = fails(io, flags.evaluate_boolean(ask("\xff")));
    CHECK(bytes.ec == flipt::errc::invalid_argument);
    const outcome line = fails(io, flags.evaluate_boolean(ask("a").in_environment("x\ny")));
    CHECK(line.ec == flipt::errc::invalid_argument);
    const outcome umlaut = fails(io, flags.evaluate_boolean(ask("a").in_environment("\xc3\xa4")));
    CHECK(umlaut.ec == flipt::errc::invalid_argument);
    const outcome space = fails(io, flags.evaluate_boolean(ask("a").in_environment("x ")));
    CHECK(space.ec == flipt::errc::invalid_argument);
    flipt::list_options tab;
    tab.environment_key = "\t";
    flipt::list_options blank;
    blank.environment_key = " ";
    flipt::list_options latin;
    latin.namespace_key = "\xff";
    CHECK(fails(io, flags.list_flags(blank)).ec == flipt::errc::invalid_argument);
    for (const outcome& unasked :
         {fails(io, flags.snapshot(tab)), fails(io, flags.snapshot(blank)), fails(io, flags.snapshot(latin)),
          fails(io, flags.snapshot(flipt::list_options(), "\n"))}) {
        CHECK(unasked.ec == flipt::errc::invalid_argument);
        CHECK(unasked.details.http_status() == 0); // and no question for the version came before
    }
    auto empty = client(flipt::jwt_token(""));
    const outcome no_token = fails(io, empty.evaluate_boolean(ask("a")));
    CHECK(no_token.ec == flipt::errc::invalid_token);
    CHECK(server.seen().empty());

    const auto refused_settings = [&](const flipt::config& wrong) {
        try {
            const flipt::grpc_client made(io.get_executor(), wrong, flipt::no_token());
        } catch (const flipt::error& e) {
            return e.code() == flipt::errc::invalid_config;
        }
        return false;
    };
    const auto refused = [&](const char* endpoint, const char* name, const char* value) {
        flipt::config wrong;
        wrong.endpoint = endpoint;
        wrong.headers = {{name, value}};
        return refused_settings(wrong);
    };
    CHECK_FALSE(refused("http://127.0.0.1:1", "X-Fine", "yes"));
    CHECK(refused("http://127.0.0.1:1/path", "X-Fine", "yes"));
    CHECK(refused("ftp://127.0.0.1:1", "X-Fine", "yes"));
    CHECK(refused("http://127.0.0.1:1", "x!", "yes"));
    CHECK(refused("http://127.0.0.1:1", "Authorization", "JWT x"));
    CHECK(refused("http://127.0.0.1:1", "grpc-timeout", "1S"));
    CHECK(refused("http://127.0.0.1:1", "x", "\xc3\xa4"));
    CHECK(refused("http://127.0.0.1:1", "x", "a "));
    for (const char* bad : {"a\nb", "\t", "\xff"}) {
        flipt::config names;
        names.namespace_key = bad;
        CHECK(refused_settings(names));
        names = flipt::config();
        names.environment_key = bad;
        CHECK(refused_settings(names));
    }
    for (const char* bad : {"\xc3\xa4", "staging "}) {
        flipt::config environment;
        environment.environment_key = bad;
        CHECK(refused_settings(environment));
    }
}

TEST_CASE_FIXTURE(fixture, "a server that is away for a moment is asked again; one that stays away is no answer")
{
    std::atomic<int> calls{0};
    server.on("Boolean", [&](const std::shared_ptr<call>& c) {
        if (++calls < 3)
            return c->finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "not now"));
        c->answer(wire::BooleanEvaluationResponse());
    });
    auto flags = client();
    flipt::diagnostics report;
    flipt::call_options options;
    options.diagnostics = &report;
    run(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(report.attempts() == 3);
    CHECK(report.http_status() == 200);
    calls = -10;
    options.retries = 0;
    const outcome away = fails(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(away.ec == asio::error::not_connected);
    CHECK(away.details.http_status() == 0);
    CHECK(away.details.server_message() == "not now");
    {
        grpc_test::server gone;
        settings.endpoint = "http://" + gone.address();
    }
    auto nobody = client();
    const outcome refused = fails(io, nobody.evaluate_boolean(ask("a")));
    CHECK(refused.ec == asio::error::not_connected);
    std::error_code why;
    const bool value = run(io, nobody.evaluate_boolean_or(ask("a"), true, &why));
    CHECK(value);
    CHECK(why == asio::error::not_connected);
    const std::string variant = run(io, nobody.evaluate_variant_or(ask("a"), "otherwise"));
    CHECK(variant == "otherwise");
}

TEST_CASE_FIXTURE(fixture, "limits: replies, and snapshots with a limit of their own")
{
    const auto big = [](const std::shared_ptr<call>& c) {
        flipt_cpp::wire_v2::Snapshot snapshot;
        snapshot.mutable_namespace_()->set_key(std::string(4000, 'n'));
        c->answer(snapshot);
    };
    server.on("EvaluationSnapshotNamespace", big);
    settings.server = flipt::server_version::v2;
    settings.max_response_size = 1000;
    auto flags = client();
    const outcome large = fails(io, flags.evaluate_boolean(ask("big")));
    CHECK(large.ec == flipt::errc::response_too_large);
    CHECK(large.details.http_status() == 0);
    const flipt::snapshot_document document = run(io, flags.snapshot());
    CHECK(document.json.size() > 4000);
    settings.limits.snapshot = 2000;
    auto strict = client();
    const outcome larger = fails(io, strict.snapshot());
    CHECK(larger.ec == flipt::errc::response_too_large);
    server.on("Boolean", [](const std::shared_ptr<call>& c) {
        c->header("x-long", std::string(200'000, 'x'));
        c->answer(wire::BooleanEvaluationResponse());
    });
    const outcome head = fails(io, flags.evaluate_boolean(ask("a")));
    CHECK(head.ec == flipt::errc::response_too_large);
}

TEST_CASE_FIXTURE(fixture, "the deadline ends a call, also before it is sent")
{
    auto flags = client();
    flipt::call_options options;
    options.timeout = 50ms;
    const outcome late = fails(io, flags.evaluate_boolean(ask("hang"), options));
    CHECK(late.ec == flipt::errc::timed_out);
    CHECK(late.details.http_status() == 0);
    options.timeout = -1s;
    const outcome before = fails(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(before.ec == flipt::errc::timed_out);
    CHECK(before.details.attempts() == 0);
    options.timeout = std::chrono::hours(24 * 365 * 280); // no time of the system's clock
    CHECK_NOTHROW(run(io, flags.evaluate_boolean(ask("a"), options)));
}

TEST_CASE_FIXTURE(fixture, "per-operation cancellation, cancel() and the end of the client end a call")
{
    auto flags = client();
    asio::cancellation_signal signal;
    std::vector<std::error_code> got;
    const auto keep = [&](std::error_code ec, const flipt::boolean_evaluation&) { got.push_back(ec); };
    flags.async_evaluate_boolean(ask("hang"), asio::bind_cancellation_slot(signal.slot(), keep));
    flags.async_evaluate_boolean(ask("hang"), keep);
    std::optional<flipt::grpc_client<>> other(client());
    other->async_evaluate_boolean(ask("hang"), keep);
    io.poll();
    REQUIRE(server.wait_for_calls(3));
    CHECK(got.empty());
    asio::post(io, [&] { signal.emit(asio::cancellation_type::total); });
    io.run_one();
    while (got.empty())
        io.run_one();
    CHECK(got.size() == 1);
    flags.cancel();
    while (got.size() == 1)
        io.run_one();
    other.reset();
    io.run();
    REQUIRE(got.size() == 3);
    for (const std::error_code& ec : got)
        CHECK(ec == asio::error::operation_aborted);
    CHECK(server.wait_for_cancelled(3));
    const flipt::boolean_evaluation after = run(io, flags.evaluate_boolean(ask("usable")));
    CHECK(after.enabled);
}

TEST_CASE_FIXTURE(fixture, "an io_context that goes first takes calls and handlers with it")
{
    auto alive = std::make_shared<int>(1);
    {
        asio::io_context other;
        flipt::grpc_client flags(other.get_executor(), settings, flipt::no_token());
        flags.async_evaluate_boolean(ask("hang"), [alive](std::error_code, const flipt::boolean_evaluation&) {});
        other.poll();
        REQUIRE(server.wait_for_calls(1));
        CHECK(alive.use_count() == 2);
    }
    CHECK(alive.use_count() == 1);
    CHECK(server.wait_for_cancelled(1));
}

namespace {

// Tokens one after the other; the first refresh waits for the test.
class login {
public:
    explicit login(asio::io_context& io, bool open) : state_(std::make_shared<state>(io))
    {
        if (open)
            this->open();
    }
    asio::awaitable<std::string> operator()()
    {
        const auto kept = state_;
        const int number = ++kept->calls;
        std::error_code ec;
        co_await kept->gate.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        co_return std::string(secret_token) + std::to_string(number);
    }
    void open() { state_->gate.expires_at(std::chrono::steady_clock::time_point::min()); }
    [[nodiscard]] int calls() const { return state_->calls; }

private:
    struct state {
        explicit state(asio::io_context& io) : gate(io, std::chrono::steady_clock::time_point::max()) {}
        asio::steady_timer gate;
        int calls = 0;
    };
    std::shared_ptr<state> state_;
};

} // namespace

TEST_CASE_FIXTURE(fixture, "a slow token is fetched once and awaited without a blocked thread")
{
    login slow(io, false);
    auto flags = client(flipt::refreshing_token(slow));
    int answers = 0;
    for (int i = 0; i < 3; ++i)
        flags.async_evaluate_boolean(ask("a"), [&](std::error_code ec, const flipt::boolean_evaluation&) {
            CHECK(!ec);
            ++answers;
        });
    int turns = 0; // of other work on the only thread
    while (slow.calls() == 0 || turns < 100) {
        asio::post(io, [&] { ++turns; });
        io.run_one();
    }
    CHECK(answers == 0);
    CHECK(server.seen().empty());
    slow.open();
    io.run();
    CHECK(answers == 3);
    CHECK(slow.calls() == 1);
    const std::string first = "JWT " + std::string(secret_token) + "1";
    CHECK(server.seen() == std::vector<std::string>{first, first, first});

    login never(io, false);
    auto waits = client(flipt::refreshing_token(never));
    flipt::call_options options;
    options.timeout = 30ms;
    const auto limited = [](flipt::grpc_client<flipt::refreshing_token<login>>& c, flipt::call_options o,
                            asio::io_context& context) -> asio::awaitable<std::error_code> {
        std::error_code ec;
        try {
            co_await c.evaluate_boolean(ask("a"), o);
        } catch (const flipt::error& e) {
            ec = e.code();
        }
        context.stop(); // the refresh goes on for ever
        co_return ec;
    };
    const std::error_code ec = run(io, limited(waits, options, io));
    CHECK(ec == flipt::errc::timed_out);
}

TEST_CASE_FIXTURE(fixture, "a refresh that has ended before anybody waits for it is noticed, and the next one begins")
{
    int fetched = 0;
    bool failing = true;
    // Going where it is already, it is not suspended: Asio ends the whole refresh inside co_spawn().
    const auto at_once = [&]() -> asio::awaitable<std::string> {
        ++fetched;
        co_await asio::dispatch(io, asio::use_awaitable);
        if (failing)
            throw std::runtime_error("no token");
        co_return std::string(secret_token) + std::to_string(fetched);
    };
    flipt::refresh_options quick;
    quick.initial_backoff = 0ms;
    auto flags = client(flipt::refreshing_token(at_once, quick));
    flipt::call_options options;
    options.timeout = 5s;
    const outcome failed = grpc_test::fails(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(failed.ec == flipt::errc::invalid_token);
    CHECK(fetched == 4); // no pause was asked for, but a call gives up
    failing = false;
    run(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(fetched == 5);
    const std::string last = "JWT " + std::string(secret_token) + "6";
    server.on("Boolean", [last](const std::shared_ptr<call>& c) {
        if (c->metadata("authorization") == last)
            c->answer(wire::BooleanEvaluationResponse());
        else
            c->finish(denied());
    });
    run(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(fetched == 6);
}

TEST_CASE_FIXTURE(fixture, "a refused token is renewed once, and the renewed one is seen from then on")
{
    const std::string second = "JWT " + std::string(secret_token) + "2";
    server.on("Boolean", [second](const std::shared_ptr<call>& c) {
        if (c->metadata("authorization") == second)
            c->answer(wire::BooleanEvaluationResponse());
        else
            c->finish(denied());
    });
    flipt::refresh_options quick;
    quick.initial_backoff = 0ms;
    login fast(io, true);
    auto flags = client(flipt::refreshing_token(fast, quick));
    flipt::diagnostics report;
    flipt::call_options options;
    options.diagnostics = &report;
    run(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(report.attempts() == 2);
    run(io, flags.evaluate_boolean(ask("a"), options));
    CHECK(report.attempts() == 1);
    CHECK(server.seen() == std::vector<std::string>{"JWT " + std::string(secret_token) + "1", second, second});

    server.on("Boolean", [](const std::shared_ptr<call>& c) { c->finish(denied()); });
    const outcome refused = fails(io, flags.evaluate_boolean(ask("a")));
    CHECK(refused.ec == flipt::errc::unauthenticated);
    CHECK(refused.details.attempts() == 2);
}

TEST_CASE_FIXTURE(fixture, "kubernetes_token logs in over gRPC, without a token in that call")
{
    const std::string path = "kubernetes-token-of-grpc-test";
    std::ofstream(path) << secret_token;
    std::promise<std::string> login_token;
    server.on("VerifyServiceAccount", [&](const std::shared_ptr<call>& c) {
        login_token.set_value(c->as<wire::VerifyServiceAccountRequest>().service_account_token());
        wire::VerifyServiceAccountResponse answer;
        answer.set_client_token("opaque-s3cret");
        c->answer(answer);
    });
    auto flags = client(flipt::kubernetes_token(path));
    run(io, flags.evaluate_boolean(ask("a")));
    std::remove(path.c_str());
    CHECK(login_token.get_future().get() == secret_token);
    CHECK(server.seen() == std::vector<std::string>{"-", "Bearer opaque-s3cret"});
}
