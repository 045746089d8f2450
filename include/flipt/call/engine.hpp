// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// All state of one client, on one executor: settings, token, connections, and the calls that are under way.
#pragma once

#include "flipt/call/call.hpp"
#include "flipt/call/task.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/detail/random.hpp"
#include "flipt/net/pool.hpp"
#include "flipt/net/resolver.hpp"
#include "flipt/net/tls_context.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/protocol/request_body.hpp"
#include "flipt/protocol/request_writer.hpp"
#include "flipt/protocol/retry.hpp"
#include "flipt/token/provider.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace flipt::inline v0::detail {

/// Held by its client, and by every Asio operation it has under way: so it outlives its calls. While a call is under
/// way the timer is too: it keeps the io_context running, and calls that wait in the engine's own lists die with it.
/// Everything but post_shutdown() and the constructor runs on its executor.
class engine final : public std::enable_shared_from_this<engine>, public token_transport {
public:
    using clock = std::chrono::steady_clock;

    /// Throws flipt::error (errc::invalid_config) for settings that cannot work.
    FLIPT_DECL engine(asio::any_io_executor executor, config settings, std::unique_ptr<token_provider> tokens,
                      std::shared_ptr<host_resolver> resolver);
    FLIPT_DECL ~engine() override;
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
    [[nodiscard]] const config& settings() const noexcept { return settings_; }
    [[nodiscard]] const endpoint& peer() const noexcept { return peer_; }
    [[nodiscard]] request_defaults defaults() const noexcept
    {
        return {settings_.namespace_key, settings_.environment_key};
    }
    [[nodiscard]] const head_template& head(bool with_token) const noexcept { return with_token ? head_ : plain_head_; }
    [[nodiscard]] reply_reader& reader() noexcept { return reader_; }
    [[nodiscard]] memory_cache& memory() noexcept { return memory_; }
    [[nodiscard]] pool& connections() noexcept { return pool_; }
    [[nodiscard]] token_provider& tokens() noexcept { return *tokens_; }
    [[nodiscard]] const token_provider& tokens() const noexcept { return *tokens_; }

    /// What the server turned out to be, or was said to be; `automatic` while unknown.
    server_version version = server_version::automatic;

    /// Begins a call, or only completes one that is finished_ already. It never completes before this returns.
    FLIPT_DECL void start(call& c) noexcept;
    /// Goes on with a call whose wait has ended; `c` may be gone afterwards.
    FLIPT_DECL void resume(call& c);
    /// Ends every call with operation_aborted and closes the connections.
    FLIPT_DECL void shutdown();
    /// shutdown() on the executor, from anywhere.
    FLIPT_DECL void post_shutdown() noexcept;
    /// Ends every call under way with operation_aborted; the client stays usable.
    FLIPT_DECL void cancel_all();

    /// Notes that a reply was read from `conn` to its end.
    FLIPT_DECL void mark_used(connection& conn) const noexcept;
    /// Whether that was in this very run of a handler, less than a millisecond before `now`, and left nothing to read:
    /// then it need not be asked whether something has arrived on it since.
    [[nodiscard]] bool just_used(const connection& conn, clock::time_point now) const noexcept
    {
        return in_turn_ && conn.used_turn == turn_ && conn.io.drained() && now - conn.last_used < just_now;
    }

    // For the coroutine of a call.
    FLIPT_DECL token_state prepare_token(std::error_code& ec);
    /// Unless one runs. It may have ended when this returns.
    FLIPT_DECL void begin_refresh();
    [[nodiscard]] bool refreshing() const noexcept { return refreshing_; }
    FLIPT_DECL void begin_resolve();
    FLIPT_DECL void give_back(connection& c) noexcept;
    FLIPT_DECL void watch(const call& c);
    FLIPT_DECL void wake_later(call& c) noexcept;
    /// For jitter: at least 0, less than 1.
    [[nodiscard]] double random_unit() noexcept { return random_.unit(); }

