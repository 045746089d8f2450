// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The coroutines of one connection of the embedded server.
#pragma once

#include "flipt/testing/impl/server_core.hpp"

namespace flipt::inline v0::testing::detail {

FLIPT_DECL asio::awaitable<void> server_session::run(std::shared_ptr<server_session> self)
{
    auto core = self->core_;
    try {
        if (core->take_rejection())
            self->stream_.reset();
        else if (!core->stopped_)
            co_await self->serve();
    } catch (const std::exception&) { // only this connection ends
    }
    self->abort();
    core->forget(self);
    core->observed([&](observations& seen) {
        --seen.open_connections;
        seen.each[self->number_].open = false;
    });
}

FLIPT_DECL void server_session::arm_idle_timer()
{
    if (idle_timeout_ == std::chrono::steady_clock::duration::zero())
        return;
    timer_.expires_after(idle_timeout_);
    timer_.async_wait([weak = weak_from_this()](const asio::error_code& ec) {
        const auto self = weak.lock();
        asio::error_code ignored;
        if (self && !ec && self->idle_)
            self->stream_.socket().cancel(ignored);
    });
}

FLIPT_DECL asio::awaitable<void> server_session::serve()
{
    asio::error_code ec;
    if (stream_.is_tls()) {
        idle_ = true; // the idle timer bounds the handshake too
        arm_idle_timer();
        co_await stream_.handshake(ec);
        idle_ = false;
        timer_.cancel();
        core_->observed([&](observations& seen) {
            if (ec) {
                ++seen.failed_handshakes;
                return;
            }
            auto& mine = seen.each[number_];
            SSL* ssl = stream_.ssl();
            mine.tls_version = SSL_get_version(ssl);
            mine.tls_resumed = SSL_session_reused(ssl) == 1;
            mine.client_certificate = SSL_get0_peer_certificate(ssl) != nullptr;
            if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
                mine.server_name = name;
            seen.resumed_sessions += mine.tls_resumed ? 1 : 0;
        });
        if (ec)
            co_return;
    }
    for (;;) {
        const bool complete = co_await read_request();
        if (!complete)
            break;
        reply_plan plan;
        const bool bad = parser_.poll() == http_request_parser::state::bad;
        if (bad)
            plan = core_->plan_bad_request(parser_.bad_status(), parser_.bad_reason());
        else
            plan = core_->plan(parser_.take(), number_);
        const bool go_on = co_await perform(plan);
        if (!go_on)
            co_return;
        if (!plan.keep_alive)
            break;
    }
    if (!core_->stopped_)
        co_await stream_.finish(shared_from_this());
}

// False when there will be no further request; a bad one counts as one.
FLIPT_DECL asio::awaitable<bool> server_session::read_request()
{
    idle_ = true;
    arm_idle_timer();
    asio::error_code ec;
    auto state = parser_.poll();
    while (state == http_request_parser::state::needs_more && !(finish_ && parser_.buffered() == 0)) {
        if (parser_.wants_continue()) {
            parser_.continued();
            co_await stream_.write("HTTP/1.1 100 Continue\r\n\r\n", ec);
        }
        const std::size_t n = co_await stream_.read_some(asio::buffer(buffer_), ec);
        if (ec)
            break;
        state = parser_.feed(std::string_view(buffer_.data(), n));
    }
    idle_ = false;
    timer_.cancel();
    co_return !ec && state != http_request_parser::state::needs_more;
}

FLIPT_DECL asio::awaitable<void> server_session::pause(std::chrono::steady_clock::duration d)
{
    asio::error_code ec;
    timer_.expires_after(d);
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

FLIPT_DECL asio::awaitable<void> server_session::write_pieces(std::string_view bytes, const fault& trouble,
                                                              asio::error_code& ec)
{
    for (std::size_t offset = 0; offset < bytes.size() && !ec;) {
        const auto end = trouble.piece_end(offset, bytes.size());
        co_await stream_.write(bytes.substr(offset, end - offset), ec);
        offset = end;
        if (offset < bytes.size() && trouble.pause().count() != 0)
            co_await pause(trouble.pause());
    }
}

// Sends what is planned. False when the connection is over.
FLIPT_DECL asio::awaitable<bool> server_session::perform(reply_plan& plan)
{
    const auto& trouble = plan.trouble;
    if (trouble.delay().count() != 0)
        co_await pause(trouble.delay());
    if (core_->stopped_)
        co_return false;
    asio::error_code ec;
    if (plan.stream && trouble.how() == fault::ending::keep) {
        co_await run_stream(std::move(*plan.stream));
        co_return false;
    }
    if (plan.stream) { // a fault in the first message: it is there at once, or never
        auto message = core_->locked([&](router& r) { return r.next_message(*plan.stream); });
        if (message)
            plan.bytes += chunk(*message);
    }
    const auto size = trouble.cut(plan.head_size, plan.bytes.size());
    co_await write_pieces(std::string_view(plan.bytes).substr(0, size), trouble, ec);
    if (ec || core_->stopped_)
        co_return false;
    const bool go_on = co_await end_as(trouble.how());
    co_return go_on;
}

FLIPT_DECL asio::awaitable<bool> server_session::end_as(fault::ending how)
{
    if (how == fault::ending::keep)
        co_return true;
    if (how == fault::ending::close) {
        stream_.close();
        co_return false;
    }
    if (how == fault::ending::reset) {
        stream_.reset();
        co_return false;
    }
    if (how == fault::ending::half_close)
        stream_.half_close();
    asio::error_code ec;
    while (!ec) // until the peer leaves or the server stops
        co_await stream_.read_some(asio::buffer(buffer_), ec);
    co_return false;
}

// Sees a peer that leaves while a stream has nothing to say.
FLIPT_DECL asio::awaitable<void> server_session::watch_peer(std::shared_ptr<server_session> self)
{
    asio::error_code ec;
    while (!ec)
        co_await self->stream_.read_some(asio::buffer(self->buffer_), ec);
    self->peer_gone_ = true;
    self->wake_.cancel();
}

FLIPT_DECL asio::awaitable<void> server_session::run_stream(stream_subscription subscription)
{
    streaming_ = true;
    core_->observed([](observations& seen) { ++seen.open_streams; });
    asio::co_spawn(stream_.socket().get_executor(), watch_peer(shared_from_this()), asio::detached);
    // No byte is sent before the first message, not even the head: the real server does that too.
    http_reply head;
    if (subscription.events)
        head.content_type = "text/event-stream";
    std::string bytes = reply_head(head, true, true);
    asio::error_code ec;
    while (!peer_gone_ && !ec && !core_->stopped_) {
        auto message = core_->locked([&](router& r) { return r.next_message(subscription); });
        if (message) {
            bytes += chunk(*message);
            co_await stream_.write(bytes, ec);
            bytes.clear();
        } else {
            wake_.expires_at(asio::steady_timer::time_point::max());
            asio::error_code ignored;
            co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
    }
    streaming_ = false;
    core_->observed([](observations& seen) { --seen.open_streams; });
}

} // namespace flipt::inline v0::testing::detail
