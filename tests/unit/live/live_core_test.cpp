// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Live snapshots over a way to the server that the test plays: loads that throw, ends at a chosen moment, saved files.
#include "flipt/live/saved_file.hpp"
#include "flipt/live/transport.hpp"

#include "unit/live/live.hpp"

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using flipt::errc;
using flipt::detail::fetch_outcome;
using test::document;
using test::run;

using answer = std::function<fetch_outcome()>;

asio::awaitable<fetch_outcome> play(asio::any_io_executor executor, answer a, std::shared_ptr<asio::steady_timer> held)
{
    std::error_code ignored;
    if (held)
        co_await held->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    constexpr int turns = 10; // an answer is never there at once: who waits for it does so by then
    for (int i = 0; i != turns; ++i)
        co_await asio::post(executor, asio::use_awaitable);
    fetch_outcome out = a();
    co_return out;
}

/// Gives the answers in turn, the last one for ever. Its pauses after a failure are none.
class played_transport final : public flipt::detail::live_transport {
public:
    explicit played_transport(asio::io_context& io) : executor_(io.get_executor()) {}

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept override { return executor_; }
    [[nodiscard]] const flipt::config& settings() const noexcept override { return settings_; }
    [[nodiscard]] flipt::server_version version() const noexcept override { return kind; }
    void forget_version() noexcept override { ++forgotten; }
    [[nodiscard]] double random_unit() override { return 0; }
    [[nodiscard]] const char* refusal(const flipt::live_namespace&) const override { return nullptr; }
    [[nodiscard]] asio::awaitable<fetch_outcome> fetch(const flipt::live_namespace& wanted,
                                                       const std::string& etag) override
    {
        etags.push_back(etag);
        if (held && wanted.namespace_key == held_namespace)
            return play(executor_, held_answer, held);
        answer now = answers.front();
        if (answers.size() > 1)
            answers.pop_front();
        return play(executor_, std::move(now), nullptr);
    }
    void follow(const flipt::live_namespace&, const std::string&, std::shared_ptr<flipt::detail::stream_sink> to,
                asio::cancellation_slot, ended_function at_end) override
    {
        REQUIRE_MESSAGE(begin_stream, "v1 has no stream");
        begin_stream();
        if (!keep_stream)
            return;
        sink = std::move(to);
        ended = std::move(at_end);
    }
    void shutdown() override { shut = true; }
    void limit(std::size_t bytes) { settings_.limits.snapshot = bytes; }

    flipt::server_version kind = flipt::server_version::v1;
    std::function<void()> begin_stream; ///< of v2; the stream is mute
    bool keep_stream = false;           ///< keeps what follows, which the test must let go: it holds this object
    std::shared_ptr<flipt::detail::stream_sink> sink;
    ended_function ended;
    std::deque<answer> answers;
    std::vector<std::string> etags;
    std::shared_ptr<asio::steady_timer> held; ///< if not null, a namespace's answers wait for it
    std::string held_namespace;
    answer held_answer;
    int forgotten = 0;
    bool shut = false;

private:
    asio::any_io_executor executor_;
    flipt::config settings_;
};

class played_snapshot : public flipt::live_snapshot<> {
public:
    played_snapshot(std::shared_ptr<played_transport> calls, flipt::live_options options)
        : live_snapshot(&policy(), std::move(calls), std::move(options))
    {}

private:
    static flipt::no_token& policy()
    {
        static flipt::no_token none;
        return none;
    }
};

answer good(bool value, std::string etag = {}, std::string name_space = "default")
{
    return [=] {
        flipt::snapshot_document d;
        d.json = document(value, {}, name_space);
        d.etag = etag;
        d.version = flipt::server_version::v1;
        return fetch_outcome({}, std::move(d), {});
    };
}
answer failing(errc ec)
{
    return [=] { return fetch_outcome(ec, {}, {}); };
}

