// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The non-blocking stream, where a socket is not what it was a moment ago.
#include "flipt/net/stream.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <doctest/doctest.h>

#include <ostream>
#include <system_error>

TEST_CASE("a connection that its peer has reset before it was set up is a reset one")
{
    asio::io_context context(1);
    flipt::detail::stream stream(context.get_executor());
    stream.socket().open(asio::ip::tcp::v4()); // the system has forgotten the peer, as after a reset
    const std::error_code ec = stream.prepare();
    CHECK_MESSAGE(ec == asio::error::connection_reset, ec.message());
}

TEST_CASE("a socket that is connected to itself is a server that is not there")
{
    asio::io_context context(1);
    flipt::detail::stream stream(context.get_executor());
    auto& socket = stream.socket();
    socket.open(asio::ip::tcp::v4());
    socket.bind({asio::ip::address_v4::loopback(), 0});
    std::error_code ec;
    socket.connect(socket.local_endpoint(), ec);
    if (ec) {
        MESSAGE("this system does not connect a socket to itself: ", ec.message());
        return;
    }
    ec = stream.prepare();
    CHECK_MESSAGE(ec == asio::error::connection_refused, ec.message());
}
