// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The shared state of an embedded server, and the coroutines of its connections.
#pragma once

#include "flipt/testing/impl/peer_stream.hpp"
#include "flipt/testing/server.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/dispatch.hpp>
#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>

namespace flipt::inline v0::testing::detail {

using server_strand = asio::strand<asio::any_io_executor>;

// What is to be done with one request: the bytes, and how they are to go wrong.
class reply_plan {
public:
    reply_plan() = default;

    std::string bytes;
    std::size_t head_size = 0;
    bool keep_alive = true;
    fault trouble;
    std::optional<stream_subscription> stream;
};

// One connection. Lives as long as its coroutine; used on the strand only.
class server_session : public std::enable_shared_from_this<server_session> {
public:
    server_session(std::shared_ptr<server_core> core, asio::ip::tcp::socket socket,
                   std::shared_ptr<asio::ssl::context> tls, const server_options& options, std::size_t number)
        : core_(std::move(core)),
          stream_(std::move(socket), std::move(tls)),
          parser_(options.max_request_head, options.max_request_body),
          idle_timeout_(options.idle_timeout),
          timer_(stream_.socket().get_executor()),
          wake_(stream_.socket().get_executor()),
          number_(number)
    {}

    static FLIPT_DECL asio::awaitable<void> run(std::shared_ptr<server_session> self);

    // Everything that waits ends.
    void abort()
    {
        stream_.close();
        timer_.cancel();
        wake_.cancel();
    }
    void abort_if_streaming()
    {
        if (streaming_)
            abort();
    }
    void finish_when_idle()
    {
        asio::error_code ignored;
        finish_ = true; // the reply may be with its reader before the write of it completes here
        if (idle_ && parser_.buffered() == 0)
            stream_.socket().cancel(ignored); // the waiting read ends, and with it the session, in order
    }
    void wake() { wake_.cancel(); }
    [[nodiscard]] std::size_t number() const noexcept { return number_; }

private:
    FLIPT_DECL asio::awaitable<void> serve();
    FLIPT_DECL asio::awaitable<bool> read_request();
    FLIPT_DECL asio::awaitable<bool> perform(reply_plan& plan);
    FLIPT_DECL asio::awaitable<bool> end_as(fault::ending how);
    FLIPT_DECL asio::awaitable<void> write_pieces(std::string_view bytes, const fault& trouble, asio::error_code& ec);
    FLIPT_DECL asio::awaitable<void> pause(std::chrono::steady_clock::duration d);
    FLIPT_DECL asio::awaitable<void> run_stream(stream_subscription subscription);
    static FLIPT_DECL asio::awaitable<void> watch_peer(std::shared_ptr<server_session> self);
    FLIPT_DECL void arm_idle_timer();

    std::shared_ptr<server_core> core_;
    peer_stream stream_;
    http_request_parser parser_;
    std::chrono::steady_clock::duration idle_timeout_;
    asio::steady_timer timer_;
    asio::steady_timer wake_;
    std::size_t number_;
    bool idle_ = false;
    bool finish_ = false;
    bool streaming_ = false;
    bool peer_gone_ = false;
    std::array<char, 16 * 1024> buffer_{};
};

class server_core : public std::enable_shared_from_this<server_core> {
public:
    FLIPT_DECL server_core(asio::any_io_executor executor, server_options options);

    FLIPT_DECL void start();
    FLIPT_DECL void stop();
    static FLIPT_DECL asio::awaitable<void> accept(std::shared_ptr<server_core> self);

    // Runs `f(router)` under the lock.
    template <class F>
    auto locked(F&& f)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return f(router_);
    }
    // The same for something that changes flags: streams look again.
    template <class F>
    void change(F&& f)
    {
        locked([&](router& r) { f(r.store()); });
        each_session([](server_session& s) { s.wake(); });
    }
    template <class F>
    void observed(F&& f)
    {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            f(seen_);
        }
        seen_changed_.notify_all();
    }
    // Calls `f` for each session, on the strand.
    template <class F>
    void each_session(F f)
    {
        asio::post(strand_, [self = shared_from_this(), f] {
            for (const auto& weak : self->sessions_)
                if (const auto session = weak.lock())
                    f(*session);
        });
    }

    FLIPT_DECL reply_plan plan(http_request request, std::size_t connection);
    FLIPT_DECL reply_plan plan_bad_request(int status, std::string_view reason) const;
    FLIPT_DECL bool take_rejection();
    void forget(const std::shared_ptr<server_session>& session) { sessions_.erase(session); }

    server_options options_;
    server_strand strand_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint endpoint_;
    std::shared_ptr<asio::ssl::context> tls_;
    // On the strand. Weak: a session belongs to its coroutine, which may go down with the io_context.
    std::set<std::weak_ptr<server_session>, std::owner_less<>> sessions_;
    bool stopped_ = false; // on the strand

    std::mutex mutex_; // of everything below
    std::condition_variable seen_changed_;
    router router_;
    std::deque<fault> faults_;
    std::size_t rejections_ = 0;
    observations seen_;
    std::deque<http_request> recorded_;
};

} // namespace flipt::inline v0::testing::detail