/// What wait_ready() threw; none if it ended well.
std::error_code failure_of(asio::io_context& io, const flipt::live_snapshot<>& live,
                           std::optional<flipt::live_snapshot<>::duration> timeout = std::nullopt)
{
    try {
        run(io, live.wait_ready(timeout));
    } catch (const flipt::error& e) {
        return e.code();
    }
    return {};
}

TEST_CASE("a load that throws is a failure like another: it is told, and tried again")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    std::optional<played_snapshot> live;
    std::vector<std::error_code> told;
    const auto note = [&] { told.push_back(live->state().last_error); };
    calls->answers.emplace_back([]() -> fetch_outcome { throw std::bad_alloc(); });
    calls->answers.emplace_back([&]() -> fetch_outcome {
        note();
        throw flipt::error(errc::conflict);
    });
    calls->answers.emplace_back([&]() -> fetch_outcome {
        note();
        throw std::runtime_error("words of somebody else");
    });
    calls->answers.emplace_back([&]() -> fetch_outcome {
        note();
        CHECK(live->state().failures == 3);
        return good(true)();
    });
    live.emplace(calls, flipt::live_options());
    CHECK_FALSE(failure_of(io, *live));
    CHECK(told == std::vector<std::error_code>{std::make_error_code(std::errc::not_enough_memory), errc::conflict,
                                               std::make_error_code(std::errc::state_not_recoverable)});
    CHECK(live->evaluate_boolean_or("f", "e", {}, false));
    CHECK(live->state().failures == 0);
    CHECK_FALSE(live->state().last_error);
}

TEST_CASE("a stream that could not even begin is begun later")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->kind = flipt::server_version::v2;
    calls->answers.push_back(good(true));
    int begun = 0;
    calls->begin_stream = [&] {
        if (++begun == 1)
            throw std::bad_alloc();
    };
    const played_snapshot live(calls, flipt::live_options());
    CHECK(test::run_until(io, [&] { return live.state().streaming; }));
    CHECK(begun == 2);
    CHECK(live.state().failures == 0);
}

TEST_CASE("a stream that ends right behind a message is begun again at once")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->kind = flipt::server_version::v2;
    calls->answers.push_back(good(true));
    int begun = 0;
    calls->begin_stream = [&] { ++begun; };
    calls->keep_stream = true;
    flipt::live_options options;
    options.watchdog = std::chrono::steady_clock::duration::max();
    const played_snapshot live(calls, options);
    CHECK(test::run_until(io, [&] { return live.state().streaming; }));
    calls->sink->on_document(document(false));
    calls->ended({}, {});
    CHECK(test::run_until(io, [&] { return begun == 2; }));
    CHECK(calls->etags.size() == 2);
    calls->sink.reset();
    calls->ended = {};
}

TEST_CASE("with live_start::fail the first failure ends wait_ready(), thrown or not")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    flipt::live_options options;
    options.start = flipt::live_start::fail;
    options.document = document(true);
    SUBCASE("an error code")
    {
        calls->answers.push_back(failing(errc::permission_denied));
        const played_snapshot live(calls, options);
        CHECK(failure_of(io, live) == errc::permission_denied);
        CHECK_FALSE(live.ready()); // not even the document
    }
    SUBCASE("an exception")
    {
        calls->answers.emplace_back([]() -> fetch_outcome { throw std::bad_alloc(); });
        const played_snapshot live(calls, options);
        CHECK(failure_of(io, live) == std::errc::not_enough_memory);
        CHECK_FALSE(live.ready());
        CHECK(calls->etags.size() <= 2); // at once, not at the deadline
    }
}

