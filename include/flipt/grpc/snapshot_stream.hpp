// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A namespace's snapshots as the server streams them (Flipt v2).
#pragma once

#include "flipt/grpc/operations.hpp"

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace flipt::inline v0 {
namespace detail {

// The stream behind its readers. On the engine's executor.
class snapshot_feed {
public:
    snapshot_feed(std::string namespace_key, std::string environment_key, std::string digest)
        : namespace_key_(std::move(namespace_key)),
          environment_key_(std::move(environment_key)),
          digest_(std::move(digest))
    {}
    snapshot_feed(const snapshot_feed&) = delete;
    snapshot_feed& operator=(const snapshot_feed&) = delete;
    ~snapshot_feed()
    {
        if (stream_)
            stream_->abandon();
    }

    // One message; opens the stream, and a second time where the first token was refused.
    static asio::awaitable<std::error_code> next(std::shared_ptr<grpc_engine> owner, std::shared_ptr<grpc_call> c,
                                                 std::shared_ptr<snapshot_feed> self,
                                                 std::optional<snapshot_document>* out)
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        if (self->reading_)
            co_return asio::error::already_started;
        const reading_scope scope(*self);
        asio::steady_timer limit(owner->executor());
        if (c->deadline != grpc_call::clock::time_point::max()) {
            limit.expires_at(c->deadline);
            limit.async_wait([weak = std::weak_ptr<grpc_call>(c)](std::error_code ec) {
                const auto late = weak.lock();
                if (late && !ec)
                    late->interrupt(errc::timed_out);
            });
        }
        for (;;) {
            if (c->interruption)
                co_return c->interruption;
            if (!self->stream_) {
                const std::error_code ec = co_await open(owner, c, self.get());
                if (ec)
                    co_return ec;
            }
            stream_step step = co_await next_step(self->stream_);
            if (c->interruption)
                co_return c->interruption;
            c->details = std::move(step.details);
            if (step.message) {
                self->begun_ = true;
                co_return self->take(*step.message, *c, out);
            }
            const bool refused = step.ec == errc::unauthenticated && !self->begun_ && !self->renewed_;
            if (!refused || !owner->reject_token(self->generation_))
                co_return step.ec;
            self->renewed_ = true;
            self->stream_.reset();
        }
    }

private:
    class reading_scope {
    public:
        explicit reading_scope(snapshot_feed& feed) noexcept : feed_(feed) { feed_.reading_ = true; }
        reading_scope(const reading_scope&) = delete;
        reading_scope& operator=(const reading_scope&) = delete;
        ~reading_scope() { feed_.reading_ = false; }

    private:
        snapshot_feed& feed_;
    };

    static asio::awaitable<std::error_code> open(std::shared_ptr<grpc_engine> owner, std::shared_ptr<grpc_call> c,
                                                 snapshot_feed* self)
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        std::error_code ec = co_await grpc_engine::prepare_token(owner, c);
        if (ec)
            co_return ec;
        self->generation_ = c->generation;
        const config& settings = owner->settings();
        grpc_request request;
        request.method = "/evaluation.ClientEvaluationService/EvaluationSnapshotNamespaceStream";
        request.environment = value_or(self->environment_key_, settings.environment_key);
        // Servers hand out shorter digests, too, and then refuse them.
        constexpr std::size_t resumable = 40;
        const std::string digest = self->digest_.size() == resumable ? self->digest_ : std::string();
        ec = encode_stream(value_or(self->namespace_key_, settings.namespace_key), request.environment, digest,
                           request.message);
        std::unique_ptr<grpc::ClientContext> context;
        const auto deadline = std::exchange(c->deadline, grpc_call::clock::time_point::max()); // not the stream's
        if (!ec)
            ec = owner->make_context(*c, request, context);
        c->deadline = deadline;
        if (ec)
            co_return ec;
        const generic_stream_method start(owner->stub(), request.method);
        self->stream_ = byte_stream::open(start, std::move(context), std::move(request.message), call_options());
        co_return std::error_code();
    }
    std::error_code take(const grpc::ByteBuffer& message, grpc_call& c, std::optional<snapshot_document>* out)
    {
        decode_detail why;
        snapshot_document document;
        document.version = server_version::v2;
        const std::error_code ec = decode_snapshot(message, server_version::v2, document.json, document.etag, why);
        c.details.set_detail(why.text);
        if (!ec)
            *out = std::move(document);
        return ec;
    }

    std::string namespace_key_;
    std::string environment_key_;
    std::string digest_;
    std::shared_ptr<byte_stream> stream_;
    std::uint64_t generation_ = 0; // of the token that the stream was opened with
    bool reading_ = false;
    bool begun_ = false;
    bool renewed_ = false;
};

