// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Every operation of the client in each of its spellings, against the embedded server.
#include "flipt/call/engine.hpp"
#include "flipt/call/operations.hpp"

#include "harness.hpp"

#include <asio/detached.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <future>
#include <thread>
#include <type_traits>

namespace {

using namespace client_test;
using flipt::testing::any_entity;
using flipt::testing::flavour;
using flipt::testing::server_options;
using flipt::testing::server_thread;

void fill(flipt::testing::flag_scope scope)
{
    scope.set_boolean("flag", any_entity, true);
    scope.set_variant("colour", any_entity, "blue", R"({"a":1})");
    scope.set_variant("nothing", any_entity, "");
}

server_options of(flavour version)
{
    server_options options;
    options.version = version;
    return options;
}

asio::awaitable<void> all_operations(const flipt::client<>& client)
{
    flipt::evaluation_request boolean("flag", "entity");
    boolean.with("region", "eu").with_request_id("id-1");
    const flipt::boolean_evaluation b = co_await client.evaluate_boolean(boolean);
    CHECK(b.enabled);
    CHECK(b.flag_key == "flag");
    CHECK(b.reason == flipt::evaluation_reason::match);
    CHECK(b.request_id == "id-1");
    flipt::boolean_evaluation into;
    co_await client.evaluate_boolean(boolean, into);
    CHECK(into.enabled);

    flipt::evaluation_request variant("colour", "entity");
    const flipt::variant_evaluation v = co_await client.evaluate_variant(variant);
    CHECK(v.match);
    CHECK(v.variant_key == "blue");
    CHECK(v.variant_attachment == R"({"a":1})");
    flipt::variant_evaluation v_into;
    co_await client.evaluate_variant(variant, v_into);
    CHECK(v_into.variant_key == "blue");

    flipt::batch_request batch;
    batch.add(variant).add(flipt::evaluation_request("missing", "e")).add(boolean);
    const flipt::batch_evaluation answers = co_await client.evaluate_batch(batch);
    REQUIRE(answers.responses.size() == 3);
    CHECK(std::holds_alternative<flipt::variant_evaluation>(answers.responses[0]));
    CHECK(std::holds_alternative<flipt::error_evaluation>(answers.responses[1]));
    CHECK(std::holds_alternative<flipt::boolean_evaluation>(answers.responses[2]));
    flipt::batch_evaluation batch_into;
    co_await client.evaluate_batch(batch, batch_into);
    CHECK(batch_into.responses.size() == 3);

    const flipt::flag_list flags = co_await client.list_flags();
    CHECK(flags.flags.size() == 3);
    const std::string flag = co_await client.get_flag("flag");
    CHECK_MESSAGE(flag.find("\"flag\"") != std::string::npos, flag);
    const std::string health = co_await client.health();
    CHECK_MESSAGE(health.find("SERVING") != std::string::npos, health);
    const std::string info = co_await client.info();
    CHECK_MESSAGE(info.front() == '{', info);
    const flipt::snapshot_document document = co_await client.snapshot();
    CHECK_MESSAGE(document.json.find("flag") != std::string::npos, document.json);
    CHECK(!document.not_modified);
    if (!document.etag.empty()) {
        const flipt::snapshot_document same = co_await client.snapshot(flipt::list_options(), document.etag);
        CHECK(same.not_modified);
        CHECK(same.json.empty());
    }
}

asio::awaitable<void> defaults(const flipt::client<>& client)
{
    std::error_code why = errc::conflict;
    flipt::evaluation_request good("flag", "entity");
    flipt::evaluation_request missing("missing", "entity");
    CHECK(co_await client.evaluate_boolean_or(good, false, &why));
    CHECK(!why);
    CHECK(co_await client.evaluate_boolean_or(missing, true, &why));
    CHECK(why == errc::not_found);
    const bool without_why = co_await client.evaluate_boolean_or(missing, false);
    CHECK(!without_why);

    flipt::evaluation_request colour("colour", "entity");
    flipt::evaluation_request nothing("nothing", "entity");
    const std::string blue = co_await client.evaluate_variant_or(colour, "red", &why);
    CHECK(blue == "blue");
    CHECK(!why);
    const std::string none = co_await client.evaluate_variant_or(nothing, "red", &why);
    CHECK(none == "red");
    CHECK(!why);
    const std::string failed = co_await client.evaluate_variant_or(missing, "red", &why);
    CHECK(failed == "red");
    CHECK(why == errc::not_found);
}

} // namespace

TEST_CASE("every operation as an awaitable, on both versions without being told")
{
    for (const flavour version : {flavour::v1, flavour::v2}) {
        server_thread server(of(version));
        fill(*server);
        asio::io_context context;
        flipt::client client(context.get_executor(), settings(server->url()));
        run(context, all_operations(client));
        std::size_t asked = 0;
        for (const auto& request : server->requests())
            asked += request.target == "/meta/info" ? 1U : 0U;
        CHECK(asked == 2); // once to learn the version, once by info()
    }
}

