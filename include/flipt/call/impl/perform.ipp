// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/perform.hpp.
#pragma once

#include "flipt/call/awaiters.hpp"
#include "flipt/call/breaker_report.hpp"
#include "flipt/call/exchange.hpp"
#include "flipt/call/perform.hpp"
#include "flipt/call/stream.hpp"
#include "flipt/detail/later.hpp"
#include "flipt/net/tls_error.hpp"
#include "flipt/protocol/status.hpp"

#include <algorithm>

namespace flipt::inline v0::detail {

/// The connection a call has at the moment. Goes back to the pool when this ends: open if keep() was said, else closed.
class lease {
public:
    lease(engine& owner, call& c) noexcept : owner_(owner), call_(c) {}
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    ~lease() { release(); }

    void keep() noexcept { keep_ = true; }
    void release() noexcept
    {
        if (call_.connection_ == nullptr)
            return;
        connection& conn = *std::exchange(call_.connection_, nullptr);
        if (!keep_)
            conn.close();
        keep_ = false;
        conn.shrink();
        owner_.give_back(conn);
    }

private:
    engine& owner_;
    call& call_;
    bool keep_ = false;
};

/// Whether an idle connection can carry a request: nothing has arrived on it since its last reply, and it has not
/// ended. Not asked of one that was just_used(): most calls of a chain are spared a system call so.
inline bool is_quiet(connection& conn)
{
    char byte = 0;
    const io_step step = conn.io.read(&byte, 1);
    return step.want != io_want::nothing;
}

/// Keeps what the server said of an error, for diagnostics.
inline void note_refusal(engine& owner, call& c, const connection& conn)
{
    std::string message;
    int grpc_code = 0;
    const std::string_view body = conn.parser.body(conn.in.data());
    owner.reader().read_server_error(body.data(), body.size(), message, grpc_code);
    c.diagnostics_.set_reply(conn.parser.status(), message);
}

/// Takes in a complete reply. Gives the call's error, or none and what comes next.
inline std::error_code take_reply(engine& owner, call& c, connection& conn, reply_step& next)
{
    const int status = conn.parser.status();
    if (status != 200 && !(status == 304 && c.operation_.takes_not_modified())) {
        if (status >= 200 && status < 300) {
            c.diagnostics_.set_reply(status, {});
            c.diagnostics_.set_detail("a success status without the answer that is due");
            return errc::invalid_response;
        }
        note_refusal(owner, c, conn);
        return errc_of_status(status);
    }
    c.diagnostics_.set_status(status);
    reply_view reply;
    reply.status = status;
    reply.body = conn.in.data() + conn.parser.body_offset();
    reply.size = conn.parser.body_size();
    reply.etag = conn.parser.etag(conn.in.data());
    const std::error_code ec = c.operation_.read(reply, owner, next);
    if (ec)
        c.diagnostics_.set_detail(owner.reader().detail());
    return ec;
}

/// Gets the token into the head of requests; waits for a refresh where there is none yet.
inline subtask wait_for_token(memory_cache&, engine& owner, call& c)
{
    constexpr int most_rounds = 4; // a policy that keeps giving nothing is an error, not a loop
    for (int round = 0; round < most_rounds; ++round) {
        owner.begin_refresh();
        std::error_code ec;
        if (owner.refreshing() || c.interrupted()) // else it has ended already, and nobody is going to wake this call
            ec = co_await list_wait(c, owner.token_waiters, waiting_for::token);
        if (ec)
            co_return ec;
        const token_state state = owner.prepare_token(ec);
        if (state == token_state::failed)
            co_return ec;
        if (state != token_state::absent)
            co_return std::error_code();
    }
    co_return std::error_code(errc::invalid_token);
}

inline std::error_code token_failure(engine& owner, call& c, std::error_code ec)
{
    if (!c.interrupted())
        c.diagnostics_.set_detail(owner.tokens().detail());
    return ec;
}

/// The pause before a repeat.
inline void begin_pause(engine& owner, call& c, engine::clock::duration delay)
{
    c.phase_end_ = later(engine::clock::now(), delay);
    owner.watch(c);
}

inline retry_decision decide(engine& owner, call& c, retry_input& tries, std::error_code ec)
{
    tries.error = tries.status != 0 ? std::error_code() : ec; // a complete reply is judged by its status
    tries.random = owner.random_unit();
    tries.remaining.reset();
    if (c.deadline_ != engine::clock::time_point::max())
        tries.remaining = c.deadline_ - engine::clock::now();
    retry_decision decision;
    if (!is_tls_error(ec))
        decision = decide_retry(tries, owner.settings().retry);
    if (decision.action == retry_decision::repeat_after_backoff && !owner.budget.try_take())
        decision.action = retry_decision::give_up;
    return decision;
}

FLIPT_DECL call_task perform(memory_cache& memory, engine& owner, call& c)
{
    remote_operation& op = c.operation_;
    if (op.streaming()) {
        const std::error_code ended = co_await perform_stream(memory, owner, c);
        co_return ended;
    }
    const bool with_token = op.authenticated();
    circuit_breaker::ticket ticket = 0;
    if (owner.breaker && op.counts_for_breaker()) {
        ticket = owner.breaker->allow(c.started_);
        if (ticket == 0)
            co_return errc::circuit_open;
    }
    breaker_report report(owner.breaker, ticket, c.diagnostics_);
    owner.budget.on_call();

    retry_input tries;
    tries.idempotent = op.idempotent();
    tries.retries = c.options_.retries.value_or(owner.settings().retry.retries);
    bool token_renewed = false;
    bool fresh = false; // the next try must not use a connection that was used before

    for (;;) {
        std::error_code ec;
        if (c.interrupted())
            co_return report.ends_with(c.interruption_);
        if (with_token) {
            const token_state state = owner.prepare_token(ec);
            if (state == token_state::absent)
                ec = co_await wait_for_token(memory, owner, c);
            if (ec) // says nothing of the server
                co_return token_failure(owner, c, ec);
        }
        lease held(owner, c);
        if (owner.connection_waiters.empty())
            c.connection_ = owner.connections().take(c.started_);
        if (c.connection_ == nullptr) {
            ec = co_await list_wait(c, owner.connection_waiters, waiting_for::connection);
            if (ec) {
                held.keep(); // it may have been handed one nevertheless, which is as well as it was
                co_return report.ends_with(ec);
            }
        }
        connection& conn = *c.connection_;
        conn.in.clear();
        conn.out.clear();
        request_writer writer(conn.out, &conn.start);
        const std::uint64_t generation = owner.token_generation; // may have changed while it waited for the connection
        ec = op.write(writer, owner);
        if (ec) {
            if (conn.io.is_open())
                held.keep();
            c.diagnostics_.set_detail(ec == errc::invalid_argument ? op.refusal() : "");
            co_return ec; // not sent: that says nothing of the server, whatever it has answered before
        }

        if (conn.io.is_open() && (fresh || (!owner.just_used(conn, c.started_) && !is_quiet(conn))))
            conn.close();
        fresh = false;
        tries.reused = conn.io.is_open();
        tries.sent = tries.reply_started = false;
        tries.status = 0;
        tries.retry_after.reset();
        if (!c.diagnostics_.detail().empty())
            c.diagnostics_.set_detail({}); // that of an earlier try says nothing of this one
        if (!tries.reused)
            ec = co_await open_connection(memory, owner, c);

        reply_step next = reply_step::done;
        if (!ec) {
            c.diagnostics_.set_attempts(c.diagnostics_.attempts() + 1);
            const config& settings = owner.settings();
            exchange traffic(conn,
                             parser_limits::from(settings.limits, op.body_limit(settings), settings.max_response_size));
            for (exchange::need need = traffic.advance(); need != exchange::need::finished; need = traffic.advance()) {
                if (need == exchange::need::either)
                    ec = co_await write_or_reply_wait(c);
                else
                    ec = co_await socket_wait(c, need == exchange::need::writable ? io_want::write : io_want::read);
                if (ec)
                    break;
            }
            if (!ec)
                ec = traffic.error();
            tries.sent = traffic.sent_any();
            tries.reply_started = conn.parser.started();
            if (ec) {
                if (!c.interrupted())
                    c.diagnostics_.set_detail(conn.parser.detail());
            } else {
                tries.status = conn.parser.status();
                ec = take_reply(owner, c, conn, next);
                if (traffic.reusable() && ec != errc::invalid_response) { // a reply that is none may be another's
                    held.keep();
                    owner.mark_used(conn);
                }
                if (!ec && next == reply_step::done)
                    co_return report.ends_with({});
                if (tries.status == 429 || tries.status == 503)
                    tries.retry_after =
                        parse_retry_after(conn.parser.retry_after(conn.in.data()), std::chrono::system_clock::now());
            }
        }
        held.release();
        if (!ec)
            continue; // a further request of the same call
        if (c.interrupted())
            co_return report.ends_with(c.interruption_);

        if (tries.status == 401 && with_token && !token_renewed && owner.tokens().reject(generation)) {
            token_renewed = true;
            continue;
        }
        const retry_decision decision = decide(owner, c, tries, ec);
        if (decision.action == retry_decision::give_up)
            co_return report.ends_with(ec);
        if (decision.action == retry_decision::repeat_now_fresh_connection) {
            tries.fresh_repeated = fresh = true;
            continue;
        }
        ++tries.repeats;
        begin_pause(owner, c, decision.delay);
        ec = co_await pause_wait(c);
        if (ec)
            co_return report.ends_with(ec);
    }
}

} // namespace flipt::inline v0::detail