class grpc_next_snapshot {
public:
    using result_type = std::optional<snapshot_document>;

    explicit grpc_next_snapshot(std::shared_ptr<snapshot_feed> from) noexcept : feed(std::move(from)) {}
    [[nodiscard]] result_type take_result(std::error_code) { return std::move(result); }

    std::shared_ptr<snapshot_feed> feed;
    result_type result;
};

inline asio::awaitable<std::error_code> run_operation(std::shared_ptr<grpc_engine> owner, std::shared_ptr<grpc_call> c,
                                                      grpc_next_snapshot* op)
{
    c->start(c->options.timeout);
    return snapshot_feed::next(std::move(owner), std::move(c), op->feed, &op->result);
}

} // namespace detail

/// A stream of one namespace's snapshots (Flipt v2:
/// evaluation.ClientEvaluationService/EvaluationSnapshotNamespaceStream), made by grpc_client::snapshot_stream(). The
/// server sends the present document, unless it has the digest that was named, and then each new one; it sends nothing
/// else, so next() waits for as long as nothing changes. Movable; destroying it ends the stream. One next() at a time;
/// the object must live until it completes.
class grpc_snapshot_stream {
public:
    grpc_snapshot_stream(grpc_snapshot_stream&&) noexcept = default;
    grpc_snapshot_stream& operator=(grpc_snapshot_stream&&) noexcept = default;
    ~grpc_snapshot_stream()
    {
        if (!feed_)
            return;
        // The feed lives on the executor, and ends there.
        asio::dispatch(engine_->executor(), [kept = std::move(feed_)] {});
    }

    /// The next document, its digest as etag; none when the server has ended the stream, and then again each time.
    /// Throws flipt::error with the errors of the client's calls, not_found for an unknown environment, a status of 501
    /// (server_error) from v1. Without a deadline unless call_options::timeout is set. Cancelling it, or passing that
    /// deadline, ends the stream.
    [[nodiscard]] asio::awaitable<std::optional<snapshot_document>> next(call_options options = {})
    {
        return asio::async_initiate<const asio::use_awaitable_t<>&,
                                    void(std::exception_ptr, std::optional<snapshot_document>)>(
            detail::initiate_grpc_call<detail::grpc_next_snapshot, detail::throw_error>(engine_, options),
            asio::use_awaitable, feed_);
    }
    /// void(std::error_code, std::optional<snapshot_document>).
    template <class Token>
    auto async_next(call_options options, Token&& token)
    {
        return asio::async_initiate<Token, void(std::error_code, std::optional<snapshot_document>)>(
            detail::initiate_grpc_call<detail::grpc_next_snapshot, detail::give_code>(engine_, options), token, feed_);
    }

private:
    template <class TokenPolicy>
    friend class grpc_client;

    grpc_snapshot_stream(std::shared_ptr<detail::grpc_engine> engine, std::shared_ptr<detail::snapshot_feed> feed)
        : engine_(std::move(engine)), feed_(std::move(feed))
    {}

    std::shared_ptr<detail::grpc_engine> engine_;
    std::shared_ptr<detail::snapshot_feed> feed_;
};

} // namespace flipt::inline v0
