// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a live snapshot needs of its engine without seeing it: who only reads flags does not compile loops and streams.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/live/options.hpp"
#include "flipt/live/state.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/net/resolver.hpp"
#include "flipt/types/config.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

class live_core;
class live_transport;
class publication;
class token_provider;

/// What a wait came to.
class ready_outcome {
public:
    ready_outcome() = default;
    ready_outcome(std::error_code e, std::string_view d) : ec(e), detail(d) {}

    std::error_code ec;
    std::string detail;
};
class change_outcome {
public:
    change_outcome() = default;

    std::error_code ec;
    live_change change;
};

/// One that has begun to load. Throws flipt::error as a client does, and errc::invalid_config for namespaces named
/// twice.
[[nodiscard]] FLIPT_DECL std::shared_ptr<live_core> make_live_core(std::shared_ptr<live_transport> calls,
                                                                   live_options options);
[[nodiscard]] FLIPT_DECL std::shared_ptr<live_core>
make_live_core(const asio::any_io_executor& executor, config settings, std::unique_ptr<token_provider> tokens,
               live_options options, std::shared_ptr<host_resolver> resolver);

// The core's members of the same names, of the namespace named where there are several; without a name the first one.
[[nodiscard]] FLIPT_DECL const asio::any_io_executor& executor_of(const live_core& core) noexcept;
[[nodiscard]] FLIPT_DECL const std::shared_ptr<publication>&
published(const live_core& core, std::string_view namespace_key = {}, std::string_view environment_key = {});
[[nodiscard]] FLIPT_DECL live_state state_of(const live_core& core, std::string_view namespace_key,
                                             std::string_view environment_key);
[[nodiscard]] FLIPT_DECL bool all_ready(const live_core& core);
[[nodiscard]] FLIPT_DECL std::uint64_t last_sequence(const live_core& core);
FLIPT_DECL void post_refresh(live_core& core);
FLIPT_DECL void post_stop(live_core& core) noexcept;

// Coroutines of the core's executor.
FLIPT_DECL asio::awaitable<ready_outcome> wait_ready(std::shared_ptr<live_core> core,
                                                     std::optional<std::chrono::steady_clock::duration> timeout);
FLIPT_DECL asio::awaitable<change_outcome> wait_change(std::shared_ptr<live_core> core, std::uint64_t after);

// The same for any executor, with the failure thrown.
FLIPT_DECL asio::awaitable<void> throwing_wait_ready(std::shared_ptr<live_core> core,
                                                     std::optional<std::chrono::steady_clock::duration> timeout);
FLIPT_DECL asio::awaitable<live_change> throwing_wait_change(std::shared_ptr<live_core> core, std::uint64_t after);

} // namespace flipt::inline v0::detail
