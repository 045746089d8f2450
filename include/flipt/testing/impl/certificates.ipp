// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/certificates.hpp.
#pragma once

#include "flipt/testing/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <ctime>
#include <stdexcept>

namespace flipt::inline v0::testing {

namespace detail {

inline void must(bool ok, const char* what)
{
    if (!ok)
        throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

inline std::string certificate_text(X509* certificate)
{
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    must(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

inline std::string key_text(EVP_PKEY* key)
{
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    must(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
         "PEM_write_bio_PKCS8PrivateKey");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

inline void extend(X509* certificate, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    must(extension != nullptr, "X509V3_EXT_conf_nid");
    const bool added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    must(added, "X509_add_ext");
}

// Version 3, a random serial number, subject, key and times; neither issuer nor signature yet.
inline std::shared_ptr<X509> new_certificate(EVP_PKEY* key, std::string_view subject, std::chrono::seconds starts,
                                             std::chrono::seconds ends)
{
    std::shared_ptr<X509> x(X509_new(), &X509_free);
    must(x && X509_set_version(x.get(), 2) == 1, "X509_new");
    std::array<unsigned char, 16> serial{};
    must(RAND_bytes(serial.data(), static_cast<int>(serial.size())) == 1, "RAND_bytes");
    serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40); // positive, of full length
    BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
    must(number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x.get())) != nullptr, "serial number");
    BN_free(number);
    const std::time_t now = std::time(nullptr);
    must(ASN1_TIME_set(X509_getm_notBefore(x.get()), now + static_cast<std::time_t>(starts.count())) != nullptr &&
             ASN1_TIME_set(X509_getm_notAfter(x.get()), now + static_cast<std::time_t>(ends.count())) != nullptr,
         "ASN1_TIME_set");
    must(X509_set_pubkey(x.get(), key) == 1, "X509_set_pubkey");
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(subject.data()),
                                    static_cast<int>(subject.size()), -1, 0) == 1,
         "X509_NAME_add_entry_by_txt");
    return x;
}

inline std::shared_ptr<EVP_PKEY> new_key()
{
    std::shared_ptr<EVP_PKEY> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    must(key != nullptr, "EVP_EC_gen");
    return key;
}

} // namespace detail

FLIPT_DECL certificate_authority::certificate_authority(std::string_view name)
    : key_(detail::new_key()),
      root_(detail::new_certificate(key_.get(), name, -std::chrono::hours(24 * 30), std::chrono::hours(24 * 365)))
{
    X509* root = root_.get();
    detail::must(X509_set_issuer_name(root, X509_get_subject_name(root)) == 1, "X509_set_issuer_name");
    detail::extend(root, root, NID_basic_constraints, "critical,CA:TRUE");
    detail::extend(root, root, NID_key_usage, "critical,keyCertSign,cRLSign");
    detail::extend(root, root, NID_subject_key_identifier, "hash");
    detail::must(X509_sign(root, key_.get(), EVP_sha256()) > 0, "X509_sign");
    pem_ = detail::certificate_text(root);
}

FLIPT_DECL certificate certificate_authority::issue(const certificate_request& request) const
{
    const auto key = detail::new_key();
    const auto leaf = detail::new_certificate(key.get(), request.subject, request.starts, request.ends);
    X509* x = leaf.get();
    detail::must(X509_set_issuer_name(x, X509_get_subject_name(root_.get())) == 1, "X509_set_issuer_name");
    detail::extend(x, root_.get(), NID_basic_constraints, "critical,CA:FALSE");
    detail::extend(x, root_.get(), NID_key_usage, "critical,digitalSignature");
    detail::extend(x, root_.get(), NID_ext_key_usage, request.for_client ? "clientAuth" : "serverAuth");
    detail::extend(x, root_.get(), NID_subject_key_identifier, "hash");
    detail::extend(x, root_.get(), NID_authority_key_identifier, "keyid");
    std::string alternatives;
    for (const auto& name : request.names)
        alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
    for (const auto& address : request.addresses)
        alternatives += (alternatives.empty() ? "IP:" : ",IP:") + address;
    if (!alternatives.empty())
        detail::extend(x, root_.get(), NID_subject_alt_name, alternatives);
    detail::must(X509_sign(x, key_.get(), EVP_sha256()) > 0, "X509_sign");
    certificate out;
    out.certificate_pem = detail::certificate_text(x);
    out.private_key_pem = detail::key_text(key.get());
    return out;
}

} // namespace flipt::inline v0::testing
