// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Makes a certificate authority and certificates at run time, so that TLS tests have no files that expire.
#pragma once

#include "flipt/detail/config.hpp"

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0::testing {

/// A certificate and its private key, both PEM.
class certificate {
public:
    certificate() = default;

    std::string certificate_pem;
    std::string private_key_pem;
};

/// What a leaf certificate is to say. Without a change it is valid from an hour ago for a day.
class certificate_request {
public:
    certificate_request() = default;

    /// A DNS name, which may be a wildcard such as "*.example.test".
    certificate_request& name(std::string_view dns)
    {
        names.emplace_back(dns);
        return *this;
    }
    /// An IPv4 or IPv6 address, as text.
    certificate_request& address(std::string_view ip)
    {
        addresses.emplace_back(ip);
        return *this;
    }
    /// Ended an hour ago.
    certificate_request& expired()
    {
        starts = -std::chrono::hours(48);
        ends = -std::chrono::hours(1);
        return *this;
    }
    /// Begins in a day.
    certificate_request& not_yet_valid()
    {
        starts = std::chrono::hours(24);
        ends = std::chrono::hours(48);
        return *this;
    }
    /// For a client to present (mutual TLS) and not for a server.
    certificate_request& client()
    {
        for_client = true;
        return *this;
    }
    /// The subject's common name; verifiers ignore it where there are names or addresses (RFC 9525).
    certificate_request& common_name(std::string_view cn)
    {
        subject.assign(cn);
        return *this;
    }

    std::string subject = "flipt-cpp test";
    std::vector<std::string> names;
    std::vector<std::string> addresses;
    std::chrono::seconds starts = -std::chrono::hours(1); ///< from now
    std::chrono::seconds ends = std::chrono::hours(24);   ///< from now
    bool for_client = false;
};

/// A root that issues certificates with P-256 keys. Failures of OpenSSL throw std::runtime_error.
class certificate_authority {
public:
    FLIPT_DECL explicit certificate_authority(std::string_view name = "flipt-cpp test CA");

    /// The root's certificate, for `config::tls.ca_pem` and for a server's client CA.
    [[nodiscard]] const std::string& certificate_pem() const noexcept { return pem_; }

    [[nodiscard]] FLIPT_DECL certificate issue(const certificate_request& request) const;

    /// A server certificate for "localhost", 127.0.0.1 and ::1.
    [[nodiscard]] certificate issue_localhost() const
    {
        certificate_request request;
        request.name("localhost").address("127.0.0.1").address("::1");
        return issue(request);
    }

private:
    std::shared_ptr<EVP_PKEY> key_;
    std::shared_ptr<X509> root_;
    std::string pem_;
};

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/certificates.ipp"
#endif
