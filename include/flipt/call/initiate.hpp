// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How an operation with its handler becomes a call: the block that holds both, and the ways to tell the outcome.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/call/engine_access.hpp"
#include "flipt/call/exception_code.hpp"
#include "flipt/call/hand_over.hpp"
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

    /// What the handler's slot, if it has one, holds from now on; null if not.
    template <class Handler>
    static std::shared_ptr<cancel_ticket> of(const Handler& handler, const std::shared_ptr<engine>& owner);
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

template <class Handler>
std::shared_ptr<cancel_ticket> cancel_ticket::of(const Handler& handler, const std::shared_ptr<engine>& owner)
{
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (!slot.is_connected())
        return nullptr;
    auto ticket = std::make_shared<cancel_ticket>();
    slot.template emplace<remote_cancel>(ticket, owner);
    return ticket;
}

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

/// A call with the operation it performs and the handler it will call, in one block. That comes from the engine's
/// cache, unless the handler belongs to another executor: then it is of the heap, since it goes there in the end, and
/// is there before the call begins. From then on a shortage of memory is an outcome like others, and told to the
/// handler.
template <class Operation, class Handler, class Tell>
class call_with_handler final : public call {
public:
    /// `elsewhere`: the handler's executor is not the engine's.
    template <class... Args>
    static call_with_handler* make(engine& owner, const call_options& options, bool elsewhere, Handler&& handler,
                                   Args&&... args)
    {
        void* block = elsewhere ? ::operator new(sizeof(call_with_handler))
                                : memory_of(owner).allocate(sizeof(call_with_handler));
        try {
            return ::new (block)
                call_with_handler(owner, options, elsewhere, std::move(handler), std::forward<Args>(args)...);
        } catch (...) {
            deallocate(owner, elsewhere, block);
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
        begin_arrived();
    }

    /// Begins from the handler's executor, or wherever this is. Throws std::bad_alloc if nothing can even be told.
    void begin_elsewhere(const std::shared_ptr<engine>& owner)
    {
        const auto target = asio::get_associated_executor(handler_, executor_of(*owner));
        try {
            work_.begin(target);
            ticket_ = cancel_ticket::of(handler_, owner);
        } catch (...) {
            result_ = current_exception_code();
        }
        if (!result_) {
            if (giver::try_dispatch(executor_of(*owner), *this, &call_with_handler::begin_arrived, owner))
                return;
            result_ = std::make_error_code(std::errc::not_enough_memory);
        }
        clear_slot();
        if (giver::try_post(target, *this, &call_with_handler::tell_elsewhere))
            return;
        drop();
        throw std::bad_alloc();
    }

    void complete() override
    {
        if (options_.diagnostics != nullptr)
            tell_diagnostics();
        if (elsewhere_) {
            hand_out();
            return;
        }
        if (!ticket_)
            clear_slot();
        auto tell = Tell::take(result_, diagnostics_, operation_);
        Handler handler(std::move(handler_));
        free();
        tell(handler);
    }

    // The slot is left alone: its signal may be gone.
    void abandon() noexcept override { free(); }

private:
    using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;
    using giver = handed_over<call_with_handler>;
    friend giver;

    template <class... Args>
    call_with_handler(engine& owner, const call_options& options, bool elsewhere, Handler&& handler, Args&&... args)
        : call(owner, operation_, options),
          operation_(std::forward<Args>(args)...), // first: if this throws the handler is still the caller's
          handler_(std::move(handler)),
          work_(handler_, executor_of(owner)),
          elsewhere_(elsewhere)
    {}

    void begin_arrived() noexcept
    {
        if (ticket_ && ticket_->cancelled)
            interruption_ = asio::error::operation_aborted;
        else if (ticket_)
            ticket_->target = this;
        start_call(engine_, *this);
    }

    /// To the handler's executor, now or as soon as there is memory for it. This may be gone afterwards.
    void hand_out()
    {
        engine& owner = engine_;
        const auto target = asio::get_associated_executor(handler_, executor_of(owner));
        leave_engine();
        if (!giver::try_dispatch(target, *this, &call_with_handler::tell_elsewhere))
            start_call(owner, *this); // it is finished_: only completes again
    }

    /// On the handler's executor, where the engine is out of reach.
    void tell_elsewhere()
    {
        const handler_work<executor_type> work = std::move(work_);
        auto tell = Tell::take(result_, diagnostics_, operation_);
        Handler handler(std::move(handler_));
        drop();
        tell(handler);
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

    void leave_engine() noexcept
    {
        if (ticket_)
            ticket_->target = nullptr;
        if (coroutine_)
            std::exchange(coroutine_, nullptr).destroy();
        static_cast<list_hook<active_tag>&>(*this).unlink();
        static_cast<list_hook<waiting_tag>&>(*this).unlink();
    }
    void free() noexcept
    {
        leave_engine();
        drop();
    }
    /// Once it is no part of the engine's.
    void drop() noexcept
    {
        engine& owner = engine_; // only looked at if it is the block's owner
        const bool elsewhere = elsewhere_;
        this->~call_with_handler();
        deallocate(owner, elsewhere, this);
    }
    static void deallocate(engine& owner, bool elsewhere, void* block) noexcept
    {
        if (elsewhere)
            ::operator delete(block);
        else
            memory_of(owner).deallocate(block);
    }
    ~call_with_handler() = default;

    Operation operation_;
    Handler handler_;
    handler_work<executor_type> work_;
    std::shared_ptr<cancel_ticket> ticket_;
    bool elsewhere_;
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
            // Only coroutines come here, mostly on their executor: no hop if that is ours. (One that awaited something
            // bound to another executor goes on there for now, in spite of its own.)
            if (asio::get_associated_executor(handler, asio::any_io_executor()) == executor_of(*engine_) &&
                runs_on_executor(*engine_)) {
                begin_here<call_type>(std::forward<Handler>(handler), std::forward<Args>(args)...);
                return;
            }
            begin_elsewhere<call_type>(handler_type(std::forward<Handler>(handler)), std::forward<Args>(args)...);
            return;
        }
        if (is_ours(asio::get_associated_executor(handler, executor_of(*engine_))))
            hop<call_type>(handler_type(std::forward<Handler>(handler)), std::forward<Args>(args)...);
        else
            begin_elsewhere<call_type>(handler_type(std::forward<Handler>(handler)), std::forward<Args>(args)...);
    }

private:
    /// False also where that cannot be found out: then the call is begun as from elsewhere, which is right for all.
    template <class Executor>
    [[nodiscard]] bool is_ours(const Executor& executor) const noexcept
    {
        if constexpr (std::is_same_v<Executor, asio::any_io_executor>) {
            return executor == executor_of(*engine_);
        } else if constexpr (std::is_constructible_v<asio::any_io_executor, const Executor&>) {
            try {
                return asio::any_io_executor(executor) == executor_of(*engine_);
            } catch (...) {
                return false;
            }
        } else {
            return false; // one without an I/O context behind it, such as that of a std::future
        }
    }

