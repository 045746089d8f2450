// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How a live snapshot reaches its server: fetch a document, follow a stream.
#pragma once

#include "flipt/live/options.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"
#include "flipt/types/response.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

/// What a fetch came to.
class fetch_outcome {
public:
    fetch_outcome() = default;
    fetch_outcome(std::error_code e, snapshot_document d, diagnostics more)
        : ec(e), document(std::move(d)), details(std::move(more))
    {}

    std::error_code ec;
    snapshot_document document;
    diagnostics details;
};

/// Who takes a stream's messages; called on the engine's executor.
class stream_sink {
public:
    stream_sink() = default;
    stream_sink(const stream_sink&) = delete;
    stream_sink& operator=(const stream_sink&) = delete;

    /// The stream is a stream: its head has come.
    virtual void on_stream_head() = 0;
    /// A snapshot document; the view ends with the call.
    virtual void on_document(std::string_view json) = 0;

protected:
    ~stream_sink() = default;
};

/// Everything runs on its executor.
class live_transport {
public:
    /// How a stream ended.
    using ended_function = std::function<void(std::error_code, const diagnostics&)>;

    live_transport() = default;
    live_transport(const live_transport&) = delete;
    live_transport& operator=(const live_transport&) = delete;
    virtual ~live_transport() = default;

    [[nodiscard]] virtual const asio::any_io_executor& executor() const noexcept = 0;
    [[nodiscard]] virtual const config& settings() const noexcept = 0;
    /// What the server turned out to be; `automatic` while unknown. Forgotten where another may have taken its place.
    [[nodiscard]] virtual server_version version() const noexcept = 0;
    virtual void forget_version() noexcept = 0;
    [[nodiscard]] virtual double random_unit() = 0;

    /// Why requests for a namespace cannot be written; null where they can, so far as is known of the server.
    [[nodiscard]] virtual const char* refusal(const live_namespace& wanted) const = 0;
    /// One request, not repeated: the loop tries again, as often as it takes.
    [[nodiscard]] virtual asio::awaitable<fetch_outcome> fetch(const live_namespace& wanted,
                                                               const std::string& etag) = 0;
    /// Opens a stream whose messages go to `sink`. `ended` is called once, never inside; the slot ends the stream.
    virtual void follow(const live_namespace& wanted, const std::string& digest, std::shared_ptr<stream_sink> sink,
                        asio::cancellation_slot slot, ended_function ended) = 0;
    /// Ends everything under way, for good.
    virtual void shutdown() = 0;
};

/// What is the same over every engine that makes calls.
template <class Engine>
class engine_live_transport : public live_transport {
public:
    explicit engine_live_transport(std::shared_ptr<Engine> calls) noexcept : calls_(std::move(calls)) {}

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept override { return calls_->executor(); }
    [[nodiscard]] const config& settings() const noexcept override { return calls_->settings(); }
    [[nodiscard]] server_version version() const noexcept override { return calls_->version; }
    void forget_version() noexcept override { calls_->version = calls_->settings().server; }
    [[nodiscard]] double random_unit() override { return calls_->random_unit(); }
    void shutdown() override { calls_->shutdown(); }

protected:
    std::shared_ptr<Engine> calls_;
};

} // namespace flipt::inline v0::detail