TEST_CASE("the version that the settings name is not asked for")
{
    for (const flavour version : {flavour::v1, flavour::v2}) {
        server_thread server(of(version));
        fill(*server);
        asio::io_context context;
        auto c = settings(server->url());
        c.server = version == flavour::v1 ? flipt::server_version::v1 : flipt::server_version::v2;
        flipt::client client(context.get_executor(), c);
        std::string text;
        auto done = [&](std::error_code ec, std::string json) {
            CHECK(!ec);
            text = std::move(json);
        };
        client.async_get_flag("flag", std::move(done));
        context.run();
        CHECK(!text.empty());
        CHECK(server->request_count() == 1);
    }
}

TEST_CASE("a value or a default, and why")
{
    server_thread server;
    fill(*server);
    asio::io_context context;
    flipt::client client(context.get_executor(), settings(server->url()));
    run(context, defaults(client));
}

TEST_CASE("callbacks, futures and coroutines of another executor get the same answers")
{
    server_thread server;
    fill(*server);
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(server->url()));
    int calls = 0;
    const flipt::evaluation_request boolean("flag", "entity");
    const flipt::evaluation_request variant("colour", "entity");
    flipt::boolean_evaluation b_into;
    flipt::variant_evaluation v_into;
    auto on_boolean = [&](std::error_code ec, const flipt::boolean_evaluation& e) {
        CHECK(!ec);
        CHECK(e.enabled);
        ++calls;
    };
    auto on_variant = [&](std::error_code ec, const flipt::variant_evaluation& e) {
        CHECK(!ec);
        CHECK(e.variant_key == "blue");
        ++calls;
    };
    auto on_code = [&](std::error_code ec) {
        CHECK(!ec);
        ++calls;
    };
    auto on_text = [&](std::error_code ec, const std::string& text) {
        CHECK(!ec);
        CHECK(!text.empty());
        ++calls;
    };
    client.async_evaluate_boolean(boolean, on_boolean);
    client.async_evaluate_boolean(boolean, flipt::call_options{.timeout = 5s}, on_boolean);
    client.async_evaluate_boolean(boolean, b_into, flipt::call_options(), on_code);
    client.async_evaluate_variant(variant, on_variant);
    client.async_evaluate_variant(variant, flipt::call_options(), on_variant);
    client.async_evaluate_variant(variant, v_into, flipt::call_options(), on_code);
    client.async_evaluate_batch(flipt::batch_request().add(boolean), [&](std::error_code ec, const auto& answers) {
        CHECK(!ec);
        CHECK(answers.responses.size() == 1);
        ++calls;
    });
    client.async_list_flags(flipt::list_options(), [&](std::error_code ec, const flipt::flag_list& list) {
        CHECK(!ec);
        CHECK(list.flags.size() == 3);
        ++calls;
    });
    client.async_get_flag("flag", on_text);
    client.async_health(flipt::call_options(), on_text);
    client.async_info(flipt::call_options(), on_text);
    client.async_snapshot(flipt::list_options(), "", flipt::call_options(), [&](std::error_code ec, const auto& d) {
        CHECK(!ec);
        CHECK(!d.json.empty());
        ++calls;
    });
    CHECK(calls == 0); // nothing completes inside the initiating function
    context.run();
    CHECK(calls == 12);
    CHECK(b_into.enabled);
    CHECK(v_into.variant_key == "blue");

    auto guard = asio::make_work_guard(context);
    context.restart();
    std::thread thread([&] { context.run(); });
    std::future<flipt::boolean_evaluation> good = client.async_evaluate_boolean(boolean, asio::use_future);
    CHECK(good.get().enabled);
    auto bad = client.async_evaluate_boolean(flipt::evaluation_request("missing", "e"), asio::use_future);
    std::error_code ec;
    try {
        bad.get();
    } catch (const std::system_error& e) {
        ec = e.code();
    }
    CHECK(ec == errc::not_found);

    // A coroutine on another io_context, run by this thread: it is resumed here and nowhere else.
    asio::io_context other;
    bool same_thread = false;
    auto elsewhere = [](const flipt::client<>& c, flipt::evaluation_request r, bool& same) -> asio::awaitable<void> {
        const auto here = std::this_thread::get_id();
        const flipt::boolean_evaluation e = co_await c.evaluate_boolean(r);
        CHECK(e.enabled);
        const flipt::boolean_evaluation f = co_await c.async_evaluate_boolean(r, asio::use_awaitable);
        CHECK(f.enabled);
        bool threw = false;
        try {
            co_await c.evaluate_boolean(flipt::evaluation_request("missing", "e"));
        } catch (const flipt::error& error) {
            threw = error.code() == errc::not_found;
        }
        CHECK(threw);
        same = here == std::this_thread::get_id();
    };
    run(other, elsewhere(client, boolean, same_thread));
    CHECK(same_thread);
    guard.reset();
    thread.join();
}

