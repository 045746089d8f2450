// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One unary call or stream of bytes by the method's full name: no stub that is generated.
#pragma once

#include "flipt/grpc/call.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

// How a unary call ended, and with what.
class grpc_reply {
public:
    grpc_reply() = default;

    std::error_code ec;
    diagnostics details;
    grpc::ByteBuffer message;
    std::string etag;
    bool not_modified = false;
};

// void(T) for one value that says everything.
struct give_value {
    template <class Handler, class T>
    static void call(Handler& handler, std::error_code, diagnostics&, T& value)
    {
        std::move(handler)(std::move(value));
    }
};

class unary_exchange {
public:
    unary_exchange(std::unique_ptr<grpc::ClientContext> context, grpc::ByteBuffer request)
        : context_(std::move(context), call_options()), request_(std::move(request))
    {}

    static void begin(std::shared_ptr<unary_exchange> self, grpc::GenericStub& stub, const std::string& method)
    {
        unary_exchange& own = *self;
        stub.UnaryCall(&own.context_.get(), method, grpc::StubOptions(), &own.request_, &own.response_,
                       [self = std::move(self)](const grpc::Status& status) mutable {
                           unary_exchange& ended = *self;
                           ended.finish(status, std::move(self));
                       });
    }
    void cancel() { context_.cancel(); }

    pending<grpc_reply> waiting;

private:
    // On gRPC's thread.
    void finish(const grpc::Status& status, std::shared_ptr<unary_exchange> self)
    {
        grpc_reply reply;
        reply.ec = context_.read(status, reply.details);
        if (!reply.ec) {
            reply.message.Swap(&response_);
            grpc::ClientContext& context = context_.get();
            for (const auto* all : {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()})
                for (const auto& [key, value] : *all) {
                    const std::string_view text(value.data(), value.size());
                    if (key == "x-etag")
                        reply.etag.assign(text);
                    else if (key == "x-http-code" && text == "304")
                        reply.not_modified = true;
                }
        }
        auto told = std::move(waiting);
        told.complete({}, diagnostics(), std::move(reply), std::move(self));
    }

    call_context context_;
    grpc::ByteBuffer request_;
    grpc::ByteBuffer response_;
};

class initiate_unary_exchange {
public:
    initiate_unary_exchange(grpc::GenericStub& stub, const std::string& method) noexcept : stub_(stub), method_(method)
    {}

    template <class Handler>
    void operator()(Handler&& handler, std::shared_ptr<unary_exchange> exchange)
    {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.template emplace<cancel_grpc_call<unary_exchange>>(exchange);
        exchange->waiting = pending<grpc_reply>::template make<give_value>(
            std::forward<Handler>(handler), asio::any_io_executor(asio::system_executor()), nullptr);
        unary_exchange::begin(std::move(exchange), stub_, method_);
    }

private:
    grpc::GenericStub& stub_;
    const std::string& method_;
};

// Ends the exchange with the coroutine that waits for it, which may be destroyed (the io_context is going away).
class exchange_scope {
public:
    explicit exchange_scope(std::shared_ptr<unary_exchange> exchange) noexcept : exchange_(std::move(exchange)) {}
    exchange_scope(const exchange_scope&) = delete;
    exchange_scope& operator=(const exchange_scope&) = delete;
    ~exchange_scope()
    {
        if (exchange_)
            exchange_->cancel();
    }
    void over() noexcept { exchange_.reset(); }

private:
    std::shared_ptr<unary_exchange> exchange_;
};

// The references must live until completion.
inline asio::awaitable<grpc_reply> exchange_unary(grpc::GenericStub& stub, const std::string& method,
                                                  std::unique_ptr<grpc::ClientContext> context,
                                                  grpc::ByteBuffer request)
{
    co_await asio::this_coro::throw_if_cancelled(false);
    auto exchange = std::make_shared<unary_exchange>(std::move(context), std::move(request));
    exchange_scope scope(exchange);
    grpc_reply reply = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(grpc_reply)>(
        initiate_unary_exchange(stub, method), asio::use_awaitable, std::move(exchange));
    scope.over();
    co_return std::move(reply);
}

// The generic stub knows streams in both directions only; on the wire one request and its end are the same.
using byte_stream =
    stream_state<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>>;

class generic_stream_method {
public:
    generic_stream_method(grpc::GenericStub& stub, const std::string& method) noexcept : stub_(stub), method_(method) {}
    void operator()(grpc::ClientContext* context, const grpc::ByteBuffer*,
                    grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* reactor) const
    {
        stub_.PrepareBidiStreamingCall(context, method_, grpc::StubOptions(), reactor);
    }

private:
    grpc::GenericStub& stub_;
    const std::string& method_;
};

// One step of a stream.
class stream_step {
public:
    stream_step() = default;

    std::error_code ec;
    diagnostics details;
    std::optional<grpc::ByteBuffer> message; // none and no error: the stream has ended
};

struct give_step {
    template <class Handler>
    static void call(Handler& handler, std::error_code ec, diagnostics& d, std::optional<grpc::ByteBuffer>& message)
    {
        stream_step step;
        step.ec = ec;
        step.details = std::move(d);
        step.message = std::move(message);
        std::move(handler)(std::move(step));
    }
};

inline asio::awaitable<stream_step> next_step(std::shared_ptr<byte_stream> stream)
{
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(stream_step)>(
        initiate_next<byte_stream, give_step>(std::move(stream)), asio::use_awaitable,
        static_cast<diagnostics*>(nullptr));
}

} // namespace flipt::inline v0::detail