TEST_CASE("with live_start::fail a namespace that is ready may fail while another one loads")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(true));
    calls->answers.push_back(failing(errc::server_error));
    calls->held = std::make_shared<asio::steady_timer>(io, asio::steady_timer::time_point::max());
    calls->held_namespace = "slow";
    flipt::live_options options;
    options.start = flipt::live_start::fail;
    options.namespaces.emplace_back("default");
    options.namespaces.emplace_back("slow");
    const auto ended_with = [&](answer last) {
        calls->held_answer = std::move(last);
        const played_snapshot live(calls, options);
        CHECK(test::run_until(io, [&] { return bool(live.state("default").last_contact); }));
        live.refresh();
        CHECK(test::run_until(io, [&] { return bool(live.state("default").last_error); }));
        std::optional<std::error_code> ended;
        live.async_wait_ready([&](std::error_code ec) { ended = ec; });
        constexpr int turns = 100;
        for (int i = 0; i != turns; ++i)
            io.poll_one();
        CHECK_FALSE(ended);
        calls->held->cancel();
        CHECK(test::run_until(io, [&] { return ended.has_value(); }));
        return ended.value_or(std::error_code());
    };
    SUBCASE("well") { CHECK_FALSE(ended_with(good(true, {}, "slow"))); }
    SUBCASE("not at all") { CHECK(ended_with(failing(errc::permission_denied)) == errc::permission_denied); }
}

TEST_CASE("a wait whose time was up before it began ends at once, well only if there are flags")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(true));
    flipt::live_options options;
    SUBCASE("the time of one wait")
    {
        const played_snapshot live(calls, options);
        CHECK(failure_of(io, live, -1ns) == errc::timed_out);
        CHECK_FALSE(failure_of(io, live, 0s)); // no limit
        CHECK_FALSE(failure_of(io, live, -1ns));
        CHECK_FALSE(failure_of(io, live, flipt::live_snapshot<>::duration::min()));
    }
    SUBCASE("the time of all")
    {
        options.ready_timeout = -1s;
        const played_snapshot live(calls, options);
        CHECK(failure_of(io, live) == errc::timed_out);
        CHECK_FALSE(failure_of(io, live, flipt::live_snapshot<>::duration::max()));
        CHECK_FALSE(failure_of(io, live));
    }
}

TEST_CASE("a document of another namespace is refused, and what was there stays")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    std::optional<played_snapshot> live;
    bool seen = false;
    calls->answers.push_back(good(true));
    calls->answers.push_back(good(false, {}, "game"));
    calls->answers.emplace_back([&]() {
        seen = true;
        CHECK(live->state().last_error == errc::invalid_snapshot);
        CHECK(live->state().last_error_detail == "the document is of another namespace");
        CHECK(live->state().stale_since);
        CHECK(live->evaluate_boolean_or("f", "e", {}, false));
        return good(false)();
    });
    live.emplace(calls, flipt::live_options());
    CHECK_FALSE(failure_of(io, *live));
    live->refresh();
    CHECK(test::run_until(io, [&] { return live->last_sequence() == 1; }));
    CHECK(seen);
    CHECK_FALSE(live->evaluate_boolean_or("f", "e", {}, true));
    CHECK_FALSE(live->state().last_error);
}

TEST_CASE("refresh() asks at once, whatever the interval, and names what is there")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(false, "one"));
    calls->answers.push_back(good(true, "two"));
    flipt::live_options options;
    options.interval = 24h;
    const played_snapshot live(calls, options);
    CHECK_FALSE(failure_of(io, live));
    io.restart();
    io.poll();
    CHECK(calls->etags.size() == 1); // nothing is due
    live.refresh();
    CHECK(test::run_until(io, [&] { return live.last_sequence() == 1; }));
    CHECK(calls->etags == std::vector<std::string>{"", "one"});
    CHECK(live.evaluate_boolean_or("f", "e", {}, false));
    CHECK(live.state().digest == "two");
}

TEST_CASE("refresh() while a document is on its way asks again after it")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    std::optional<played_snapshot> live;
    calls->answers.emplace_back([&] {
        live->refresh();
        return good(false, "one")();
    });
    calls->answers.push_back(good(true, "two"));
    flipt::live_options options;
    options.interval = 24h;
    live.emplace(calls, options);
    CHECK(test::run_until(io, [&] { return live->last_sequence() == 1; }));
    CHECK(calls->etags == std::vector<std::string>{"", "one"});
    CHECK(live->evaluate_boolean_or("f", "e", {}, false));
}

