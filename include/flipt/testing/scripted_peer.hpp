// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A peer that plays a script per connection, byte by byte, for tests of what a client does with broken ones.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/testing/tls.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace flipt::inline v0::testing {

namespace detail {
class peer_core;
} // namespace detail

/// What happens on one connection, step by step. At the end of the script the connection is closed in order.
///
///     script().expect_request().send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").reset()
class script {
public:
    enum class action { request, bytes, eof, send, pause, close, reset, half_close, finish, hold, repeat };

    /// One thing to do.
    class step {
    public:
        explicit step(action a) : what(a) {}

        action what;
        std::string data;                               // send
        std::size_t size = 0;                           // bytes, send: of one write (0 = all at once)
        std::chrono::steady_clock::duration duration{}; // pause, and between two writes
    };

    script() = default;

    /// Reads one whole request (head, and body by its Content-Length).
    script& expect_request() { return add(step(action::request)); }
    /// Reads until `n` bytes came since the last such step.
    script& expect_bytes(std::size_t n)
    {
        step s(action::bytes);
        s.size = n;
        return add(std::move(s));
    }
    /// Reads until the peer closes its side.
    script& expect_close() { return add(step(action::eof)); }
    script& send(std::string_view bytes) { return send_pieces(bytes, 0); }
    script& send_each_byte(std::string_view bytes) { return send_pieces(bytes, 1); }
    /// Writes of `size` bytes, with a pause between two.
    script& send_pieces(std::string_view bytes, std::size_t size, std::chrono::steady_clock::duration pause = {})
    {
        step s(action::send);
        s.data.assign(bytes);
        s.size = size;
        s.duration = pause;
        return add(std::move(s));
    }
    /// A whole reply of 200 with this JSON.
    script& reply(std::string_view json)
    {
        std::string bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ";
        return send(bytes.append(std::to_string(json.size())).append("\r\n\r\n").append(json));
    }
    script& pause(std::chrono::steady_clock::duration d)
    {
        step s(action::pause);
        s.duration = d;
        return add(std::move(s));
    }
    script& close() { return add(step(action::close)); }           ///< FIN, over TLS without close_notify
    script& reset() { return add(step(action::reset)); }           ///< RST
    script& half_close() { return add(step(action::half_close)); } ///< FIN of our side only
    script& finish() { return add(step(action::finish)); }         ///< close_notify and FIN
    script& hold() { return add(step(action::hold)); }             ///< says nothing until the peer leaves
    script& repeat() { return add(step(action::repeat)); }         ///< starts from the first step again

    [[nodiscard]] const std::vector<step>& steps() const noexcept { return steps_; }

private:
    script& add(step s)
    {
        steps_.push_back(std::move(s));
        return *this;
    }

    std::vector<step> steps_;
};

/// Listens on a free port of the loopback interface. The n-th connection plays the n-th script; connections past the
/// last script play the last one again (none at all: they are held).
///
/// Thread safety: as testing::server.
class scripted_peer {
public:
    FLIPT_DECL explicit scripted_peer(asio::any_io_executor executor, std::optional<tls_settings> tls = std::nullopt,
                                      std::string_view address = "127.0.0.1");
    scripted_peer(scripted_peer&&) noexcept = default;
    scripted_peer& operator=(scripted_peer&&) = delete;
    FLIPT_DECL ~scripted_peer();

    /// The script of the next connection without one.
    FLIPT_DECL void add(script s) const;
    [[nodiscard]] FLIPT_DECL std::string url(std::string_view host = {}) const;
    [[nodiscard]] FLIPT_DECL std::uint16_t port() const;
    FLIPT_DECL void stop() const;

    /// Connections accepted so far.
    [[nodiscard]] FLIPT_DECL std::size_t connections() const;
    /// Connections whose script has ended.
    [[nodiscard]] FLIPT_DECL std::size_t finished() const;
    /// All bytes a connection received, decrypted (what came while a script was reading).
    [[nodiscard]] FLIPT_DECL std::string received(std::size_t connection) const;
    /// The requests that expect_request() read, of all connections, exactly as they came.
    [[nodiscard]] FLIPT_DECL std::vector<std::string> requests() const;
    /// Waits for that many connections to end; false when `limit` passed first. Blocks, see server::wait_until.
    FLIPT_DECL bool wait_finished(std::size_t n,
                                  std::chrono::steady_clock::duration limit = std::chrono::seconds(10)) const;

private:
    std::shared_ptr<detail::peer_core> core_;
};

/// A scripted peer with an io_context and a thread of its own.
class scripted_peer_thread {
public:
    explicit scripted_peer_thread(std::optional<tls_settings> tls = std::nullopt,
                                  std::string_view address = "127.0.0.1")
        : peer_(context_.get_executor(), std::move(tls), address), thread_([this] { context_.run(); })
    {}
    scripted_peer_thread(const scripted_peer_thread&) = delete;
    scripted_peer_thread& operator=(const scripted_peer_thread&) = delete;
    ~scripted_peer_thread()
    {
        peer_.stop();
        thread_.join();
    }

    [[nodiscard]] scripted_peer& get() noexcept { return peer_; }
    [[nodiscard]] scripted_peer* operator->() noexcept { return &peer_; }
    [[nodiscard]] scripted_peer& operator*() noexcept { return peer_; }

private:
    asio::io_context context_{1};
    scripted_peer peer_;
    std::thread thread_;
};

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/scripted_peer.ipp"
#endif
