// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How a wait on a live snapshot becomes an Asio operation, begun from any executor and thread.
#pragma once

#include "flipt/call/hand_over.hpp"
#include "flipt/live/core_access.hpp"
#include "flipt/net/handler_memory.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0::detail {

inline void tell(auto& handler, ready_outcome& outcome) { std::move(handler)(outcome.ec); }
inline void tell(auto& handler, change_outcome& outcome) { std::move(handler)(outcome.ec, std::move(outcome.change)); }

/// void(Outcome): for awaitables that throw it themselves.
class tell_outcome {
public:
    template <class Handler, class Outcome>
    static void tell_it(Handler& handler, Outcome& outcome)
    {
        std::move(handler)(std::move(outcome));
    }
};
/// void(std::error_code, …): what the async_ operations promise.
class tell_apart {
public:
    template <class Handler, class Outcome>
    static void tell_it(Handler& handler, Outcome& outcome)
    {
        tell(handler, outcome);
    }
};

/// From a handler's cancellation slot to its wait, which may not have begun yet. Touched on the core's executor only.
class wait_link {
public:
    wait_link() = default;

    void cancel(asio::cancellation_type type)
    {
        // Waits change nothing, so every type can be granted.
        if (type == asio::cancellation_type::none)
            return;
        cancelled = true;
        signal.emit(type);
    }

    asio::cancellation_signal signal; ///< nobody hears it before the wait has begun
    bool cancelled = false;
};

/// A wait with its handler, in one block that is there before it begins: whatever there is no memory for later is an
/// outcome, and told. (But Asio's co_spawn itself needs some at the coroutine's end; what it then throws leaves
/// io_context::run().) Touched on the core's executor, then on the handler's.
template <class Tell, class Outcome, class Argument, class Handler>
class wait_with_handler {
public:
    using coroutine = asio::awaitable<Outcome> (*)(std::shared_ptr<live_core>, Argument);

    wait_with_handler(std::shared_ptr<live_core> core, coroutine what, Argument argument, Handler&& handler)
        : core_(std::move(core)),
          begin_(what),
          argument_(std::move(argument)),
          link_(std::make_shared<wait_link>()),
          target_(asio::get_associated_executor(handler, executor_of(*core_))),
          work_(target_),
          handler_(std::move(handler)) // last: if something throws the handler is still the caller's
    {}
    wait_with_handler(const wait_with_handler&) = delete;
    wait_with_handler& operator=(const wait_with_handler&) = delete;

    /// Throws std::bad_alloc if nothing can even be told.
    void start()
    {
        const auto target = target_;
        try {
            // The signal may be emitted elsewhere: it is carried to the core's executor. There must be one even where
            // the handler has no slot, since co_spawn wants to bind it.
            if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected())
                slot.assign([link = link_, executor = executor_of(*core_)](asio::cancellation_type type) {
                    asio::dispatch(executor, [link, type] { link->cancel(type); });
                });
        } catch (const std::bad_alloc&) {
            set_no_memory();
        }
        if (!outcome_.ec) {
            const asio::any_io_executor executor = executor_of(*core_);
            if (giver::try_post(executor, *this, &wait_with_handler::begin))
                return;
            set_no_memory();
        }
        if (giver::try_post(target, *this, &wait_with_handler::tell))
            return;
        drop();
        throw std::bad_alloc();
    }