TEST_CASE("a call completes on its handler's executor")
{
    server_thread server;
    fill(*server);
    asio::io_context context;
    asio::io_context other;
    const flipt::client client(context.get_executor(), settings(server->url()));
    bool done = false;
    auto handler = [&](std::error_code ec, const flipt::boolean_evaluation&) {
        CHECK(!ec);
        done = true;
    };
    client.async_evaluate_boolean(flipt::evaluation_request("flag", "e"),
                                  asio::bind_executor(other.get_executor(), std::move(handler)));
    context.run();
    CHECK(!done);
    other.run(); // it has not run out of work
    CHECK(done);

    // On a strand of the same context.
    auto strand = asio::make_strand(context);
    bool on_strand = false;
    auto check = [&](std::error_code, const flipt::boolean_evaluation&) {
        on_strand = strand.running_in_this_thread();
    };
    context.restart();
    client.async_evaluate_boolean(flipt::evaluation_request("flag", "e"),
                                  asio::bind_executor(strand, std::move(check)));
    context.run();
    CHECK(on_strand);
}

TEST_CASE("a cancelled callback of another executor ends with operation_aborted, also before the call has begun")
{
    flipt::testing::scripted_peer_thread peer;
    for (const bool begun : {false, true}) {
        asio::io_context context;
        asio::io_context other;
        const flipt::client client(context.get_executor(), settings(peer->url()));
        std::error_code ec;
        asio::cancellation_signal signal;
        auto handler = [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; };
        client.async_evaluate_boolean(
            flipt::evaluation_request("flag", "e"),
            asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(other.get_executor(), std::move(handler))));
        if (begun)
            for (int i = 0; i < 5; ++i)
                context.poll();
        signal.emit(asio::cancellation_type::terminal);
        context.restart();
        context.run();
        other.run();
        CHECK_MESSAGE(ec == asio::error::operation_aborted, name_of(ec));
    }
}

TEST_CASE("diagnostics tell the server's words, in both spellings")
{
    server_thread server;
    fill(*server);
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(server->url()));
    flipt::diagnostics d;
    std::error_code ec;
    client.async_evaluate_boolean(flipt::evaluation_request("missing", "e"), flipt::call_options{.diagnostics = &d},
                                  [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; });
    context.run();
    CHECK(ec == errc::not_found);
    CHECK(d.http_status() == 404);
    CHECK(d.server_message().find("missing") != std::string::npos);
    CHECK(d.attempts() == 1);
    auto thrown = [](const flipt::client<>& c) -> asio::awaitable<void> {
        flipt::evaluation_request request("missing", "e");
        std::string message;
        int status = 0;
        try {
            co_await c.evaluate_boolean(std::move(request));
        } catch (const flipt::error& e) {
            message = e.server_message();
            status = e.http_status();
            CHECK(std::string(e.what()).find("missing") == std::string::npos);
        }
        CHECK(status == 404);
        CHECK(message.find("missing") != std::string::npos);
    };
    run(context, thrown(client));
}

TEST_CASE("environment and namespace go where both versions look for them")
{
    server_thread server;
    fill(*server);
    server->add_environment("prod");
    fill(server->in("team", "prod"));
    asio::io_context context;
    auto c = settings(server->url());
    c.environment_key = "prod";
    c.namespace_key = "team";
    c.headers.emplace_back("X-Extra", "yes");
    const flipt::client client(context.get_executor(), c);
    CHECK(!call(context, client).ec);
    auto last = server->last_request();
    CHECK(last.header("x-flipt-environment") == "prod");
    CHECK(last.header("x-extra") == "yes");
    CHECK(last.header("user-agent").substr(0, 10) == "flipt-cpp/");
    CHECK(!last.has_header("authorization"));
    CHECK(!last.has_header("accept-encoding"));
    CHECK(last.body.find("\"environmentKey\":\"prod\"") != std::string::npos);
    CHECK(last.body.find("\"namespaceKey\":\"team\"") != std::string::npos);

    std::error_code ec;
    flipt::evaluation_request request("flag", "e");
    request.in_environment("nowhere");
    client.async_evaluate_boolean(request, [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; });
    context.restart();
    context.run();
    CHECK(ec == errc::not_found);
    CHECK(server->last_request().header("x-flipt-environment") == "nowhere");

    // A value that would end the header is refused before anything is sent.
    const auto before = server->request_count();
    request.in_environment("a\r\nX-Evil: b");
    client.async_evaluate_boolean(request, [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; });
    context.restart();
    context.run();
    CHECK_MESSAGE(ec == errc::invalid_argument, name_of(ec));
    CHECK(server->request_count() == before);
    CHECK(!call(context, client).ec);
}

