// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// JWT signatures made and checked with OpenSSL (RFC 7515, RFC 7518 section 3, RFC 8037).
#pragma once

#include "flipt/testing/jwt.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

namespace flipt::inline v0::testing::detail {

using pkey_ptr = std::shared_ptr<EVP_PKEY>;
using bio_ptr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using md_context_ptr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

[[noreturn]] inline void crypto_failure(const char* what)
{
    throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

inline pkey_ptr own(EVP_PKEY* key, const char* what)
{
    if (key == nullptr)
        crypto_failure(what);
    return pkey_ptr(key, &EVP_PKEY_free);
}

inline std::string bio_text(BIO* bio)
{
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

inline const EVP_MD* digest_of(jwt_algorithm a)
{
    switch (a) {
    case jwt_algorithm::rs256:
    case jwt_algorithm::es256: return EVP_sha256();
    case jwt_algorithm::rs512:
    case jwt_algorithm::es512: return EVP_sha512();
    case jwt_algorithm::eddsa: return nullptr;
    }
    return nullptr;
}

// Bytes of one of r and s in a JWS signature (RFC 7518 section 3.4), 0 where the algorithm has none.
inline std::size_t coordinate_size(jwt_algorithm a)
{
    return a == jwt_algorithm::es256 ? 32 : a == jwt_algorithm::es512 ? 66 : 0;
}

// Whether a key can make signatures of that algorithm at all; a P-521 key must not verify "ES256".
inline bool fits(const EVP_PKEY* key, jwt_algorithm a)
{
    switch (a) {
    case jwt_algorithm::rs256:
    case jwt_algorithm::rs512: return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
    case jwt_algorithm::es256: return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 256;
    case jwt_algorithm::es512: return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_bits(key) == 521;
    case jwt_algorithm::eddsa: return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    }
    return false;
}

using ecdsa_ptr = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;

// r||s of `size` bytes each, from DER.
inline std::string ecdsa_to_raw(std::string_view der, std::size_t size)
{
    const auto* p = reinterpret_cast<const unsigned char*>(der.data());
    const ecdsa_ptr signature(d2i_ECDSA_SIG(nullptr, &p, static_cast<long>(der.size())), &ECDSA_SIG_free);
    if (!signature)
        crypto_failure("d2i_ECDSA_SIG");
    std::string raw(2 * size, '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    const int length = static_cast<int>(size);
    if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, length) != length ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + size, length) != length)
        crypto_failure("BN_bn2binpad");
    return raw;
}

// DER from r||s; empty when that is no signature.
inline std::string ecdsa_to_der(std::string_view raw, std::size_t size)
{
    if (raw.size() != 2 * size)
        return {};
    const ecdsa_ptr signature(ECDSA_SIG_new(), &ECDSA_SIG_free);
    const auto* in = reinterpret_cast<const unsigned char*>(raw.data());
    BIGNUM* r = BN_bin2bn(in, static_cast<int>(size), nullptr);
    BIGNUM* s = BN_bin2bn(in + size, static_cast<int>(size), nullptr);
    if (!signature || r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return {};
    }
    unsigned char* der = nullptr;
    const int length = i2d_ECDSA_SIG(signature.get(), &der);
    std::string out;
    if (length > 0)
        out.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
    OPENSSL_free(der);
    return out;
}

inline std::string sign_bytes(EVP_PKEY* key, jwt_algorithm algorithm, std::string_view input)
{
    const md_context_ptr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const auto* data = reinterpret_cast<const unsigned char*>(input.data());
    std::size_t size = 0;
    if (!context || EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data, input.size()) != 1)
        crypto_failure("EVP_DigestSign");
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, input.size()) !=
        1)
        crypto_failure("EVP_DigestSign");
    signature.resize(size);
    if (const std::size_t n = coordinate_size(algorithm))
        return ecdsa_to_raw(signature, n);
    return signature;
}

inline bool verify_bytes(EVP_PKEY* key, jwt_algorithm algorithm, std::string_view input, std::string_view signature)
{
    std::string der;
    if (const std::size_t n = coordinate_size(algorithm)) {
        der = ecdsa_to_der(signature, n);
        if (der.empty())
            return false;
        signature = der;
    }
    const md_context_ptr context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return context && EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm), nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
}

} // namespace flipt::inline v0::testing::detail
