// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The connections of one client: at most so many, the most recently used one first.
#pragma once

#include "flipt/net/connection.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace flipt::inline v0::detail {

/// Connection objects are made on demand up to the limit and kept, open or not: a closed one keeps its buffers. Knows
/// nothing of the calls that wait for one. Not thread-safe.
class pool {
public:
    using clock = std::chrono::steady_clock;

    pool(const asio::any_io_executor& executor, std::size_t limit, clock::duration idle_timeout)
        : executor_(executor), limit_(limit == 0 ? 1 : limit), idle_timeout_(idle_timeout)
    {}

    /// An open idle connection, else a closed one to be opened, else null: then all are busy.
    connection* take(clock::time_point now)
    {
        // The latest used is on top: where that one is too old, all are.
        if (open_ != nullptr && idle_timeout_ > clock::duration::zero() && now - open_->last_used >= idle_timeout_)
            close_idle();
        if (connection* c = pop(open_))
            return c;
        if (connection* c = pop(closed_))
            return c;
        if (all_.size() >= limit_)
            return nullptr;
        all_.push_back(std::make_unique<connection>(executor_));
        return all_.back().get();
    }

    /// Takes it back, to be reused if it is open.
    void give_back(connection& c) noexcept { push(c.io.is_open() ? open_ : closed_, c); }

    /// Closes every idle connection.
    void close_idle() noexcept
    {
        while (connection* c = pop(open_)) {
            c->close();
            push(closed_, *c);
        }
    }

    /// Closes those that have been idle too long: the server is about to.
    void close_expired(clock::time_point now) noexcept
    {
        if (idle_timeout_ <= clock::duration::zero())
            return;
        connection** link = &open_;
        while (*link != nullptr && now - (*link)->last_used < idle_timeout_)
            link = &(*link)->next;
        connection* old = *link;
        *link = nullptr;
        while (old != nullptr) {
            connection* next = old->next;
            old->close();
            push(closed_, *old);
            old = next;
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

private:
    static connection* pop(connection*& list) noexcept
    {
        connection* c = list;
        if (c != nullptr)
            list = c->next;
        return c;
    }
    static void push(connection*& list, connection& c) noexcept
    {
        c.next = list;
        list = &c;
    }

    asio::any_io_executor executor_;
    std::size_t limit_;
    clock::duration idle_timeout_;
    std::vector<std::unique_ptr<connection>> all_;
    connection* open_ = nullptr;
    connection* closed_ = nullptr;
};

} // namespace flipt::inline v0::detail
