// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// An io_context and the thread that runs it.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"

#include <memory>

namespace flipt::inline v0::detail {

class live_loop {
public:
    FLIPT_DECL live_loop();
    live_loop(const live_loop&) = delete;
    live_loop& operator=(const live_loop&) = delete;
    FLIPT_DECL ~live_loop();

    [[nodiscard]] FLIPT_DECL asio::any_io_executor executor() const noexcept;
    /// Begins to run what is there; once.
    FLIPT_DECL void start();
    /// Waits until there is nothing left to run.
    FLIPT_DECL void join();

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/live/impl/live_loop.ipp"
#endif
