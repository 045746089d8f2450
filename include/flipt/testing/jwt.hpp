// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Makes keys and signed JWTs for tests and examples, and verifies JWTs with the rules of Flipt's servers.
#pragma once

#include "flipt/detail/config.hpp"

#include <openssl/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::testing {

/// The signature algorithms a Flipt server accepts (RFC 7518 section 3, RFC 8037).
enum class jwt_algorithm { rs256, rs512, es256, es512, eddsa };

/// The `alg` header value, such as "ES256".
[[nodiscard]] constexpr std::string_view to_string(jwt_algorithm a) noexcept
{
    switch (a) {
    case jwt_algorithm::rs256: return "RS256";
    case jwt_algorithm::rs512: return "RS512";
    case jwt_algorithm::es256: return "ES256";
    case jwt_algorithm::es512: return "ES512";
    case jwt_algorithm::eddsa: return "EdDSA";
    }
    return "";
}

/// The claims of a JWT to be signed. Times are written as whole seconds.
class jwt_claims {
public:
    using time_point = std::chrono::system_clock::time_point;

    jwt_claims() = default;

    /// Claims of a usual token: issued and valid from now on, for `lifetime`.
    [[nodiscard]] static jwt_claims valid_for(std::chrono::seconds lifetime)
    {
        const auto now = std::chrono::system_clock::now();
        jwt_claims claims;
        claims.issued_at(now).not_before(now).expires_at(now + lifetime);
        return claims;
    }

    jwt_claims& issuer(std::string_view value) { return text("iss", value); }
    jwt_claims& subject(std::string_view value) { return text("sub", value); }
    /// May be given several times: the claim is then a list.
    jwt_claims& audience(std::string_view value)
    {
        audiences_.emplace_back(value);
        return *this;
    }
    jwt_claims& expires_at(time_point t) { return time("exp", t); }
    jwt_claims& not_before(time_point t) { return time("nbf", t); }
    jwt_claims& issued_at(time_point t) { return time("iat", t); }

    /// Any other claim, its value as JSON. Replaces an earlier one of the same name.
    jwt_claims& raw(std::string_view name, std::string_view json)
    {
        erase(name);
        members_.emplace_back(name, json);
        return *this;
    }
    jwt_claims& erase(std::string_view name)
    {
        if (name == "aud")
            audiences_.clear();
        std::erase_if(members_, [&](const auto& m) { return m.first == name; });
        return *this;
    }
    /// A claim that is a string.
    FLIPT_DECL jwt_claims& text(std::string_view name, std::string_view value);

    /// The payload: a JSON object, its members sorted by name.
    [[nodiscard]] FLIPT_DECL std::string json() const;

private:
    jwt_claims& time(std::string_view name, time_point t)
    {
        const auto seconds = std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
        return raw(name, std::to_string(static_cast<std::int64_t>(seconds)));
    }

    std::vector<std::string> audiences_;
    std::vector<std::pair<std::string, std::string>> members_;
};

/// A key pair that signs JWTs. Copies share the key. Failures of OpenSSL throw std::runtime_error.
class jwt_key {
public:
    /// A fresh key: RSA of 2048 bits, P-256 or P-521, or Ed25519.
    [[nodiscard]] FLIPT_DECL static jwt_key generate(jwt_algorithm algorithm);
    /// A private key in PEM (PKCS#8 or traditional).
    [[nodiscard]] FLIPT_DECL static jwt_key from_private_pem(jwt_algorithm algorithm, std::string_view pem);

    [[nodiscard]] jwt_algorithm algorithm() const noexcept { return algorithm_; }
    /// What a server's `public_key_file` holds: SubjectPublicKeyInfo in PEM.
    [[nodiscard]] FLIPT_DECL std::string public_pem() const;
    [[nodiscard]] FLIPT_DECL std::string private_pem() const;

    /// A compact JWT with the header {"alg","typ"}.
    [[nodiscard]] FLIPT_DECL std::string sign(const jwt_claims& claims) const;
    /// A compact JWS of any header and payload, for tests of what a server refuses.
    [[nodiscard]] FLIPT_DECL std::string sign_raw(std::string_view header, std::string_view payload) const;

private:
    jwt_key(jwt_algorithm algorithm, std::shared_ptr<EVP_PKEY> key) : algorithm_(algorithm), key_(std::move(key)) {}

    jwt_algorithm algorithm_;
    std::shared_ptr<EVP_PKEY> key_;
};

/// What a JWT is checked against. Empty = unchecked, as in Flipt's `validate_claims`.
class jwt_rules {
public:
    jwt_rules() = default;

    std::string public_key_pem; ///< PEM of the public key, or several one after another (any of them)
    std::string issuer;
    std::string subject;
    std::vector<std::string> audiences; ///< any of them
};

/// The outcome of a check. A server tells its clients nothing but "not authenticated"; `reason` is for the log.
class jwt_verdict {
public:
    jwt_verdict() = default;

    bool ok = false;
    std::string reason; ///< why not
    std::string issuer;
    std::string payload; ///< the JSON text, as signed
};

/// Verifies as Flipt does (hashicorp/cap): the signature with one of the five algorithms, `iss`, `sub`, any of `aud`,
/// then the times with 60 s of leeway. One of `exp`, `nbf`, `iat` is needed; without `exp` it is the later of the
/// others plus 150 s; without `nbf` that is `iat`, else `exp` less 150 s (so a token with nothing but an `exp` is
/// refused until 210 s before it). Immutable: may be used from many threads.
class jwt_verifier {
public:
    /// Throws std::invalid_argument when no public key can be read.
    FLIPT_DECL explicit jwt_verifier(jwt_rules rules);

    [[nodiscard]] FLIPT_DECL jwt_verdict
    verify(std::string_view token, std::chrono::system_clock::time_point now = std::chrono::system_clock::now()) const;

private:
    jwt_rules rules_;
    std::vector<std::shared_ptr<EVP_PKEY>> keys_;
};

/// base64url without padding (RFC 4648 section 5).
[[nodiscard]] FLIPT_DECL std::string base64url_encode(std::string_view bytes);
/// Nothing when a character, the length or the padding is wrong (padding is not allowed: RFC 7515 section 2).
[[nodiscard]] FLIPT_DECL std::optional<std::string> base64url_decode(std::string_view text);

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/jwt.ipp"
#endif
