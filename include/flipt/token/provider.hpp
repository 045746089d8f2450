// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a transport sees of any token policy: one virtual call per request.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/token/policy.hpp"
#include "flipt/token/token_cache.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace flipt::inline v0::detail {

// Views into the provider, valid until the next call of any of its members. An empty scheme: send no header.
struct token_view {
    std::string_view scheme;
    std::string_view token;
    std::uint64_t generation = 0; // of this token alone, whichever policy of the process it is from
};

// Belongs to one executor; no member is called while another runs (refresh() counts only while it is not suspended).
class token_provider {
public:
    token_provider() = default;
    token_provider(const token_provider&) = delete;
    token_provider& operator=(const token_provider&) = delete;
    virtual ~token_provider() = default;

    // `out` is set for the two ready states, `ec` for failed. The times are read only if needs_clock().
    virtual token_state look(std::chrono::system_clock::time_point now, std::chrono::steady_clock::time_point steady,
                             token_view& out, std::error_code& ec) noexcept = 0;
    // Whether look() wants the time and refresh() does anything.
    [[nodiscard]] virtual bool needs_clock() const noexcept = 0;
    // Fetches a token and keeps it, or the failure; what look() says next tells. Never throws once started. The caller
    // runs one at a time, and keeps the provider and the transport alive until it has ended.
    virtual asio::awaitable<void> refresh(token_transport& transport) = 0;
    // After a 401 to a request that carried this generation. True: repeat the call once with what look() says next.
    virtual bool reject(std::uint64_t generation) noexcept = 0;
    // Words on the last failure, for people; may be empty. Holds no token and nothing of the server's.
    [[nodiscard]] virtual std::string_view detail() const noexcept = 0;
};

// What is left of an exception of a policy: a code, and words only if they are ours to trust.
class policy_failure {
public:
    policy_failure() = default;

    // Call it inside a catch block.
    [[nodiscard]] FLIPT_DECL static policy_failure from_current_exception() noexcept;

    std::error_code ec;
    std::string detail;
};

// The last bytes that a synchronous policy gave, checked once: a copy, so that the policy may change its own meanwhile.
class checked_token {
public:
    checked_token() = default;

    // Compares with what is held, and checks what differs. If memory runs out it is as it was.
    FLIPT_DECL void accept(std::string_view scheme, std::string_view token);
    // The policy threw: invalid_token until the next accept(). Keeps the generation.
    FLIPT_DECL token_state fail(policy_failure failure, std::error_code& ec) noexcept;

    token_state give(token_view& out, std::error_code& ec) const noexcept
    {
        if (error_) [[unlikely]] {
            ec = error_;
            return token_state::failed;
        }
        out.scheme = scheme_;
        out.token = token_.view();
        out.generation = generation_;
        return token_state::ready;
    }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    [[nodiscard]] std::string_view detail() const noexcept { return detail_; }

private:
    secret token_;
    std::string scheme_;
    std::uint64_t generation_ = 0; // 0: nothing accepted yet
    const char* flaw_ = nullptr;   // why what is held cannot be sent
    std::error_code error_;        // what give() says
    std::string detail_;
};

// One coroutine for every policy that fetches nothing.
[[nodiscard]] FLIPT_DECL asio::awaitable<void> nothing_to_refresh();

template <class P>
std::string_view scheme_of(P& policy)
{
    if constexpr (has_scheme_function<P>)
        return policy.scheme();
    else
        return policy.scheme;
}

// The provider of one policy, and the way to the policy inside.
template <class P>
class policy_provider;

template <sync_token_policy P>
class policy_provider<P> final : public token_provider {
public:
    explicit policy_provider(P policy) : policy_(std::move(policy)) {}

    [[nodiscard]] P& policy() noexcept { return policy_; }

    token_state look(std::chrono::system_clock::time_point, std::chrono::steady_clock::time_point, token_view& out,
                     std::error_code& ec) noexcept override
    {
        try {
            update();
            return checked_.give(out, ec);
        } catch (...) {
            current_ = false;
            return checked_.fail(policy_failure::from_current_exception(), ec);
        }
    }

    [[nodiscard]] bool needs_clock() const noexcept override { return false; }

    asio::awaitable<void> refresh(token_transport&) override { return nothing_to_refresh(); }

