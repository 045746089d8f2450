// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/live_loop.hpp.
#pragma once

#include "flipt/live/live_loop.hpp"

#include <asio/io_context.hpp>

#include <thread>

namespace flipt::inline v0::detail {

class live_loop::impl {
public:
    asio::io_context context{1};
    std::thread thread;
};

FLIPT_DECL live_loop::live_loop() : impl_(std::make_unique<impl>()) {}
FLIPT_DECL live_loop::~live_loop() = default;
FLIPT_DECL asio::any_io_executor live_loop::executor() const noexcept { return impl_->context.get_executor(); }
FLIPT_DECL void live_loop::start()
{
    impl_->thread = std::thread([this] { impl_->context.run(); });
}
FLIPT_DECL void live_loop::join() { impl_->thread.join(); }

} // namespace flipt::inline v0::detail
