// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/core_access.hpp.
#pragma once

#include "flipt/live/core.hpp"
#include "flipt/live/core_access.hpp"
#include "flipt/live/initiate.hpp"

#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL std::shared_ptr<live_core> make_live_core(std::shared_ptr<live_transport> calls, live_options options)
{
    auto core = std::make_shared<live_core>(std::move(calls), std::move(options));
    core->start();
    return core;
}

FLIPT_DECL const asio::any_io_executor& executor_of(const live_core& core) noexcept { return core.executor(); }

FLIPT_DECL const std::shared_ptr<publication>& published(const live_core& core, std::string_view namespace_key,
                                                         std::string_view environment_key)
{
    return core.find(namespace_key, environment_key).published;
}

FLIPT_DECL live_state state_of(const live_core& core, std::string_view namespace_key, std::string_view environment_key)
{
    return core.find(namespace_key, environment_key).state();
}

FLIPT_DECL bool all_ready(const live_core& core) { return core.all_ready(); }
FLIPT_DECL std::uint64_t last_sequence(const live_core& core) { return core.last_sequence(); }
FLIPT_DECL void post_refresh(live_core& core) { core.post_refresh(); }
FLIPT_DECL void post_stop(live_core& core) noexcept { core.post_stop(); }

FLIPT_DECL asio::awaitable<ready_outcome> wait_ready(std::shared_ptr<live_core> core,
                                                     std::optional<std::chrono::steady_clock::duration> timeout)
{
    return live_core::wait_ready(std::move(core), timeout);
}

FLIPT_DECL asio::awaitable<change_outcome> wait_change(std::shared_ptr<live_core> core, std::uint64_t after)
{
    return live_core::wait_change(std::move(core), after);
}

FLIPT_DECL asio::awaitable<void> throwing_wait_ready(std::shared_ptr<live_core> core,
                                                     std::optional<std::chrono::steady_clock::duration> timeout)
{
    const ready_outcome outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(ready_outcome)>(
        initiate_wait<tell_outcome>(core), asio::use_awaitable, &wait_ready, timeout);
    if (outcome.ec)
        throw error(outcome.ec, outcome.detail);
}

FLIPT_DECL asio::awaitable<live_change> throwing_wait_change(std::shared_ptr<live_core> core, std::uint64_t after)
{
    change_outcome outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(change_outcome)>(
        initiate_wait<tell_outcome>(core), asio::use_awaitable, &wait_change, after);
    if (outcome.ec)
        throw error(outcome.ec);
    co_return std::move(outcome.change);
}

} // namespace flipt::inline v0::detail
