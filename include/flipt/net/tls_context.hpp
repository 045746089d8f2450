// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// TLS settings turned into an OpenSSL context, and the sessions kept for resumption.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/url.hpp"
#include "flipt/types/config.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace flipt::inline v0::detail {

struct ssl_deleter {
    void operator()(SSL* p) const noexcept { SSL_free(p); }
    void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
    void operator()(SSL_SESSION* p) const noexcept { SSL_SESSION_free(p); }
};
using ssl_ptr = std::unique_ptr<SSL, ssl_deleter>;
using ssl_session_ptr = std::unique_ptr<SSL_SESSION, ssl_deleter>;

/// One per client, so its sessions belong to one origin and one set of verification settings. Not thread-safe: it lives
/// on the client's executor. Sessions arrive by OpenSSL's new-session callback, found through an ex_data index of our
/// own, and each is used once (RFC 8446 C.4).
class tls_context {
public:
    tls_context() = default;
    tls_context(const tls_context&) = delete;
    tls_context& operator=(const tls_context&) = delete;

    /// Loads roots, certificate and key. On failure `why` says which setting cannot be used and what OpenSSL says of
    /// it.
    FLIPT_DECL std::error_code load(const tls_options& options, const endpoint& peer, std::string& why);

    /// A fresh connection object that verifies the peer, offers http/1.1 and, where one is kept, resumes a session.
    [[nodiscard]] FLIPT_DECL ssl_ptr make(std::error_code& ec);

private:
    static FLIPT_DECL int index() noexcept;
    static FLIPT_DECL int keep_session(SSL* ssl, SSL_SESSION* session);

    FLIPT_DECL std::error_code load_roots(const tls_options& options, std::string& why);
    FLIPT_DECL std::error_code load_client_certificate(const tls_options& options, std::string& why);

    static constexpr std::size_t max_sessions = 16;

    std::unique_ptr<SSL_CTX, ssl_deleter> context_;
    std::vector<ssl_session_ptr> sessions_;
    std::string server_name_;
    bool address_ = false;
    bool verify_ = true;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/net/impl/tls_context.ipp"
#endif