    // A coroutine cannot be told by an exception that its call did not begin: Asio's await_suspend is noexcept.
    template <class CallType, class Handler, class... Args>
    void begin_here(Handler&& handler, Args&&... args) const
    {
        CallType* made = nullptr;
        try {
            made =
                CallType::make(*engine_, options_, false, std::forward<Handler>(handler), std::forward<Args>(args)...);
        } catch (const std::bad_alloc&) { // no block for it: nothing was moved yet
            tell_no_memory(executor_of(*engine_), std::forward<Handler>(handler), std::forward<Args>(args)...);
            return;
        }
        made->begin();
    }

    /// The handler's executor is the engine's, but this may be another thread.
    template <class CallType, class Handler, class... Args>
    void hop(Handler handler, Args&&... args) const
    {
        std::shared_ptr<cancel_ticket> ticket;
        try {
            ticket = cancel_ticket::of(handler, engine_);
        } catch (const std::bad_alloc&) {
            tell_no_memory(executor_of(*engine_), std::move(handler), std::forward<Args>(args)...);
            return;
        }
        auto arrived = [owner = engine_, options = options_, ticket = std::move(ticket), handler = std::move(handler),
                        ... rest = std::decay_t<Args>(std::forward<Args>(args))]() mutable {
            CallType* made = nullptr;
            try {
                made = CallType::make(*owner, options, false, std::move(handler), std::move(rest)...);
            } catch (const std::bad_alloc&) {
                tell_no_memory(executor_of(*owner), std::move(handler), std::move(rest)...);
                return;
            }
            made->begin(std::move(ticket));
        };
        asio::dispatch(executor_of(*engine_), std::move(arrived));
    }

    template <class CallType, class Handler, class... Args>
    void begin_elsewhere(Handler handler, Args&&... args) const
    {
        CallType* made = nullptr;
        try {
            made = CallType::make(*engine_, options_, true, std::move(handler), std::forward<Args>(args)...);
        } catch (const std::bad_alloc&) {
            const auto target = asio::get_associated_executor(handler, executor_of(*engine_));
            tell_no_memory(target, std::move(handler), std::forward<Args>(args)...);
            return;
        }
        made->begin_elsewhere(engine_);
    }

    /// Of a call that there is no memory for.
    template <class Executor, class Handler, class... Args>
    static void tell_no_memory(const Executor& target, Handler&& handler, Args&&... args)
    {
        Operation unused(std::forward<Args>(args)...);
        diagnostics nothing_known;
        auto tell = Tell::take(std::make_error_code(std::errc::not_enough_memory), nothing_known, unused);
        asio::post(target, [handler = std::decay_t<Handler>(std::forward<Handler>(handler)),
                            tell = std::move(tell)]() mutable { tell(handler); });
    }

    std::shared_ptr<engine> engine_;
    call_options options_;
};

} // namespace flipt::inline v0::detail
