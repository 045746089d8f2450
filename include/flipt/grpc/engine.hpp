// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// All state of one gRPC client, on one executor: settings, token, channel, and the calls that are under way.
#pragma once

#include "flipt/call/breaker_report.hpp"
#include "flipt/call/task.hpp"
#include "flipt/detail/random.hpp"
#include "flipt/grpc/channel.hpp"
#include "flipt/grpc/codec.hpp"
#include "flipt/grpc/exchange.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/protocol/request_body.hpp"
#include "flipt/protocol/retry.hpp"
#include "flipt/protocol/status.hpp"
#include "flipt/token/provider.hpp"

#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0::detail {

// One call of the user's. On the engine's executor.
class grpc_call {
public:
    using clock = std::chrono::steady_clock;

    explicit grpc_call(const call_options& given) : options(given) {}
    grpc_call(const grpc_call&) = delete;
    grpc_call& operator=(const grpc_call&) = delete;

    // Ends it early with `why`; the first one counts.
    void interrupt(std::error_code why)
    {
        if (finished || interruption)
            return;
        interruption = why;
        stop.emit(asio::cancellation_type::terminal);
    }
    void start(std::optional<clock::duration> timeout)
    {
        const clock::time_point now = clock::now();
        if (timeout && *timeout != clock::duration::zero() && *timeout < clock::time_point::max() - now)
            deadline = now + *timeout;
    }
    [[nodiscard]] bool overdue() const noexcept { return deadline <= clock::now(); }

    call_options options;
    asio::cancellation_signal stop; // of the call's coroutine
    std::error_code interruption;   // why it was told to end
    diagnostics details;
    clock::time_point deadline = clock::time_point::max();
    secret authorization; // "JWT <jwt>", for the try that is next; empty: none is sent
    std::uint64_t generation = 0;
    bool token_failed = false; // ended for want of a token
    bool finished = false;
};

// A request as an operation writes it.
class grpc_request {
public:
    grpc_request() = default;

    std::string method; // "/package.Service/Method"
    std::string environment;
    metadata_list metadata; // beside what every call carries
    grpc::ByteBuffer message;
};

class grpc_engine;

// What differs between the unary operations.
class grpc_operation {
public:
    enum class step : unsigned char { done, another };

    grpc_operation() = default;
    grpc_operation(const grpc_operation&) = delete;
    grpc_operation& operator=(const grpc_operation&) = delete;

    // Called again for each repeat.
    virtual std::error_code write(grpc_request& out, grpc_engine& owner) = 0;
    virtual std::error_code read(grpc_reply& reply, grpc_engine& owner, decode_detail& why, step& next) = 0;
    [[nodiscard]] virtual bool authenticated() const noexcept { return true; }
    [[nodiscard]] virtual bool counts_for_breaker() const noexcept { return true; }

protected:
    ~grpc_operation() = default;
};

class grpc_engine final : public std::enable_shared_from_this<grpc_engine>, public token_transport {
public:
    using clock = std::chrono::steady_clock;

    // Throws flipt::error, errc::invalid_config, for settings that cannot work.
    grpc_engine(asio::any_io_executor executor, config settings, std::unique_ptr<token_provider> tokens)
        : version(settings.server),
          executor_(std::move(executor)),
          settings_(std::move(settings)),
          tokens_(std::move(tokens)),
          reader_(settings_.limits.json_depth)
    {
        endpoint peer;
        std::string why;
        std::string user_agent;
        if (const auto ec = parse_endpoint(settings_.endpoint, peer, why))
            throw error(ec, why);
        if (!peer.prefix.empty())
            throw error(errc::invalid_config, "endpoint: gRPC has no path");
        if (const auto ec = check_name("namespace_key", settings_.namespace_key, why))
            throw error(ec, why);
        if (const auto ec = check_environment(settings_.environment_key, why))
            throw error(ec, why);
        if (!is_metadata_value(settings_.environment_key))
            throw error(errc::invalid_config, "config::environment_key holds bytes that gRPC metadata cannot");
        metadata_ = to_metadata(settings_, user_agent);
        stub_ = std::make_unique<grpc::GenericStub>(make_channel(settings_, peer, user_agent));
        if (settings_.circuit.failures > 0)
            breaker_.emplace(settings_.circuit.failures, settings_.circuit.pause);
    }
    grpc_engine(const grpc_engine&) = delete;
    grpc_engine& operator=(const grpc_engine&) = delete;
    ~grpc_engine() override = default;

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
    [[nodiscard]] const config& settings() const noexcept { return settings_; }
    [[nodiscard]] request_defaults defaults() const noexcept
    {
        return {settings_.namespace_key, settings_.environment_key};
    }
    [[nodiscard]] reply_reader& reader() noexcept { return reader_; }
    [[nodiscard]] grpc::GenericStub& stub() noexcept { return *stub_; }
    [[nodiscard]] double random_unit() noexcept { return random_.unit(); }

