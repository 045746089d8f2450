// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the coroutine of a call can wait for. Every wait ends early when the call is interrupted.
#pragma once

#include "flipt/call/engine.hpp"

#include <coroutine>
#include <system_error>

namespace flipt::inline v0::detail {

/// What a wait of `c` that has just ended came to.
[[nodiscard]] inline std::error_code wait_outcome(call& c) noexcept
{
    c.waiting_ = waiting_for::nothing;
    if (c.interruption_)
        return c.interruption_;
    if (c.phase_expired_)
        return errc::timed_out;
    return c.wait_result_;
}

/// The base of the awaiters: nothing is waited for once the call was interrupted.
class call_awaiter {
public:
    explicit call_awaiter(call& c) noexcept : call_(c) {}
    [[nodiscard]] bool await_ready() const noexcept { return call_.interrupted(); }
    [[nodiscard]] std::error_code await_resume() const noexcept { return wait_outcome(call_); }

protected:
    void suspend(std::coroutine_handle<> h, waiting_for what) const noexcept
    {
        call_.resume_point_ = h;
        call_.waiting_ = what;
        call_.wait_result_.clear();
        call_.two_waits_ = false;
    }
    /// Begins what Asio waits for. Where that throws (no memory) the call is not abandoned with the handler that was
    /// not accepted: the wait has ended, badly. The result is what await_suspend() returns: whether it is suspended.
    template <class Begin>
    bool begin(Begin&& what) const noexcept
    {
        call_.posting_ = true;
        bool begun = true;
        try {
            what();
        } catch (...) {
            call_.wait_result_ = current_exception_code();
            begun = false;
        }
        call_.posting_ = false;
        return begun;
    }
    call& call_;
};

/// Until the connection's socket is as `want` says.
class socket_wait : public call_awaiter {
public:
    socket_wait(call& c, io_want want) noexcept : call_awaiter(c), want_(want) {}
    bool await_suspend(std::coroutine_handle<> h) noexcept
    {
        suspend(h, waiting_for::socket);
        return begin([&] {
            connection& conn = *call_.connection_;
            if (want_ == io_want::read)
                conn.io.socket().async_wait(asio::socket_base::wait_read, call_handler(call_, conn.read_memory));
            else
                conn.io.socket().async_wait(asio::socket_base::wait_write, call_handler(call_, conn.write_memory));
        });
    }

private:
    io_want want_;
};

/// Until the socket can be written, or something arrives: a server may answer before it has read the whole request.
class write_or_reply_wait : public call_awaiter {
public:
    using call_awaiter::call_awaiter;
    bool await_suspend(std::coroutine_handle<> h) noexcept
    {
        suspend(h, waiting_for::socket);
        call_.two_waits_ = true;
        bool one_begun = false;
        const bool both_begun = begin([&] {
            connection& conn = *call_.connection_;
            // Both handlers exist before either wait begins: the count of waits must not reach zero in between.
            call_handler writable(call_, conn.write_memory);
            call_handler readable(call_, conn.read_memory);
            conn.io.socket().async_wait(asio::socket_base::wait_write, std::move(writable));
            one_begun = true; // which will do
            conn.io.socket().async_wait(asio::socket_base::wait_read, std::move(readable));
        });
        call_.two_waits_ = one_begun;
        return both_begun || one_begun;
    }
    [[nodiscard]] std::error_code await_resume() const noexcept
    {
        // Whichever came first cancelled the other: only an interruption is an error here, and no wait at all.
        if (call_.two_waits_)
            call_.wait_result_.clear();
        return wait_outcome(call_);
    }
};

/// Until the socket is connected to `address`.
class connect_wait : public call_awaiter {
public:
    connect_wait(call& c, const asio::ip::tcp::endpoint& address) noexcept : call_awaiter(c), address_(address) {}
    bool await_suspend(std::coroutine_handle<> h) noexcept
    {
        suspend(h, waiting_for::socket);
        return begin([&] {
            connection& conn = *call_.connection_;
            conn.io.socket().async_connect(address_, call_handler(call_, conn.write_memory));
        });
    }

private:
    const asio::ip::tcp::endpoint& address_;
};

/// In a list of the engine's, until it is taken from there and woken.
class list_wait : public call_awaiter {
public:
    list_wait(call& c, engine::waiting_list& list, waiting_for what) noexcept
        : call_awaiter(c), list_(list), what_(what)
    {}
    void await_suspend(std::coroutine_handle<> h)
    {
        suspend(h, what_);
        list_.push_back(call_);
    }

private:
    engine::waiting_list& list_;
    waiting_for what_;
};

/// Until phase_end_ of the call, which must be set and watched: that is no error here.
class pause_wait : public call_awaiter {
public:
    using call_awaiter::call_awaiter;
    void await_suspend(std::coroutine_handle<> h)
    {
        suspend(h, waiting_for::pause);
        call_.engine_.pausing.push_back(call_);
    }
    [[nodiscard]] std::error_code await_resume() const noexcept
    {
        call_.phase_expired_ = false;
        call_.wait_result_.clear();
        return wait_outcome(call_);
    }
};

} // namespace flipt::inline v0::detail
