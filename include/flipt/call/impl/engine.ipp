// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/engine.hpp.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/call/engine_access.hpp"
#include "flipt/call/initiate.hpp"
#include "flipt/call/kubernetes_operation.hpp"
#include "flipt/call/perform.hpp"
#include "flipt/protocol/chars.hpp"

#include <asio/io_context.hpp>
#include <asio/strand.hpp>

#include <algorithm>
#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL engine::engine(asio::any_io_executor executor, config settings, std::unique_ptr<token_provider> tokens,
                          std::shared_ptr<host_resolver> resolver)
    : version(settings.server),
      executor_(std::move(executor)),
      settings_(std::move(settings)),
      tokens_(std::move(tokens)),
      resolver_(std::move(resolver)),
      reader_(settings_.limits.json_depth),
      pool_(executor_, settings_.max_connections, settings_.idle_timeout),
      timer_(executor_)
{
    std::string why;
    std::error_code ec = parse_endpoint(settings_.endpoint, peer_, why);
    if (!ec)
        ec = check_headers(settings_.headers, why);
    if (!ec)
        ec = check_name("namespace_key", settings_.namespace_key, why);
    if (!ec)
        ec = check_environment(settings_.environment_key, why);
    if (!ec && peer_.tls)
        ec = tls_.load(settings_.tls, peer_, why);
    if (!ec)
        ec = plain_head_.build(peer_, settings_.headers);
    if (ec)
        throw error(ec, why);
    if (settings_.circuit.failures > 0)
        breaker.emplace(settings_.circuit.failures, settings_.circuit.pause);
    if (!resolver_)
        resolver_ = system_resolver(executor_);
}

FLIPT_DECL engine::~engine()
{
    // Calls that wait in a list of ours are owned by nothing else. A connection that one of them frees must not wake
    // another: nothing can be posted from here.
    while (connection_waiters.pop_front() != nullptr) {}
    while (call* c = active_.front())
        c->abandon();
}

FLIPT_DECL void engine::start(call& c) noexcept
{
    c.started_ = clock::now();
    const clock::duration timeout = c.options_.timeout.value_or(settings_.request_timeout);
    if (timeout != clock::duration::zero()) // less than zero: the caller's time is up already
        c.deadline_ = timeout < clock::time_point::max() - c.started_ ? c.started_ + timeout : clock::time_point::max();
    active_.push_back(c);
    if (stopped_ && !c.finished_) {
        c.result_ = asio::error::operation_aborted;
        c.finished_ = true;
    } else if (!c.finished_) {
        try {
            watch(c);
            perform(memory_, *this, c);
            c.resume_point_.resume();
        } catch (...) {
            c.result_ = current_exception_code();
            c.finished_ = true;
        }
    }
    wake_overdue();
    if (c.finished_)
        c.wake();
}

FLIPT_DECL void engine::resume(call& c)
{
    // Ends the turn however this is left: a handler of the user's may throw.
    struct turn_scope {
        explicit turn_scope(engine& e) : owner(e) { owner.in_turn_ = true; }
        ~turn_scope()
        {
            owner.in_turn_ = false;
            ++owner.turn_;
        }
        engine& owner;
    } scope(*this);
    if (!c.finished_)
        c.resume_point_.resume();
    wake_overdue();
    if (c.finished_)
        c.complete();
}

FLIPT_DECL void engine::wake_all(waiting_list& list) noexcept
{
    while (call* c = list.pop_front())
        c->wake();
}

FLIPT_DECL void engine::wake_later(call& c) noexcept { overdue_.push_back(c); }

FLIPT_DECL void engine::wake_overdue() noexcept
{
    call* const last = overdue_.back();
    while (call* c = overdue_.pop_front()) {
        c->wake();
        if (c == last)
            break;
    }
}

/// The io_context is going away with a timer of ours in it, and so will nobody end the waits in our lists.
FLIPT_DECL void engine::abandon_waiting() noexcept
{
    for (waiting_list* list : {&connection_waiters, &token_waiters, &address_waiters, &pausing, &overdue_})
        while (call* c = list->pop_front())
            c->abandon();
}

FLIPT_DECL void engine::cancel_all()
{
    for (call* c = active_.front(); c != nullptr; c = active_.after(*c))
        c->interrupt(asio::error::operation_aborted);
}

