// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/scripted_peer.hpp.
#pragma once

#include "flipt/testing/http_request.hpp"
#include "flipt/testing/impl/peer_stream.hpp"
#include "flipt/testing/scripted_peer.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/ip/address.hpp>
#include <asio/strand.hpp>

#include <array>
#include <condition_variable>
#include <mutex>
#include <set>

namespace flipt::inline v0::testing {

namespace detail {

// One connection and where its script stands. On the strand.
class peer_connection {
public:
    peer_connection(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> tls, script s, std::size_t n)
        : stream(std::move(socket), std::move(tls)),
          timer(stream.socket().get_executor()),
          play(std::move(s)),
          number(n)
    {}

    void abort()
    {
        stream.close();
        timer.cancel();
    }

    peer_stream stream;
    asio::steady_timer timer;
    script play;
    std::size_t number;
    std::string unread; // came behind what the last step wanted
    std::array<char, 16 * 1024> buffer{};
};

class peer_core : public std::enable_shared_from_this<peer_core> {
public:
    peer_core(asio::any_io_executor executor, const std::optional<tls_settings>& tls, std::string_view address)
        : strand_(asio::make_strand(executor)), acceptor_(strand_)
    {
        if (tls)
            tls_ = make_tls_context(*tls);
        const asio::ip::tcp::endpoint wanted(asio::ip::make_address(std::string(address)), 0);
        acceptor_.open(wanted.protocol());
        acceptor_.bind(wanted);
        acceptor_.listen();
        endpoint_ = acceptor_.local_endpoint();
    }

    static FLIPT_DECL asio::awaitable<void> accept(std::shared_ptr<peer_core> self);
    static FLIPT_DECL asio::awaitable<void> run(std::shared_ptr<peer_core> self,
                                                std::shared_ptr<peer_connection> connection);
    FLIPT_DECL asio::awaitable<bool> perform(std::shared_ptr<peer_connection> connection, const script::step& step);
    FLIPT_DECL asio::awaitable<bool> read_more(std::shared_ptr<peer_connection> connection);
    FLIPT_DECL asio::awaitable<bool> send(std::shared_ptr<peer_connection> connection, const script::step& step);

    asio::strand<asio::any_io_executor> strand_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint endpoint_;
    std::shared_ptr<asio::ssl::context> tls_;
    // On the strand. Weak: a connection belongs to its coroutine, which may go down with the io_context.
    std::set<std::weak_ptr<peer_connection>, std::owner_less<>> open_;
    bool stopped_ = false; // on the strand

