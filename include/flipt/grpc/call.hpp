// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Unary and server-streaming calls of generated gRPC stubs as Asio operations.
#pragma once

#include "flipt/grpc/completion.hpp"
#include "flipt/grpc/status.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0 {
namespace detail {

// The context of a call, and what we did to it.
class call_context {
public:
    call_context(std::unique_ptr<grpc::ClientContext> context, const call_options& options)
        : context_(context ? std::move(context) : std::make_unique<grpc::ClientContext>())
    {
        const auto now = std::chrono::system_clock::now();
        if (options.timeout && *options.timeout > std::chrono::steady_clock::duration::zero() &&
            *options.timeout < std::chrono::system_clock::time_point::max() - now) // else there is no limit
            context_->set_deadline(now + *options.timeout);
    }

    [[nodiscard]] grpc::ClientContext& get() noexcept { return *context_; }

    // Any thread.
    void cancel()
    {
        cancelled_.store(true, std::memory_order_relaxed);
        context_->TryCancel();
    }

    [[nodiscard]] std::error_code read(const grpc::Status& status, diagnostics& d) const
    {
        call_end end;
        end.cancelled = cancelled_.load(std::memory_order_relaxed);
        // gRPC rounds deadlines to its own clock, so one that is about to pass has passed.
        end.deadline_passed = context_->deadline() - std::chrono::milliseconds(20) <= std::chrono::system_clock::now();
        d.set_attempts(1);
        return read_status(status, end, d);
    }

private:
    std::unique_ptr<grpc::ClientContext> context_;
    std::atomic<bool> cancelled_{false};
};

// What a cancellation slot holds: everything that is asked for here can be abandoned at any time.
template <class State>
class cancel_grpc_call {
public:
    explicit cancel_grpc_call(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
    void operator()(asio::cancellation_type type)
    {
        if (type != asio::cancellation_type::none)
            state_->cancel();
    }

private:
    std::shared_ptr<State> state_;
};

template <class Request, class Response>
class unary_state {
public:
    unary_state(std::unique_ptr<grpc::ClientContext> context, Request message, const call_options& options)
        : context_(std::move(context), options), request(std::move(message))
    {}

    void cancel() { context_.cancel(); }
    [[nodiscard]] grpc::ClientContext& context() noexcept { return context_.get(); }

    // On gRPC's thread, with the reference that was gRPC's.
    static void finish(std::shared_ptr<unary_state> self, const grpc::Status& status)
    {
        diagnostics d;
        const std::error_code ec = self->context_.read(status, d);
        auto waiting = std::move(self->done);
        Response value = ec ? Response() : std::move(self->response);
        waiting.complete(ec, std::move(d), std::move(value), std::move(self));
    }

private:
    call_context context_;

public:
    Request request;
    Response response;
    pending<Response> done;
};

// Starts a unary call; a class and no lambda, because GCC 12 destroys lambdas in co_await expressions twice.
template <class Response, class Tell, class Start>
class initiate_unary {
public:
    explicit initiate_unary(Start start) : start_(std::move(start)) {}

    template <class Handler, class Request>
    void operator()(Handler&& handler, std::unique_ptr<grpc::ClientContext> context, Request request,
                    const call_options& options)
    {
        using state_type = unary_state<Request, Response>;
        auto state = std::make_shared<state_type>(std::move(context), std::move(request), options);
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.template emplace<cancel_grpc_call<state_type>>(state);
        state->done = pending<Response>::template make<Tell>(
            std::forward<Handler>(handler), asio::any_io_executor(asio::system_executor()), options.diagnostics);
        state_type& own = *state;
        const state_type& sent = own;
        start_(&own.context(), &sent.request, &own.response,
               std::function<void(grpc::Status)>([state = std::move(state)](const grpc::Status& status) mutable {
                   state_type::finish(std::move(state), status);
               }));
    }

private:
    Start start_;
};

// The callback method of a stub's async interface.
template <class Async, class Request, class Response>
class unary_method {
public:
    using function = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                                     std::function<void(grpc::Status)>);

    unary_method(Async* stub, function method) noexcept : stub_(stub), method_(method) {}
    void operator()(grpc::ClientContext* context, const Request* request, Response* response,
                    std::function<void(grpc::Status)> done) const
    {
        (stub_->*method_)(context, request, response, std::move(done));
    }

private:
    Async* stub_;
    function method_;
};

} // namespace detail

