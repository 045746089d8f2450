// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The coroutine types of this library's inside: the one that performs a call, and a step of it that may suspend.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/call/exception_code.hpp"
#include "flipt/call/memory_cache.hpp"

#include <coroutine>
#include <cstddef>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

/// Gives coroutine frames the engine's recycled memory: a frame's coroutine has (memory_cache&, …) as its parameters.
class recycled_frame {
public:
    // Inlined even without optimisation: GCC 12 calls it a mismatch with operator delete otherwise.
    template <class... Args>
    [[gnu::always_inline]] static void* operator new(std::size_t size, memory_cache& memory, Args&&...)
    {
        // The cache's address stands in front of the frame, for operator delete.
        void* block = memory.allocate(size + sizeof(std::max_align_t));
        *static_cast<memory_cache**>(block) = &memory;
        return static_cast<std::byte*>(block) + sizeof(std::max_align_t);
    }
    static void operator delete(void* pointer) noexcept
    {
        void* block = static_cast<std::byte*>(pointer) - sizeof(std::max_align_t);
        (*static_cast<memory_cache**>(block))->deallocate(block);
    }
};

/// Performs one call: started by the engine, ends by completing it. Not awaited: its frame frees itself, before the
/// user's handler runs.
class call_task {
public:
    class promise_type : public recycled_frame {
    public:
        promise_type(memory_cache&, engine&, call& c) noexcept : call_(c) {}

        call_task get_return_object() noexcept
        {
            call_.coroutine_ = std::coroutine_handle<promise_type>::from_promise(*this);
            call_.resume_point_ = call_.coroutine_;
            return {};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept { return finish{}; }
        void return_value(std::error_code ec) noexcept { call_.result_ = ec; }
        void unhandled_exception() noexcept { call_.result_ = current_exception_code(); }

    private:
        // Only marks the end: whoever resumed the coroutine completes the call, so that a handler of the user's that
        // throws does so through Asio's run() and not through a coroutine's noexcept end.
        struct finish {
            bool await_ready() noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> frame) noexcept
            {
                call& c = frame.promise().call_;
                frame.destroy();
                c.coroutine_ = nullptr;
                c.finished_ = true;
            }
            void await_resume() noexcept {}
        };

        call& call_;
    };
};

/// A step of a call with suspensions of its own, such as opening a connection. Starts when awaited; destroyed with its
/// awaiter.
class subtask {
public:
    class promise_type : public recycled_frame {
    public:
        subtask get_return_object() noexcept
        {
            return subtask(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept { return back{}; }
        void return_value(std::error_code ec) noexcept { result_ = ec; }
        void unhandled_exception() noexcept { result_ = current_exception_code(); }

    private:
        friend class subtask;
        struct back {
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> frame) noexcept
            {
                return frame.promise().parent_;
            }
            void await_resume() noexcept {}
        };

        std::coroutine_handle<> parent_;
        std::error_code result_;
    };

    subtask(const subtask&) = delete;
    subtask& operator=(const subtask&) = delete;
    ~subtask() { frame_.destroy(); }

    bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept
    {
        frame_.promise().parent_ = parent;
        return frame_;
    }
    std::error_code await_resume() noexcept { return frame_.promise().result_; }

private:
    explicit subtask(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

    std::coroutine_handle<promise_type> frame_;
};

} // namespace flipt::inline v0::detail
