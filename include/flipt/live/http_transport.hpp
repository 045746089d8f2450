// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A live snapshot's way to its server over HTTP.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/live/transport.hpp"

#include <memory>
#include <string>

namespace flipt::inline v0::detail {

class http_live_transport final : public engine_live_transport<engine> {
public:
    using engine_live_transport::engine_live_transport;

    [[nodiscard]] FLIPT_DECL const char* refusal(const live_namespace& wanted) const override;
    [[nodiscard]] FLIPT_DECL asio::awaitable<fetch_outcome> fetch(const live_namespace& wanted,
                                                                  const std::string& etag) override;
    FLIPT_DECL void follow(const live_namespace& wanted, const std::string& digest, std::shared_ptr<stream_sink> sink,
                           asio::cancellation_slot slot, ended_function ended) override;
};

} // namespace flipt::inline v0::detail
