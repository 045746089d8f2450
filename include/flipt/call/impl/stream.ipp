// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/stream.hpp.
#pragma once

#include "flipt/call/awaiters.hpp"
#include "flipt/call/impl/perform.ipp"
#include "flipt/call/stream.hpp"
#include "flipt/detail/later.hpp"
#include "flipt/protocol/status.hpp"

#include <cstddef>

namespace flipt::inline v0::detail {

/// The connection of a stream, as long as its call uses it.
class stream_lease {
public:
    stream_lease(engine& owner, call& c) : call_(c), connection_(owner.executor()) { call_.connection_ = &connection_; }
    stream_lease(const stream_lease&) = delete;
    stream_lease& operator=(const stream_lease&) = delete;
    ~stream_lease() { call_.connection_ = nullptr; }

private:
    call& call_;
    connection connection_;
};

/// Until the other handlers that are ready have run: a long message must not keep them waiting.
class turn_wait : public call_awaiter {
public:
    using call_awaiter::call_awaiter;
    void await_suspend(std::coroutine_handle<> h)
    {
        suspend(h, waiting_for::wake_up);
        call_.wake();
    }
};

inline subtask send_stream_request(memory_cache&, engine&, call& c)
{
    connection& conn = *c.connection_;
    std::size_t sent = 0;
    while (sent != conn.out.size()) {
        const io_step step = conn.io.write(conn.out.data() + sent, conn.out.size() - sent);
        if (step.ec)
            co_return step.ec;
        if (step.end)
            co_return std::error_code(asio::error::connection_reset);
        sent += step.bytes;
        if (step.want != io_want::nothing) {
            const std::error_code ec = co_await socket_wait(c, step.want);
            if (ec)
                co_return ec;
        }
    }
    co_return std::error_code();
}

/// Reads a stream's head and body bytes as they come.
class stream_reader {
public:
    stream_reader(engine& owner, call& c) noexcept : owner_(owner), call_(c), conn_(*c.connection_) {}

    [[nodiscard]] bool ended() const noexcept { return ended_; }

    /// Takes in what a read brought.
    std::error_code take(const io_step& step)
    {
        if (step.ec)
            return step.ec;
        if (step.bytes == 0)
            return step.end ? finish(step.clean_end) : std::error_code();
        conn_.in.commit(step.bytes);
        if (body_)
            return decode(0);
        parse_result result = conn_.parser.parse(conn_.in.data(), conn_.in.size());
        if (result == parse_result::head_done) {
            call_.diagnostics_.set_status(conn_.parser.status());
            if (conn_.parser.status() == 200) {
                body_ = true;
                if (const auto ec = call_.operation_.on_head(owner_))
                    return ec;
                return decode(conn_.parser.body_offset());
            }
            conn_.parser.collect(); // an error, with an end
            result = conn_.parser.parse(conn_.in.data(), conn_.in.size());
        }
        if (result == parse_result::complete)
            return refusal();
        if (result == parse_result::failed)
            return broken();
        conn_.in.truncate(conn_.parser.retain(conn_.in.size()));
        return {};
    }

private:
    std::error_code decode(std::size_t offset)
    {
        char* const data = conn_.in.data() + offset;
        const response_parser::decoded piece = conn_.parser.decode(data, conn_.in.size() - offset);
        std::error_code ec;
        if (piece.size != 0)
            ec = call_.operation_.on_data(std::string_view(data + piece.offset, piece.size), owner_);
        conn_.in.clear();
        if (!ec && piece.failed)
            ec = broken();
        ended_ = piece.done;
        return ec || !ended_ ? ec : end();
    }
    std::error_code finish(bool clean)
    {
        if (!conn_.parser.started())
            return asio::error::connection_reset;
        const parse_result result = conn_.parser.finish(clean);
        if (result == parse_result::failed)
            return broken();
        ended_ = body_;
        return body_ ? end() : refusal();
    }
    std::error_code end()
    {
        const std::error_code ec = call_.operation_.on_end();
        if (ec)
            call_.diagnostics_.set_detail("the stream ended within a message");
        return ec;
    }
    std::error_code refusal()
    {
        const int status = conn_.parser.status();
        if (status < 200 || status >= 300)
            note_refusal(owner_, call_, conn_);
        return errc_of_status(status);
    }
    std::error_code broken()
    {
        call_.diagnostics_.set_detail(conn_.parser.detail());
        return conn_.parser.error();
    }

    engine& owner_;
    call& call_;
    connection& conn_;
    bool body_ = false;
    bool ended_ = false;
};

inline subtask read_stream(memory_cache&, engine& owner, call& c)
{
    constexpr std::size_t read_size = std::size_t{32} * 1024;
    constexpr std::size_t one_turn = std::size_t{512} * 1024;
    connection& conn = *c.connection_;
    stream_reader reader(owner, c);
    std::size_t taken = 0;
    while (!reader.ended()) {
        char* space = conn.in.prepare(read_size);
        const io_step step = conn.io.read(space, conn.in.room());
        if (step.want == io_want::nothing) {
            const std::error_code ec = reader.take(step);
            if (ec)
                co_return ec;
            taken += step.bytes;
            if (taken < one_turn)
                continue;
        }
        taken = 0;
        std::error_code ec;
        if (step.want == io_want::nothing)
            ec = co_await turn_wait(c); // TLS may hold bytes that the socket no longer has
        else
            ec = co_await socket_wait(c, step.want);
        if (ec)
            co_return ec;
    }
    co_return std::error_code();
}

FLIPT_DECL subtask perform_stream(memory_cache& memory, engine& owner, call& c)
{
    remote_operation& op = c.operation_;
    const config& settings = owner.settings();
    const std::size_t most = settings.max_response_size; // of an error's body
    const parser_limits limits = parser_limits::from(settings.limits, most, most);
    for (bool token_renewed = false;; token_renewed = true) {
        if (c.interrupted())
            co_return c.interruption_;
        std::error_code ec;
        if (op.authenticated()) {
            const token_state state = owner.prepare_token(ec);
            if (state == token_state::absent)
                ec = co_await wait_for_token(memory, owner, c);
            if (ec)
                co_return token_failure(owner, c, ec);
        }
        const std::uint64_t generation = owner.token_generation;

        stream_lease held(owner, c);
        connection& conn = *c.connection_;
        request_writer writer(conn.out);
        ec = op.write(writer, owner);
        if (ec == errc::invalid_argument)
            c.diagnostics_.set_detail(op.refusal());
        if (!ec)
            ec = co_await open_connection(memory, owner, c);
        if (!ec) {
            c.diagnostics_.set_attempts(c.diagnostics_.attempts() + 1);
            conn.parser.reset_streaming(limits);
            ec = co_await send_stream_request(memory, owner, c);
        }
        if (!ec) {
            c.deadline_ = engine::clock::time_point::max();
            ec = co_await read_stream(memory, owner, c);
        }
        if (c.interrupted())
            co_return c.interruption_;
        const bool refused = ec == errc::unauthenticated && op.authenticated() && !token_renewed;
        if (!refused || !owner.tokens().reject(generation))
            co_return ec;
        c.deadline_ = later(engine::clock::now(), settings.request_timeout);
        if (settings.request_timeout <= engine::clock::duration::zero())
            c.deadline_ = engine::clock::time_point::max();
        owner.watch(c);
    }
}

} // namespace flipt::inline v0::detail