FLIPT_DECL void engine::shutdown()
{
    stopped_ = true;
    cancel_all();
    stop_refresh_.emit(asio::cancellation_type::terminal);
    pool_.close_idle();
    timer_.cancel();
}

FLIPT_DECL void engine::post_shutdown() noexcept
{
    try {
        asio::dispatch(executor_, [self = shared_from_this()] { self->shutdown(); });
    } catch (...) {
        // No memory, and this is called by a destructor: the calls go on to their ends or deadlines.
    }
}

FLIPT_DECL void engine::mark_used(connection& conn) const noexcept
{
    conn.last_used = clock::now();
    conn.used_turn = in_turn_ ? turn_ : 0;
}

FLIPT_DECL void engine::give_back(connection& conn) noexcept
{
    if (call* c = connection_waiters.pop_front()) {
        c->connection_ = &conn;
        c->wake();
        return;
    }
    if (stopped_)
        conn.close();
    pool_.give_back(conn);
}

FLIPT_DECL token_state engine::prepare_token(std::error_code& ec)
{
    token_view view;
    std::chrono::system_clock::time_point wall{};
    clock::time_point now{};
    if (tokens_->needs_clock()) {
        wall = std::chrono::system_clock::now();
        now = clock::now();
    }
    const token_state state = tokens_->look(wall, now, view, ec);
    if (state == token_state::ready || state == token_state::ready_refresh_due) {
        if (view.generation != token_generation || !token_set_) {
            head_template fresh; // calls that wait for a connection still need the old one if this fails
            ec = fresh.build(peer_, settings_.headers, view.scheme, view.token);
            if (ec)
                return token_state::failed;
            head_ = std::move(fresh);
            token_generation = view.generation;
            token_set_ = true;
        }
        if (state == token_state::ready_refresh_due)
            begin_refresh();
    }
    return state;
}

FLIPT_DECL void engine::begin_refresh()
{
    if (refreshing_ || stopped_)
        return;
    auto refresh = tokens_->refresh(*this);
    auto done = [self = shared_from_this()](const std::exception_ptr&) {
        // The provider keeps the failure: look() tells it to whoever asks.
        self->refreshing_ = false;
        self->wake_all(self->token_waiters);
    };
    refreshing_ = true; // before it begins: it may have ended by the time co_spawn() returns
    try {
        asio::co_spawn(executor_, std::move(refresh),
                       asio::bind_cancellation_slot(stop_refresh_.slot(), std::move(done)));
    } catch (...) {
        refreshing_ = false;
        throw;
    }
}

FLIPT_DECL void engine::begin_resolve()
{
    if (resolving_ && !answer_lost_.exchange(false))
        return;
    resolver_->start(peer_.host, peer_.port,
                     [weak = weak_from_this()](std::error_code ec, host_resolver::addresses list) {
                         auto self = weak.lock();
                         if (!self)
                             return;
                         // The reference goes along: the engine must not end on a thread of the resolver's.
                         const asio::any_io_executor executor = self->executor_;
                         try {
                             asio::post(executor, [self = std::move(self), ec, list = std::move(list)]() mutable {
                                 self->resolved(ec, std::move(list));
                             });
                         } catch (...) { // no memory for the way back: the timer tells those who wait
                             if (const auto owner = weak.lock())
                                 owner->answer_lost_ = true;
                         }
                     });
    resolving_ = true; // not before: it may have thrown, and it never answers inside start()
}

FLIPT_DECL void engine::resolved(std::error_code ec, host_resolver::addresses list)
{
    resolving_ = false;
    if (!ec && list.empty())
        ec = asio::error::host_not_found;
    try {
        interleave_families(list);
    } catch (...) {
        list.clear();
        ec = std::make_error_code(std::errc::not_enough_memory);
    }
    resolve_error = ec;
    // Trouble of the name server is none of Flipt's: what it said last may still be right. That there is no such name
    // is an answer.
    if (!ec)
        addresses = std::move(list);
    else if (ec == asio::error::host_not_found)
        addresses.clear();
    addresses_until = clock::now() + address_lifetime;
    wake_all(address_waiters);
}

/// What the timer holds. Destroyed without being called it takes the waiting calls along.
class engine::timer_handler {
public:
    using allocator_type = handler_allocator<void>;