private:
    using giver = handed_over<wait_with_handler>;
    friend giver;

    /// Held by what Asio runs for this: the coroutine, for its end, and the timer.
    class holder {
    public:
        explicit holder(wait_with_handler& wait) noexcept : wait_(&wait) {}
        holder(holder&& other) noexcept : wait_(std::exchange(other.wait_, nullptr)) {}
        holder& operator=(holder&&) = delete;
        ~holder()
        {
            if (wait_ != nullptr && !hand_over::refuse(wait_))
                wait_->drop();
        }
        [[nodiscard]] wait_with_handler& take() noexcept
        {
            hand_over::take(wait_);
            return *std::exchange(wait_, nullptr);
        }

    private:
        wait_with_handler* wait_;
    };
    class ended {
    public:
        explicit ended(wait_with_handler& wait) noexcept : wait_(wait) {}
        void operator()(const std::exception_ptr& e, Outcome outcome)
        {
            wait_with_handler& wait = wait_.take();
            wait.outcome_ = std::move(outcome);
            if (e)
                wait.set_no_memory();
            wait.hand_out();
        }

    private:
        holder wait_;
    };
    class again {
    public:
        using allocator_type = handler_allocator<void>;

        explicit again(wait_with_handler& wait) noexcept : wait_(wait), memory_(&wait.memory_) {}
        [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*memory_); }
        void operator()(std::error_code) { wait_.take().hand_out(); }

    private:
        holder wait_;
        handler_memory* memory_;
    };

    void set_no_memory() noexcept { outcome_.ec = std::make_error_code(std::errc::not_enough_memory); }

    void begin()
    {
        if (link_->cancelled) {
            outcome_.ec = asio::error::operation_aborted;
            hand_out();
            return;
        }
        hand_over scope(this);
        bool begun = false;
        try {
            const asio::any_io_executor executor = executor_of(*core_);
            asio::co_spawn(executor, begin_(core_, argument_),
                           asio::bind_cancellation_slot(link_->signal.slot(), ended(*this)));
            begun = !scope.refused(); // the coroutine may have run inside, and Asio lost its end
        } catch (...) {
            if (scope.taken()) // and then it was the handler's
                throw;
        }
        if (begun)
            return;
        set_no_memory();
        hand_out();
    }

    /// To the handler's executor, now or as soon as there is memory for it. This may be gone afterwards.
    void hand_out()
    {
        timer_.reset();
        link_.reset();
        std::shared_ptr<live_core> core = std::move(core_); // does not end on the handler's executor
        const auto target = target_;
        if (giver::try_dispatch(target, *this, &wait_with_handler::tell))
            return;
        core_ = std::move(core);
        timer_.emplace(executor_of(*core_), std::chrono::milliseconds(10));
        timer_->async_wait(again(*this));
    }

    /// On the handler's executor.
    void tell()
    {
        const auto work = std::move(work_);
        Handler handler(std::move(handler_));
        Outcome outcome(std::move(outcome_));
        drop();
        Tell::tell_it(handler, outcome);
    }

    void drop() noexcept { delete this; }
    ~wait_with_handler() = default;

    using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;

    std::shared_ptr<live_core> core_;
    coroutine begin_;
    Argument argument_;
    std::shared_ptr<wait_link> link_;
    executor_type target_;
    asio::executor_work_guard<executor_type> work_;
    Handler handler_;
    Outcome outcome_;
    handler_memory memory_; // of the timer's wait
    std::optional<asio::steady_timer> timer_;
};

/// Runs a coroutine of the core's on its executor and tells the handler, on the handler's, what it came to.
template <class Tell>
class initiate_wait {
public:
    using executor_type = asio::any_io_executor;

    explicit initiate_wait(std::shared_ptr<live_core> core) noexcept : core_(std::move(core)) {}

    /// Asked for by asio::cancel_after and its like.
    [[nodiscard]] executor_type get_executor() const noexcept { return executor_of(*core_); }

    template <class Handler, class Outcome, class Argument>
    void operator()(Handler&& handler, asio::awaitable<Outcome> (*begin)(std::shared_ptr<live_core>, Argument),
                    Argument argument) const
    {
        using wait = wait_with_handler<Tell, Outcome, Argument, std::decay_t<Handler>>;
        std::decay_t<Handler> kept(std::forward<Handler>(handler));
        wait* made = nullptr;
        try {
            made = new wait(core_, begin, argument, std::move(kept));
        } catch (const std::bad_alloc&) {
            const auto target = asio::get_associated_executor(kept, executor_of(*core_));
            asio::post(target, [kept = std::move(kept)]() mutable {
                Outcome outcome;
                outcome.ec = std::make_error_code(std::errc::not_enough_memory);
                Tell::tell_it(kept, outcome);
            });
            return;
        }
        made->start();
    }

private:
    std::shared_ptr<live_core> core_;
};

} // namespace flipt::inline v0::detail
