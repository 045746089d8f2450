// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Where the server is and how to talk to it: plain data, no behaviour.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flipt::inline v0 {

class diagnostics;

/// Which major version of Flipt answers. Evaluation and listing work on both without being told; only operations whose
/// route differs ask `GET /meta/info` once when this is `automatic`.
enum class server_version { automatic, v1, v2 };

/// TLS settings, used when the endpoint is https. TLS 1.2 is the least; names and addresses are verified (RFC 9525).
struct tls_options {
    tls_options() = default;

    std::string ca_file;               ///< PEM file of the roots to trust in place of the system's
    std::string ca_pem;                ///< the same as text; both together are both trusted
    std::string certificate_file;      ///< PEM chain of a client certificate (mTLS), with private_key_file
    std::string private_key_file;      ///< PEM key of the client certificate
    std::string server_name;           ///< the name for SNI and verification in place of the endpoint's host
    bool insecure_skip_verify = false; ///< accept any certificate. Only for experiments: the token can be stolen
};

/// How a call is repeated. Only what is safe to repeat is: evaluations and reads (RFC 9110 9.2.2). A client's repeats
/// are at most a tenth of its calls in the long run (ten at once), so that an outage does not multiply the load.
struct retry_options {
    retry_options() = default;

    /// Repeats after the first try; 0 = never.
    int retries = 2;
    /// Most of the first pause, doubled for each further one; all are drawn below it.
    std::chrono::steady_clock::duration initial_backoff = std::chrono::milliseconds(100);
    /// Most of any pause; Retry-After may ask for up to 30 s.
    std::chrono::steady_clock::duration max_backoff = std::chrono::seconds(5);
};

/// A circuit breaker: after so many failed calls in a row (no answer, or 5xx) calls end at once with
/// errc::circuit_open; after the pause one is let through to see.
struct circuit_options {
    circuit_options() = default;

    /// In a row; 0 = no breaker.
    int failures = 0;
    /// From opening to the call that tries again.
    std::chrono::steady_clock::duration pause = std::chrono::seconds(5);
};

/// Limits on what a peer may send, each checked as the bytes arrive. Passing one is errc::response_too_large.
struct limit_options {
    limit_options() = default;

    std::size_t head = 64 * 1024;                          ///< status line and header fields, bytes
    std::size_t fields = 256;                              ///< header fields, and as many in the trailers
    std::size_t informational = 16;                        ///< 1xx replies before the final one
    std::size_t chunk_line = 4 * 1024;                     ///< one chunk-size line with its extensions, bytes
    std::size_t trailers = 16 * 1024;                      ///< trailer section, bytes
    std::size_t snapshot = std::size_t{256} * 1024 * 1024; ///< a snapshot document, one message of a stream, or all
                                                           ///< pages of a list together, bytes
    std::size_t json_depth = 64;                           ///< nesting of a JSON document; at most 1024. Flipt's own
                                                           ///< snapshots nest 10 deep
};

/// Settings of a client. Data only: copied into the client, later changes have no effect. A zero duration means off.
struct config {
    config() = default;

    std::string endpoint = "http://127.0.0.1:8080"; ///< http or https URL, optional port and path prefix
    std::string namespace_key = "default";          ///< the namespace of requests that name none
    std::string environment_key = "default";        ///< the environment (Flipt v2) of requests that name none
    server_version server = server_version::automatic;

    std::chrono::steady_clock::duration connect_timeout =
        std::chrono::seconds(5); ///< connect plus handshake of one connection
    std::chrono::steady_clock::duration request_timeout = std::chrono::seconds(10); ///< one call with everything in it
    /// Unused connections older than this are closed: while calls are under way, else when the next one begins. Flipt
    /// closes at 10 s.
    std::chrono::steady_clock::duration idle_timeout = std::chrono::seconds(8);
    std::size_t max_connections = 16;                 ///< calls beyond it wait in order of arrival; 0 is 1
    std::size_t max_response_size = 16 * 1024 * 1024; ///< body of any reply but a snapshot's, bytes
    limit_options limits;
    retry_options retry;
    circuit_options circuit;
    tls_options tls;
    /// Sent with every request; may not name Host, Content-Length, Transfer-Encoding, Connection, Accept-Encoding,
    /// Authorization or X-Flipt-Environment, nor have outer white space.
    std::vector<std::pair<std::string, std::string>> headers;
};

/// Settings of one call, overriding the client's.
struct call_options {
    /// The deadline of this call from its start, everything included; zero = none. Unset = config::request_timeout.
    std::optional<std::chrono::steady_clock::duration> timeout = std::nullopt;
    /// Repeats after the first try. Unset = config::retry.retries.
    std::optional<int> retries = std::nullopt;
    /// Filled when the call completes, if not null; must live until then.
    flipt::v0::diagnostics* diagnostics = nullptr;
};

} // namespace flipt::inline v0