    bool reject(std::uint64_t generation) noexcept override
    {
        try {
            if (generation != checked_.generation())
                return true;
            if constexpr (has_invalidate<P>) {
                // Calls that failed together ask once: until the token is read again the answer stands.
                if (invalidated_)
                    return true;
                if (policy_.invalidate()) {
                    current_ = false;
                    invalidated_ = true;
                    return true;
                }
            }
            update();
            return generation != checked_.generation();
        } catch (...) {
            current_ = false;
            return false;
        }
    }

    [[nodiscard]] std::string_view detail() const noexcept override { return checked_.detail(); }

private:
    void update()
    {
        if constexpr (has_version<P>) {
            const std::uint64_t version = policy_.version();
            if (current_ && version == version_)
                return;
            read();
            version_ = version;
            current_ = true;
        } else {
            read();
        }
    }

    void read()
    {
        invalidated_ = false;
        const std::string_view scheme = scheme_of(policy_);
        if (scheme.empty()) {
            checked_.accept({}, {});
            return;
        }
        decltype(auto) bytes = policy_.token();
        using bytes_type = decltype(bytes);
        if constexpr (std::is_pointer_v<std::remove_reference_t<bytes_type>>) {
            checked_.accept(scheme, bytes == nullptr ? std::string_view() : std::string_view(bytes));
        } else if constexpr (std::is_same_v<bytes_type, std::string>) {
            const secret held = secret::take(std::move(bytes));
            checked_.accept(scheme, held.view());
        } else {
            const std::string_view view = bytes;
            checked_.accept(scheme, view);
        }
    }

    P policy_;
    checked_token checked_;
    std::uint64_t version_ = 0;
    bool current_ = false;     // version_ belongs to what checked_ holds
    bool invalidated_ = false; // the policy promised another token, which was not read yet
};

template <async_token_policy P>
    requires(!sync_token_policy<P>)
class policy_provider<P> final : public token_provider {
public:
    explicit policy_provider(P policy) : policy_(std::move(policy)), cache_(settings(policy_)) {}

    [[nodiscard]] P& policy() noexcept { return policy_; }

    token_state look(std::chrono::system_clock::time_point now, std::chrono::steady_clock::time_point steady,
                     token_view& out, std::error_code& ec) noexcept override
    {
        const token_state state = cache_.look(now, steady);
        if (state == token_state::ready || state == token_state::ready_refresh_due) {
            out.scheme = cache_.scheme();
            out.token = cache_.token();
            out.generation = cache_.generation();
        } else if (state == token_state::failed) {
            ec = cache_.error();
        }
        return state;
    }

    [[nodiscard]] bool needs_clock() const noexcept override { return true; }

    asio::awaitable<void> refresh(token_transport& transport) override
    {
        policy_failure failure;
        try {
            issued_token issued = co_await policy_.fetch(transport);
            cache_.store(std::move(issued), std::chrono::system_clock::now(), std::chrono::steady_clock::now());
            co_return;
        } catch (...) {
            failure = policy_failure::from_current_exception();
        }
        cache_.fail(failure.ec, failure.detail, std::chrono::steady_clock::now());
    }

    bool reject(std::uint64_t generation) noexcept override
    {
        const bool current = generation == cache_.generation();
        bool repeat = cache_.reject(generation);
        if constexpr (has_invalidate<P>) {
            // Asked once for one token, however many calls it failed.
            if (current && generation != asked_) {
                asked_ = generation;
                answer_ = false;
                try {
                    answer_ = policy_.invalidate();
                } catch (...) {
                    // As if it had said no.
                }
            }
            repeat = repeat && (!current || answer_);
        }
        return repeat;
    }

    [[nodiscard]] std::string_view detail() const noexcept override { return cache_.detail(); }

private:
    static refresh_options settings(P& policy)
    {
        if constexpr (has_refresh_settings<P>)
            return policy.refresh_settings();
        else
            return refresh_options();
    }

    P policy_;
    token_cache cache_;
    std::uint64_t asked_ = 0; // the generation that invalidate() was last called for
    bool answer_ = false;     // what it said
};

template <token_policy P>
std::unique_ptr<token_provider> make_provider(P policy)
{
    return std::make_unique<policy_provider<P>>(std::move(policy));
}

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/provider.ipp"
#endif
