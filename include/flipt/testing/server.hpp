// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// An embedded Flipt-compatible HTTP(S) server for tests and examples.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/testing/faults.hpp"
#include "flipt/testing/flag_store.hpp"
#include "flipt/testing/http_request.hpp"
#include "flipt/testing/routes.hpp"
#include "flipt/testing/tls.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace flipt::inline v0::testing {

namespace detail {
class server_core;
} // namespace detail

/// How a server is set up.
class server_options {
public:
    server_options() = default;

    flavour version = flavour::v2;
    authentication auth;               ///< nobody is refused unless something is set
    std::optional<tls_settings> tls;   ///< HTTPS when set
    std::string address = "127.0.0.1"; ///< or "::1"
    std::uint16_t port = 0;            ///< 0 = any free one
    /// An idle connection is closed after this (10 s as in Flipt); zero = never.
    std::chrono::steady_clock::duration idle_timeout = std::chrono::seconds(10);
    std::size_t max_request_head = 64 * 1024;
    std::size_t max_request_body = 16 * 1024 * 1024;
    std::size_t recorded_requests = 1000; ///< how many of the last requests are kept
    /// The clock for JWTs, tokens and timestamps. Called from the server's executor.
    std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
};

/// What a connection was used for.
class connection_observation {
public:
    connection_observation() = default;

    std::size_t requests = 0;
    bool open = true;
    bool tls_resumed = false;
    std::string tls_version; ///< "TLSv1.3", or empty for plain HTTP
    std::string server_name; ///< from SNI; empty when there was none
    bool client_certificate = false;
};

/// What a server saw until now.
class observations {
public:
    observations() = default;

    std::size_t requests = 0;    ///< complete ones, whatever was answered
    std::size_t connections = 0; ///< accepted since the start
    std::size_t open_connections = 0;
    std::size_t peak_connections = 0;
    std::size_t resumed_sessions = 0; ///< TLS handshakes that resumed a session
    std::size_t failed_handshakes = 0;
    std::size_t open_streams = 0;
    std::vector<connection_observation> each; ///< by connection, in order of acceptance
};

/// The flags of one namespace of a server. Copies refer to the same server, and keep its flags alive. Every function
/// may be called from any thread and takes effect for the next request; open streams are told of changes.
class flag_scope {
public:
    /// Adds a flag for listing and for get_flag, or replaces what is told about one.
    FLIPT_DECL void add_flag(flag details) const;
    FLIPT_DECL void remove_flag(std::string_view key) const;

    /// The answer for an entity, or for any_entity; adds the flag if there is none. Wins over a loaded document.
    FLIPT_DECL void set_boolean(std::string_view key, const entity& who, bool enabled,
                                evaluation_reason reason = evaluation_reason::match,
                                std::vector<std::string> segments = {}) const;
    /// The same for a variant flag; an empty key is no match.
    FLIPT_DECL void set_variant(std::string_view key, const entity& who, std::string_view variant_key,
                                std::string_view attachment = {}, evaluation_reason reason = evaluation_reason::match,
                                std::vector<std::string> segments = {}) const;
    FLIPT_DECL void set_variant(std::string_view key, const entity& who, variant_evaluation answer) const;

    /// Plugs in an engine: it is asked where no answer was set. load() does this too.
    FLIPT_DECL void set_evaluator(std::shared_ptr<evaluator> engine) const;
    /// Takes a snapshot document, replacing the namespace's flags: it is served by the snapshot and stream
    /// routes, and evaluated by the rules of the server's version. Throws std::invalid_argument when it is none.
    FLIPT_DECL void load(std::string_view document) const;
    /// The digest (ETag) of what the snapshot routes serve now.
    [[nodiscard]] FLIPT_DECL std::string digest() const;

protected:
    friend class server;
    flag_scope(std::shared_ptr<detail::server_core> core, std::string_view environment, std::string_view name)
        : core_(std::move(core)), environment_(environment), namespace_(name)
    {}

