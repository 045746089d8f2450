// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// TLS settings of the embedded server and the scripted peer.
#pragma once

#include "flipt/testing/certificates.hpp"

#include <string>
#include <utility>

namespace flipt::inline v0::testing {

enum class tls_version { tls1_0, tls1_1, tls1_2, tls1_3 };

/// TLS 1.2 and 1.3 unless told otherwise; chooses "http/1.1" when ALPN is offered.
class tls_settings {
public:
    tls_settings() = default;
    explicit tls_settings(certificate c) : identity(std::move(c)) {}

    certificate identity;      ///< what the server presents (certificate chain and key)
    std::string client_ca_pem; ///< not empty: clients must present a certificate of this CA (mutual TLS)
    tls_version min_version = tls_version::tls1_2;
    /// Below tls1_2 for negative tests: then min_version is lowered with it, and OpenSSL's security level too.
    tls_version max_version = tls_version::tls1_3;
    bool session_tickets = true; ///< false: no session can be resumed
};

} // namespace flipt::inline v0::testing