    // What the server turned out to be, or was said to be; `automatic` while unknown.
    server_version version;

    // Ends every call under way with operation_aborted.
    void cancel_all()
    {
        for (auto at = active_.begin(); at != active_.end();) {
            const std::shared_ptr<grpc_call> c = *at++;
            c->interrupt(asio::error::operation_aborted);
        }
    }
    // The same, for good.
    void shutdown()
    {
        stopped_ = true;
        cancel_all();
        stop_refresh_.emit(asio::cancellation_type::terminal);
    }
    // shutdown() on the executor, from anywhere.
    void post_shutdown() noexcept
    {
        try {
            asio::dispatch(executor_, [self = shared_from_this()] { self->shutdown(); });
        } catch (...) {
            // No memory, and this is called by a destructor: the calls go on to their ends or deadlines.
        }
    }

    // A call in the list of those under way, as long as this lives.
    class active {
    public:
        active(std::shared_ptr<grpc_engine> owner, std::shared_ptr<grpc_call> c)
            : owner_(std::move(owner)), at_(owner_->active_.insert(owner_->active_.end(), std::move(c)))
        {}
        active(const active&) = delete;
        active& operator=(const active&) = delete;
        ~active() { owner_->active_.erase(at_); }

    private:
        std::shared_ptr<grpc_engine> owner_;
        std::list<std::shared_ptr<grpc_call>>::iterator at_;
    };

    // One unary operation with its repeats. The operation must live until completion.
    static asio::awaitable<std::error_code> perform(std::shared_ptr<grpc_engine> self, std::shared_ptr<grpc_call> c,
                                                    grpc_operation* op)
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        const bool counts = self->breaker_ && op->counts_for_breaker();
        const circuit_breaker::ticket ticket = counts ? self->breaker_->allow(clock::now()) : 0;
        if (counts && ticket == 0)
            co_return errc::circuit_open;
        breaker_report report(self->breaker_, ticket, c->details);
        self->budget_.on_call();
        const std::error_code ec = co_await perform_tries(self, c, op);
        co_return c->token_failed ? ec : report.ends_with(ec); // without a token it says nothing of the server
    }

    // Puts the current token into c->authorization; waits for a refresh where there is none.
    static asio::awaitable<std::error_code> prepare_token(std::shared_ptr<grpc_engine> self,
                                                          std::shared_ptr<grpc_call> c)
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        constexpr int most_rounds = 4; // a policy that keeps giving nothing is an error, not a loop
        for (int round = 0;; ++round) {
            std::error_code ec;
            const token_state state = self->look(*c, ec);
            if (state == token_state::failed)
                c->details.set_detail(self->tokens_->detail());
            if (state != token_state::absent)
                co_return ec;
            if (round == most_rounds)
                co_return errc::invalid_token;
            self->begin_refresh();
            if (self->refreshing_ && !c->interruption) { // else it has ended already, and nobody is going to wake this
                waiter waiting(*self);
                waiting.timer.expires_at(c->deadline);
                co_await waiting.timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            }
            if (c->interruption)
                co_return c->interruption;
            if (c->overdue())
                co_return errc::timed_out;
        }
    }
    // The server refused the token of this generation. True: another may be had.
    [[nodiscard]] bool reject_token(std::uint64_t generation) { return tokens_->reject(generation); }

    // The context of a try. errc::invalid_argument for an environment that is no metadata.
    std::error_code make_context(const grpc_call& c, const grpc_request& request,
                                 std::unique_ptr<grpc::ClientContext>& out) const
    {
        if (!is_metadata_value(request.environment))
            return errc::invalid_argument;
        auto context = std::make_unique<grpc::ClientContext>();
        for (const auto* list : {&metadata_, &request.metadata})
            for (const auto& [key, value] : *list)
                context->AddMetadata(key, value);
        if (!request.environment.empty())
            context->AddMetadata("x-flipt-environment", request.environment);
        if (!c.authorization.view().empty())
            add_token(*context, c.authorization);
        if (c.deadline != clock::time_point::max()) {
            const auto left = c.deadline - clock::now();
            const auto wall = std::chrono::system_clock::now();
            if (left < std::chrono::system_clock::time_point::max() - wall) // else there is no limit
                context->set_deadline(wall + left);
        }
        out = std::move(context);
        return {};
    }