TEST_CASE("where it cannot be saved the flags serve all the same, and the state says why")
{
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(true));
    flipt::live_options options;
    options.save_file = "/nonexistent-folder/flags";
    const played_snapshot live(calls, options);
    CHECK_FALSE(failure_of(io, live));
    CHECK(test::run_until(io, [&] { return bool(live.state().last_contact); }));
    CHECK(live.state().save_error == std::errc::no_such_file_or_directory);
    CHECK_FALSE(live.state().last_error);
    CHECK(live.evaluate_boolean_or("f", "e", {}, false));
}

TEST_CASE("what could not be saved is saved later, though the server has nothing new")
{
    const test::temporary_path folder("folder");
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(true, "one"));
    calls->answers.emplace_back([] {
        flipt::snapshot_document same;
        same.not_modified = true;
        return fetch_outcome({}, std::move(same), {});
    });
    flipt::live_options options;
    options.interval = 24h;
    options.save_file = folder.str() + "/flags";
    {
        const played_snapshot live(calls, options);
        CHECK_FALSE(failure_of(io, live));
        CHECK(test::run_until(io, [&] { return bool(live.state().last_contact); }));
        CHECK(live.state().save_error == std::errc::no_such_file_or_directory);
        std::filesystem::create_directory(folder.str());
        live.refresh();
        CHECK(test::run_until(io, [&] { return !live.state().save_error; }));
        CHECK(calls->etags == std::vector<std::string>{"", "one"});
    }
    std::string bytes;
    flipt::detail::saved_snapshot saved;
    CHECK_FALSE(flipt::detail::read_file(options.save_file, 1 << 20, bytes));
    CHECK_FALSE(flipt::detail::parse_saved(bytes, saved));
    CHECK(saved.etag == "one");
    CHECK(saved.json == document(true));
    std::filesystem::remove(options.save_file);
}

TEST_CASE("a document without an ETag is saved when it is another one, not at each answer")
{
    const test::temporary_path file("untagged");
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(true));
    flipt::live_options options;
    options.interval = 24h;
    options.save_file = file.str();
    const played_snapshot live(calls, options);
    const auto ask = [&] {
        live.refresh();
        io.restart();
        io.poll(); // no answer takes longer
    };
    ask();
    flipt::detail::saved_snapshot saved;
    CHECK_FALSE(flipt::detail::parse_saved(file.read(), saved));
    CHECK(saved.json == document(true));
    std::filesystem::remove(file.str());
    ask();
    ask();
    CHECK(calls->etags.size() >= 3);
    CHECK_FALSE(std::filesystem::exists(file.str()));
    calls->answers.front() = good(false);
    ask();
    CHECK_FALSE(flipt::detail::parse_saved(file.read(), saved));
    CHECK(saved.json == document(false));

    std::filesystem::remove(file.str());
    std::filesystem::create_directories(file.str() + "/inside"); // nothing replaces that
    calls->answers.front() = good(true);
    ask();
    CHECK(live.state().save_error);
    std::filesystem::remove_all(file.str());
    ask(); // what could not be saved is tried again, though it is the same
    CHECK_FALSE(live.state().save_error);
    CHECK_FALSE(flipt::detail::parse_saved(file.read(), saved));
    CHECK(saved.json == document(true));
}

TEST_CASE("flags begun with from the document given are saved when the server says that they are right")
{
    const test::temporary_path file("confirmed");
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    flipt::live_options options;
    options.document = document(true).insert(1, R"("digest":"one",)");
    options.interval = 24h;
    options.save_file = file.str();
    SUBCASE("no file, begun with at once") { options.start = flipt::live_start::saved; }
    SUBCASE("a file that is no good, begun with at once")
    {
        options.start = flipt::live_start::saved;
        file.write("flipt-cpp snapshot 1\nnonsense");
    }
    SUBCASE("behind a server that failed at first") { calls->answers.push_back(failing(errc::server_error)); }
    const std::string before = file.read();
    calls->answers.emplace_back([&] {
        CHECK(file.read() == before); // not while nobody has said that it is right
        flipt::snapshot_document same;
        same.not_modified = true;
        return fetch_outcome({}, std::move(same), {});
    });
    const played_snapshot live(calls, options);
    CHECK(test::run_until(io, [&] { return bool(live.state().last_contact); }));
    CHECK(calls->etags.back() == "one");
    CHECK_FALSE(live.state().save_error);
    flipt::detail::saved_snapshot saved;
    CHECK_FALSE(flipt::detail::parse_saved(file.read(), saved));
    CHECK(saved.etag == "one");
    CHECK(saved.json == options.document);
}

