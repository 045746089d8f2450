// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of net/stream.hpp.
#pragma once

#include "flipt/net/stream.hpp"
#include "flipt/net/tls_error.hpp"

#include <asio/buffer.hpp>

#include <climits>
#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>

namespace flipt::inline v0::detail {

FLIPT_DECL std::error_code stream::prepare()
{
    std::error_code ec;
    const auto local = socket_.local_endpoint(ec);
    const auto remote = ec ? local : socket_.remote_endpoint(ec);
    // A peer may reset what it has just accepted.
    if (ec == asio::error::not_connected)
        return asio::error::connection_reset;
    if (ec)
        return ec;
    // On the loopback interface TCP can connect a socket to itself while nobody listens on the port.
    if (local == remote)
        return asio::error::connection_refused;
#if !defined(_WIN32)
    // Connecting has told the reactor to report "writable" for good, so that each wait for a reply would wake up twice.
    // Handing the descriptor back to Asio registers it anew, for reading only.
    const auto descriptor = socket_.release(ec);
    if (ec)
        return ec;
    socket_.assign(local.protocol(), descriptor, ec);
    if (ec) {
        ::close(descriptor);
        return ec;
    }
#endif
    socket_.non_blocking(true, ec);
    if (ec)
        return ec;
    std::error_code ignored; // the connection works without these
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.set_option(asio::socket_base::keep_alive(true), ignored);
    return {};
}

FLIPT_DECL std::size_t stream::read_socket(char* data, std::size_t size, std::error_code& ec)
{
    const std::size_t n = socket_.read_some(asio::buffer(data, size), ec);
    drained_ = n < size;
    return n;
}

FLIPT_DECL int stream::bio_read(BIO* bio, char* data, int size)
{
    auto* self = static_cast<stream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    std::error_code ec;
    const std::size_t n = self->read_socket(data, static_cast<std::size_t>(size), ec);
    if (!ec)
        return static_cast<int>(n);
    if (ec == asio::error::would_block || ec == asio::error::try_again || ec == asio::error::interrupted) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (ec == asio::error::eof) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        return 0;
    }
    self->bio_error_ = ec;
    return -1;
}

FLIPT_DECL int stream::bio_write(BIO* bio, const char* data, int size)
{
    auto* self = static_cast<stream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    std::error_code ec;
    const std::size_t n = self->socket_.write_some(asio::buffer(data, static_cast<std::size_t>(size)), ec);
    if (!ec)
        return static_cast<int>(n);
    if (ec == asio::error::would_block || ec == asio::error::try_again || ec == asio::error::interrupted)
        BIO_set_retry_write(bio);
    else
        self->bio_error_ = ec;
    return -1;
}

FLIPT_DECL long stream::bio_control(BIO* bio, int command, long, void*)
{
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default: return 0;
    }
}

FLIPT_DECL BIO_METHOD* stream::bio_method() noexcept
{
    // Never freed: connections of static clients may outlive any destructor order.
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "flipt socket");
        if (made != nullptr) {
            BIO_meth_set_read(made, &stream::bio_read);
            BIO_meth_set_write(made, &stream::bio_write);
            BIO_meth_set_ctrl(made, &stream::bio_control);
        }
        return made;
    }();
    return method;
}

FLIPT_DECL std::error_code stream::start_tls(tls_context& context)
{
    std::error_code ec;
    established_ = false;
    bio_error_.clear();
    ssl_ = context.make(ec);
    if (!ssl_)
        return ec;
    BIO* bio = bio_method() != nullptr ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr) {
        ssl_.reset();
        return std::make_error_code(std::errc::not_enough_memory);
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_connect_state(ssl_.get());
    return {};
}

FLIPT_DECL io_step stream::tls_failure(int result) noexcept
{
    io_step step;
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: step.want = io_want::read; return step;
    case SSL_ERROR_WANT_WRITE: step.want = io_want::write; return step;
    case SSL_ERROR_ZERO_RETURN: step.end = step.clean_end = true; return step;
    default: break;
    }
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const bool verifies = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
    if (const long verdict = SSL_get_verify_result(ssl_.get()); !established_ && verifies && verdict != X509_V_OK)
        step.ec = std::error_code(-static_cast<int>(verdict), tls_category());
    else if (bio_error_)
        step.ec = bio_error_;
    else if (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        step.end = true; // cut off: no close_notify
    else
        step.ec = std::error_code(static_cast<int>(code & INT_MAX), tls_category());
    return step;
}

FLIPT_DECL io_step stream::handshake()
{
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
        established_ = true;
        return {};
    }
    return tls_failure(result);
}

FLIPT_DECL io_step stream::plain_result(std::size_t bytes, const std::error_code& ec, io_want want) const noexcept
{
    io_step step;
    step.bytes = bytes;
    if (!ec)
        return step;
    if (ec == asio::error::would_block || ec == asio::error::try_again || ec == asio::error::interrupted)
        step.want = want;
    else if (ec == asio::error::eof)
        step.end = step.clean_end = true;
    else
        step.ec = ec;
    return step;
}

FLIPT_DECL io_step stream::read(char* data, std::size_t size)
{
    if (!ssl_) {
        std::error_code ec;
        const std::size_t n = read_socket(data, size, ec);
        return plain_result(n, ec, io_want::read);
    }
    ERR_clear_error();
    const int result = SSL_read(ssl_.get(), data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    if (result <= 0)
        return tls_failure(result);
    io_step step;
    step.bytes = static_cast<std::size_t>(result);
    return step;
}

FLIPT_DECL io_step stream::write(const char* data, std::size_t size)
{
    if (!ssl_) {
        std::error_code ec;
        const std::size_t n = socket_.write_some(asio::buffer(data, size), ec);
        return plain_result(n, ec, io_want::write);
    }
    ERR_clear_error();
    const int result = SSL_write(ssl_.get(), data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    if (result <= 0)
        return tls_failure(result);
    io_step step;
    step.bytes = static_cast<std::size_t>(result);
    return step;
}

FLIPT_DECL void stream::close() noexcept
{
    if (ssl_ && established_ && socket_.is_open()) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get()); // one try; the socket does not block
        ERR_clear_error();
    }
    ssl_.reset();
    established_ = false;
    std::error_code ignored;
    socket_.close(ignored);
}

} // namespace flipt::inline v0::detail
