// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The floor: an epoll loop written for this one request. The head is built once, the body from its strings for each
// request; the end of the reply's head is found by memmem, its Content-Length by a search, the rest is read by
// simdjson. No deadline, no repeat, no pool, no check of the framing. --ca: TLS 1.3 over the same loop. With
// ARM_EACH_WAIT it also does what Asio's reactor does for each wait (epoll_reactor::start_op: EPOLL_CTL_MOD), and
// nothing else of Asio: what is left between that and a client on Asio is the client.
#include "../support/meter.hpp"
#include "../support/payload.hpp"
#include "raw.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <vector>

namespace {

struct connection {
    int fd = -1;
    SSL* ssl = nullptr;
    bench::raw_exchange exchange;
    bench::meter::clock::time_point started;
};

class loop {
public:
    explicit loop(const bench::options& o) : options_(o), meter_(o), head_(bench::head(o.host, o.port, o.prefix))
    {
        epoll_ = epoll_create1(EPOLL_CLOEXEC);
        tls_ = bench::tls_of(o);
        for (int i = 0; i < o.connection_count(); ++i) {
            auto c = std::make_unique<connection>();
            c->fd = bench::connect_to(o);
            if (tls_ != nullptr)
                c->ssl = bench::handshake(tls_, c->fd, o);
            bench::unblock(c->fd);
            epoll_event event{};
            // Edge-triggered: no epoll_ctl per request, man 7 epoll.
            event.events = EPOLLIN | EPOLLET;
            event.data.ptr = c.get();
            epoll_ctl(epoll_, EPOLL_CTL_ADD, c->fd, &event);
            connections_.push_back(std::move(c));
        }
    }

    void run()
    {
        perform(options_.warmup);
        meter_.begin();
        perform(options_.requests);
        meter_.end(connections_[0]->exchange.result.right());
    }

private:
    void send_next(connection& c)
    {
        bench::entity(next_++, entity_);
        c.started = meter_.now();
        const std::string_view request = c.exchange.build(head_, entity_);
        const long n = c.ssl == nullptr ? send(c.fd, request.data(), request.size(), MSG_NOSIGNAL)
                                        : SSL_write(c.ssl, request.data(), static_cast<int>(request.size()));
        if (n != static_cast<long>(request.size()))
            bench::fail("send");
#if defined(ARM_EACH_WAIT)
        epoll_event event{};
        event.events = EPOLLIN | EPOLLET;
        event.data.ptr = &c;
        epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
#endif
    }

    // Reads until the reply is whole. False: wait for more.
    static bool receive(connection& c)
    {
        for (;;) {
            char* to = c.exchange.room();
            if (c.ssl == nullptr) {
                const long n = recv(c.fd, to, bench::raw_exchange::size, 0);
                if (n < 0 && errno == EAGAIN)
                    return false;
                if (n <= 0)
                    bench::fail("recv");
                if (c.exchange.take(static_cast<std::size_t>(n)))
                    return true;
            } else {
                const int n = SSL_read(c.ssl, to, static_cast<int>(bench::raw_exchange::size));
                if (n <= 0) {
                    if (SSL_get_error(c.ssl, n) == SSL_ERROR_WANT_READ)
                        return false;
                    bench::fail("SSL_read");
                }
                if (c.exchange.take(static_cast<std::size_t>(n)))
                    return true;
            }
        }
    }

    void perform(long count)
    {
        next_ = 0;
        long done = 0;
        for (auto& c : connections_)
            if (next_ < count)
                send_next(*c);
        epoll_event events[64];
        while (done < count) {
            const int n = epoll_wait(epoll_, events, 64, -1);
            for (int i = 0; i < n; ++i) {
                auto& c = *static_cast<connection*>(events[i].data.ptr);
                if (!receive(c))
                    continue;
                meter_.add(c.started);
                ++done;
                if (next_ < count)
                    send_next(c);
            }
        }
    }

    bench::options options_;
    bench::meter meter_;
    std::string head_;
    std::string entity_;
    int epoll_ = -1;
    SSL_CTX* tls_ = nullptr;
    std::vector<std::unique_ptr<connection>> connections_;
    long next_ = 0;
};

} // namespace

int main(int argc, char** argv) { loop(bench::parse(argc, argv)).run(); }
