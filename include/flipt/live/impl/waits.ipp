// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/core.hpp: what users wait for.
#pragma once

#include "flipt/detail/later.hpp"
#include "flipt/live/core.hpp"

#include <asio/redirect_error.hpp>

#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL live_core::waiter::waiter(live_core& core) : timer(core.executor()), core_(core)
{
    core_.waiters_.push_back(this);
}

FLIPT_DECL live_core::waiter::~waiter() { std::erase(core_.waiters_, this); }

FLIPT_DECL bool live_core::all_ready() const
{
    for (const auto& s : sources_)
        if (!s->ready())
            return false;
    return true;
}

FLIPT_DECL void live_core::wake_waiters()
{
    for (waiter* w : waiters_)
        w->timer.cancel();
}

FLIPT_DECL void live_core::notify(live_change change)
{
    {
        const std::lock_guard guard(changes_mutex_);
        change.sequence = ++sequence_;
        changes_.push_back(change);
        if (changes_.size() > kept_changes)
            changes_.pop_front();
    }
    if (!options_.on_change)
        return;
    // Not from inside the loop, which must not end because the user's function throws.
    asio::post(executor(), [self = shared_from_this(), change = std::move(change)] {
        if (!self->stopped_)
            self->options_.on_change(change);
    });
}

FLIPT_DECL asio::awaitable<ready_outcome> live_core::wait_ready(std::shared_ptr<live_core> self,
                                                                std::optional<clock::duration> timeout)
{
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation(),
                                                       asio::enable_total_cancellation());
    co_await asio::this_coro::throw_if_cancelled(false);
    const clock::duration limit = timeout.value_or(self->options_.ready_timeout);
    clock::time_point deadline = clock::time_point::max();
    if (limit > clock::duration::zero())
        deadline = later(clock::now(), limit);
    else if (limit < clock::duration::zero())
        deadline = clock::time_point::min(); // the caller's time was up before
    waiter waiting(*self);
    for (;;) {
        const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
        if (self->stopped_ || state.cancelled() != asio::cancellation_type::none)
            co_return ready_outcome(asio::error::operation_aborted, {});
        if (self->all_ready())
            co_return ready_outcome();
        if (self->options_.start == live_start::fail)
            for (const source_ptr& s : self->sources_)
                if (s->failed_once && !s->ready()) // one that is ready may fail: that is no failure to start
                    co_return ready_outcome(s->first_failure, s->first_failure_detail);
        if (deadline <= clock::now()) {
            std::string why = "no snapshot could be had";
            for (const source_ptr& s : self->sources_)
                if (const live_state now = s->state(); !now.ready && now.last_error)
                    why = "the last try: " + now.last_error.message();
            co_return ready_outcome(errc::timed_out, why);
        }
        std::error_code ignored;
        waiting.timer.expires_at(deadline);
        co_await waiting.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

FLIPT_DECL asio::awaitable<change_outcome> live_core::wait_change(std::shared_ptr<live_core> self, std::uint64_t after)
{
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation(),
                                                       asio::enable_total_cancellation());
    co_await asio::this_coro::throw_if_cancelled(false);
    waiter waiting(*self);
    for (;;) {
        change_outcome out;
        const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
        if (self->stopped_ || state.cancelled() != asio::cancellation_type::none) {
            out.ec = asio::error::operation_aborted;
            co_return out;
        }
        for (const live_change& change : self->changes_)
            if (change.sequence > after) {
                out.change = change;
                co_return out;
            }
        std::error_code ignored;
        waiting.timer.expires_at(clock::time_point::max());
        co_await waiting.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

} // namespace flipt::inline v0::detail