private:
    static void add_token(grpc::ClientContext& context, const secret& authorization)
    {
        std::string value(authorization.view());
        const wiper guard{value};
        context.AddMetadata("authorization", value); // copies it; that copy is gRPC's
    }

    // A wait for a token, in the list while it is under way.
    class waiter {
    public:
        explicit waiter(grpc_engine& owner)
            : timer(owner.executor_), owner_(owner), at_(owner.waiters_.insert(owner.waiters_.end(), this))
        {}
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;
        ~waiter() { owner_.waiters_.erase(at_); }

        asio::steady_timer timer;

    private:
        grpc_engine& owner_;
        std::list<waiter*>::iterator at_;
    };

    token_state look(grpc_call& c, std::error_code& ec)
    {
        token_view view;
        std::chrono::system_clock::time_point wall{};
        clock::time_point now{};
        if (tokens_->needs_clock()) {
            wall = std::chrono::system_clock::now();
            now = clock::now();
        }
        const token_state state = tokens_->look(wall, now, view, ec);
        if (state != token_state::ready && state != token_state::ready_refresh_due)
            return state;
        c.authorization = secret();
        c.generation = view.generation;
        if (!view.scheme.empty()) {
            std::string text; // printable ASCII: providers check that
            text.reserve(view.scheme.size() + 1 + view.token.size());
            text.append(view.scheme).append(1, ' ').append(view.token);
            c.authorization = secret::take(std::move(text));
        }
        if (state == token_state::ready_refresh_due)
            begin_refresh();
        return state;
    }

    void begin_refresh()
    {
        if (refreshing_ || stopped_)
            return;
        auto refresh = tokens_->refresh(*this);
        auto done = [self = shared_from_this()](const std::exception_ptr&) {
            // The provider keeps the failure: look() tells it to whoever asks.
            self->refreshing_ = false;
            for (waiter* w : self->waiters_)
                w->timer.cancel();
        };
        refreshing_ = true; // before it begins: it may have ended by the time co_spawn() returns
        try {
            asio::co_spawn(executor_, std::move(refresh),
                           asio::bind_cancellation_slot(stop_refresh_.slot(), std::move(done)));
        } catch (...) {
            refreshing_ = false;
            throw;
        }
    }

    static asio::awaitable<std::error_code> perform_tries(std::shared_ptr<grpc_engine> self,
                                                          std::shared_ptr<grpc_call> c, grpc_operation* op)
    {
        co_await asio::this_coro::throw_if_cancelled(false);
        retry_input tries;
        tries.sent = true; // who knows
        tries.retries = c->options.retries.value_or(self->settings_.retry.retries);
        bool token_renewed = false;
        for (;;) {
            if (c->interruption)
                co_return c->interruption;
            c->details.set_detail({}); // that of an earlier try says nothing of this one
            std::error_code ec;
            c->authorization = secret();
            if (op->authenticated()) {
                ec = co_await prepare_token(self, c);
                c->token_failed = static_cast<bool>(ec);
                if (ec)
                    co_return ec;
            }
            grpc_request request;
            std::unique_ptr<grpc::ClientContext> context;
            ec = op->write(request, *self);
            if (!ec)
                ec = self->make_context(*c, request, context);
            if (ec)
                co_return ec;
            if (c->overdue())
                co_return errc::timed_out;

            const int attempts = c->details.attempts() + 1;
            grpc_reply reply =
                co_await exchange_unary(*self->stub_, request.method, std::move(context), std::move(request.message));
            if (c->interruption)
                co_return c->interruption;
            c->details = std::move(reply.details);
            c->details.set_attempts(attempts);
            ec = reply.ec;
            if (!ec) {
                decode_detail why;
                grpc_operation::step next = grpc_operation::step::done;
                ec = op->read(reply, *self, why, next);
                if (!ec && next == grpc_operation::step::another)
                    continue;
                c->details.set_detail(why.text);
                co_return ec;
            }
            if (ec == errc::unauthenticated && op->authenticated() && !token_renewed &&
                self->reject_token(c->generation)) {
                token_renewed = true;
                continue;
            }
            const retry_decision decision = self->decide(*c, tries, ec);
            if (decision.action != retry_decision::repeat_after_backoff)
                co_return ec;
            ++tries.repeats;
            asio::steady_timer pause(self->executor_, decision.delay);
            std::error_code ignored;
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
    }

    retry_decision decide(const grpc_call& c, retry_input& tries, std::error_code ec)
    {
        tries.status = c.details.http_status();
        tries.error = tries.status != 0 ? std::error_code() : ec;
        tries.random = random_unit();
        tries.remaining.reset();
        if (c.deadline != clock::time_point::max())
            tries.remaining = c.deadline - clock::now();
        retry_decision decision = decide_retry(tries, settings_.retry);
        if (decision.action == retry_decision::repeat_after_backoff && !budget_.try_take())
            decision.action = retry_decision::give_up;
        return decision;
    }

    inline asio::awaitable<issued_token> exchange_kubernetes(const secret& service_account_token) override;

    asio::any_io_executor executor_;
    config settings_;
    metadata_list metadata_;
    std::unique_ptr<token_provider> tokens_;
    std::unique_ptr<grpc::GenericStub> stub_;
    reply_reader reader_;
    std::list<std::shared_ptr<grpc_call>> active_;
    std::list<waiter*> waiters_;
    asio::cancellation_signal stop_refresh_;
    std::optional<circuit_breaker> breaker_;
    retry_budget budget_;
    random_source random_;
    bool refreshing_ = false;
    bool stopped_ = false;

public:
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
};

} // namespace flipt::inline v0::detail
