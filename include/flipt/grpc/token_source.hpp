// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One token policy shared by many calls on gRPC's threads; fetches on an executor, once for all that wait.
#pragma once

#include "flipt/grpc/completion.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/token/any_token.hpp"
#include "flipt/token/provider.hpp"
#include "flipt/token/secret.hpp"

#include <asio/detached.hpp>
#include <asio/strand.hpp>

#include <chrono>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

// What goes into the metadata, or why nothing can.
class token_answer {
public:
    token_answer() = default;

    std::error_code ec;
    std::string detail;           // holds no token
    secret value;                 // "JWT <jwt>"; empty and no error: no header
    std::uint64_t generation = 0; // for reject()
};

// Told exactly once, on any thread, perhaps before get() returns.
class token_waiter {
public:
    token_waiter() = default;
    token_waiter(const token_waiter&) = delete;
    token_waiter& operator=(const token_waiter&) = delete;
    virtual ~token_waiter() = default;
    virtual void ready(token_answer answer) noexcept = 0;
};

// Stands where a channel is no way to Flipt's login methods.
class no_transport final : public token_transport {
public:
    asio::awaitable<issued_token> exchange_kubernetes(const secret&) override
    {
        diagnostics d;
        d.set_detail("this policy logs in at the server, which an interceptor or call credentials cannot");
        throw error(errc::invalid_token, std::move(d));
        co_return issued_token(); // makes it a coroutine
    }
};

class token_source : public std::enable_shared_from_this<token_source> {
public:
    // A null executor is allowed only for a policy that has its token at hand.
    token_source(asio::any_io_executor executor, std::unique_ptr<token_provider> provider,
                 std::shared_ptr<token_transport> transport = std::make_shared<no_transport>())
        : fetches_(provider->needs_clock())
    {
        if (!fetches_) {
            provider_ = std::move(provider);
        } else {
            if (!executor)
                throw error(errc::invalid_config, "a token policy that fetches needs an executor");
            home_ = handler_home::of(executor);
            const std::lock_guard lock(home_->mutex);
            home_->items.push_back(std::make_unique<kept_fetcher>(std::make_shared<fetcher>(
                asio::make_strand(std::move(executor)), std::move(provider), std::move(transport))));
            kept_ = std::prev(home_->items.end());
        }
    }
    token_source(const token_source&) = delete;
    token_source& operator=(const token_source&) = delete;
    ~token_source()
    {
        if (!home_)
            return;
        const std::lock_guard lock(home_->mutex);
        if (home_->closed)
            return;
        auto last = shared(); // the policy ends where it lived, and not under this lock
        home_->items.erase(kept_);
        const executor_type strand = last->strand;
        asio::post(strand, [kept = std::move(last)] {});
    }

    void get(std::shared_ptr<token_waiter> waiter)
    {
        if (!fetches_) {
            token_answer answer;
            {
                const std::lock_guard lock(mutex_);
                answer = look(*provider_).answer;
            }
            waiter->ready(std::move(answer));
            return;
        }
        post([self = shared_from_this(), asks = promise(std::move(waiter))]() mutable { self->ask(std::move(asks)); });
    }

    // The server refused the token of this generation. True: another may be had.
    void reject(std::uint64_t generation)
    {
        if (!fetches_) {
            const std::lock_guard lock(mutex_);
            provider_->reject(generation);
            return;
        }
        post([self = shared_from_this(), generation] { self->own().provider->reject(generation); });
    }

private:
    using executor_type = asio::strand<asio::any_io_executor>;

    // What belongs to the context of the executor: a strand may not outlive it, nor may what a policy holds of it, and
    // a channel may. So the context's own list keeps this, and a refresh while it runs.
    class fetcher {
    public:
        fetcher(executor_type executor, std::unique_ptr<token_provider> tokens, std::shared_ptr<token_transport> way)
            : strand(std::move(executor)), provider(std::move(tokens)), transport(std::move(way))
        {}
        executor_type strand;
        std::unique_ptr<token_provider> provider;
        std::shared_ptr<token_transport> transport;
    };
    class kept_fetcher final : public pending_item {
    public:
        explicit kept_fetcher(std::shared_ptr<fetcher> kept) noexcept : value(std::move(kept)) {}
        std::shared_ptr<fetcher> value;
    };

    // While the context lives.
    [[nodiscard]] const std::shared_ptr<fetcher>& shared() const { return static_cast<kept_fetcher&>(**kept_).value; }
    [[nodiscard]] fetcher& own() const { return *shared(); }