    std::mutex mutex_; // of everything below
    std::condition_variable changed_;
    std::vector<script> scripts_;
    std::vector<std::string> received_;
    std::vector<std::string> requests_;
    std::size_t finished_ = 0;
};

FLIPT_DECL asio::awaitable<void> peer_core::accept(std::shared_ptr<peer_core> self)
{
    for (;;) {
        asio::error_code ec;
        asio::ip::tcp::socket socket =
            co_await self->acceptor_.async_accept(self->strand_, asio::redirect_error(asio::use_awaitable, ec));
        if (self->stopped_ || !self->acceptor_.is_open())
            co_return;
        if (ec)
            continue;
        script play;
        std::size_t number = 0;
        {
            const std::lock_guard<std::mutex> lock(self->mutex_);
            number = self->received_.size();
            self->received_.emplace_back();
            if (self->scripts_.empty())
                play.hold();
            else
                play = self->scripts_[std::min(number, self->scripts_.size() - 1)];
        }
        auto connection = std::make_shared<peer_connection>(std::move(socket), self->tls_, std::move(play), number);
        self->open_.insert(connection);
        asio::co_spawn(self->strand_, run(self, connection), asio::detached);
    }
}

FLIPT_DECL asio::awaitable<void> peer_core::run(std::shared_ptr<peer_core> self,
                                                std::shared_ptr<peer_connection> connection)
{
    try {
        asio::error_code ec;
        co_await connection->stream.handshake(ec);
        const auto& steps = connection->play.steps();
        bool go_on = !ec;
        for (std::size_t i = 0; go_on && i < steps.size() && !self->stopped_; ++i) {
            if (steps[i].what == script::action::repeat) {
                i = static_cast<std::size_t>(-1);
                continue;
            }
            go_on = co_await self->perform(connection, steps[i]);
        }
        if (go_on && !self->stopped_)
            co_await connection->stream.finish(connection);
    } catch (const std::exception&) { // only this connection ends
    }
    connection->abort();
    self->open_.erase(connection);
    {
        const std::lock_guard<std::mutex> lock(self->mutex_);
        ++self->finished_;
    }
    self->changed_.notify_all();
}

FLIPT_DECL asio::awaitable<bool> peer_core::read_more(std::shared_ptr<peer_connection> connection)
{
    asio::error_code ec;
    const auto n = co_await connection->stream.read_some(asio::buffer(connection->buffer), ec);
    if (ec)
        co_return false;
    const std::string_view bytes(connection->buffer.data(), n);
    connection->unread.append(bytes);
    const std::lock_guard<std::mutex> lock(mutex_);
    received_[connection->number].append(bytes);
    co_return true;
}

FLIPT_DECL asio::awaitable<bool> peer_core::send(std::shared_ptr<peer_connection> connection, const script::step& step)
{
    asio::error_code ec;
    std::string_view rest = step.data;
    while (!rest.empty() && !ec && !stopped_) {
        const auto size = step.size == 0 ? rest.size() : std::min(step.size, rest.size());
        co_await connection->stream.write(rest.substr(0, size), ec);
        rest.remove_prefix(size);
        if (!rest.empty() && step.duration.count() != 0) {
            asio::error_code ignored;
            connection->timer.expires_after(step.duration);
            co_await connection->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
    }
    co_return !ec;
}

// False when the connection is over.
FLIPT_DECL asio::awaitable<bool> peer_core::perform(std::shared_ptr<peer_connection> connection,
                                                    const script::step& step)
{
    asio::error_code ec;
    bool more = true;
    switch (step.what) {
    case script::action::request: {
        http_request_parser parser;
        std::size_t fed = 0;
        for (;;) {
            const auto state = parser.feed(std::string_view(connection->unread).substr(fed));
            fed = connection->unread.size();
            if (state == http_request_parser::state::bad)
                co_return false;
            if (state == http_request_parser::state::complete)
                break;
            more = co_await read_more(connection);
            if (!more)
                co_return false;
        }
        const auto request = parser.take();
        connection->unread.erase(0, parser.taken_bytes().size());
        const std::lock_guard<std::mutex> lock(mutex_);
        requests_.push_back(parser.taken_bytes());
        co_return true;
    }
    case script::action::bytes:
        while (more && connection->unread.size() < step.size)
            more = co_await read_more(connection);
        connection->unread.erase(0, step.size);
        co_return more;
    case script::action::eof:
    case script::action::hold:
        while (more)
            more = co_await read_more(connection);
        co_return step.what == script::action::eof;
    case script::action::send: more = co_await send(connection, step); co_return more;
    case script::action::pause:
        connection->timer.expires_after(step.duration);
        co_await connection->timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        co_return true;
    case script::action::close: connection->stream.close(); co_return false;
    case script::action::reset: connection->stream.reset(); co_return false;
    case script::action::half_close: connection->stream.half_close(); co_return true;
    case script::action::finish: co_await connection->stream.finish(connection); co_return false;
    case script::action::repeat: co_return true;
    }
    co_return false;
}

} // namespace detail

FLIPT_DECL scripted_peer::scripted_peer(asio::any_io_executor executor, std::optional<tls_settings> tls,
                                        std::string_view address)
    : core_(std::make_shared<detail::peer_core>(std::move(executor), tls, address))
{
    asio::co_spawn(core_->strand_, detail::peer_core::accept(core_), asio::detached);
}

FLIPT_DECL scripted_peer::~scripted_peer()
{
    if (core_)
        stop();
}

FLIPT_DECL void scripted_peer::add(script s) const
{
    const std::lock_guard<std::mutex> lock(core_->mutex_);
    core_->scripts_.push_back(std::move(s));
}

FLIPT_DECL std::uint16_t scripted_peer::port() const { return core_->endpoint_.port(); }

FLIPT_DECL std::string scripted_peer::url(std::string_view host) const
{
    const auto address = core_->endpoint_.address();
    std::string name(host);
    if (name.empty())
        name = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return (core_->tls_ ? "https://" : "http://") + name + ":" + std::to_string(port());
}

FLIPT_DECL void scripted_peer::stop() const
{
    asio::dispatch(core_->strand_, [core = core_] {
        core->stopped_ = true;
        asio::error_code ignored;
        core->acceptor_.close(ignored);
        for (const auto& weak : core->open_)
            if (const auto connection = weak.lock())
                connection->abort();
    });
}

FLIPT_DECL std::size_t scripted_peer::connections() const
{
    const std::lock_guard<std::mutex> lock(core_->mutex_);
    return core_->received_.size();
}

FLIPT_DECL std::size_t scripted_peer::finished() const
{
    const std::lock_guard<std::mutex> lock(core_->mutex_);
    return core_->finished_;
}

FLIPT_DECL std::string scripted_peer::received(std::size_t connection) const
{
    const std::lock_guard<std::mutex> lock(core_->mutex_);
    return connection < core_->received_.size() ? core_->received_[connection] : std::string();
}

FLIPT_DECL std::vector<std::string> scripted_peer::requests() const
{
    const std::lock_guard<std::mutex> lock(core_->mutex_);
    return core_->requests_;
}

FLIPT_DECL bool scripted_peer::wait_finished(std::size_t n, std::chrono::steady_clock::duration limit) const
{
    std::unique_lock<std::mutex> lock(core_->mutex_);
    return core_->changed_.wait_for(lock, limit, [&] { return core_->finished_ >= n; });
}

} // namespace flipt::inline v0::testing
