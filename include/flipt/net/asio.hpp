// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The Asio headers and names this library uses: the one place that knows which Asio is there.
#pragma once

#if !defined(ASIO_STANDALONE) && !defined(ASIO_SEPARATE_COMPILATION)
#define ASIO_STANDALONE
#endif

// A header of the standard library first: Asio 1.22 looks at what libstdc++ has defined by then, and allocates in
// another way where it is included before. Translation units that differ in this would free what the other one
// allocated.
// clang-format off
#include <cstddef>
// clang-format on

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/error.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/socket_base.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>

#if ASIO_VERSION < 102201
#error "flipt-cpp needs Asio 1.22.1 or newer"
#endif

#if !defined(ASIO_HAS_CO_AWAIT)
#error \
    "flipt-cpp needs coroutines in Asio: compile as C++20 (with clang and Asio 1.22 also define ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE)"
#endif
