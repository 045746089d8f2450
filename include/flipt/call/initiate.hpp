// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How an operation with its handler becomes a call: the block that holds both, and the ways to tell the outcome.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/call/engine_access.hpp"
#include "flipt/call/exception_code.hpp"
#include "flipt/call/memory_cache.hpp"
#include "flipt/detail/config.hpp"

#include <exception>
#include <memory>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0::detail {

/// Ways to tell the outcome. Each has `take(code, diagnostics, operation)`, which gives what is called with the handler
/// when the call has been freed.
///
/// void(std::exception_ptr, T): what awaitable operations use. The exception is made only where there is one.
FLIPT_DECL std::exception_ptr to_exception(std::error_code ec, diagnostics& d) noexcept;

class tell_exception {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics& d, Operation& op)
    {
        return [e = to_exception(ec, d), value = op.take_result()](auto& handler) mutable {
            std::move(handler)(std::move(e), std::move(value));
        };
    }
};

/// void(std::exception_ptr): the result is the caller's.
class tell_exception_only {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics& d, Operation&)
    {
        return [e = to_exception(ec, d)](auto& handler) mutable { std::move(handler)(std::move(e)); };
    }
};

/// void(std::error_code, T): what the async_ operations promise.
class tell_code {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics&, Operation& op)
    {
        return [ec, value = op.take_result()](auto& handler) mutable { std::move(handler)(ec, std::move(value)); };
    }
};

/// void(std::error_code): the result is the caller's.
class tell_code_only {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics&, Operation&)
    {
        return [ec](auto& handler) { std::move(handler)(ec); };
    }
};

/// What a cancellation slot holds for a call that began on its executor, where signals are emitted too.
class direct_cancel {
public:
    explicit direct_cancel(call& c) noexcept : call_(&c) {}
    void operator()(asio::cancellation_type type)
    {
        // Evaluations and reads change nothing on the server, so even "total" can be granted at any time.
        if (type != asio::cancellation_type::none)
            call_->interrupt(asio::error::operation_aborted);
    }

private:
    call* call_;
};

/// The link from a signal that is emitted elsewhere to a call that may not have begun yet, or be gone. Touched on the
/// engine's executor only.
struct cancel_ticket {
    call* target = nullptr;
    bool cancelled = false;
};

/// What a cancellation slot holds for a call that was begun from elsewhere: carries the signal to the call's executor.
class remote_cancel {
public:
    remote_cancel(std::shared_ptr<cancel_ticket> ticket, std::weak_ptr<engine> owner) noexcept
        : ticket_(std::move(ticket)), engine_(std::move(owner))
    {}
    FLIPT_DECL void operator()(asio::cancellation_type type);

private:
    std::shared_ptr<cancel_ticket> ticket_;
    std::weak_ptr<engine> engine_;
};

/// Keeps the io_context of a handler running until the handler is told. The usual handler is a coroutine's, whose
/// executor is the engine's own: that one costs nothing. (Not a std::optional: GCC 12 warns of its correct uses.)
template <class Executor>
class handler_work {
public:
    void begin(const Executor&) noexcept {}
    template <class Handler>
    handler_work(const Handler& handler, const asio::any_io_executor& otherwise)
        : guard_(asio::get_associated_executor(handler, otherwise))
    {}

private:
    asio::executor_work_guard<Executor> guard_;
};
template <>
class handler_work<asio::any_io_executor> {
public:
    template <class Handler>
    handler_work(const Handler&, const asio::any_io_executor&) noexcept
    {}
    FLIPT_DECL void begin(const asio::any_io_executor& executor);

private:
    asio::any_io_executor tracked_;
};

/// A call with the operation it performs and the handler it will call, in one block of the engine's cache.
template <class Operation, class Handler, class Tell>
class call_with_handler final : public call {
public:
    /// `here`: the handler's executor is known to be the engine's.
    template <class... Args>
    static call_with_handler* make(engine& owner, const call_options& options, bool here, Handler&& handler,
                                   Args&&... args)
    {
        void* block = memory_of(owner).allocate(sizeof(call_with_handler));
        try {
            return ::new (block)
                call_with_handler(owner, options, here, std::move(handler), std::forward<Args>(args)...);
        } catch (...) {
            memory_of(owner).deallocate(block);
            throw;
        }
    }

    /// Begins on the executor of a coroutine, which is the engine's.
    void begin() noexcept
    {
        try {
            if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
                slot.template emplace<direct_cancel>(*this);
        } catch (...) {
            result_ = current_exception_code();
            finished_ = true;
        }
        start_call(engine_, *this);
    }

    /// Begins after a hop; `ticket`, if not null, is what the handler's slot holds.
    void begin(std::shared_ptr<cancel_ticket> ticket) noexcept
    {
        ticket_ = std::move(ticket);
        if (ticket_ && ticket_->cancelled)
            interruption_ = asio::error::operation_aborted;
        else if (ticket_)
            ticket_->target = this;
        start_call(engine_, *this);
    }

