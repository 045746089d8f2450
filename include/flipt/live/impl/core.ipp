// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/core.hpp: how a namespace is kept up to date.
#pragma once

#include "flipt/call/exception_code.hpp"
#include "flipt/detail/saturating.hpp"
#include "flipt/live/core.hpp"
#include "flipt/live/saved_file.hpp"

#include <asio/redirect_error.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0::detail {

// A std::function: a coroutine's frame may not hold a lambda of a function that is compiled once (no linkage).
template <class T>
asio::awaitable<T> run_task(std::function<T()> task)
{
    T result = task();
    co_return result;
}

/// Runs `task` where heavy work goes.
template <class T>
asio::awaitable<T> live_core::work(std::function<T()> task)
{
    if (!options_.worker)
        return run_task<T>(std::move(task));
    // Without the loop's cancellation slot: that is for one thread, and what runs over there is not cut short anyway.
    return asio::co_spawn(*options_.worker, run_task<T>(std::move(task)),
                          asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
}

FLIPT_DECL live_core::live_core(std::shared_ptr<live_transport> calls, live_options options)
    : calls_(std::move(calls)), options_(std::move(options))
{
    const config& settings = calls_->settings();
    live_schedule::settings times;
    times.interval = options_.interval;
    times.watchdog = options_.watchdog;
    times.initial_backoff = settings.retry.initial_backoff;
    times.max_backoff = settings.retry.max_backoff;
    if (options_.namespaces.empty())
        options_.namespaces.emplace_back();
    live_namespace& first = options_.namespaces.front();
    if (first.save_file.empty())
        first.save_file = std::move(options_.save_file);
    if (first.document.empty())
        first.document = std::move(options_.document);
    for (live_namespace& wanted : options_.namespaces) {
        if (wanted.namespace_key.empty())
            wanted.namespace_key = settings.namespace_key;
        if (wanted.environment_key.empty())
            wanted.environment_key = settings.environment_key;
        for (const auto& s : sources_) {
            if (s->wanted.namespace_key == wanted.namespace_key && s->wanted.environment_key == wanted.environment_key)
                throw error(errc::invalid_config, "a namespace of a live snapshot is named twice");
            if (!wanted.save_file.empty() && s->wanted.save_file == wanted.save_file)
                throw error(errc::invalid_config, "two namespaces of a live snapshot have the same save_file");
        }
        if (const char* why = calls_->refusal(wanted))
            throw error(errc::invalid_config,
                        std::string("a namespace of a live snapshot cannot be asked for: ") + why);
        sources_.push_back(std::make_shared<live_source>(std::move(wanted), calls_->executor(), times));
    }
    if (times.interval <= clock::duration::zero() || times.watchdog <= clock::duration::zero())
        throw error(errc::invalid_config, "the intervals of a live snapshot must be positive");
}

FLIPT_DECL live_source& live_core::find(std::string_view namespace_key, std::string_view environment_key) const
{
    const config& settings = calls_->settings();
    if (namespace_key.empty() && environment_key.empty())
        return *sources_.front();
    if (namespace_key.empty())
        namespace_key = settings.namespace_key;
    if (environment_key.empty())
        environment_key = settings.environment_key;
    for (const auto& s : sources_)
        if (s->wanted.namespace_key == namespace_key && s->wanted.environment_key == environment_key)
            return *s;
    throw error(errc::invalid_argument, "the live snapshot does not keep this namespace");
}

// ---- begin and end --------------------------------------------------------------------------------------------------

FLIPT_DECL void live_core::start()
{
    const limit_options& limits = calls_->settings().limits;
    if (options_.start == live_start::saved)
        for (const auto& s : sources_) {
            live_origin origin = live_origin::none;
            std::error_code ec;
            snapshot_document found = read_saved(s->wanted, calls_->settings().server, limits.snapshot, origin, ec);
            s->tried_saved = true;
            if (ec)
                s->change_state([&](live_state& state) { state.save_error = ec; });
            if (origin == live_origin::none)
                continue;
            compiled_document fresh = compile(std::move(found.json), rules_of(found.version), limits.json_depth, *s);
            if (fresh.ec)
                s->change_state([&](live_state& state) { state.save_error = fresh.ec; });
            if (fresh.ec && origin == live_origin::saved_file) {
                found = given_document(s->wanted, calls_->settings().server, origin);
                if (origin == live_origin::none)
                    continue;
                fresh = compile(std::move(found.json), rules_of(found.version), limits.json_depth, *s);
            }
            if (fresh.ec)
                continue;
            publish(*s, fresh, found, origin);
            if (origin == live_origin::document)
                set_unsaved(*s, std::move(fresh.json), found.version);
        }
    asio::post(executor(), [self = shared_from_this()] {
        for (const auto& s : self->sources_)
            self->begin_loop(s);
    });
}

FLIPT_DECL void live_core::begin_loop(const source_ptr& s)
{
    if (stopped_)
        return;
    auto ended = [self = shared_from_this(), s](const std::exception_ptr& e) {
        if (self->stopped_ || !e)
            return;
        // Memory was short, most likely. What was there is evaluated on, and the loop begins anew after a pause.
        try {
            std::rethrow_exception(e);
        } catch (...) {
            self->failed(*s, current_exception_code(), {});
        }
        self->wake_waiters();
        self->begin_loop(s);
    };
    asio::co_spawn(executor(), run(shared_from_this(), s),
                   asio::bind_cancellation_slot(s->stop_loop.slot(), std::move(ended)));
}

FLIPT_DECL void live_core::post_stop() noexcept
{
    stopped_ = true;
    try {
        asio::dispatch(executor(), [self = shared_from_this()] { self->stop(); });
    } catch (...) {
        // Without memory for that the loops find out when they next wake up.
    }
}

FLIPT_DECL void live_core::stop()
{
    calls_->shutdown();
    for (const auto& s : sources_) {
        s->stop_loop.emit(asio::cancellation_type::terminal);
        s->wake();
    }
    wake_waiters();
}

FLIPT_DECL void live_core::post_refresh()
{
    asio::dispatch(executor(), [self = shared_from_this()] {
        for (const auto& s : self->sources_) {
            s->refresh_wanted = true; // also while a document is on its way, which may be from before
            s->wake();
        }
    });
}

// ---- the loop of one namespace --------------------------------------------------------------------------------------

FLIPT_DECL asio::awaitable<void> live_core::run(std::shared_ptr<live_core> self, source_ptr s)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    s->fetching = false; // a fetch that threw may have ended the loop before
    while (!self->stopped_) {
        if (s->message) {
            snapshot_document document;
            document.json = std::move(*s->message);
            document.version = server_version::v2;
            s->message.reset();
            const bool taken = co_await take(self, s, std::move(document), live_origin::server);
            if (taken) {
                self->succeeded(*s);
                if (s->stream_open) // else its end has said when to ask, and begin another one
                    s->schedule.on_message(clock::now(), self->calls_->random_unit());
            }
            continue;
        }
        if (s->refresh_wanted || s->schedule.due() <= clock::now()) {
            co_await fetch_once(self, s);
            continue;
        }
        std::error_code ignored;
        s->timer.expires_at(s->schedule.due());
        co_await s->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

FLIPT_DECL asio::awaitable<void> live_core::fetch_once(std::shared_ptr<live_core> self, source_ptr s)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    const bool asked = std::exchange(s->refresh_wanted, false);
    s->fetching = !std::exchange(s->asked_again, false); // given up once, or a busy stream would leave no answer
    fetch_outcome got = co_await self->calls_->fetch(s->wanted, s->etag);
    s->fetching = false;
    if (self->stopped_)
        co_return;
    if (got.ec == asio::error::operation_aborted && s->message) {
        // Given up for a stream's message: no success and no failure. But that may have set out before the user asked.
        s->refresh_wanted = s->refresh_wanted || asked;
        s->asked_again = asked;
        co_return;
    }
    live_transport& calls = *self->calls_;
    if (got.ec) {
        // Another version may have taken the server's place; over gRPC its service is then UNIMPLEMENTED.
        if (got.ec == errc::not_found || got.details.http_status() == 501)
            calls.forget_version();
        self->failed(*s, got.ec, got.details.detail());
        if (!s->tried_saved && !s->ready() && self->options_.start != live_start::fail)
            co_await take_saved(self, s);
        self->wake_waiters();
        co_return;
    }
    if (got.document.not_modified && s->unsaved) {
        co_await write_saved(self, s);
        if (self->stopped_)
            co_return;
    }
    // A message that came meanwhile is newer, or the same.
    if (!got.document.not_modified && !s->message) {
        const bool missed = s->stream_open;
        const bool taken = co_await take(self, s, std::move(got.document), live_origin::server);
        if (!taken || self->stopped_) {
            self->wake_waiters();
            co_return;
        }
        if (missed)
            s->stop_stream.emit(asio::cancellation_type::terminal);
    }
    const auto now = clock::now();
    if (self->options_.streaming && !s->stream_open && calls.version() == server_version::v2 &&
        s->schedule.may_stream(now))
        self->open_stream(s);
    self->succeeded(*s);
    s->schedule.on_success(now, s->stream_open, calls.random_unit());
}

FLIPT_DECL void live_core::open_stream(const source_ptr& s)
{
    s->stream_open = true;
    s->schedule.on_stream_open(clock::now());
    auto ended = [self = shared_from_this(), s](std::error_code ec, const diagnostics& details) {
        self->stream_ended(*s, ec, details);
    };
    try {
        calls_->follow(s->wanted, s->etag, s, s->stop_stream.slot(), std::move(ended));
    } catch (...) { // without memory to begin it, there is no end of it either
        s->stream_open = false;
        throw;
    }
}

FLIPT_DECL void live_core::stream_ended(live_source& s, std::error_code ec, const diagnostics& details)
{
    s.stream_open = false;
    s.change_state([](live_state& state) { state.streaming = false; });
    if (stopped_)
        return;
    const auto now = clock::now();
    if (ec == asio::error::operation_aborted)
        s.schedule.ask_now(now); // we ended it: it missed something
    else if (const int status = details.http_status(); status == 404 || status == 405 || status == 501)
        s.schedule.on_stream_refused(now, calls_->random_unit());
    else
        s.schedule.on_stream_end(now, calls_->random_unit());
    s.wake();
}

// ---- what came ------------------------------------------------------------------------------------------------------

FLIPT_DECL compiled_document live_core::compile(std::string json, rule_set rules, std::size_t max_depth,
                                                const live_source& s)
{
    compiled_document out;
    snapshot_result parsed = snapshot::parse(json, rules, s.wanted.namespace_key, max_depth);
    if (!parsed.ok()) {
        out.ec = parsed.error().code();
        out.problem = parsed.error().message();
    } else if (parsed->namespace_key() != s.wanted.namespace_key) {
        out.ec = errc::invalid_snapshot;
        out.problem = "the document is of another namespace";
    } else {
        // Only the loop that waits for this publishes, so what is published now is what it will replace.
        std::uint64_t version = 0;
        out.flags = std::make_shared<const snapshot>(std::move(*parsed));
        out.changes = diff(*s.published->load(version), *out.flags);
    }
    if (!s.wanted.save_file.empty())
        out.hash = std::hash<std::string_view>()(json);
    out.json = std::move(json);
    return out;
}

FLIPT_DECL asio::awaitable<bool> live_core::take(std::shared_ptr<live_core> self, source_ptr s,
                                                 snapshot_document document, live_origin origin)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    const rule_set rules = self->rules_of(document.version);
    const std::size_t depth = self->calls_->settings().limits.json_depth;
    std::function<compiled_document()> task = [json = std::move(document.json), rules, depth, s]() mutable {
        return compile(std::move(json), rules, depth, *s);
    };
    compiled_document fresh = co_await self->work<compiled_document>(std::move(task));
    if (self->stopped_)
        co_return false;
    if (fresh.ec) {
        if (origin == live_origin::server)
            self->failed(*s, fresh.ec, fresh.problem);
        else
            s->change_state([&](live_state& state) { state.save_error = fresh.ec; });
        co_return false;
    }
    const std::string before = s->etag;
    self->publish(*s, fresh, document, origin);
    const bool told = origin == live_origin::server;
    const bool other = s->etag != before || (s->etag.empty() && s->saved_hash != fresh.hash);
    if (origin == live_origin::document || (told && other)) {
        s->saved_hash = fresh.hash;
        self->set_unsaved(*s, std::move(fresh.json), document.version);
    }
    if (told && s->unsaved)
        co_await write_saved(self, s);
    co_return true;
}

