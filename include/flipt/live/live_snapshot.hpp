// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A snapshot that keeps itself up to date: flags evaluated in the process, refreshed from the server.
#pragma once

#include "flipt/live/core_access.hpp"
#include "flipt/live/initiate.hpp"
#include "flipt/live/options.hpp"
#include "flipt/live/reader.hpp"
#include "flipt/live/state.hpp"
#include "flipt/token/token.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0 {

/// Keeps the flags of one or several namespaces in the process. v2: fetched once, then followed by the server's stream,
/// with a rare conditional request as watchdog; v1, or where there is no stream: asked for in an interval
/// (If-None-Match). After a failure it tries again with growing pauses (config::retry's, but of at least 100 ms
/// before their random part); evaluation goes on with what is there and never fails because a refresh did. Every
/// request carries the policy's current token.
///
/// An environment the server does not have is an error (errc::not_found), never the default environment's flags.
///
/// **Executor.** All its I/O and, unless live_options::worker says otherwise, parsing and saving run on the executor
/// given; with an io_context that several threads run, give a strand. It keeps the io_context busy until destroyed.
///
/// **Threads.** Every const member may be called from any thread. A reader is used by one thread at a time.
///
/// **Lifetime.** The io_context must outlive it, and any job it posted to live_options::worker. Destroying it ends its
/// waits with operation_aborted and everything else in silence; readers and shared_ptrs to snapshots stay good.
/// `on_change` is not called afterwards if it is destroyed on its executor. One that was moved from may be assigned to
/// or destroyed, and no more.
///
/// **fork.** A child keeps its readers and what they last saw, and must not use the live snapshot itself (nor its
/// io_context): leave it undestroyed (or exec), and make a new one.
template <class TokenPolicy = no_token>
class live_snapshot {
    static_assert(detail::check_token_policy<TokenPolicy>());

public:
    using executor_type = asio::any_io_executor;
    using duration = std::chrono::steady_clock::duration;

    /// Begins to load at once. With live_start::saved the file is read and compiled here. Throws flipt::error with
    /// errc::invalid_config for settings that cannot work; what() says which.
    explicit live_snapshot(const asio::any_io_executor& executor, config settings = config(),
                           TokenPolicy policy = TokenPolicy(), live_options options = live_options(),
                           std::shared_ptr<host_resolver> resolver = nullptr)
        : live_snapshot(executor, std::move(settings),
                        std::make_unique<detail::policy_provider<TokenPolicy>>(std::move(policy)), std::move(options),
                        std::move(resolver))
    {}
    live_snapshot(live_snapshot&&) noexcept = default;
    live_snapshot& operator=(live_snapshot&& other) noexcept
    {
        live_snapshot taken(std::move(other));
        std::swap(core_, taken.core_);
        std::swap(policy_, taken.policy_);
        return *this;
    }
    ~live_snapshot()
    {
        if (core_)
            detail::post_stop(*core_);
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return detail::executor_of(*core_); }
    /// The policy inside, to set another token at run time where the policy can. On the executor.
    /// A policy may be assigned to, but not one with fetch(): hold that in an any_token, and assign to it.
    [[nodiscard]] TokenPolicy& token_policy() noexcept { return *policy_; }

    // ---- reading ----------------------------------------------------------------------------------------------------

    /// A reader of the first namespace, for one thread or loop. Cheap to make, cheaper to keep.
    [[nodiscard]] flipt::v0::reader reader() const { return flipt::v0::reader(detail::published(*core_)); }
    /// Of another namespace kept; an empty key beside one that is not is config's, two empty ones are the first
    /// namespace. Throws flipt::error (errc::invalid_argument) if it is none of those kept.
    [[nodiscard]] flipt::v0::reader reader(std::string_view namespace_key, std::string_view environment_key = {}) const
    {
        return flipt::v0::reader(detail::published(*core_, namespace_key, environment_key));
    }

    /// The newest snapshot, an empty one before the first load; for occasional use (it may wait for another thread that
    /// copies the same pointer). Never null. Namespaces and errors as reader().
    [[nodiscard]] std::shared_ptr<const snapshot> current(std::string_view namespace_key = {},
                                                          std::string_view environment_key = {}) const
    {
        std::uint64_t version = 0;
        return detail::published(*core_, namespace_key, environment_key)->load(version);
    }

