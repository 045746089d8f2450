// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a client needs of its engine without seeing it: who only makes calls does not compile pool, sockets and TLS.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/net/resolver.hpp"
#include "flipt/types/config.hpp"

#include <memory>

namespace flipt::inline v0::detail {

class call;
class engine;
class memory_cache;
class token_provider;

/// Throws flipt::error (errc::invalid_config) for settings that cannot work.
[[nodiscard]] FLIPT_DECL std::shared_ptr<engine> make_engine(const asio::any_io_executor& executor, config settings,
                                                             std::unique_ptr<token_provider> tokens,
                                                             std::shared_ptr<host_resolver> resolver);

/// Whether this thread is running a handler of the engine's executor. False also where that cannot be known.
[[nodiscard]] FLIPT_DECL bool runs_on_executor(const engine& owner) noexcept;

// The engine's members of the same names.
[[nodiscard]] FLIPT_DECL const asio::any_io_executor& executor_of(const engine& owner) noexcept;
[[nodiscard]] FLIPT_DECL memory_cache& memory_of(engine& owner) noexcept;
FLIPT_DECL void start_call(engine& owner, call& c) noexcept;
FLIPT_DECL void cancel_all(engine& owner);
FLIPT_DECL void close_idle(engine& owner);
FLIPT_DECL void post_shutdown(engine& owner) noexcept;

} // namespace flipt::inline v0::detail