FLIPT_DECL void live_core::set_unsaved(live_source& s, std::string json, server_version version)
{
    if (s.wanted.save_file.empty())
        return;
    auto saved = std::make_shared<saved_snapshot>();
    saved->server = version;
    saved->environment_key = s.wanted.environment_key;
    saved->namespace_key = s.wanted.namespace_key;
    saved->etag = s.etag;
    saved->json = std::move(json);
    s.unsaved = std::move(saved);
}

FLIPT_DECL asio::awaitable<void> live_core::write_saved(std::shared_ptr<live_core> self, source_ptr s)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    std::function<std::error_code()> task = [saved = s->unsaved, s] {
        return replace_file(s->wanted.save_file, format_saved(*saved));
    };
    const std::error_code ec = co_await self->work<std::error_code>(std::move(task));
    if (!ec)
        s->unsaved.reset(); // else it is tried again when the server next says that nothing changed
    s->change_state([&](live_state& state) { state.save_error = ec; });
}

/// Of a document that does not tell.
inline server_version assumed_version(server_version settings) noexcept
{
    return settings == server_version::v1 ? server_version::v1 : server_version::v2;
}

FLIPT_DECL snapshot_document live_core::given_document(const live_namespace& wanted, server_version server,
                                                       live_origin& origin)
{
    snapshot_document out;
    origin = wanted.document.empty() ? live_origin::none : live_origin::document;
    out.json = wanted.document;
    out.version = assumed_version(server);
    return out;
}

