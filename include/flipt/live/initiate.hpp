// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How a wait on a live snapshot becomes an Asio operation, begun from any executor and thread.
#pragma once

#include "flipt/live/core_access.hpp"

#include <exception>
#include <memory>
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
        // The signal may be emitted elsewhere: it is carried to the core's executor. There must be one even where the
        // handler has no slot, since co_spawn wants to bind it.
        auto link = std::make_shared<asio::cancellation_signal>();
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.assign([link, executor = executor_of(*core_)](asio::cancellation_type type) {
                asio::dispatch(executor, [link, type] { link->emit(type); });
            });
        const auto target = asio::get_associated_executor(handler, executor_of(*core_));
        auto work = asio::make_work_guard(target);
        auto ended = [core = core_, link, target, work = std::move(work),
                      handler = std::decay_t<Handler>(std::forward<Handler>(handler))](const std::exception_ptr& e,
                                                                                       Outcome outcome) mutable {
            if (e)
                outcome.ec = std::make_error_code(std::errc::not_enough_memory);
            asio::dispatch(target, [handler = std::move(handler), outcome = std::move(outcome)]() mutable {
                Tell::tell_it(handler, outcome);
            });
        };
        auto hop = [core = core_, link, begin, argument, ended = std::move(ended)]() mutable {
            const asio::any_io_executor executor = executor_of(*core);
            asio::co_spawn(executor, begin(std::move(core), argument),
                           asio::bind_cancellation_slot(link->slot(), std::move(ended)));
        };
        asio::post(executor_of(*core_), std::move(hop));
    }

private:
    std::shared_ptr<live_core> core_;
};

} // namespace flipt::inline v0::detail