TEST_CASE("what cannot be sent is refused before anything is, by every operation")
{
    server_thread server;
    server->add_environment("a");
    for (const auto version : {flipt::server_version::automatic, flipt::server_version::v2})
        for (const std::string evil :
             {"a\r\nX-Evil: b", " ", "a ", "\ta"}) { // one is cut in two, others lose their spaces
            CAPTURE(evil);
            asio::io_context context;
            auto c = settings(server->url());
            c.server = version;
            c.circuit.failures = 1; // what is refused here says nothing of the server
            const flipt::client client(context.get_executor(), c);
            flipt::list_options there;
            there.environment_key = evil;
            std::vector<std::error_code> ended;
            const auto note = [&](std::error_code ec, const auto&) { ended.push_back(ec); };
            const auto ask = [&] { return flipt::evaluation_request("flag", "e").in_environment(evil); };
            client.async_evaluate_boolean(ask(), note);
            client.async_evaluate_variant(ask(), note);
            client.async_evaluate_boolean(flipt::evaluation_request("\xff", "e"), note);
            client.async_evaluate_boolean(flipt::evaluation_request("flag", "e").in_namespace("\xff"), note);
            client.async_evaluate_batch(flipt::batch_request().add(ask()), note);
            client.async_evaluate_batch(flipt::batch_request().add(flipt::evaluation_request("\xff", "e")), note);
            client.async_list_flags(there, note);
            client.async_get_flag("flag", there, flipt::call_options(), note);
            client.async_snapshot(there, "", flipt::call_options(), note);
            client.async_snapshot(flipt::list_options(), evil, flipt::call_options(), note);
            context.run();
            CHECK(ended == std::vector<std::error_code>(10, errc::invalid_argument));
        }
    CHECK(server->observe().connections == 0);
}

TEST_CASE("a call that the version turns out not to allow says nothing bad of the server")
{
    server_thread server(of(flavour::v2));
    asio::io_context context;
    auto c = settings(server->url());
    c.environment_key.clear();
    c.circuit.failures = 1;
    const flipt::client client(context.get_executor(), c);
    flipt::list_options there;
    there.environment_key = "default";
    std::vector<std::error_code> ended;
    const auto note = [&](std::error_code ec, const std::string&) { ended.push_back(ec); };
    const auto ask = [&](const flipt::list_options& where) {
        client.async_get_flag("flag", where, flipt::call_options(), note);
        context.restart();
        context.run();
        return ended.back();
    };
    CHECK(ask({}) == errc::invalid_argument); // after the question for the version
    CHECK(server->request_count() == 1);
    CHECK_MESSAGE(ask(there) == errc::not_found, name_of(ended.back())); // it was asked
}

TEST_CASE("every operation takes a completion token without options")
{
    server_thread server(of(flavour::v1));
    fill(*server);
    server->add(flipt::testing::fault().on("/auth/v1/self").status(200, R"({"id":"me"})"));
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(server->url()));
    const flipt::evaluation_request boolean("flag", "e");
    const flipt::evaluation_request variant("colour", "e");
    const flipt::batch_request both = flipt::batch_request().add(boolean).add(variant);
    flipt::boolean_evaluation boolean_result;
    flipt::variant_evaluation variant_result;
    flipt::batch_evaluation batch_result, batch_given;
    std::vector<std::string> given;
    const auto filled = [&](std::error_code ec) { given.emplace_back(ec ? name_of(ec) : "ok"); };
    const auto text = [&](std::error_code ec, const std::string& body) { given.push_back(ec ? name_of(ec) : body); };
    client.async_evaluate_boolean(boolean, boolean_result, filled);
    client.async_evaluate_variant(variant, variant_result, filled);
    client.async_evaluate_batch(both, batch_result, filled);
    client.async_evaluate_batch(both, batch_given, flipt::call_options(), filled);
    client.async_snapshot(flipt::list_options(), "", [&](std::error_code ec, const flipt::snapshot_document& found) {
        text(ec, found.json.empty() ? "none" : "ok");
    });
    context.run();
    CHECK(given == std::vector<std::string>(5, "ok"));
    CHECK(boolean_result.enabled);
    CHECK(variant_result.variant_key == "blue");
    CHECK(batch_result.responses.size() == 2);
    CHECK(batch_given.responses.size() == 2);
    given.clear();
    client.async_self(text);
    client.async_health(text);
    client.async_info(text);
    context.restart();
    context.run();
    REQUIRE(given.size() == 3);
    for (const std::string& body : given)
        CHECK_MESSAGE(body.front() == '{', body);
}