    // If the context is gone, `function` is only destroyed.
    template <class Function>
    void post(Function function)
    {
        const std::lock_guard lock(home_->mutex);
        if (!home_->closed)
            asio::post(own().strand, std::move(function));
    }

    // Tells its waiter even if it is destroyed unused, as when the io_context goes.
    class promise {
    public:
        explicit promise(std::shared_ptr<token_waiter> waiter) noexcept : waiter_(std::move(waiter)) {}
        promise(promise&&) noexcept = default;
        promise& operator=(promise&&) = delete;
        ~promise()
        {
            token_answer answer;
            answer.ec = asio::error::operation_aborted;
            if (waiter_)
                keep(std::move(answer));
        }
        void keep(token_answer answer) noexcept { std::exchange(waiter_, nullptr)->ready(std::move(answer)); }

    private:
        std::shared_ptr<token_waiter> waiter_;
    };

    struct looked {
        looked() = default;
        token_state state = token_state::failed;
        token_answer answer;
    };

    looked look(token_provider& provider)
    {
        looked got;
        token_view view;
        got.state = fetches_ ? provider.look(std::chrono::system_clock::now(), std::chrono::steady_clock::now(), view,
                                             got.answer.ec)
                             : provider.look({}, {}, view, got.answer.ec);
        if (got.state == token_state::failed) {
            got.answer.detail = provider.detail();
        } else if (got.state != token_state::absent && !view.scheme.empty()) {
            std::string text;
            text.reserve(view.scheme.size() + 1 + view.token.size());
            text.append(view.scheme).append(1, ' ').append(view.token);
            got.answer.value = secret::take(std::move(text));
            got.answer.generation = view.generation;
        }
        return got;
    }

    // The rest runs on the strand.
    void ask(promise waiter)
    {
        looked now = look(*own().provider);
        if (now.state == token_state::absent)
            waiting_.push_back(std::move(waiter));
        if ((now.state == token_state::absent || now.state == token_state::ready_refresh_due) && !refreshing_) {
            refreshing_ = true;
            asio::co_spawn(own().strand, refresh(shared_from_this(), shared()), asio::detached);
        }
        if (now.state != token_state::absent)
            waiter.keep(std::move(now.answer));
    }

    // Ends the refresh however its coroutine ends.
    class refresh_end {
    public:
        explicit refresh_end(token_source& owner) noexcept : owner_(owner) {}
        refresh_end(const refresh_end&) = delete;
        refresh_end& operator=(const refresh_end&) = delete;
        ~refresh_end()
        {
            owner_.refreshing_ = false;
            owner_.waiting_.clear(); // whoever is left is told operation_aborted
        }

    private:
        token_source& owner_;
    };

    static asio::awaitable<void> refresh(std::shared_ptr<token_source> self, std::shared_ptr<fetcher> fetches)
    {
        const refresh_end end(*self);
        constexpr int most_rounds = 4; // a policy that keeps giving nothing is an error, not a loop
        for (int round = 1;; ++round) {
            co_await fetches->provider->refresh(*fetches->transport);
            std::vector<promise> waiting;
            waiting.swap(self->waiting_);
            for (auto& waiter : waiting) {
                looked now = self->look(*fetches->provider);
                if (now.state == token_state::absent && round == most_rounds)
                    now.answer.ec = errc::invalid_token;
                if (now.state == token_state::absent && round != most_rounds) // refused meanwhile
                    self->waiting_.push_back(std::move(waiter));
                else
                    waiter.keep(std::move(now.answer));
            }
            if (self->waiting_.empty())
                co_return;
        }
    }

    bool fetches_;
    std::mutex mutex_;                         // guards the provider of a policy that has its token at hand
    std::unique_ptr<token_provider> provider_; // of such a policy
    std::shared_ptr<handler_home_core> home_;  // of one that fetches; its strand guards the rest
    std::list<std::unique_ptr<pending_item>>::iterator kept_;
    std::vector<promise> waiting_;
    bool refreshing_ = false;
};

template <class P>
std::shared_ptr<token_source> make_token_source(asio::any_io_executor executor, P policy)
{
    static_assert(check_token_policy<P>());
    return std::make_shared<token_source>(std::move(executor), std::make_unique<policy_provider<P>>(std::move(policy)));
}

} // namespace flipt::inline v0::detail
