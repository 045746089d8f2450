// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/call.hpp: how a call is interrupted and woken.
#pragma once

#include "flipt/call/engine.hpp"

namespace flipt::inline v0::detail {

FLIPT_DECL void call::interrupt(std::error_code why)
{
    if (interruption_ || finished_)
        return;
    interruption_ = why;
    stir();
}

FLIPT_DECL void call::stir()
{
    switch (waiting_) {
    case waiting_for::connection:
    case waiting_for::token:
    case waiting_for::address:
    case waiting_for::pause:
        static_cast<list_hook<waiting_tag>&>(*this).unlink();
        wake();
        break;
    case waiting_for::socket: {
        std::error_code ignored;
        connection_->io.socket().cancel(ignored);
        break;
    }
    case waiting_for::nothing:
    case waiting_for::wake_up: break; // it looks at interruption_ when it goes on
    }
}

FLIPT_DECL void call::stir_other_wait()
{
    std::error_code ignored;
    connection_->io.socket().cancel(ignored);
}

FLIPT_DECL void call::wake() noexcept
{
    waiting_ = waiting_for::wake_up;
    try {
        posting_ = true;
        asio::post(engine_.executor(), call_handler(*this, wake_memory_));
        posting_ = false;
    } catch (...) {
        posting_ = false;
        engine_.wake_later(*this);
    }
}

} // namespace flipt::inline v0::detail