/// Makes a unary call of a generated stub with any completion token, void(std::error_code, Response).
///
/// ```
/// using stub_type = flipt::evaluation::EvaluationService::StubInterface::async_interface;
/// auto answer = co_await flipt::grpc_unary(stub->async(), &stub_type::Boolean, request, std::move(context), options);
/// ```
///
/// `context` (null: a fresh one) carries metadata, such as add_authorization()'s; it is used up. options.timeout is the
/// deadline if it is set and not zero, else the context's own; retries are gRPC's business (its service config).
/// The handler runs on its associated executor (none: the system executor), never inside this function and never on
/// gRPC's threads. Per-operation cancellation of every type is TryCancel(); emit on that executor.
///
/// Errors: the errc that the same refusal has over HTTP (UNAUTHENTICATED is unauthenticated, NOT_FOUND not_found, …;
/// http_status() and server_message() tell more), asio::error::not_connected for UNAVAILABLE (no answer; the words are
/// in server_message()), timed_out for the deadline, response_too_large for the channel's
/// size limit, asio::error::operation_aborted after a cancellation. The channel behind the stub must live until
/// completion; the stub need not. If the io_context is destroyed first, the handler is destroyed with it.
template <class Async, class Request, class Response, class Token>
auto async_grpc_unary(std::type_identity_t<Async>* stub,
                      void (Async::*method)(grpc::ClientContext*, const Request*, Response*,
                                            std::function<void(grpc::Status)>),
                      std::type_identity_t<Request> request, std::unique_ptr<grpc::ClientContext> context,
                      call_options options, Token&& token)
{
    using start = detail::unary_method<Async, Request, Response>;
    return asio::async_initiate<Token, void(std::error_code, Response)>(
        detail::initiate_unary<Response, detail::give_code, start>(start(stub, method)), token, std::move(context),
        std::move(request), options);
}

/// The same as an awaitable that throws flipt::error.
template <class Async, class Request, class Response>
[[nodiscard]] asio::awaitable<Response>
grpc_unary(std::type_identity_t<Async>* stub,
           void (Async::*method)(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>),
           std::type_identity_t<Request> request, std::unique_ptr<grpc::ClientContext> context = nullptr,
           call_options options = {})
{
    using start = detail::unary_method<Async, Request, Response>;
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, Response)>(
        detail::initiate_unary<Response, detail::throw_error, start>(start(stub, method)), asio::use_awaitable,
        std::move(context), std::move(request), options);
}

namespace detail {

// Lives until gRPC says OnDone. A hold keeps that from happening while reads may still be started. With a reactor for
// both directions the request is its only write.
template <class Request, class Response, class Reactor = grpc::ClientReadReactor<Response>>
class stream_state final : public Reactor {
public:
    using result = std::optional<Response>;

    stream_state(std::unique_ptr<grpc::ClientContext> context, Request message, const call_options& options)
        : request(std::move(message)), context_(std::move(context), options)
    {}

    template <class Start>
    static std::shared_ptr<stream_state> open(const Start& start, std::unique_ptr<grpc::ClientContext> context,
                                              Request request, const call_options& options)
    {
        auto state = std::make_shared<stream_state>(std::move(context), std::move(request), options);
        const stream_state& sent = *state;
        start(&state->context_.get(), &sent.request, state.get());
        state->AddHold();
        state->self_ = state;
        if constexpr (std::is_same_v<Reactor, grpc::ClientBidiReactor<Request, Response>>)
            state->StartWriteLast(&sent.request, grpc::WriteOptions());
        state->StartCall();
        return state;
    }

    void next(pending<result> waiting)
    {
        std::unique_lock lock(mutex_);
        if (reading_ || waiting_) { // one at a time
            lock.unlock();
            waiting.complete(asio::error::already_started, diagnostics(), std::nullopt);
            return;
        }
        if (done_) {
            lock.unlock();
            tell_end(std::move(waiting));
            return;
        }
        waiting_ = std::move(waiting);
        if (!holding_)
            return; // OnDone comes
        reading_ = true;
        lock.unlock();
        this->StartRead(&message_);
    }

    // Any thread.
    void cancel() { context_.cancel(); }

    // Nobody reads any more.
    void abandon()
    {
        cancel();
        release();
    }

private:
    void OnReadDone(bool ok) override
    {
        std::unique_lock lock(mutex_);
        reading_ = false;
        if (!ok) {
            lock.unlock();
            release();
            return;
        }
        auto waiting = std::move(waiting_);
        result value(std::move(message_));
        message_ = Response();
        lock.unlock();
        diagnostics d;
        d.set_status(200);
        waiting.complete({}, std::move(d), std::move(value));
    }

    void OnDone(const grpc::Status& status) override
    {
        std::unique_lock lock(mutex_);
        done_ = true;
        status_ = status;
        auto waiting = std::move(waiting_);
        auto self = std::move(self_);
        lock.unlock();
        if (waiting)
            tell_end(std::move(waiting), std::move(self));
        else
            destroy_elsewhere(std::move(self));
    }

