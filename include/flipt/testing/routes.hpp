// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the embedded server answers to which request: Flipt's routes, statuses, texts and authentication. Sans-io.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/testing/flag_store.hpp"
#include "flipt/testing/http_request.hpp"
#include "flipt/testing/jwt.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::testing {

/// Who is let in. With nothing set everybody is, and no header is looked at (as in Flipt).
class authentication {
public:
    authentication() = default;

    std::optional<jwt_rules> jwt;           ///< `Authorization: JWT …`
    std::vector<std::string> client_tokens; ///< `Authorization: Bearer …`, or the cookie flipt_client_token
    /// The Kubernetes method: POST /auth/v1/method/kubernetes/serviceaccount. v1 gives a new Bearer token, v2 the same
    /// token for use as `JWT` (but refuses it when `jwt` is set too, like the real one).
    bool kubernetes = false;
    std::vector<std::string> service_account_tokens;                        ///< those accepted; empty = any
    std::chrono::seconds kubernetes_token_lifetime = std::chrono::hours(1); ///< of v1's exchanged tokens

    [[nodiscard]] bool required() const noexcept { return jwt || !client_tokens.empty() || kubernetes; }
};

/// The behaviour of a server that has nothing to do with sockets.
class route_options {
public:
    route_options() = default;

    flavour version = flavour::v2;
    authentication auth;
    /// The clock for JWTs, tokens and timestamps; tests may turn it.
    std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
};

/// A stream that goes on after the head: which namespace, and what the peer has already.
class stream_subscription {
public:
    stream_subscription() = default;

    std::string environment;
    std::string namespace_key;
    std::string digest;
    bool events = false; ///< text/event-stream in place of NDJSON
};

/// A reply before it is bytes.
class http_reply {
public:
    http_reply() = default;

    int status = 200;
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers; ///< besides Content-Type, Date and the framing
    std::string body;
    bool chunked = false; ///< framed in chunks whatever its size
    std::optional<stream_subscription> stream;
};

/// Answers requests. Not thread-safe: the server guards it.
class router {
public:
    FLIPT_DECL explicit router(route_options options);

    [[nodiscard]] FLIPT_DECL http_reply answer(const http_request& request);

    [[nodiscard]] flag_store& store() noexcept { return store_; }
    [[nodiscard]] const route_options& options() const noexcept { return options_; }
    /// Replaces who is let in from now on; tokens exchanged before are forgotten. Throws like jwt_verifier.
    FLIPT_DECL void set_authentication(authentication auth);
    /// Forgets the tokens given out by the Kubernetes exchange.
    void revoke_exchanged_tokens() { exchanged_.clear(); }

    /// The next message of a stream when the namespace has something newer than `digest`, which is then set to it.
    [[nodiscard]] FLIPT_DECL std::optional<std::string> next_message(stream_subscription& stream);

private:
    using path_parts = std::vector<std::string>;

    class identity {
    public:
        identity() = default;

        std::string method; // METHOD_JWT …, empty for nobody
        std::string id;
        std::string issuer;
        std::string payload; // of a JWT
    };
    class outcome {
    public:
        outcome() = default;

        evaluation_result result;
        flag_type type = flag_type::variant;
    };

    FLIPT_DECL std::optional<identity> authenticate(const http_request& request) const;
    FLIPT_DECL std::optional<http_reply> dispatch(const http_request& request, const path_parts& path);
    FLIPT_DECL http_reply evaluate_one(const http_request& request, flag_type type);
    FLIPT_DECL http_reply evaluate_batch(const http_request& request);
    FLIPT_DECL http_reply list_flags(const http_request& request, const std::string& namespace_key, bool in_path);
    FLIPT_DECL http_reply get_flag(const std::string& namespace_key, const std::string& key);
    FLIPT_DECL http_reply get_resource(const path_parts& path);
    FLIPT_DECL http_reply snapshot(const http_request& request, const std::string& environment,
                                   const std::string& namespace_key);
    FLIPT_DECL http_reply stream(const http_request& request, const path_parts& path);
    FLIPT_DECL http_reply info() const;
    FLIPT_DECL http_reply self(const identity& who) const;
    FLIPT_DECL http_reply exchange(const http_request& request);

    FLIPT_DECL std::optional<std::string> environment_of(const http_request& request, std::string_view asked,
                                                         http_reply& failure) const;
    FLIPT_DECL outcome evaluate(const std::string& environment, const evaluation_request& query);
    FLIPT_DECL std::string boolean_json(const boolean_evaluation& b, const evaluation_request& query,
                                        const std::string& request_id, const std::string& times) const;
    FLIPT_DECL std::string variant_json(const variant_evaluation& v, const evaluation_request& query,
                                        const std::string& request_id, const std::string& times) const;
    FLIPT_DECL std::string flag_json(const flag& f, std::string_view namespace_key) const;
    [[nodiscard]] bool v2() const noexcept { return options_.version == flavour::v2; }

    route_options options_;
    std::optional<jwt_verifier> verifier_;
    flag_store store_;
    std::map<std::string, std::chrono::system_clock::time_point, std::less<>> exchanged_; // token -> its end
};

/// The reply of Flipt's gateway to an error.
[[nodiscard]] FLIPT_DECL http_reply error_reply(int grpc_code, std::string_view message);
/// The bytes of the head, with the Date and the framing headers.
[[nodiscard]] FLIPT_DECL std::string reply_head(const http_reply& reply, bool keep_alive, bool chunked);
/// Head and body; large bodies are chunked, as the real server does.
[[nodiscard]] FLIPT_DECL std::string reply_bytes(const http_reply& reply, bool keep_alive, bool with_body,
                                                 std::size_t* head_size = nullptr);
/// One chunk (RFC 9112 section 7.1).
[[nodiscard]] FLIPT_DECL std::string chunk(std::string_view data);
[[nodiscard]] FLIPT_DECL std::string_view status_text(int status) noexcept;
/// A v1 document as the server gives it to a client that says (or does not say) with X-Flipt-Accept-Server-Version what
/// it understands: before 1.47.0 without default variants, before 1.38.0 with entity constraints made unknown.
[[nodiscard]] FLIPT_DECL std::string adapt_v1_snapshot(std::string document, std::string_view accepted_version);
/// A random UUID (version 4).
[[nodiscard]] FLIPT_DECL std::string random_uuid();

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/auth_routes.ipp"
#include "flipt/testing/impl/evaluation_routes.ipp"
#include "flipt/testing/impl/flag_routes.ipp"
#include "flipt/testing/impl/http_reply.ipp"
#include "flipt/testing/impl/routes.ipp"
#include "flipt/testing/impl/snapshot_routes.ipp"
#endif
