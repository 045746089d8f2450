// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Opening a connection: the cold part of a call.
#pragma once

#include "flipt/call/awaiters.hpp"
#include "flipt/call/perform.hpp"
#include "flipt/detail/later.hpp"

#include <algorithm>

namespace flipt::inline v0::detail {

/// Waits for the host's addresses, unless they are known. A literal address needs no resolver.
inline subtask find_addresses(memory_cache&, engine& owner, call& c)
{
    if (owner.peer().literal && owner.addresses.empty()) {
        std::error_code ec;
        const auto address = asio::ip::make_address(owner.peer().host, ec);
        if (ec)
            co_return ec;
        owner.addresses.emplace_back(address, owner.peer().port);
        owner.addresses_until = engine::clock::time_point::max();
    }
    while (owner.addresses.empty() || owner.addresses_until <= engine::clock::now()) {
        owner.begin_resolve();
        const std::error_code ec = co_await list_wait(c, owner.address_waiters, waiting_for::address);
        if (ec)
            co_return ec;
        if (owner.resolve_error && owner.addresses.empty())
            co_return owner.resolve_error;
    }
    co_return std::error_code();
}

/// Connects to the first address that answers. Each but the last gets an equal share of the time that is left (as Go's
/// net.Dialer does), so that one silent address does not use up all of it.
inline subtask connect_to_any(memory_cache&, engine& owner, call& c, engine::clock::time_point limit)
{
    // The list may be replaced by another call's resolution while this one waits.
    const host_resolver::addresses candidates = owner.addresses;
    const std::error_code unsure = owner.resolve_error; // these are of before
    connection& conn = *c.connection_;
    std::error_code last = asio::error::host_not_found;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        c.phase_expired_ = false;
        c.phase_end_ = limit;
        if (limit != engine::clock::time_point::max() && i + 1 < candidates.size()) {
            const auto now = engine::clock::now();
            c.phase_end_ =
                now + std::max((limit - now) / static_cast<int>(candidates.size() - i), engine::clock::duration(1));
        }
        owner.watch(c);
        const std::error_code ec = co_await connect_wait(c, candidates[i]);
        if (c.interrupted()) {
            conn.close();
            co_return c.interruption_;
        }
        if (!ec) {
            c.phase_end_ = limit;
            co_return conn.io.prepare();
        }
        conn.close();
        last = ec;
        if (limit <= engine::clock::now())
            break;
    }
    if (!owner.peer().literal)
        owner.addresses_until = {}; // ask again: the name may have moved
    // Addresses of before that nobody answers at: the resolver's failure is more likely the cause.
    const bool unanswered = last == asio::error::connection_refused || last == errc::timed_out ||
                            last == asio::error::host_unreachable || last == asio::error::network_unreachable;
    if (unsure && unanswered)
        co_return unsure;
    co_return last;
}

inline subtask shake_hands(memory_cache&, engine& owner, call& c)
{
    connection& conn = *c.connection_;
    std::error_code ec = conn.io.start_tls(owner.tls());
    while (!ec) {
        const io_step step = conn.io.handshake();
        if (step.ec)
            co_return step.ec;
        if (step.end)
            co_return std::error_code(asio::error::connection_reset);
        if (step.want == io_want::nothing)
            break;
        ec = co_await socket_wait(c, step.want);
    }
    co_return ec;
}

FLIPT_DECL subtask open_connection(memory_cache& memory, engine& owner, call& c)
{
    const auto timeout = owner.settings().connect_timeout;
    std::error_code ec = co_await find_addresses(memory, owner, c);
    if (ec)
        co_return ec;
    // The name server's time is not the connection's: this phase begins here.
    auto limit = engine::clock::time_point::max();
    if (timeout > engine::clock::duration::zero())
        limit = later(engine::clock::now(), timeout);
    limit = std::min(limit, c.deadline_); // the addresses share what the call has
    ec = co_await connect_to_any(memory, owner, c, limit);
    if (!ec && owner.peer().tls) {
        owner.watch(c);
        ec = co_await shake_hands(memory, owner, c);
    }
    c.phase_end_ = engine::clock::time_point::max();
    c.phase_expired_ = false;
    if (ec)
        c.connection_->close();
    if (c.interrupted())
        co_return c.interruption_;
    co_return ec;
}

} // namespace flipt::inline v0::detail
