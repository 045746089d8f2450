// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The floor of TLS: blocking SSL_write and SSL_read (or send and recv) on one connection, nothing else.
#include "../support/meter.hpp"
#include "../support/payload.hpp"
#include "raw.hpp"

#include <memory>

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    if (o.in_flight != 1)
        bench::fail("one request at a time");
    bench::meter meter(o);
    const std::string head = bench::head(o.host, o.port, o.prefix);
    const int fd = bench::connect_to(o);
    SSL_CTX* tls = bench::tls_of(o);
    SSL* ssl = tls == nullptr ? nullptr : bench::handshake(tls, fd, o);
    const auto exchange = std::make_unique<bench::raw_exchange>();
    std::string entity;

    const auto perform = [&](long count) {
        for (long i = 0; i < count; ++i) {
            bench::entity(i, entity);
            const auto started = meter.now();
            const std::string_view request = exchange->build(head, entity);
            const auto size = static_cast<int>(request.size());
            if ((ssl != nullptr ? SSL_write(ssl, request.data(), size)
                                : static_cast<int>(send(fd, request.data(), request.size(), MSG_NOSIGNAL))) != size)
                bench::fail("send");
            for (;;) {
                const auto room = bench::raw_exchange::size;
                const long n = ssl != nullptr ? SSL_read(ssl, exchange->room(), static_cast<int>(room))
                                              : recv(fd, exchange->room(), room, 0);
                if (n <= 0)
                    bench::fail("recv");
                if (exchange->take(static_cast<std::size_t>(n)))
                    break;
            }
            meter.add(started);
        }
    };
    perform(o.warmup);
    meter.begin();
    perform(o.requests);
    meter.end(exchange->result.right());
}
