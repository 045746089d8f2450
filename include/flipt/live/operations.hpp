// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The two calls of a live snapshot: fetch the document, and follow the stream.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/detail/saturating.hpp"
#include "flipt/live/ndjson.hpp"
#include "flipt/live/transport.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

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
          message_limit_(message_limit),
          lines_(saturating_add(message_limit, envelope))
    {}

    FLIPT_DECL std::error_code write(request_writer& out, engine& owner) override;
    [[nodiscard]] const char* refusal() const noexcept override { return not_addressable; }
    std::error_code read(const reply_view&, engine&, reply_step&) override { return errc::invalid_response; }
    [[nodiscard]] bool streaming() const noexcept override { return true; }
    std::error_code on_head(engine&) override
    {
        sink_->on_stream_head();
        return {};
    }
    FLIPT_DECL std::error_code on_data(std::string_view bytes, engine& owner) override;
    std::error_code on_end() override { return lines_.inside_line() ? errc::truncated : std::error_code(); }

private:
    static constexpr std::size_t envelope = 64; // {"result":…}, and room for white space

    std::string namespace_key_;
    std::string environment_key_;
    std::string digest_;
    std::shared_ptr<stream_sink> sink_;
    std::size_t message_limit_; // of the document alone
    ndjson_splitter lines_;
};

} // namespace flipt::inline v0::detail
