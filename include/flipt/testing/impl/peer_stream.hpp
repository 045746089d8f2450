// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The server's side of a connection, plain or TLS, for coroutines on one strand.
#pragma once

#include "flipt/net/asio.hpp"
#include "flipt/testing/tls.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/socket_base.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0::testing::detail {

inline int choose_http_1_1(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                           unsigned int in_size, void*)
{
    static constexpr unsigned char wanted[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size, wanted, sizeof wanted, in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

inline int protocol_number(tls_version v) noexcept
{
    switch (v) {
    case tls_version::tls1_0: return TLS1_VERSION;
    case tls_version::tls1_1: return TLS1_1_VERSION;
    case tls_version::tls1_2: return TLS1_2_VERSION;
    case tls_version::tls1_3: return TLS1_3_VERSION;
    }
    return TLS1_3_VERSION;
}

inline std::shared_ptr<asio::ssl::context> make_tls_context(const tls_settings& settings)
{
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX* native = context->native_handle();
    const auto& identity = settings.identity;
    context->use_certificate_chain(asio::buffer(identity.certificate_pem));
    context->use_private_key(asio::buffer(identity.private_key_pem), asio::ssl::context::pem);
    if (!settings.client_ca_pem.empty()) {
        context->add_certificate_authority(asio::buffer(settings.client_ca_pem));
        context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    }
    const auto lowest = settings.max_version < settings.min_version ? settings.max_version : settings.min_version;
    SSL_CTX_set_min_proto_version(native, protocol_number(lowest));
    SSL_CTX_set_max_proto_version(native, protocol_number(settings.max_version));
    if (lowest < tls_version::tls1_2) { // OpenSSL 3 allows these at level 0 only
        SSL_CTX_set_security_level(native, 0);
        SSL_CTX_set_cipher_list(native, "DEFAULT@SECLEVEL=0");
    }
    static constexpr unsigned char session_id[] = "flipt-cpp";
    SSL_CTX_set_session_id_context(native, session_id, sizeof session_id - 1); // resumption with client certificates
    if (!settings.session_tickets) {
        SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(native, 0);
        SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    }
    SSL_CTX_set_alpn_select_cb(native, &choose_http_1_1, nullptr);
    return context;
}

// Owns the socket. All members are used on the socket's executor only.
class peer_stream {
public:
    peer_stream(asio::ip::tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
        : socket_(std::move(socket)), context_(std::move(context))
    {
        if (context_)
            tls_.emplace(socket_, *context_);
        asio::error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    }

    [[nodiscard]] asio::ip::tcp::socket& socket() noexcept { return socket_; }
    [[nodiscard]] bool is_tls() const noexcept { return tls_.has_value(); }
    [[nodiscard]] SSL* ssl() noexcept { return tls_ ? tls_->native_handle() : nullptr; }

    asio::awaitable<void> handshake(asio::error_code& ec)
    {
        if (tls_)
            co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                           asio::redirect_error(asio::use_awaitable, ec));
    }
    asio::awaitable<std::size_t> read_some(asio::mutable_buffer buffer, asio::error_code& ec)
    {
        if (tls_)
            co_return co_await tls_->async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
        co_return co_await socket_.async_read_some(buffer, asio::redirect_error(asio::use_awaitable, ec));
    }
    asio::awaitable<void> write(std::string_view bytes, asio::error_code& ec)
    {
        const asio::const_buffer buffer(bytes.data(), bytes.size());
        if (tls_)
            co_await asio::async_write(*tls_, buffer, asio::redirect_error(asio::use_awaitable, ec));
        else
            co_await asio::async_write(socket_, buffer, asio::redirect_error(asio::use_awaitable, ec));
    }
    // An orderly end: close_notify where there is TLS (the peer has a second to answer it), then FIN. `owner` keeps
    // this object alive: the guard's handler may be queued already when the shutdown completes.
    asio::awaitable<void> finish(std::shared_ptr<void> owner)
    {
        asio::error_code ec;
        if (tls_ && socket_.is_open()) {
            asio::steady_timer guard(socket_.get_executor(), std::chrono::seconds(1));
            guard.async_wait([this, owner](const asio::error_code& e) {
                if (!e)
                    close();
            });
            co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
        }
        socket_.shutdown(asio::socket_base::shutdown_both, ec);
        close();
    }
    void close()
    {
        asio::error_code ignored;
        socket_.close(ignored);
    }
    // Ends with RST.
    void reset()
    {
        asio::error_code ignored;
        socket_.set_option(asio::socket_base::linger(true, 0), ignored);
        socket_.close(ignored);
    }
    void half_close()
    {
        asio::error_code ignored;
        socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    }

private:
    asio::ip::tcp::socket socket_;
    std::shared_ptr<asio::ssl::context> context_;
    std::optional<asio::ssl::stream<asio::ip::tcp::socket&>> tls_;
};

} // namespace flipt::inline v0::testing::detail