    /// The flag's value in the first namespace, or `otherwise` where there is none; `why`, if not null, tells the
    /// error.
    template <class Context>
    [[nodiscard]] bool evaluate_boolean_or(std::string_view flag_key, std::string_view entity_id, const Context& ctx,
                                           bool otherwise, std::error_code* why = nullptr) const
    {
        return reader().evaluate_boolean_or(flag_key, entity_id, ctx, otherwise, why);
    }
    [[nodiscard]] bool evaluate_boolean_or(std::string_view flag_key, std::string_view entity_id, context_list ctx,
                                           bool otherwise, std::error_code* why = nullptr) const
    {
        return reader().evaluate_boolean_or(flag_key, entity_id, ctx, otherwise, why);
    }
    /// The key of the variant, or `otherwise` where there is none.
    template <class Context>
    [[nodiscard]] std::string evaluate_variant_or(std::string_view flag_key, std::string_view entity_id,
                                                  const Context& ctx, std::string_view otherwise,
                                                  std::error_code* why = nullptr) const
    {
        flipt::v0::reader look = reader();
        return std::string(look.evaluate_variant_or(flag_key, entity_id, ctx, otherwise, why));
    }
    [[nodiscard]] std::string evaluate_variant_or(std::string_view flag_key, std::string_view entity_id,
                                                  context_list ctx, std::string_view otherwise,
                                                  std::error_code* why = nullptr) const
    {
        return evaluate_variant_or<context_list>(flag_key, entity_id, ctx, otherwise, why);
    }

    // ---- state ------------------------------------------------------------------------------------------------------

    /// How a namespace is doing. Namespaces and errors as reader().
    [[nodiscard]] live_state state(std::string_view namespace_key = {}, std::string_view environment_key = {}) const
    {
        return detail::state_of(*core_, namespace_key, environment_key);
    }
    /// Whether every namespace has flags to evaluate.
    [[nodiscard]] bool ready() const { return detail::all_ready(*core_); }
    /// Asks the server now, whatever the interval says. Does not wait for the answer.
    void refresh() const { detail::post_refresh(*core_); }

    /// Waits until every namespace has flags (see live_start), at most `timeout`, unset: live_options::ready_timeout;
    /// zero is no limit, and less than zero a time that is up: only what is there already will do. Throws flipt::error:
    /// timed_out (what() tells the last failure), with live_start::fail the first failure, operation_aborted after
    /// cancellation (any type) or destruction.
    [[nodiscard]] asio::awaitable<void> wait_ready(std::optional<duration> timeout = std::nullopt) const
    {
        return detail::throwing_wait_ready(core_, timeout);
    }
    /// void(std::error_code).
    template <class Token>
    auto async_wait_ready(std::optional<duration> timeout, Token&& token) const
    {
        return asio::async_initiate<Token, void(std::error_code)>(detail::initiate_wait<detail::tell_apart>(core_),
                                                                  token, &detail::wait_ready, timeout);
    }
    template <class Token>
    auto async_wait_ready(Token&& token) const
    {
        return async_wait_ready(std::nullopt, std::forward<Token>(token));
    }

    /// The number of the last change; 0 before the first one.
    [[nodiscard]] std::uint64_t last_sequence() const { return detail::last_sequence(*core_); }
    /// The first change from now on, of any of the namespaces. Throws flipt::error, operation_aborted.
    [[nodiscard]] asio::awaitable<live_change> next_change() const { return next_change(last_sequence()); }
    /// The first change with a greater number: pass the last one's to miss none (the last 64 are kept).
    [[nodiscard]] asio::awaitable<live_change> next_change(std::uint64_t after) const
    {
        return detail::throwing_wait_change(core_, after);
    }
    /// void(std::error_code, live_change).
    template <class Token>
    auto async_next_change(std::uint64_t after, Token&& token) const
    {
        return asio::async_initiate<Token, void(std::error_code, live_change)>(
            detail::initiate_wait<detail::tell_apart>(core_), token, &detail::wait_change, after);
    }
    template <class Token>
    auto async_next_change(Token&& token) const
    {
        return async_next_change(last_sequence(), std::forward<Token>(token));
    }

protected:
    /// For other ways to the server; `policy` lives in `calls`.
    live_snapshot(TokenPolicy* policy, std::shared_ptr<detail::live_transport> calls, live_options options)
        : policy_(policy), core_(detail::make_live_core(std::move(calls), std::move(options)))
    {}

private:
    live_snapshot(const asio::any_io_executor& executor, config settings,
                  std::unique_ptr<detail::policy_provider<TokenPolicy>> provider, live_options options,
                  std::shared_ptr<host_resolver> resolver)
        : policy_(&provider->policy()),
          core_(detail::make_live_core(executor, std::move(settings), std::move(provider), std::move(options),
                                       std::move(resolver)))
    {}

    TokenPolicy* policy_;
    std::shared_ptr<detail::live_core> core_;
};

template <class TokenPolicy>
live_snapshot(const asio::any_io_executor&, config, TokenPolicy) -> live_snapshot<TokenPolicy>;
template <class TokenPolicy>
live_snapshot(const asio::any_io_executor&, config, TokenPolicy, live_options) -> live_snapshot<TokenPolicy>;
template <class TokenPolicy>
live_snapshot(const asio::any_io_executor&, config, TokenPolicy, live_options, std::shared_ptr<host_resolver>)
    -> live_snapshot<TokenPolicy>;

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/live/impl/bodies.ipp"
#endif
