// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A live snapshot with a thread of its own, for programs without an io_context or with no time to spare in theirs.
#pragma once

#include "flipt/live/live_loop.hpp"
#include "flipt/live/live_snapshot.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace flipt::inline v0 {

/// Owns an io_context, the thread that runs it and a live snapshot on it. Read from any thread with `->reader()`; I/O,
/// parsing and saving happen on the thread. The destructor ends the live snapshot and joins: it waits for a document
/// that is being parsed or saved, and for a name server that is being asked.
///
/// An exception that live_options::on_change lets out ends the program, as with any thread.
template <class TokenPolicy = no_token>
class live_thread {
public:
    /// As live_snapshot's constructor.
    explicit live_thread(config settings = config(), TokenPolicy policy = TokenPolicy(),
                         live_options options = live_options(), std::shared_ptr<host_resolver> resolver = nullptr)
        : live_(std::in_place, loop_.executor(), std::move(settings), std::move(policy), std::move(options),
                std::move(resolver))
    {
        loop_.start();
    }
    live_thread(const live_thread&) = delete;
    live_thread& operator=(const live_thread&) = delete;
    ~live_thread()
    {
        live_.reset();
        loop_.join(); // nothing keeps the io_context busy any more
    }

    [[nodiscard]] live_snapshot<TokenPolicy>& get() noexcept { return *live_; }
    [[nodiscard]] live_snapshot<TokenPolicy>* operator->() noexcept { return &*live_; }
    [[nodiscard]] live_snapshot<TokenPolicy>& operator*() noexcept { return *live_; }
    [[nodiscard]] const live_snapshot<TokenPolicy>& get() const noexcept { return *live_; }
    [[nodiscard]] const live_snapshot<TokenPolicy>* operator->() const noexcept { return &*live_; }
    [[nodiscard]] const live_snapshot<TokenPolicy>& operator*() const noexcept { return *live_; }
    /// To run something else on the thread.
    [[nodiscard]] asio::any_io_executor get_executor() noexcept { return loop_.executor(); }

private:
    detail::live_loop loop_;
    std::optional<live_snapshot<TokenPolicy>> live_;
};

template <class TokenPolicy>
live_thread(config, TokenPolicy) -> live_thread<TokenPolicy>;
template <class TokenPolicy>
live_thread(config, TokenPolicy, live_options) -> live_thread<TokenPolicy>;

} // namespace flipt::inline v0