    void release()
    {
        std::unique_lock lock(mutex_);
        const bool held = std::exchange(holding_, false);
        lock.unlock();
        if (held)
            this->RemoveHold();
    }

    void tell_end(pending<result> waiting, std::shared_ptr<stream_state> self = nullptr)
    {
        diagnostics d;
        const std::error_code ec = context_.read(status_, d);
        waiting.complete(ec, std::move(d), std::nullopt, std::move(self));
    }

    Request request;
    call_context context_;
    Response message_;
    std::mutex mutex_;
    std::shared_ptr<stream_state> self_; // while gRPC knows us
    pending<result> waiting_;
    bool reading_ = false;
    bool holding_ = true;
    bool done_ = false;
    grpc::Status status_;
};

template <class State, class Tell>
class initiate_next {
public:
    explicit initiate_next(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

    template <class Handler>
    void operator()(Handler&& handler, diagnostics* report)
    {
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected())
            slot.template emplace<cancel_grpc_call<State>>(state_);
        state_->next(pending<typename State::result>::template make<Tell>(
            std::forward<Handler>(handler), asio::any_io_executor(asio::system_executor()), report));
    }

private:
    std::shared_ptr<State> state_;
};

template <class Async, class Request, class Response>
class stream_method {
public:
    using function = void (Async::*)(grpc::ClientContext*, const Request*, grpc::ClientReadReactor<Response>*);

    stream_method(Async* stub, function method) noexcept : stub_(stub), method_(method) {}
    void operator()(grpc::ClientContext* context, const Request* request,
                    grpc::ClientReadReactor<Response>* reactor) const
    {
        (stub_->*method_)(context, request, reactor);
    }

private:
    Async* stub_;
    function method_;
};

} // namespace detail

/// A server stream of a generated stub, read message by message; made by grpc_stream(). Nothing is read ahead. Movable.
/// Destroying it cancels the stream. Distinct objects: any threads; one object: one thread at a time.
template <class Request, class Response>
class grpc_reader {
public:
    grpc_reader(grpc_reader&&) noexcept = default;
    grpc_reader& operator=(grpc_reader&& other) noexcept
    {
        std::swap(state_, other.state_);
        return *this;
    }
    ~grpc_reader()
    {
        if (state_)
            state_->abandon();
    }

    /// The next message; none when the server has ended the stream with OK, and then again each time. Throws
    /// flipt::error otherwise, with the errors of async_grpc_unary(). Cancelling it cancels the whole stream. One at a
    /// time: a second one meanwhile fails with asio::error::already_started.
    [[nodiscard]] asio::awaitable<std::optional<Response>> next()
    {
        return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, std::optional<Response>)>(
            detail::initiate_next<state, detail::throw_error>(state_), asio::use_awaitable,
            static_cast<diagnostics*>(nullptr));
    }
    /// The same with any completion token, void(std::error_code, std::optional<Response>); `report`, if not null, is
    /// filled when it completes and must live until then.
    template <class Token>
    auto async_next(Token&& token, diagnostics* report = nullptr)
    {
        return asio::async_initiate<Token, void(std::error_code, std::optional<Response>)>(
            detail::initiate_next<state, detail::give_code>(state_), token, report);
    }

    /// Ends the stream; next() gives operation_aborted. From any thread.
    void cancel() { state_->cancel(); }

private:
    using state = detail::stream_state<Request, Response>;

    template <class Async, class Rq, class Rs>
    friend grpc_reader<Rq, Rs>
    grpc_stream(std::type_identity_t<Async>* stub,
                void (Async::*method)(grpc::ClientContext*, const Rq*, grpc::ClientReadReactor<Rs>*),
                std::type_identity_t<Rq> request, std::unique_ptr<grpc::ClientContext> context, call_options options);

    explicit grpc_reader(std::shared_ptr<state> opened) noexcept : state_(std::move(opened)) {}

    std::shared_ptr<state> state_;
};

/// Opens a server stream: `grpc_stream(stub->async(), &stub_type::Watch, request, std::move(context), options)`. The
/// context and options.timeout (of the whole stream) are as with async_grpc_unary(). Errors come from next().
template <class Async, class Request, class Response>
[[nodiscard]] grpc_reader<Request, Response>
grpc_stream(std::type_identity_t<Async>* stub,
            void (Async::*method)(grpc::ClientContext*, const Request*, grpc::ClientReadReactor<Response>*),
            std::type_identity_t<Request> request, std::unique_ptr<grpc::ClientContext> context = nullptr,
            call_options options = {})
{
    const detail::stream_method<Async, Request, Response> start(stub, method);
    return grpc_reader<Request, Response>(
        detail::stream_state<Request, Response>::open(start, std::move(context), std::move(request), options));
}

} // namespace flipt::inline v0