    timer_handler(engine& owner, std::uint64_t arming)
        : engine_(owner.shared_from_this()), memory_(&owner.timer_memory_), arming_(arming)
    {}
    timer_handler(timer_handler&&) noexcept = default;
    timer_handler& operator=(timer_handler&&) = delete;
    ~timer_handler()
    {
        if (engine_ && engine_->arming_ == arming_)
            engine_->abandon_waiting();
    }

    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*memory_); }

    void operator()(std::error_code)
    {
        const std::shared_ptr<engine> keep = std::move(engine_);
        if (arming_ == keep->arming_ && !keep->stopped_)
            keep->on_timer();
    }

private:
    std::shared_ptr<engine> engine_;
    handler_memory* memory_;
    std::uint64_t arming_;
};

/// One timer serves every deadline. It is armed for the earliest one, but never longer than a tick, so that an idle
/// client soon stops keeping the io_context busy; and it is not touched per call.
FLIPT_DECL void engine::watch(const call& c)
{
    const clock::time_point end = c.deadline_ < c.phase_end_ ? c.deadline_ : c.phase_end_;
    if (armed_at_ <= end && armed_at_ != clock::time_point::max())
        return;
    const clock::time_point tick = clock::now() + longest_tick;
    if (const clock::time_point when = end < tick ? end : tick; when < armed_at_)
        arm(when);
}

FLIPT_DECL void engine::arm(clock::time_point when)
{
    timer_.expires_at(when);
    armed_at_ = clock::time_point::max();
    timer_.async_wait(timer_handler(*this, arming_ + 1));
    ++arming_; // not before: a handler that was not accepted must not count
    armed_at_ = when;
}

FLIPT_DECL void engine::on_timer()
{
    armed_at_ = clock::time_point::max();
    const clock::time_point now = clock::now();
    clock::time_point next = clock::time_point::max();
    wake_overdue();
    if (answer_lost_.exchange(false))
        resolved(std::make_error_code(std::errc::not_enough_memory), {});
    for (call* c = active_.front(); c != nullptr; c = active_.after(*c)) {
        if (c->deadline_ <= now) {
            c->deadline_ = clock::time_point::max();
            c->interrupt(errc::timed_out);
        } else if (c->phase_end_ <= now) {
            c->phase_end_ = clock::time_point::max();
            c->phase_expired_ = true;
            c->stir();
        }
        next = std::min({next, c->deadline_, c->phase_end_});
    }
    pool_.close_expired(now);
    if (active_.empty())
        return;
    try {
        arm(std::min(next, now + longest_tick));
    } catch (...) {
        // No memory: the next call that starts or waits tries again.
    }
}

FLIPT_DECL asio::awaitable<issued_token> engine::exchange_kubernetes(const secret& service_account_token)
{
    return detail::exchange_kubernetes(shared_from_this(), service_account_token);
}

FLIPT_DECL std::shared_ptr<engine> make_engine(const asio::any_io_executor& executor, config settings,
                                               std::unique_ptr<token_provider> tokens,
                                               std::shared_ptr<host_resolver> resolver)
{
    return std::make_shared<engine>(executor, std::move(settings), std::move(tokens), std::move(resolver));
}

FLIPT_DECL const asio::any_io_executor& executor_of(const engine& owner) noexcept { return owner.executor(); }
FLIPT_DECL bool runs_on_executor(const engine& owner) noexcept
{
    using context_executor = asio::io_context::executor_type;
    const asio::any_io_executor& executor = owner.executor();
    if (const auto* context = executor.target<context_executor>())
        return context->running_in_this_thread();
    if (const auto* strand = executor.target<asio::strand<context_executor>>())
        return strand->running_in_this_thread();
    if (const auto* strand = executor.target<asio::strand<asio::any_io_executor>>())
        return strand->running_in_this_thread();
    return false;
}
FLIPT_DECL memory_cache& memory_of(engine& owner) noexcept { return owner.memory(); }
FLIPT_DECL void start_call(engine& owner, call& c) noexcept { owner.start(c); }
FLIPT_DECL void cancel_all(engine& owner) { owner.cancel_all(); }
FLIPT_DECL void close_idle(engine& owner) { owner.connections().close_idle(); }
FLIPT_DECL void post_shutdown(engine& owner) noexcept { owner.post_shutdown(); }

} // namespace flipt::inline v0::detail
