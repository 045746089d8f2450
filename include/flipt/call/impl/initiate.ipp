// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/initiate.hpp.
#pragma once

#include "flipt/call/initiate.hpp"
#include "flipt/types/error.hpp"

#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL std::exception_ptr to_exception(std::error_code ec, diagnostics& d) noexcept
{
    if (!ec)
        return nullptr;
    try {
        return std::make_exception_ptr(error(ec, std::move(d)));
    } catch (...) {
        return std::current_exception();
    }
}

FLIPT_DECL void remote_cancel::operator()(asio::cancellation_type type)
{
    const auto owner = engine_.lock();
    if (type == asio::cancellation_type::none || !owner)
        return;
    asio::dispatch(executor_of(*owner), [ticket = ticket_] {
        ticket->cancelled = true;
        if (ticket->target != nullptr)
            ticket->target->interrupt(asio::error::operation_aborted);
    });
}

FLIPT_DECL void handler_work<asio::any_io_executor>::begin(const asio::any_io_executor& executor)
{
    tracked_ = asio::prefer(executor, asio::execution::outstanding_work.tracked);
}

} // namespace flipt::inline v0::detail