TEST_CASE("a list names the git reference it is of, and self() asks who the token is")
{
    server_thread server(of(flavour::v1));
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(server->url()), flipt::client_token("who"));
    flipt::list_options where;
    where.reference = "a b&c";
    client.async_list_flags(where, [](std::error_code, const flipt::flag_list&) {});
    context.run();
    const auto listed = server->last_request();
    CHECK(listed.target.substr(listed.target.find('?')) == "?reference=a%20b%26c");
    server->add(flipt::testing::fault().on("/auth/v1/self").status(200, R"({"id":"me"})"));
    auto ask = [](const auto& from, std::string& out) -> asio::awaitable<void> { out = co_await from.self(); };
    std::string who;
    run(context, ask(client, who));
    CHECK(who == R"({"id":"me"})");
    CHECK(server->last_request().target == "/auth/v1/self");
    CHECK(server->last_request().header("Authorization") == "Bearer who");
}

TEST_CASE("keys cannot reach another route")
{
    server_thread server;
    asio::io_context context;
    auto c = settings(server->url());
    c.server = flipt::server_version::v1;
    const flipt::client client(context.get_executor(), c);
    for (const std::string key : {"a?b=c", "a#b", "...", "a b", "a%2Fb", "\xc3\xa9"}) {
        CAPTURE(key);
        std::error_code ec;
        client.async_get_flag(key, [&](std::error_code e, const std::string&) { ec = e; });
        context.restart();
        context.run();
        CHECK(ec);
        const std::string target = server->last_request().target;
        CHECK_MESSAGE(target.rfind("/api/v1/namespaces/default/flags/", 0) == 0, target);
        CHECK_MESSAGE(target.find_first_of("?# ", 33) == std::string::npos, target);
        CHECK_MESSAGE(target.find('/', 33) == std::string::npos, target);
        CHECK_MESSAGE(target.find("%2F", 33) == std::string::npos, target);
    }
}

TEST_CASE("what Flipt would take for another route is refused before anything is sent, by every operation")
{
    using flipt::server_version;
    for (const auto version : {server_version::automatic, server_version::v1, server_version::v2}) {
        server_thread server(of(version == server_version::v2 ? flavour::v2 : flavour::v1));
        fill(*server);
        asio::io_context context;
        auto c = settings(server->url());
        c.server = version;
        const flipt::client client(context.get_executor(), c);
        flipt::diagnostics details;
        flipt::call_options options;
        options.diagnostics = &details;
        for (const std::string bad : {"flag/", "/", "flag/rules", "../../../auth/v1/self", ".", ".."}) {
            CAPTURE(bad);
            flipt::list_options there;
            there.namespace_key = bad;
            flipt::list_options other;
            other.environment_key = bad;
            std::vector<std::error_code> ended;
            const auto note = [&](std::error_code ec, const auto&) {
                ended.push_back(ec);
                CHECK(details.detail().find("path") != std::string::npos);
            };
            client.async_get_flag(bad, flipt::list_options(), options, note);
            client.async_get_flag("flag", there, options, note);
            client.async_get_flag("flag", other, options, note);
            client.async_list_flags(there, options, note);
            client.async_snapshot(there, "", options, note);
            client.async_snapshot(other, "", options, note);
            context.restart();
            context.run();
            CHECK(ended == std::vector<std::error_code>(6, errc::invalid_argument));
        }
        std::string text;
        auto thrown = [](const flipt::client<>& from, std::string& what) -> asio::awaitable<void> {
            try {
                co_await from.get_flag(std::string());
            } catch (const flipt::error& e) {
                CHECK(e.code() == errc::invalid_argument);
                what = e.what();
            }
        };
        run(context, thrown(client, text));
        CHECK_MESSAGE(text.find("cannot go into a path") != std::string::npos, text);
        CHECK(server->request_count() == 0);
    }
}

TEST_CASE("an environment that is switched off is no obstacle on v1, and cannot be asked on v2")
{
    for (const flavour version : {flavour::v1, flavour::v2}) {
        server_thread server(of(version));
        fill(*server);
        asio::io_context context;
        auto c = settings(server->url());
        c.environment_key.clear();
        const flipt::client client(context.get_executor(), c);
        std::error_code ec;
        client.async_get_flag("flag", [&](std::error_code e, const std::string&) { ec = e; });
        context.run();
        CHECK(ec == (version == flavour::v1 ? std::error_code() : make_error_code(errc::invalid_argument)));
    }
}

