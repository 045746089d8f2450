// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The two calls of a live snapshot: fetch the document, and follow the stream.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/call/initiate.hpp"
#include "flipt/call/operations.hpp"
#include "flipt/live/ndjson.hpp"

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

/// void(fetch_outcome): a failure is an everyday thing here, and no exception.
class tell_fetch {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics& d, Operation& op)
    {
        return [outcome = fetch_outcome(ec, op.take_result(), std::move(d))](auto& handler) mutable {
            std::move(handler)(std::move(outcome));
        };
    }
};

/// void(std::error_code, diagnostics): how a stream ended.
class tell_end {
public:
    template <class Operation>
    static auto take(std::error_code ec, diagnostics& d, Operation&)
    {
        return [ec, details = std::move(d)](auto& handler) mutable { std::move(handler)(ec, std::move(details)); };
    }
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

/// GET /client/v2/environments/{env}/namespaces/{ns}/stream?digest=…, as NDJSON. The environment is named twice, in the
/// path and in the header: by the path alone an unknown one is silently answered from the default environment.
class stream_operation final : public remote_operation {
public:
    stream_operation(std::string namespace_key, std::string environment_key, std::string digest,
                     std::shared_ptr<stream_sink> sink, std::size_t message_limit)
        : namespace_key_(std::move(namespace_key)),
          environment_key_(std::move(environment_key)),
          digest_(std::move(digest)),
          sink_(std::move(sink)),
          lines_(message_limit + envelope)
    {}

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    std::error_code read(const reply_view&, engine&, reply_step&) override { return errc::invalid_response; }
    [[nodiscard]] bool streaming() const noexcept override { return true; }
    std::error_code on_head(engine&) override
    {
        sink_->on_stream_head();
        return {};
    }
    FLIPT_DECL std::error_code on_data(std::string_view bytes, engine& owner) override;

private:
    static constexpr std::size_t envelope = 64; // {"result":…}

    std::string namespace_key_;
    std::string environment_key_;
    std::string digest_;
    std::shared_ptr<stream_sink> sink_;
    ndjson_splitter lines_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/call/impl/bodies.ipp"
#include "flipt/live/impl/operations.ipp"
#endif

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/call/impl/bodies.ipp"
#endif
