// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A live snapshot whose updates come over gRPC. Needs the library flipt-cpp-grpc.
#pragma once

#include "flipt/grpc/snapshot_stream.hpp"
#include "flipt/live/live_snapshot.hpp"
#include "flipt/live/transport.hpp"

#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace flipt::inline v0 {
namespace detail {

// void(fetch_outcome): a failure is an everyday thing here, and no exception.
struct give_fetch {
    template <class Handler>
    static void call(Handler& handler, std::error_code ec, diagnostics& d, snapshot_document& document)
    {
        std::move(handler)(fetch_outcome(ec, std::move(document), std::move(d)));
    }
};

// One message of a stream, and how it came.
class next_outcome {
public:
    next_outcome() = default;

    std::error_code ec;
    diagnostics details;
    std::optional<snapshot_document> document;
};
struct give_next {
    template <class Handler>
    static void call(Handler& handler, std::error_code ec, diagnostics& d, std::optional<snapshot_document>& document)
    {
        next_outcome got;
        got.ec = ec;
        got.details = std::move(d);
        got.document = std::move(document);
        std::move(handler)(std::move(got));
    }
};

class grpc_live_transport final : public engine_live_transport<grpc_engine> {
public:
    using engine_live_transport::engine_live_transport;

    [[nodiscard]] const char* refusal(const live_namespace& wanted) const override
    {
        grpc::ByteBuffer scratch;
        const bool good = is_metadata_value(wanted.environment_key) &&
                          !encode_snapshot(wanted.namespace_key, wanted.environment_key, scratch);
        return good ? nullptr : "a namespace must be UTF-8, an environment printable ASCII without outer spaces";
    }
    [[nodiscard]] asio::awaitable<fetch_outcome> fetch(const live_namespace& wanted, const std::string& etag) override
    {
        call_options options;
        options.retries = 0;
        return asio::async_initiate<const asio::use_awaitable_t<>&, void(fetch_outcome)>(
            initiate_grpc_call<grpc_snapshot, give_fetch>(calls_, options), asio::use_awaitable, wanted.namespace_key,
            wanted.environment_key, etag);
    }
    void follow(const live_namespace& wanted, const std::string& digest, std::shared_ptr<stream_sink> sink,
                asio::cancellation_slot slot, ended_function ended) override
    {
        auto feed = std::make_shared<snapshot_feed>(wanted.namespace_key, wanted.environment_key, digest);
        auto outcome = std::make_shared<next_outcome>();
        auto done = [outcome, ended = std::move(ended)](const std::exception_ptr& e) {
            if (e) // memory was short
                outcome->ec = errc::server_error;
            ended(outcome->ec, outcome->details);
        };
        asio::co_spawn(calls_->executor(), read_all(calls_, std::move(feed), std::move(sink), std::move(outcome)),
                       asio::bind_cancellation_slot(slot, std::move(done)));
    }

private:
    static asio::awaitable<void> read_all(std::shared_ptr<grpc_engine> calls, std::shared_ptr<snapshot_feed> feed,
                                          std::shared_ptr<stream_sink> sink, std::shared_ptr<next_outcome> last)
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        for (;;) {
            next_outcome got = co_await next(calls, feed);
            *last = std::move(got);
            if (!last->document)
                co_return;
            sink->on_document(last->document->json);
            last->document.reset();
        }
    }
    static asio::awaitable<next_outcome> next(std::shared_ptr<grpc_engine> calls, std::shared_ptr<snapshot_feed> feed)
    {
        call_options options;
        return asio::async_initiate<const asio::use_awaitable_t<>&, void(next_outcome)>(
            initiate_grpc_call<grpc_next_snapshot, give_next>(std::move(calls), options), asio::use_awaitable,
            std::move(feed));
    }
};

} // namespace detail

/// A live_snapshot that is one in every respect, but for gRPC between it and the server: on v2 it follows the
/// server's stream, on v1 it asks in an interval. Settings as grpc_client's. A stream that ends, an error, a server
/// that goes away or starts anew (GOAWAY) are survived as live_snapshot survives them.
template <class TokenPolicy = no_token>
class grpc_live_snapshot : public live_snapshot<TokenPolicy> {
public:
    /// Begins to load at once. Throws flipt::error with errc::invalid_config as grpc_client does.
    explicit grpc_live_snapshot(const asio::any_io_executor& executor, config settings = config(),
                                TokenPolicy policy = TokenPolicy(), live_options options = live_options())
        : grpc_live_snapshot(executor, std::move(settings),
                             std::make_unique<detail::policy_provider<TokenPolicy>>(std::move(policy)),
                             std::move(options))
    {}

private:
    grpc_live_snapshot(const asio::any_io_executor& executor, config settings,
                       std::unique_ptr<detail::policy_provider<TokenPolicy>> provider, live_options options)
        : grpc_live_snapshot(&provider->policy(), executor, std::move(settings), std::move(provider),
                             std::move(options))
    {}
    // By reference: the provider is moved only after `policy` was read from it.
    grpc_live_snapshot(TokenPolicy* policy, const asio::any_io_executor& executor, config settings,
                       std::unique_ptr<detail::policy_provider<TokenPolicy>>&& provider, live_options options)
        : live_snapshot<TokenPolicy>(
              policy,
              std::make_shared<detail::grpc_live_transport>(
                  std::make_shared<detail::grpc_engine>(executor, std::move(settings), std::move(provider))),
              std::move(options))
    {}
};

template <class TokenPolicy>
grpc_live_snapshot(const asio::any_io_executor&, config, TokenPolicy) -> grpc_live_snapshot<TokenPolicy>;
template <class TokenPolicy>
grpc_live_snapshot(const asio::any_io_executor&, config, TokenPolicy, live_options) -> grpc_live_snapshot<TokenPolicy>;

} // namespace flipt::inline v0
