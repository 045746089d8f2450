// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of net/tls_context.hpp.
#pragma once

#include "flipt/net/tls_context.hpp"
#include "flipt/net/tls_error.hpp"
#include "flipt/protocol/request_writer.hpp"
#include "flipt/types/error.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#if defined(_WIN32)
#include <wincrypt.h>
#endif

namespace flipt::inline v0::detail {

/// What OpenSSL last complained of, as a sentence; empties its error queue.
inline std::string openssl_complaint()
{
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "no reason given";
}

inline std::error_code refuse(std::string& why, const char* setting, const std::string& file)
{
    why = std::string("config::tls.") + setting;
    if (!file.empty())
        why += " \"" + file + "\"";
    why += ": " + openssl_complaint();
    return errc::invalid_config;
}

/// Adds every certificate of a PEM text to the store. False where there is none, or one cannot be read.
inline bool add_roots(X509_STORE* store, const std::string& pem)
{
    std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    if (!bio)
        return false;
    std::size_t added = 0;
    while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
        const bool ok = X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
        if (!ok)
            return false;
        ++added;
    }
    const unsigned long last = ERR_peek_last_error();
    const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (added != 0 && at_end)
        ERR_clear_error();
    return added != 0 && at_end;
}

#if defined(_WIN32)
/// Windows keeps its roots in a store of its own. Written from its documentation, untested.
inline void add_windows_roots(X509_STORE* store)
{
    HCERTSTORE roots = CertOpenSystemStoreW(0, L"ROOT");
    if (roots == nullptr)
        return;
    PCCERT_CONTEXT entry = nullptr;
    while ((entry = CertEnumCertificatesInStore(roots, entry)) != nullptr) {
        const unsigned char* bytes = entry->pbCertEncoded;
        if (X509* certificate = d2i_X509(nullptr, &bytes, static_cast<long>(entry->cbCertEncoded))) {
            X509_STORE_add_cert(store, certificate);
            X509_free(certificate);
        }
    }
    CertCloseStore(roots, 0);
    ERR_clear_error();
}
#endif

FLIPT_DECL int tls_context::index() noexcept
{
    static const int value = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return value;
}

FLIPT_DECL int tls_context::keep_session(SSL* ssl, SSL_SESSION* session)
{
    auto* self = static_cast<tls_context*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index()));
    if (self == nullptr || SSL_SESSION_is_resumable(session) != 1)
        return 0;
    try {
        if (self->sessions_.size() >= max_sessions)
            self->sessions_.erase(self->sessions_.begin());
        self->sessions_.emplace_back(session);
        return 1; // the session is ours now
    } catch (...) {
        return 0;
    }
}

FLIPT_DECL std::error_code tls_context::load_roots(const tls_options& options, std::string& why)
{
    X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
    if (options.ca_file.empty() && options.ca_pem.empty()) {
        SSL_CTX_set_default_verify_paths(context_.get());
#if defined(_WIN32)
        add_windows_roots(store);
#endif
        return {};
    }
    if (!options.ca_file.empty() &&
        SSL_CTX_load_verify_locations(context_.get(), options.ca_file.c_str(), nullptr) != 1)
        return refuse(why, "ca_file", options.ca_file);
    if (!options.ca_pem.empty() && !add_roots(store, options.ca_pem))
        return refuse(why, "ca_pem", {});
    return {};
}

FLIPT_DECL std::error_code tls_context::load_client_certificate(const tls_options& options, std::string& why)
{
    if (options.certificate_file.empty() && options.private_key_file.empty())
        return {};
    if (options.certificate_file.empty() || options.private_key_file.empty()) {
        why = "config::tls.certificate_file and private_key_file go together";
        return errc::invalid_config;
    }
    // Without this OpenSSL would ask for a pass phrase on the terminal.
    SSL_CTX_set_default_passwd_cb(context_.get(), [](char*, int, int, void*) { return 0; });
    if (SSL_CTX_use_certificate_chain_file(context_.get(), options.certificate_file.c_str()) != 1)
        return refuse(why, "certificate_file", options.certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context_.get(), options.private_key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        return refuse(why, "private_key_file", options.private_key_file);
    if (SSL_CTX_check_private_key(context_.get()) != 1)
        return refuse(why, "private_key_file", options.private_key_file);
    return {};
}

FLIPT_DECL std::error_code tls_context::load(const tls_options& options, const endpoint& peer, std::string& why)
{
    ERR_clear_error();
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (!context_)
        return refuse(why, "(OpenSSL)", {});
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context_.get(), SSL_OP_NO_RENEGOTIATION);
    // A partial write may be followed by a call with the same bytes at the same place; buffers may move in between.
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context_.get(), 1); // one read of the socket for a record, not one for its head before
    SSL_CTX_clear_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS); // 50 KB of allocations per request otherwise
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context_.get(), &tls_context::keep_session);
    SSL_CTX_set_ex_data(context_.get(), index(), this);

    verify_ = !options.insecure_skip_verify;
    server_name_ = options.server_name.empty() ? peer.host : options.server_name;
    if (const auto ec = check_name("tls.server_name", server_name_, why))
        return ec;
    // The dot of an absolute name: neither SNI (RFC 6066 section 3) nor certificates have it. But never an empty name:
    // to OpenSSL that means to verify none.
    if (server_name_.size() > 1 && server_name_.ends_with('.'))
        server_name_.pop_back();
    address_ = is_ipv4(server_name_) || is_ipv6(server_name_);
    if (const auto ec = load_roots(options, why))
        return ec;
    return load_client_certificate(options, why);
}

FLIPT_DECL ssl_ptr tls_context::make(std::error_code& ec)
{
    static constexpr unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    ssl_ptr ssl(SSL_new(context_.get()));
    bool ok = ssl != nullptr && SSL_set_alpn_protos(ssl.get(), alpn, sizeof(alpn)) == 0;
    if (ok && !address_) // RFC 6066 section 3: no literal addresses in SNI
        ok = SSL_set_tlsext_host_name(ssl.get(), server_name_.c_str()) == 1;
    if (ok && verify_) {
        SSL_set_verify(ssl.get(), SSL_VERIFY_PEER, nullptr);
        X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl.get());
        X509_VERIFY_PARAM_set_hostflags(parameters,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
        ok = (address_ ? X509_VERIFY_PARAM_set1_ip_asc(parameters, server_name_.c_str())
                       : X509_VERIFY_PARAM_set1_host(parameters, server_name_.c_str(), server_name_.size())) == 1;
    }
    if (!ok) {
        const unsigned long code = ERR_get_error(); // none is queued for a name that cannot be one
        ec =
            code != 0 ? std::error_code(static_cast<int>(code), tls_category()) : std::error_code(errc::invalid_config);
        return nullptr;
    }
    if (!sessions_.empty()) {
        SSL_set_session(ssl.get(), sessions_.back().get());
        sessions_.pop_back();
    }
    return ssl;
}

} // namespace flipt::inline v0::detail