TEST_CASE("flags are listed whole or page by page")
{
    server_thread server(of(flavour::v1));
    for (int i = 0; i < 25; ++i)
        server->set_boolean("flag-" + std::to_string(i), any_entity, true);
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(server->url()));
    auto pages = [](const flipt::client<>& c) -> asio::awaitable<void> {
        const flipt::flag_list all = co_await c.list_flags();
        CHECK(all.flags.size() == 25);
        std::vector<std::string> keys;
        std::string token;
        int requests = 0;
        do {
            const flipt::flag_list page = co_await c.list_flags(flipt::list_options().page(10, token));
            for (const auto& f : page.flags)
                keys.push_back(f.key);
            token = page.next_page_token;
            ++requests;
        } while (!token.empty() && requests < 10);
        CHECK(requests == 3);
        CHECK(keys.size() == 25);
    };
    run(context, pages(client));
    CHECK(server->request_count() == 4);
}

TEST_CASE("a server that pages by itself is followed to the last page")
{
    flipt::testing::scripted_peer_thread peer;
    peer->add(flipt::testing::script()
                  .expect_request()
                  .reply(R"({"flags":[{"key":"a","type":"BOOLEAN_FLAG_TYPE"}],"nextPageToken":"t&1","totalCount":2})")
                  .expect_request()
                  .reply(R"({"flags":[{"key":"b","type":"BOOLEAN_FLAG_TYPE"}],"nextPageToken":"","totalCount":2})")
                  .hold());
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(peer->url()));
    flipt::flag_list list;
    client.async_list_flags(flipt::list_options(), [&](std::error_code ec, flipt::flag_list l) {
        CHECK(!ec);
        list = std::move(l);
    });
    context.run();
    REQUIRE(list.flags.size() == 2);
    CHECK(list.flags[1].key == "b");
    CHECK(peer->requests()[1].find("pageToken=t%261") != std::string::npos);
}

TEST_CASE("a list that never ends does: at the limit of all its pages, and at a page that names itself")
{
    const auto page = [](const std::string& next) {
        return R"({"flags":[{"key":")" + std::string(1000, 'a') +
               R"(","type":"BOOLEAN_FLAG_TYPE"}],"nextPageToken":")" + next + "\"}";
    };
    flipt::testing::script script;
    flipt::list_options options;
    errc expected = errc::invalid_response;
    std::size_t requests = 0;
    SUBCASE("more pages than the limit of them together")
    {
        for (int i = 0; i < 10; ++i)
            script.expect_request().reply(page(std::to_string(i)));
        expected = errc::response_too_large;
        requests = 4;
    }
    SUBCASE("the same page again")
    {
        script.expect_request().reply(page("same")).expect_request().reply(page("same"));
        requests = 2;
    }
    SUBCASE("the page that the caller asked for")
    {
        script.expect_request().reply(page("same"));
        options.page(10, "same");
        requests = 1;
    }
    flipt::testing::scripted_peer_thread peer;
    peer->add(script.hold());
    asio::io_context context;
    auto c = settings(peer->url());
    c.limits.snapshot = 3 * page("0").size();
    const flipt::client client(context.get_executor(), c);
    std::error_code ended;
    client.async_list_flags(options, [&](std::error_code ec, const flipt::flag_list&) { ended = ec; });
    context.run();
    CHECK_MESSAGE(ended == expected, name_of(ended));
    CHECK(peer->requests().size() == requests);
}

TEST_CASE("a list of one page is bounded by max_response_size alone")
{
    server_thread server(of(flavour::v1));
    fill(*server);
    asio::io_context context;
    auto c = settings(server->url());
    c.limits.snapshot = 1;
    const flipt::client client(context.get_executor(), c);
    std::size_t size = 0;
    client.async_list_flags(flipt::list_options(),
                            [&](std::error_code, const flipt::flag_list& l) { size = l.flags.size(); });
    context.run();
    CHECK(size == 3);
}

TEST_CASE("only the snapshot itself is bounded by the limit of snapshots")
{
    const std::string big(100'000, 'y');
    flipt::testing::script script;
    std::error_code expected = errc::response_too_large;
    int status = 0;
    SUBCASE("the answer which version it is")
    {
        script.expect_request().reply(R"({"version":"v1.61.0","x":")" + big + "\"}");
    }
    SUBCASE("an error")
    {
        const std::string body = R"({"code":5,"message":")" + big + "\"}";
        script.expect_request().reply(R"({"version":"v1.61.0"})");
        script.expect_request().send("HTTP/1.1 404 Not Found\r\nContent-Length: " + std::to_string(body.size()) +
                                     "\r\n\r\n" + body);
    }
    SUBCASE("the snapshot")
    {
        script.expect_request().reply(R"({"version":"v1.61.0"})");
        script.expect_request().reply(R"({"x":")" + big + "\"}");
        expected = {};
        status = 200;
    }
    flipt::testing::scripted_peer_thread peer;
    peer->add(script.hold());
    asio::io_context context;
    auto c = settings(peer->url());
    c.max_response_size = 1000;
    const flipt::client client(context.get_executor(), c);
    std::error_code ended = errc::conflict;
    flipt::diagnostics details;
    flipt::call_options options;
    options.diagnostics = &details;
    client.async_snapshot(flipt::list_options(), "", options, [&](std::error_code ec, const auto&) { ended = ec; });
    context.run();
    CHECK_MESSAGE(ended == expected, name_of(ended));
    if (status != 0)
        CHECK(details.http_status() == status);
}