FLIPT_DECL snapshot_document live_core::read_saved(const live_namespace& wanted, server_version server,
                                                   std::size_t limit, live_origin& origin, std::error_code& ec)
{
    constexpr std::size_t header = 4096;
    snapshot_document out;
    std::string bytes;
    if (!wanted.save_file.empty())
        ec = read_file(wanted.save_file, saturating_add(limit, header), bytes);
    if (ec == std::errc::no_such_file_or_directory)
        ec.clear(); // the first start
    if (!bytes.empty() && !ec) {
        saved_snapshot saved;
        origin = live_origin::saved_file;
        if (!is_saved(bytes)) { // a bare document, as `flipt-cli snapshot` writes it
            out.json = std::move(bytes);
            out.version = assumed_version(server);
            return out;
        }
        ec = parse_saved(bytes, saved);
        if (!ec && (saved.environment_key != wanted.environment_key || saved.namespace_key != wanted.namespace_key))
            ec = errc::invalid_snapshot;
        if (!ec) {
            out.json = std::move(saved.json);
            out.etag = std::move(saved.etag);
            out.version = saved.server;
            return out;
        }
    }
    return given_document(wanted, server, origin);
}

FLIPT_DECL asio::awaitable<void> live_core::take_saved(std::shared_ptr<live_core> self, source_ptr s)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    s->tried_saved = true;
    const config& settings = self->calls_->settings();
    auto origin = std::make_shared<live_origin>(live_origin::none);
    auto problem = std::make_shared<std::error_code>();
    std::function<snapshot_document()> task = [s, origin, problem, server = settings.server,
                                               limit = settings.limits.snapshot] {
        return read_saved(s->wanted, server, limit, *origin, *problem);
    };
    snapshot_document found = co_await self->work<snapshot_document>(std::move(task));
    if (*problem)
        s->change_state([&](live_state& state) { state.save_error = *problem; });
    if (self->stopped_ || *origin == live_origin::none)
        co_return;
    const bool taken = co_await take(self, s, std::move(found), *origin);
    if (taken || self->stopped_ || *origin != live_origin::saved_file)
        co_return;
    snapshot_document given = given_document(s->wanted, settings.server, *origin);
    if (*origin != live_origin::none)
        co_await take(self, s, std::move(given), *origin);
}