    void complete() override
    {
        if (options_.diagnostics != nullptr)
            tell_diagnostics();
        if (!ticket_)
            clear_slot();
        auto tell = Tell::take(result_, diagnostics_, operation_);
        if (same_executor_) {
            Handler handler(std::move(handler_));
            free();
            tell(handler);
            return;
        }
        const asio::any_io_executor executor = executor_of(engine_);
        const handler_work<executor_type> work = std::move(work_);
        Handler handler(std::move(handler_));
        free();
        const auto target = asio::get_associated_executor(handler, executor);
        asio::dispatch(target, [handler = std::move(handler), tell = std::move(tell)]() mutable { tell(handler); });
    }

    // The slot is left alone: its signal may be gone.
    void abandon() noexcept override { free(); }

private:
    using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;

    template <class... Args>
    call_with_handler(engine& owner, const call_options& options, bool here, Handler&& handler, Args&&... args)
        : call(owner, operation_, options),
          operation_(std::forward<Args>(args)...),
          handler_(std::move(handler)),
          work_(handler_, executor_of(owner)),
          same_executor_(here)
    {
        if (here)
            return;
        const auto target = asio::get_associated_executor(handler_, executor_of(owner));
        if constexpr (std::is_same_v<executor_type, asio::any_io_executor>)
            same_executor_ = target == executor_of(owner);
        else if constexpr (std::is_constructible_v<asio::any_io_executor, const executor_type&>)
            same_executor_ = asio::any_io_executor(target) == executor_of(owner);
        // Else it is one without an I/O context behind it, such as that of a std::future.
        if (!same_executor_)
            work_.begin(target);
    }

    void tell_diagnostics() noexcept
    {
        try {
            *options_.diagnostics = diagnostics_;
        } catch (...) {
            options_.diagnostics->clear();
        }
    }
    void clear_slot() noexcept
    {
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
            slot.clear();
    }

    void free() noexcept
    {
        if (ticket_)
            ticket_->target = nullptr;
        if (coroutine_)
            coroutine_.destroy();
        static_cast<list_hook<active_tag>&>(*this).unlink();
        static_cast<list_hook<waiting_tag>&>(*this).unlink();
        memory_cache& memory = memory_of(engine_);
        this->~call_with_handler();
        memory.deallocate(this);
    }
    ~call_with_handler() = default;

    Operation operation_;
    Handler handler_;
    handler_work<executor_type> work_;
    std::shared_ptr<cancel_ticket> ticket_;
    bool same_executor_;
};

/// Makes a call of an operation and a handler, and begins it on the engine's executor.
template <class Operation, class Tell>
class initiate_call {
public:
    using executor_type = asio::any_io_executor;

    explicit initiate_call(std::shared_ptr<engine> owner, const call_options& options) noexcept
        : engine_(std::move(owner)), options_(options)
    {}

    /// Asked for by asio::cancel_after and its like.
    [[nodiscard]] executor_type get_executor() const noexcept { return executor_of(*engine_); }

    template <class Handler, class... Args>
    void operator()(Handler&& handler, Args&&... args) const
    {
        using handler_type = std::decay_t<Handler>;
        using call_type = call_with_handler<Operation, handler_type, Tell>;
        if constexpr (std::is_same_v<Tell, tell_exception> || std::is_same_v<Tell, tell_exception_only>) {
            // Only coroutines come here, and a coroutine runs on its executor: no hop if that is ours.
            if (asio::get_associated_executor(handler, asio::any_io_executor()) == executor_of(*engine_)) {
                begin_here<call_type>(std::forward<Handler>(handler), std::forward<Args>(args)...);
                return;
            }
        }
        std::shared_ptr<cancel_ticket> ticket;
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
            ticket = std::make_shared<cancel_ticket>();
            slot.template emplace<remote_cancel>(ticket, engine_);
        }
        auto hop = [owner = engine_, options = options_, ticket = std::move(ticket),
                    handler = handler_type(std::forward<Handler>(handler)),
                    ... rest = std::decay_t<Args>(std::forward<Args>(args))]() mutable {
            call_type::make(*owner, options, false, std::move(handler), std::move(rest)...)->begin(std::move(ticket));
        };
        asio::dispatch(executor_of(*engine_), std::move(hop));
    }

private:
    // A coroutine cannot be told by an exception that its call did not begin: Asio's await_suspend is noexcept.
    template <class CallType, class Handler, class... Args>
    void begin_here(Handler&& handler, Args&&... args) const
    {
        CallType* made = nullptr;
        try {
            made =
                CallType::make(*engine_, options_, true, std::forward<Handler>(handler), std::forward<Args>(args)...);
        } catch (const std::bad_alloc&) { // no block for it: nothing was moved yet
            Operation unused(std::forward<Args>(args)...);
            diagnostics nothing_known;
            auto tell = Tell::take(std::make_error_code(std::errc::not_enough_memory), nothing_known, unused);
            asio::post(executor_of(*engine_), [handler = std::decay_t<Handler>(std::forward<Handler>(handler)),
                                               tell = std::move(tell)]() mutable { tell(handler); });
            return;
        }
        made->begin();
    }

    std::shared_ptr<engine> engine_;
    call_options options_;
};

} // namespace flipt::inline v0::detail
