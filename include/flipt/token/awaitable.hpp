// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// asio::awaitable, the only part of Asio that token policies see.
#pragma once

#if !defined(ASIO_STANDALONE) && !defined(ASIO_SEPARATE_COMPILATION)
#define ASIO_STANDALONE
#endif

#include <asio/awaitable.hpp>

#if !defined(ASIO_HAS_CO_AWAIT)
#error \
    "flipt-cpp needs coroutines in Asio: compile as C++20 (with clang and Asio 1.22 also define ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE)"
#endif