// Printable ASCII without white space: HTTP and gRPC carry it as it is.
inline bool is_entity_tag(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

FLIPT_DECL void live_core::publish(live_source& s, compiled_document& fresh, const snapshot_document& from,
                                   live_origin origin)
{
    // What no header carries would be refused before each further question, and nothing would be asked any more.
    const std::string_view named = from.etag.empty() ? fresh.flags->digest() : std::string_view(from.etag);
    const std::string_view digest = is_entity_tag(named) ? named : std::string_view();
    const bool was_ready = s.ready();
    snapshot_diff& changes = fresh.changes;
    // The same document again: from a server without ETags, or as a stream's first message.
    const bool same = was_ready && changes.empty() && digest == s.etag;
    const auto now = std::chrono::system_clock::now();
    if (!same)
        s.published->publish(fresh.flags);
    s.etag.assign(digest);
    s.change_state([&](live_state& state) {
        state.ready = true;
        state.origin = origin;
        state.server = from.version;
        state.digest = s.etag;
        if (!changes.empty() || !was_ready)
            state.last_change = now;
        if (origin != live_origin::server && !state.stale_since)
            state.stale_since = now;
    });
    if (was_ready && !changes.empty()) {
        live_change change;
        change.time = now;
        change.namespace_key = s.wanted.namespace_key;
        change.environment_key = s.wanted.environment_key;
        change.digest = s.etag;
        change.flags = std::move(changes);
        notify(std::move(change));
    }
    wake_waiters();
}

FLIPT_DECL void live_core::succeeded(live_source& s)
{
    s.change_state([&](live_state& state) {
        state.streaming = s.stream_open;
        state.origin = live_origin::server;
        state.stale_since.reset();
        state.last_contact = std::chrono::system_clock::now();
        state.last_error.clear();
        state.last_error_detail.clear();
        state.failures = 0;
    });
}

FLIPT_DECL void live_core::failed(live_source& s, std::error_code ec, std::string_view detail)
{
    s.schedule.on_failure(clock::now(), calls_->random_unit());
    if (!s.failed_once) {
        s.failed_once = true;
        s.first_failure = ec;
        s.first_failure_detail.assign(detail);
    }
    s.change_state([&](live_state& state) {
        state.last_error = ec;
        state.last_error_detail.assign(detail);
        ++state.failures;
        if (!state.stale_since)
            state.stale_since = std::chrono::system_clock::now();
    });
}

} // namespace flipt::inline v0::detail