    using waiting_list = intrusive_list<call, waiting_tag>;
    waiting_list connection_waiters;
    waiting_list token_waiters;
    waiting_list address_waiters;
    waiting_list pausing; // woken by the timer

    host_resolver::addresses addresses;  // the last answer, kept while the resolver fails
    clock::time_point addresses_until{}; // how long it is believed
    std::error_code resolve_error;       // of the last resolution, if it failed
    std::uint64_t token_generation = 0;  // of the token in head(true)
    std::optional<circuit_breaker> breaker;
    retry_budget budget;

    static constexpr clock::duration address_lifetime = std::chrono::seconds(30);
    static constexpr clock::duration just_now = std::chrono::milliseconds(1);
    static constexpr clock::duration longest_tick = std::chrono::milliseconds(100);

private:
    FLIPT_DECL asio::awaitable<issued_token> exchange_kubernetes(const secret& service_account_token) override;

    FLIPT_DECL void wake_all(waiting_list& list) noexcept;
    FLIPT_DECL void wake_overdue() noexcept;
    FLIPT_DECL void abandon_waiting() noexcept;
    FLIPT_DECL void resolved(std::error_code ec, host_resolver::addresses list);
    FLIPT_DECL void arm(clock::time_point when);
    FLIPT_DECL void on_timer();
    class timer_handler;

    asio::any_io_executor executor_;
    config settings_;
    endpoint peer_;
    head_template head_;
    head_template plain_head_;
    tls_context tls_;
    std::unique_ptr<token_provider> tokens_;
    std::shared_ptr<host_resolver> resolver_;
    memory_cache memory_;
    reply_reader reader_;
    pool pool_;
    intrusive_list<call, active_tag> active_;
    waiting_list overdue_; // to be woken as soon as there is memory for it
    asio::steady_timer timer_;
    handler_memory timer_memory_;
    asio::cancellation_signal stop_refresh_;
    random_source random_;
    clock::time_point armed_at_ = clock::time_point::max();
    std::uint64_t arming_ = 0;
    std::uint64_t turn_ = 1; // counts the handlers run
    bool in_turn_ = false;   // one is running
    bool token_set_ = false;
    bool refreshing_ = false;
    bool resolving_ = false;
    std::atomic<bool> answer_lost_{false}; // of the resolver; set on its thread
    bool stopped_ = false;

public:
    [[nodiscard]] tls_context& tls() noexcept { return tls_; }
};

/// What Asio holds while a call waits for it: owns the call, and keeps the engine. Destroyed without being called (the
/// io_context is going away) it frees the call. Where a call has two waits at once, the last one to end counts.
class call_handler {
public:
    using allocator_type = handler_allocator<void>;

    call_handler(call& c, handler_memory& memory) : engine_(c.engine_.shared_from_this()), call_(&c), memory_(&memory)
    {
        ++c.pending_waits_;
    }
    call_handler(call_handler&& other) noexcept
        : engine_(std::move(other.engine_)), call_(std::exchange(other.call_, nullptr)), memory_(other.memory_)
    {}
    call_handler& operator=(call_handler&&) = delete;
    ~call_handler()
    {
        if (call_ == nullptr)
            return;
        --call_->pending_waits_;
        if (call_->posting_)
            return;
        call_->lost_ = true;
        if (call_->pending_waits_ == 0)
            call_->abandon();
    }

    [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*memory_); }

    void operator()(std::error_code ec = {})
    {
        const std::shared_ptr<engine> keep = std::move(engine_);
        call& c = *std::exchange(call_, nullptr);
        if (--c.pending_waits_ != 0) {
            c.wait_result_ = ec;
            c.stir_other_wait();
            return;
        }
        if (c.lost_) {
            c.abandon();
            return;
        }
        if (!c.two_waits_)
            c.wait_result_ = ec;
        keep->resume(c);
    }

private:
    std::shared_ptr<engine> engine_;
    call* call_;
    handler_memory* memory_;
};

} // namespace flipt::inline v0::detail