TEST_CASE("live_start::saved takes up the file before anything runs")
{
    const test::temporary_path file("core");
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(good(false, "server"));
    flipt::live_options options;
    options.start = flipt::live_start::saved;
    options.save_file = file.str();
    flipt::detail::saved_snapshot saved;
    saved.server = flipt::server_version::v1;
    saved.environment_key = "default";
    saved.namespace_key = "default";
    saved.etag = "saved";
    saved.json = document(true);

    SUBCASE("saved by this library: with its version and digest")
    {
        file.write(flipt::detail::format_saved(saved));
        const played_snapshot live(calls, options);
        CHECK(live.ready());
        CHECK(live.state().origin == flipt::live_origin::saved_file);
        CHECK(live.state().server == flipt::server_version::v1);
        CHECK(live.state().digest == "saved");
        CHECK(live.current()->rules() == flipt::rule_set::server_v1);
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
        CHECK_FALSE(live.state().save_error);
        CHECK(test::run_until(io, [&] { return live.last_sequence() == 1; }));
        CHECK(calls->etags.front() == "saved");
    }
    SUBCASE("however large, if nothing limits it")
    {
        saved.json += std::string(8000, ' ');
        file.write(flipt::detail::format_saved(saved));
        calls->limit(std::numeric_limits<std::size_t>::max());
        const played_snapshot live(calls, options);
        CHECK(live.ready());
        CHECK_FALSE(live.state().save_error);
    }
    SUBCASE("a bare document: its version is taken to be the newest")
    {
        file.write(document(true));
        const played_snapshot live(calls, options);
        CHECK(live.ready());
        CHECK(live.state().origin == flipt::live_origin::saved_file);
        CHECK(live.state().server == flipt::server_version::v2);
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
    }
    SUBCASE("of another namespace: not taken, the document given serves")
    {
        saved.namespace_key = "game";
        file.write(flipt::detail::format_saved(saved));
        options.document = document(false);
        const played_snapshot live(calls, options);
        CHECK(live.state().save_error == errc::invalid_snapshot);
        CHECK(live.state().origin == flipt::live_origin::document);
        CHECK_FALSE(live.evaluate_boolean_or("f", "e", {}, true));
    }
    SUBCASE("of another environment, and no document: as if there were none")
    {
        saved.environment_key = "prod";
        file.write(flipt::detail::format_saved(saved));
        const played_snapshot live(calls, options);
        CHECK(live.state().save_error == errc::invalid_snapshot);
        CHECK_FALSE(live.ready());
        CHECK_FALSE(failure_of(io, live));
        CHECK(live.state().origin == flipt::live_origin::server);
    }
    SUBCASE("no snapshot at all, and no document")
    {
        file.write("{\"flags\":3}");
        const played_snapshot live(calls, options);
        CHECK(live.state().save_error == errc::invalid_snapshot);
        CHECK_FALSE(live.ready());
        CHECK_FALSE(failure_of(io, live));
        CHECK(test::run_until(io, [&] { return bool(live.state().last_contact); }));
        CHECK_FALSE(live.state().save_error); // replaced
        flipt::detail::saved_snapshot now;
        CHECK_FALSE(flipt::detail::parse_saved(file.read(), now));
        CHECK(now.etag == "server");
        CHECK(now.json == document(false));
    }
    SUBCASE("no snapshot at all: the document given serves")
    {
        file.write("{\"flags\":3}");
        options.document = document(true);
        const played_snapshot live(calls, options);
        CHECK(live.state().save_error == errc::invalid_snapshot);
        CHECK(live.ready());
        CHECK(live.state().origin == flipt::live_origin::document);
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
    }
    SUBCASE("a document that names no namespace is of the one wanted")
    {
        options.save_file.clear();
        options.namespaces.emplace_back("prod");
        options.document = R"({"flags":[{"key":"f","type":"BOOLEAN_FLAG_TYPE","enabled":true}]})";
        const played_snapshot live(calls, options);
        CHECK(live.ready());
        CHECK_FALSE(live.state().save_error);
        CHECK(live.current()->namespace_key() == "prod");
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
    }
    SUBCASE("neither file nor document")
    {
        const played_snapshot live(calls, options);
        CHECK_FALSE(live.ready());
        CHECK_FALSE(live.state().save_error); // the first start
        CHECK_FALSE(failure_of(io, live));
    }
}

