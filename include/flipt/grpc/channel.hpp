// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A gRPC channel from a client's settings: target, TLS, limits, keepalive; and what may stand in metadata.
#pragma once

#include "flipt/grpc/metadata_text.hpp"
#include "flipt/live/saved_file.hpp"
#include "flipt/net/tls_context.hpp"
#include "flipt/protocol/request_writer.hpp"
#include "flipt/protocol/url.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"
#include "flipt/version.hpp"

#include <grpc/grpc.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace flipt::inline v0::detail {

using metadata_list = std::vector<std::pair<std::string, std::string>>;

// config::headers as metadata. Throws flipt::error, errc::invalid_config.
inline metadata_list to_metadata(const config& settings, std::string& user_agent)
{
    std::string why;
    if (const auto ec = check_headers(settings.headers, why))
        throw error(ec, why);
    metadata_list all;
    for (const auto& [name, value] : settings.headers) {
        std::string key = name;
        for (char& c : key)
            c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (!is_metadata_key(key) || key == "te" || key == "content-type" || key.rfind("grpc-", 0) == 0)
            throw error(errc::invalid_config, "headers: " + name + " cannot be sent over gRPC, or is set by it");
        if (!is_metadata_value(value))
            throw error(errc::invalid_config,
                        "headers: the value of " + name + " is more than printable ASCII, or has outer spaces");
        if (key == "user-agent")
            user_agent = value;
        else
            all.emplace_back(std::move(key), value);
    }
    return all;
}

[[nodiscard]] inline std::string read_pem(const std::string& path)
{
    constexpr std::size_t limit = std::size_t{16} * 1024 * 1024;
    std::string text;
    if (path.empty())
        return text;
    if (const auto ec = read_file(path, limit, text))
        throw error(errc::invalid_config, "config::tls: a file cannot be read: " + ec.message());
    return text;
}

// Throws flipt::error, errc::invalid_config, for files that cannot be used, in the words of the client over HTTP.
inline std::shared_ptr<grpc::ChannelCredentials> make_credentials(const tls_options& tls, const endpoint& peer)
{
    if (!peer.tls)
        return grpc::InsecureChannelCredentials();
    {
        tls_context tried;
        std::string why;
        if (const auto ec = tried.load(tls, peer, why))
            throw error(ec, why);
    }
    grpc::SslCredentialsOptions pems;
    pems.pem_root_certs = read_pem(tls.ca_file);
    if (!tls.ca_pem.empty())
        pems.pem_root_certs.append(pems.pem_root_certs.empty() ? "" : "\n").append(tls.ca_pem);
    pems.pem_cert_chain = read_pem(tls.certificate_file);
    pems.pem_private_key = read_pem(tls.private_key_file);
    if (!tls.insecure_skip_verify)
        return grpc::SslCredentials(pems);
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_verify_server_certs(false);
    options.set_check_call_host(false);
    options.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    if (!pems.pem_cert_chain.empty()) {
        std::vector<grpc::experimental::IdentityKeyCertPair> pairs;
        pairs.push_back({pems.pem_private_key, pems.pem_cert_chain});
        options.set_certificate_provider(
            std::make_shared<grpc::experimental::StaticDataCertificateProvider>(std::move(pairs)));
        options.watch_identity_key_cert_pairs();
    }
    return grpc::experimental::TlsCredentials(options);
}

// A size or time as gRPC wants it.
template <class Number>
[[nodiscard]] constexpr int to_int(Number value) noexcept
{
    constexpr auto most = static_cast<Number>(std::numeric_limits<int>::max());
    return static_cast<int>(std::min(value, most));
}
[[nodiscard]] inline int to_milliseconds(std::chrono::steady_clock::duration d, int least) noexcept
{
    return std::max(least, to_int(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()));
}

// Snapshots have a limit of their own: the channel's. All other services get that of the replies.
[[nodiscard]] inline std::string service_config(const config& settings)
{
    std::string names;
    for (const char* service : {"flipt.evaluation.EvaluationService", "flipt.Flipt", "flipt.meta.MetadataService",
                                "flipt.auth.AuthenticationMethodKubernetesService"})
        names += std::string(names.empty() ? "" : ",") + "{\"service\":\"" + service + "\"}";
    return "{\"methodConfig\":[{\"name\":[" + names +
           "],\"maxResponseMessageBytes\":" + std::to_string(to_int(settings.max_response_size)) + "}]}";
}

// The channel of a client. Throws flipt::error, errc::invalid_config.
inline std::shared_ptr<grpc::Channel> make_channel(const config& settings, const endpoint& peer,
                                                   const std::string& user_agent)
{
    // Flipt's server (grpc-go's default) closes connections that are pinged more often than every 5 minutes.
    constexpr int keepalive_ms = 330'000;
    constexpr int keepalive_timeout_ms = 20'000;
    grpc::ChannelArguments args;
    args.SetUserAgentPrefix(user_agent.empty() ? "flipt-cpp/" FLIPT_VERSION : user_agent);
    args.SetMaxReceiveMessageSize(to_int(settings.limits.snapshot));
    args.SetMaxSendMessageSize(-1);
    args.SetServiceConfigJSON(service_config(settings));
    args.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    args.SetInt(GRPC_ARG_MAX_METADATA_SIZE, to_int(settings.limits.head));
    args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0); // what is repeated is decided here, as over HTTP
    args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1); // connections of one client, as over HTTP
    args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
    args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_timeout_ms);
    args.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, to_milliseconds(settings.retry.initial_backoff, 100));
    args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, to_milliseconds(settings.retry.max_backoff, 100));
    if (settings.connect_timeout > std::chrono::steady_clock::duration::zero())
        args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, to_milliseconds(settings.connect_timeout, 1));
    if (peer.tls && !settings.tls.server_name.empty())
        args.SetSslTargetNameOverride(settings.tls.server_name);
    const std::string host = peer.v6 ? "[" + peer.host + "]" : peer.host;
    return grpc::CreateCustomChannel("dns:///" + host + ":" + std::to_string(peer.port),
                                     make_credentials(settings.tls, peer), args);
}

} // namespace flipt::inline v0::detail
