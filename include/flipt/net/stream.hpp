// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A non-blocking byte stream over TCP, with TLS on top where asked for: it never waits, it says what to wait for.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/net/tls_context.hpp"

#include <cstddef>
#include <system_error>

namespace flipt::inline v0::detail {

/// What the socket must become before the same step can be tried again.
enum class io_want : unsigned char { nothing, read, write };

/// The outcome of one non-blocking step: bytes moved, or what to wait for, or the end, or an error.
struct io_step {
    std::size_t bytes = 0;
    io_want want = io_want::nothing;
    bool end = false;       ///< the peer has ended its side
    bool clean_end = false; ///< and did it as its protocol asks (close_notify under TLS)
    std::error_code ec;
};

/// TLS runs through a BIO over the non-blocking socket, so one wait loop serves both kinds, nothing is copied twice,
/// and no signal is raised by a closed peer (Asio's send asks for that). Lives at one address: the BIO points to it.
class stream {
public:
    explicit stream(const asio::any_io_executor& executor) : socket_(executor) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;
    ~stream() { close(); }

    [[nodiscard]] asio::ip::tcp::socket& socket() noexcept { return socket_; }
    [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }

    /// Sets the connected socket up: non-blocking, no delay (one write per request), keep-alive probes.
    FLIPT_DECL std::error_code prepare();

    /// Puts TLS on top; then call handshake() until it wants nothing.
    FLIPT_DECL std::error_code start_tls(tls_context& context);
    FLIPT_DECL io_step handshake();

    FLIPT_DECL io_step read(char* data, std::size_t size);
    FLIPT_DECL io_step write(const char* data, std::size_t size);

    /// Whether the last read of the socket took all that was there, and TLS holds nothing of it back: bytes that are
    /// there in spite of it have arrived since.
    [[nodiscard]] bool drained() const noexcept { return drained_ && (!ssl_ || SSL_has_pending(ssl_.get()) == 0); }

    /// Closes at once; says goodbye (close_notify) where that takes no wait. Pending waits end with operation_aborted.
    FLIPT_DECL void close() noexcept;

private:
    static FLIPT_DECL BIO_METHOD* bio_method() noexcept;
    static FLIPT_DECL int bio_read(BIO* bio, char* data, int size);
    static FLIPT_DECL int bio_write(BIO* bio, const char* data, int size);
    static FLIPT_DECL long bio_control(BIO* bio, int command, long, void*);

    FLIPT_DECL std::size_t read_socket(char* data, std::size_t size, std::error_code& ec);
    FLIPT_DECL io_step plain_result(std::size_t bytes, const std::error_code& ec, io_want want) const noexcept;
    FLIPT_DECL io_step tls_failure(int result) noexcept;

    asio::ip::tcp::socket socket_;
    ssl_ptr ssl_;
    std::error_code bio_error_; // why the socket under TLS failed, since OpenSSL only says "syscall"
    bool established_ = false;
    bool drained_ = false;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/net/impl/stream.ipp"
#endif
