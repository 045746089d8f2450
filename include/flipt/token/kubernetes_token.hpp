// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A policy that logs in with the service account of a Kubernetes pod.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/token/policy.hpp"
#include "flipt/token/token_cache.hpp"

#include <string>
#include <utility>

namespace flipt::inline v0 {

/// Exchanges the pod's service account token for a client token (Flipt's "Kubernetes" method, POST
/// /auth/v1/method/kubernetes/serviceaccount). The file is read for each exchange: Kubernetes replaces it hourly.
/// Flipt v1 issues a token of its own, sent as `Bearer`; v2 gives back what was sent, a JWT, sent as `JWT`. Renewed
/// like refreshing_token.
class kubernetes_token {
public:
    static constexpr const char* default_path = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    explicit kubernetes_token(std::string path = default_path, refresh_options options = refresh_options())
        : path_(std::move(path)), options_(std::move(options))
    {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// For the client.
    [[nodiscard]] const refresh_options& refresh_settings() const noexcept { return options_; }

    /// For the client; this object and the transport must live until the operation completes.
    FLIPT_DECL asio::awaitable<issued_token> fetch(token_transport& transport);

private:
    std::string path_;
    refresh_options options_;
};

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/kubernetes_token.ipp"
#endif
