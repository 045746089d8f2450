// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A relay between a client and a server that cuts, delays, stalls, drops and resets: a bad network on loopback.
#pragma once

#include "flipt/net/asio.hpp"

#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hostile {

/// What a link does to its bytes.
class link_plan {
public:
    enum class ending {
        none,  // passes everything
        close, // FIN on both sides
        reset, // RST on both sides
        lose,  // what comes is thrown away, in both directions, and the connection stays
    };
    enum class direction { requests, replies };

    link_plan() = default;
    /// Passes on at most so many bytes at once, each after a delay.
    link_plan& pieces(std::size_t size, std::chrono::steady_clock::duration delay = {})
    {
        piece_size = size;
        piece_delay = delay;
        return *this;
    }
    /// The ending comes when so many bytes were passed on in that direction; 0 = as soon as the client has connected.
    link_plan& end_after(direction where, std::size_t bytes, ending how)
    {
        counted = where;
        bytes_before_end = bytes;
        end = how;
        return *this;
    }

    std::size_t piece_size = 0; ///< 0 = as they come
    std::chrono::steady_clock::duration piece_delay{};
    direction counted = direction::replies;
    std::size_t bytes_before_end = 0;
    ending end = ending::none;
};

namespace detail {

using tcp = asio::ip::tcp;

class link : public std::enable_shared_from_this<link> {
public:
    link(tcp::socket client, link_plan plan)
        : client_(std::move(client)), server_(client_.get_executor()), plan_(std::move(plan))
    {}

    asio::awaitable<void> run(tcp::endpoint target)
    {
        const auto self = shared_from_this();
        std::error_code ec;
        if (plan_.end != link_plan::ending::none && plan_.bytes_before_end == 0)
            finish();
        if (!ended_ || plan_.end == link_plan::ending::lose)
            co_await server_.async_connect(target, asio::redirect_error(asio::use_awaitable, ec));
        if (ec) {
            plan_.end = link_plan::ending::reset;
            finish();
        }
        if (!client_.is_open() || !server_.is_open())
            co_return;
        std::error_code ignored;
        client_.set_option(tcp::no_delay(true), ignored);
        server_.set_option(tcp::no_delay(true), ignored);
        asio::co_spawn(client_.get_executor(), pump(self, link_plan::direction::requests), ignore_end());
        asio::co_spawn(client_.get_executor(), pump(self, link_plan::direction::replies), ignore_end());
    }
    void cut()
    {
        std::error_code ignored;
        client_.close(ignored);
        server_.close(ignored);
    }

private:
    class ignore_end {
    public:
        void operator()(const std::exception_ptr&) const noexcept {}
    };

    asio::awaitable<void> pump(std::shared_ptr<link> self, link_plan::direction where)
    {
        const bool forth = where == link_plan::direction::requests;
        tcp::socket& from = forth ? client_ : server_;
        tcp::socket& to = forth ? server_ : client_;
        std::vector<char> block(std::size_t{16} * 1024);
        std::size_t passed = 0;
        asio::steady_timer pause(from.get_executor());
        std::error_code ec;
        for (;;) {
            const auto space = asio::buffer(block);
            const std::size_t got = co_await from.async_read_some(space, asio::redirect_error(asio::use_awaitable, ec));
            if (ec)
                break;
            for (std::size_t at = 0; at < got && !ended_;) {
                std::size_t size = got - at;
                if (plan_.piece_size != 0)
                    size = std::min(size, plan_.piece_size);
                const bool counts = plan_.end != link_plan::ending::none && plan_.counted == where;
                if (counts)
                    size = std::min(size, plan_.bytes_before_end - passed);
                if (plan_.piece_delay > std::chrono::steady_clock::duration::zero()) {
                    pause.expires_after(plan_.piece_delay);
                    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
                }
                const auto bytes = asio::buffer(block.data() + at, size);
                co_await asio::async_write(to, bytes, asio::redirect_error(asio::use_awaitable, ec));
                if (ec)
                    break;
                at += size;
                passed += size;
                if (counts && passed == plan_.bytes_before_end)
                    finish();
            }
            if (ec)
                break;
        }
        std::error_code ignored;
        if (ec == asio::error::eof && !ended_)
            to.shutdown(tcp::socket::shutdown_send, ignored);
        else
            cut();
        self.reset();
    }

    /// The plan's ending.
    void finish()
    {
        ended_ = true;
        std::error_code ignored;
        if (plan_.end == link_plan::ending::reset) {
            client_.set_option(asio::socket_base::linger(true, 0), ignored);
            server_.set_option(asio::socket_base::linger(true, 0), ignored);
        }
        if (plan_.end != link_plan::ending::lose)
            cut();
    }

    tcp::socket client_;
    tcp::socket server_;
    link_plan plan_;
    bool ended_ = false;
};

} // namespace detail

/// Listens on a free port of loopback and passes each connection on to `target` as the plan made for it says (called on
/// the relay's thread with the number of the connection). A target that cannot be reached is a reset.
class relay_thread {
public:
    using planner = std::function<link_plan(std::size_t)>;

    relay_thread(std::uint16_t target_port, planner plan)
        : target_(asio::ip::address_v4::loopback(), target_port),
          plan_(std::move(plan)),
          acceptor_(context_, {asio::ip::address_v4::loopback(), 0}),
          port_(acceptor_.local_endpoint().port())
    {
        accept();
        thread_ = std::thread([this] { context_.run(); });
    }
    relay_thread(const relay_thread&) = delete;
    relay_thread& operator=(const relay_thread&) = delete;
    ~relay_thread()
    {
        asio::post(context_, [this] {
            std::error_code ignored;
            acceptor_.close(ignored);
            cut_now();
        });
        thread_.join();
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
    /// Ends every connection there is.
    void cut_all()
    {
        asio::post(context_, [this] { cut_now(); });
    }

private:
    void accept()
    {
        acceptor_.async_accept([this](const std::error_code& ec, asio::ip::tcp::socket socket) {
            if (!acceptor_.is_open())
                return;
            if (!ec)
                begin(std::move(socket));
            accept();
        });
    }
    void begin(asio::ip::tcp::socket socket)
    {
        auto one = std::make_shared<detail::link>(std::move(socket), plan_(connections_++));
        std::erase_if(links_, [](const auto& link) { return link.expired(); });
        links_.push_back(one);
        detail::link& link = *one;
        asio::co_spawn(context_, link.run(target_), [one](const std::exception_ptr&) {});
    }
    void cut_now()
    {
        for (const auto& weak : links_)
            if (const auto link = weak.lock())
                link->cut();
    }

    asio::io_context context_{1};
    asio::ip::tcp::endpoint target_;
    planner plan_;
    asio::ip::tcp::acceptor acceptor_;
    std::uint16_t port_;
    std::atomic<std::size_t> connections_{0};
    std::vector<std::weak_ptr<detail::link>> links_;
    std::thread thread_;
};

} // namespace hostile
