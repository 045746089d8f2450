// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Handlers that wait for another library's threads: kept with the io_context they belong to, and completed on it.
#pragma once

#include "flipt/net/asio.hpp"
#include "flipt/types/error.hpp"

#include <asio/execution/context.hpp>
#include <asio/execution_context.hpp>
#include <asio/query.hpp>
#include <asio/strand.hpp>
#include <asio/system_executor.hpp>

#include <exception>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0::detail {

class pending_item {
public:
    pending_item() = default;
    pending_item(const pending_item&) = delete;
    pending_item& operator=(const pending_item&) = delete;
    virtual ~pending_item() = default;
};

// What outlives the context: gRPC's threads look here before they touch an executor.
struct handler_home_core {
    std::mutex mutex;
    bool closed = false;
    std::list<std::unique_ptr<pending_item>> items;
};

// One per execution context. Its shutdown destroys the handlers that wait, as the context does with its own.
class handler_home final : public asio::execution_context::service {
public:
    using key_type = handler_home;
    static inline asio::execution_context::id id;

    explicit handler_home(asio::execution_context& owner)
        : asio::execution_context::service(owner), core_(std::make_shared<handler_home_core>())
    {}

    static std::shared_ptr<handler_home_core> of(const asio::any_io_executor& executor)
    {
        asio::execution_context& context = asio::query(executor, asio::execution::context);
        // A context shuts its services down in reverse order of their creation, and that of strands does not lock what
        // another thread may be posting to: it must be there first, so that this one has said no more comes.
        if (!asio::has_service<handler_home>(context))
            static_cast<void>(asio::make_strand(executor));
        return asio::use_service<handler_home>(context).core_;
    }

private:
    void shutdown() override
    {
        std::list<std::unique_ptr<pending_item>> dropped;
        {
            const std::lock_guard lock(core_->mutex);
            core_->closed = true;
            dropped.swap(core_->items);
        }
    }

    std::shared_ptr<handler_home_core> core_;
};

// void(std::exception_ptr, T): what awaitables use.
struct throw_error {
    template <class Handler, class T>
    static void call(Handler& handler, std::error_code ec, diagnostics& d, T& value)
    {
        std::exception_ptr e;
        if (ec)
            e = std::make_exception_ptr(error(ec, std::move(d)));
        std::move(handler)(std::move(e), std::move(value));
    }
};

// void(std::error_code, T): what the async_ operations promise.
struct give_code {
    template <class Handler, class T>
    static void call(Handler& handler, std::error_code ec, diagnostics&, T& value)
    {
        std::move(handler)(ec, std::move(value));
    }
};

// A ClientContext owns its channel, and the last channel joins gRPC's callback threads when it is destroyed: one of
// them that did it would join itself (seen as a double free with 1.51). So contexts are never destroyed there.
inline void destroy_elsewhere(std::shared_ptr<void> kept)
{
    if (kept)
        asio::post(asio::system_executor(), [kept = std::move(kept)]() mutable { kept.reset(); });
}

template <class T>
class pending_base : public pending_item {
public:
    virtual void post(std::error_code ec, diagnostics d, T value, std::shared_ptr<void> keep) = 0;
};

template <class T, class Handler, class Tell>
class pending_handler final : public pending_base<T> {
public:
    using executor_type = asio::associated_executor_t<Handler, asio::any_io_executor>;

    pending_handler(Handler handler, const asio::any_io_executor& fallback, diagnostics* report)
        : handler_(std::move(handler)),
          executor_(asio::get_associated_executor(handler_, fallback)),
          work_(executor_),
          report_(report)
    {}

    void post(std::error_code ec, diagnostics d, T value, std::shared_ptr<void> keep) override
    {
        asio::post(executor_, [handler = std::move(handler_), work = std::move(work_), report = report_, ec,
                               d = std::move(d), value = std::move(value), keep = std::move(keep)]() mutable {
            if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
                slot.clear();
            if (report != nullptr)
                *report = d;
            work.reset();
            keep.reset();
            Tell::call(handler, ec, d, value);
        });
    }

private:
    Handler handler_;
    executor_type executor_;
    asio::executor_work_guard<executor_type> work_; // keeps the handler's io_context running until it is told
    diagnostics* report_;
};

// Where memory runs out on gRPC's threads nothing is kept for later: gRPC's own libraries abort then.
// A handler that waits. Completed at most once, from any thread, never inside the function that made it; if the context
// goes first, the handler is destroyed with it. Destroying an uncompleted one leaves the handler to its context.
template <class T>
class pending {
public:
    pending() = default;
    pending(pending&& other) noexcept : home_(std::move(other.home_)), item_(other.item_) { other.home_ = nullptr; }
    pending& operator=(pending&& other) noexcept
    {
        home_ = std::exchange(other.home_, nullptr);
        item_ = other.item_;
        return *this;
    }

    template <class Tell, class Handler>
    static pending make(Handler&& handler, const asio::any_io_executor& fallback, diagnostics* report)
    {
        using handler_type = std::decay_t<Handler>;
        const asio::any_io_executor target(asio::get_associated_executor(handler, fallback));
        pending made;
        made.home_ = handler_home::of(target);
        auto item =
            std::make_unique<pending_handler<T, handler_type, Tell>>(std::forward<Handler>(handler), fallback, report);
        const std::lock_guard lock(made.home_->mutex);
        made.home_->items.push_back(std::move(item));
        made.item_ = std::prev(made.home_->items.end());
        return made;
    }

    explicit operator bool() const noexcept { return home_ != nullptr; }

    // `keep` is what this is a part of, if its end must not be that of a thread of gRPC's; see destroy_elsewhere().
    void complete(std::error_code ec, diagnostics d, T value, std::shared_ptr<void> keep = nullptr)
    {
        const auto home = std::exchange(home_, nullptr);
        std::unique_ptr<pending_item> item; // destroyed after the lock
        const std::lock_guard lock(home->mutex);
        if (home->closed) {
            destroy_elsewhere(std::move(keep));
            return;
        }
        item = std::move(*item_);
        home->items.erase(item_);
        static_cast<pending_base<T>&>(*item).post(ec, std::move(d), std::move(value), std::move(keep));
    }

private:
    std::shared_ptr<handler_home_core> home_;
    std::list<std::unique_ptr<pending_item>>::iterator item_;
};

} // namespace flipt::inline v0::detail