TEST_CASE("a snapshot that is no JSON object is no success")
{
    std::string deep = "{\"a\":";
    for (int i = 0; i < 70; ++i)
        deep += '[';
    for (int i = 0; i < 70; ++i)
        deep += ']';
    const std::pair<std::string, errc> bad[] = {
        {"<html>no JSON</html>", errc::invalid_response},
        {"", errc::invalid_response},
        {"[]", errc::invalid_response},
        {"{\"flags\":[", errc::invalid_response},
        {"{}{}", errc::invalid_response},
        {"{\"a\":\"\xff\"}", errc::invalid_response},
        {deep + "}", errc::response_too_large},
    };
    for (const auto& [body, expected] : bad) {
        CAPTURE(body);
        flipt::testing::scripted_peer_thread peer;
        peer->add(flipt::testing::script().expect_request().reply(body).hold());
        asio::io_context context;
        auto c = settings(peer->url());
        c.server = flipt::server_version::v2;
        const flipt::client client(context.get_executor(), c);
        std::error_code ended;
        std::string json = "?";
        client.async_snapshot(flipt::list_options(), "", flipt::call_options(), [&](std::error_code ec, const auto& d) {
            ended = ec;
            json = d.json;
        });
        context.run();
        CHECK_MESSAGE(ended == expected, name_of(ended));
        CHECK(json.empty());
    }
}

TEST_CASE("health is asked without a token")
{
    server_thread server;
    fill(*server);
    asio::io_context context;
    const flipt::client client(context.get_executor(), settings(server->url()), flipt::jwt_token("a.b.c"));
    client.async_health(flipt::call_options(), [](std::error_code ec, const std::string&) { CHECK(!ec); });
    context.run();
    CHECK(!server->last_request().has_header("authorization"));
    CHECK(!call(context, client).ec);
    CHECK(server->last_request().header("authorization") == "JWT a.b.c");
}

TEST_CASE("a client moves, and one that was moved over ends its calls")
{
    server_thread server;
    fill(*server);
    flipt::testing::scripted_peer_thread silent;
    asio::io_context context;
    flipt::client first(context.get_executor(), settings(server->url()));
    flipt::client second(context.get_executor(), settings(silent->url()));
    std::error_code ec;
    second.async_evaluate_boolean(flipt::evaluation_request("flag", "e"),
                                  [&](std::error_code e, const flipt::boolean_evaluation&) { ec = e; });
    flipt::client third(std::move(first));
    second = std::move(third);
    context.run();
    CHECK(ec == asio::error::operation_aborted);
    CHECK(!call(context, second).ec);
    CHECK(second.get_executor() == asio::any_io_executor(context.get_executor()));
    static_assert(std::is_nothrow_move_constructible_v<flipt::client<>>);
    static_assert(!std::is_copy_constructible_v<flipt::client<>>);
}

TEST_CASE("cancel() ends the calls and leaves the client usable")
{
    flipt::testing::scripted_peer_thread peer;
    peer->add(flipt::testing::script().expect_request().hold());
    peer->add(flipt::testing::script().expect_request().reply(good_json).repeat());
    asio::io_context context;
    flipt::client client(context.get_executor(), settings(peer->url()));
    cancellable_call<flipt::client<>> c(context, client);
    CHECK(run_until(context, [&] { return peer->requests().size() == 1; }));
    client.cancel();
    CHECK(run_until(context, [&] { return c.ended; }));
    CHECK(c.out.ec == asio::error::operation_aborted);
    CHECK(!call(context, client).ec);
}

