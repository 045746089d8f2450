// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/http_transport.hpp.
#pragma once

#include "flipt/call/initiate.hpp"
#include "flipt/call/operations.hpp"
#include "flipt/live/core.hpp"
#include "flipt/live/core_access.hpp"
#include "flipt/live/http_transport.hpp"
#include "flipt/live/operations.hpp"

#include <utility>

namespace flipt::inline v0::detail {

FLIPT_DECL const char* http_live_transport::refusal(const live_namespace& wanted) const
{
    return addressable(wanted.namespace_key, wanted.environment_key, settings().server) ? nullptr : not_addressable;
}

FLIPT_DECL asio::awaitable<fetch_outcome> http_live_transport::fetch(const live_namespace& wanted,
                                                                     const std::string& etag)
{
    call_options options;
    options.retries = 0;
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(fetch_outcome)>(
        initiate_call<snapshot_operation, tell_fetch>(calls_, options), asio::use_awaitable, wanted.namespace_key,
        wanted.environment_key, etag, document_check::by_taker);
}

FLIPT_DECL void http_live_transport::follow(const live_namespace& wanted, const std::string& digest,
                                            std::shared_ptr<stream_sink> sink, asio::cancellation_slot slot,
                                            ended_function ended)
{
    initiate_call<stream_operation, tell_end> begin(calls_, call_options());
    begin(asio::bind_cancellation_slot(slot, std::move(ended)), wanted.namespace_key, wanted.environment_key, digest,
          std::move(sink), calls_->settings().limits.snapshot);
}

FLIPT_DECL std::shared_ptr<live_core> make_live_core(const asio::any_io_executor& executor, config settings,
                                                     std::unique_ptr<token_provider> tokens, live_options options,
                                                     std::shared_ptr<host_resolver> resolver)
{
    auto calls = std::make_shared<engine>(executor, std::move(settings), std::move(tokens), std::move(resolver));
    return make_live_core(std::make_shared<http_live_transport>(std::move(calls)), std::move(options));
}

} // namespace flipt::inline v0::detail