TEST_CASE("behind a server that refuses, a file that is no snapshot leaves the place to the document")
{
    const test::temporary_path file("refused");
    file.write("flags: 3");
    asio::io_context io;
    const auto calls = std::make_shared<played_transport>(io);
    calls->answers.push_back(failing(errc::not_found));
    flipt::live_options options;
    options.save_file = file.str();
    SUBCASE("given")
    {
        options.document = document(true);
        const played_snapshot live(calls, options);
        CHECK_FALSE(failure_of(io, live));
        CHECK(live.state().origin == flipt::live_origin::document);
        CHECK(live.state().save_error == errc::invalid_snapshot);
        CHECK(live.state().stale_since);
        CHECK(live.evaluate_boolean_or("f", "e", {}, false));
        CHECK(calls->forgotten >= 1); // another version may have taken the server's place
    }
    SUBCASE("not given")
    {
        const played_snapshot live(calls, options);
        CHECK(test::run_until(io, [&] { return live.state().failures >= 2; }));
        CHECK_FALSE(live.ready());
        CHECK(live.state().save_error == errc::invalid_snapshot);
        CHECK(live.state().last_error == errc::not_found);
    }
}

TEST_CASE("what is under way when it is destroyed changes nothing any more")
{
    asio::io_context io;
    asio::io_context worker;
    const auto calls = std::make_shared<played_transport>(io);
    flipt::live_options options;
    std::optional<played_snapshot> live;
    SUBCASE("a document that is being parsed")
    {
        calls->answers.push_back(good(true));
        options.worker = worker.get_executor();
        live.emplace(calls, options);
        io.poll(); // until it waits for the worker
        CHECK(calls->etags.size() == 1);
    }
    SUBCASE("an answer that has come")
    {
        calls->answers.emplace_back([&] {
            live.reset();
            return good(true)();
        });
        live.emplace(calls, options);
        live->async_wait_ready([](std::error_code) {});
    }
    SUBCASE("a failure that has come")
    {
        calls->answers.emplace_back([&] {
            live.reset();
            return failing(errc::server_error)();
        });
        live.emplace(calls, options);
        live->async_wait_ready([](std::error_code) {});
    }
    SUBCASE("a load that throws")
    {
        calls->answers.emplace_back([&]() -> fetch_outcome {
            live.reset();
            throw std::bad_alloc();
        });
        live.emplace(calls, options);
        live->async_wait_ready([](std::error_code) {});
    }
    SUBCASE("the loop that has not begun")
    {
        calls->answers.push_back(good(true));
        live.emplace(calls, options);
        live.reset();
        io.run();
        CHECK(calls->etags.empty());
        CHECK(calls->shut);
        return;
    }
    flipt::reader r = live->reader();
    if (options.worker)
        live.reset();
    io.restart();
    io.poll();
    worker.run();
    io.restart();
    io.run(); // ends: nothing is left
    CHECK_FALSE(live);
    CHECK(calls->shut);
    CHECK(calls->etags.size() == 1);
    CHECK(r.current().empty());
}

} // namespace