TEST_CASE("settings that cannot work are refused by name")
{
    asio::io_context context;
    class refused {
    public:
        std::function<void(flipt::config&)> spoil;
        const char* says;
    };
    const refused cases[] = {
        {[](flipt::config& c) { c.endpoint = "ftp://host"; }, "scheme"},
        {[](flipt::config& c) { c.endpoint = "http://user:pw@host"; }, "user"},
        {[](flipt::config& c) { c.endpoint = "http://host/?q=1"; }, "query"},
        {[](flipt::config& c) { c.endpoint = "http://host/#f"; }, "fragment"},
        {[](flipt::config& c) { c.endpoint = "http://[fe80::1%25eth0]/"; }, "zone"},
        {[](flipt::config& c) { c.endpoint = "http://host:99999"; }, "port"},
        {[](flipt::config& c) { c.endpoint = ""; }, ""},
        {[](flipt::config& c) { c.headers.emplace_back("Host", "x"); }, "Host"},
        {[](flipt::config& c) { c.headers.emplace_back("authorization", "x"); }, "authorization"},
        {[](flipt::config& c) { c.headers.emplace_back("Content-Length", "1"); }, "Content-Length"},
        {[](flipt::config& c) { c.headers.emplace_back("X-A", "a\r\nb"); }, "X-A"},
        {[](flipt::config& c) { c.namespace_key = std::string("a\0b", 3); }, "namespace_key"},
        {[](flipt::config& c) { c.environment_key = "a\r\nb"; }, "environment_key"},
        {[](flipt::config& c) { c.environment_key = "staging "; }, "environment_key"},
        {[](flipt::config& c) { c.environment_key = "\t"; }, "environment_key"},
        {[](flipt::config& c) {
             c.endpoint = "https://host";
             c.tls.server_name = std::string("good.example\0.evil", 18);
         },
         "server_name"},
        {[](flipt::config& c) {
             c.endpoint = "https://host";
             c.tls.ca_file = "/nonexistent/ca.pem";
         },
         "/nonexistent/ca.pem"},
        {[](flipt::config& c) {
             c.endpoint = "https://host";
             c.tls.ca_pem = "not PEM";
         },
         "ca_pem"},
        {[](flipt::config& c) {
             c.endpoint = "https://host";
             c.tls.certificate_file = "/nonexistent/cert.pem";
         },
         "private_key_file"},
    };
    for (const refused& r : cases) {
        flipt::config c;
        r.spoil(c);
        CAPTURE(c.endpoint);
        std::string what;
        try {
            flipt::client client(context.get_executor(), c);
        } catch (const flipt::error& e) {
            what = e.what();
            CHECK(e.code() == errc::invalid_config);
        }
        CHECK_MESSAGE(what.find(r.says) != std::string::npos, what);
        CHECK(!what.empty());
        CHECK(what.find("pw") == std::string::npos);
    }
    flipt::client with_defaults(context.get_executor());
    CHECK(context.run() == 0);
}

TEST_CASE("io_context::run() returns soon after the last call")
{
    server_thread server;
    fill(*server);
    asio::io_context context;
    flipt::client client(context.get_executor(), settings(server->url()));
    clock::time_point ended;
    client.async_evaluate_boolean(flipt::evaluation_request("flag", "e"),
                                  [&](std::error_code, const flipt::boolean_evaluation&) { ended = clock::now(); });
    context.run();
    CHECK(clock::now() - ended < 150ms);
}

TEST_CASE("a document is what the server it was asked of gives, though another call has learnt better since")
{
    using flipt::server_version;
    asio::io_context context;
    const auto engine = flipt::detail::make_engine(context.get_executor(), flipt::config(),
                                                   flipt::detail::make_provider(flipt::no_token()), nullptr);
    const std::pair<server_version, server_version> cases[] = {{server_version::v1, server_version::v2},
                                                               {server_version::v1, server_version::automatic},
                                                               {server_version::v2, server_version::v1},
                                                               {server_version::v2, server_version::automatic}};
    for (const auto& [asked, then] : cases) {
        CAPTURE(static_cast<int>(asked));
        CAPTURE(static_cast<int>(then));
        std::string json = R"({"resource":{"key":"a","payload":{"key":"b"}}})";
        const std::size_t size = json.size();
        json.append(64, ' '); // readers want room behind
        const flipt::detail::reply_view reply{.status = 200, .body = json.data(), .size = size, .etag = {}};
        flipt::detail::byte_buffer out;
        flipt::detail::request_writer writer(out);
        flipt::detail::reply_step next = flipt::detail::reply_step::done;

        engine->version = asked;
        flipt::detail::snapshot_operation snapshot("default", "default", {});
        CHECK(!snapshot.write(writer, *engine));
        flipt::detail::get_flag_operation flag("a", {});
        CHECK(!flag.write(writer, *engine));
        engine->version = then;
        CHECK(!snapshot.read(reply, *engine, next));
        CHECK(snapshot.take_result().version == asked);
        CHECK(snapshot.body_limit(engine->settings()) == engine->settings().limits.snapshot);
        CHECK(!flag.read(reply, *engine, next));
        CHECK(flag.take_result() == (asked == server_version::v1 ? json.substr(0, size) : R"({"key":"b"})"));
    }
}