    std::shared_ptr<detail::server_core> core_;
    std::string environment_;
    std::string namespace_;
};

/// The server. It listens when constructed; its I/O runs on a strand of the executor given. It is itself the scope of
/// namespace "default" of environment "default"; in() reaches the others.
///
/// Thread safety: all functions may be called from any thread (state is behind one mutex). stop() and the destructor
/// do not wait: what still runs ends on the executor, which must outlive the server. Errors of the listening socket and
/// of TLS settings are thrown by the constructor as std::system_error.
class server : public flag_scope {
public:
    FLIPT_DECL explicit server(asio::any_io_executor executor, server_options options = server_options());
    server(server&&) noexcept = default;
    server& operator=(server&&) = delete;
    FLIPT_DECL ~server();

    /// "http://127.0.0.1:41234", or with another host name for the same address ("localhost").
    [[nodiscard]] FLIPT_DECL std::string url(std::string_view host = {}) const;
    [[nodiscard]] FLIPT_DECL std::uint16_t port() const;
    /// Closes everything at once. Nothing is answered afterwards; may be called again.
    FLIPT_DECL void stop();

    [[nodiscard]] FLIPT_DECL flag_scope in(std::string_view namespace_key,
                                           std::string_view environment = "default") const;
    FLIPT_DECL void add_environment(std::string_view key) const;
    using flag_scope::load;
    /// in(namespace_key).load(document)
    FLIPT_DECL void load(std::string_view namespace_key, std::string_view document) const;
    /// The same, for a change at run time: open streams get the new document.
    void update(std::string_view namespace_key, std::string_view document) const { load(namespace_key, document); }

    /// Replaces who is let in (from the next request on), and forgets exchanged tokens.
    FLIPT_DECL void set_authentication(authentication auth) const;
    /// Forgets the tokens that v1's Kubernetes exchange gave out: they get 401 from now on.
    FLIPT_DECL void revoke_exchanged_tokens() const;

    /// Misbehaves once (or as the fault says). Faults are used in the order they were added, each by the first request
    /// it matches.
    FLIPT_DECL void add(fault f) const;
    FLIPT_DECL void clear_faults() const;
    /// Resets the next `count` connections as soon as they are accepted.
    FLIPT_DECL void reject_connections(std::size_t count) const;
    /// Closes the connections that wait for a request, and those with a request under way when it is answered.
    FLIPT_DECL void close_idle() const;
    /// Closes the connections of open streams, without the last chunk.
    FLIPT_DECL void close_streams() const;

    [[nodiscard]] FLIPT_DECL observations observe() const;
    [[nodiscard]] FLIPT_DECL std::size_t request_count() const;
    /// The last requests, oldest first (server_options::recorded_requests).
    [[nodiscard]] FLIPT_DECL std::vector<http_request> requests() const;
    [[nodiscard]] FLIPT_DECL http_request last_request() const;
    /// Waits until what was seen satisfies `done`; false when `limit` passed first. Blocks: for threads that do not run
    /// the server's executor.
    FLIPT_DECL bool wait_until(const std::function<bool(const observations&)>& done,
                               std::chrono::steady_clock::duration limit = std::chrono::seconds(10)) const;
};

/// A server with an io_context and a thread of its own, for users without one. The destructor stops and joins.
class server_thread {
public:
    explicit server_thread(server_options options = server_options())
        : server_(context_.get_executor(), std::move(options)), thread_([this] { context_.run(); })
    {}
    server_thread(const server_thread&) = delete;
    server_thread& operator=(const server_thread&) = delete;
    ~server_thread()
    {
        server_.stop();
        thread_.join();
    }

    [[nodiscard]] server& get() noexcept { return server_; }
    [[nodiscard]] server* operator->() noexcept { return &server_; }
    [[nodiscard]] server& operator*() noexcept { return server_; }

private:
    asio::io_context context_{1};
    server server_;
    std::thread thread_;
};

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/server.ipp"
#endif
