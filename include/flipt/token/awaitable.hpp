// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// asio::awaitable, the only part of Asio that token policies see; and what has to be so before any header of Asio.
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

#include <asio/awaitable.hpp>
#include <asio/version.hpp>

#if ASIO_VERSION < 102201
#error "flipt-cpp needs Asio 1.22.1 or newer"
#endif

#if !defined(ASIO_HAS_CO_AWAIT)
#error \
    "flipt-cpp needs coroutines in Asio: compile as C++20 (with clang and Asio 1.22 also define ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE)"
#endif
