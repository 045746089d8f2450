// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The client over gRPC: the same methods and results as flipt::client. Needs the library flipt-cpp-grpc.
#pragma once

#include "flipt/grpc/operations.hpp"
#include "flipt/grpc/snapshot_stream.hpp"
#include "flipt/token/token.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace flipt::inline v0 {

/// A client of one Flipt server (v1.61 or v2) over gRPC, with the token of a policy in the metadata of every call. It
/// is used as flipt::client is: settings, operations, results, deadlines, cancellation, tokens and errors mean the
/// same. What differs:
///
/// - `config::endpoint` is `http://host:port` for plaintext (whoever sees the traffic can read the token: use it on
///   loopback only) or `https://host:port` for TLS with config::tls; Flipt's gRPC port is 9000. A path is
///   errc::invalid_config.
/// - gRPC resolves names and keeps connections by itself: no resolver, `max_connections`, `idle_timeout`; of
///   `config::limits` head (metadata), snapshot and json_depth count. No proxy of the environment is used.
///   `connect_timeout` bounds one attempt to connect.
/// - No answer (refused, reset, TLS, name resolution; gRPC's UNAVAILABLE) is asio::error::not_connected;
///   server_message() has gRPC's words for it. Every other status is the errc it is over HTTP, and http_status() what
///   Flipt's HTTP API answers for it.
/// - config::headers become metadata (lower-case names, printable ASCII values).
///
/// **Threads, lifetime.** As flipt::client: all state lives on the executor given (a strand where several threads run
/// the io_context); gRPC's own threads never run a handler. The io_context must outlive the client; destroying the
/// client ends its calls with operation_aborted. One that was moved from may be assigned to or destroyed, and no more.
template <class TokenPolicy = no_token>
class grpc_client {
    static_assert(detail::check_token_policy<TokenPolicy>());

public:
    using executor_type = asio::any_io_executor;

    /// Makes a client; no connection is opened yet. Throws flipt::error with errc::invalid_config for settings that
    /// cannot work; what() says which. Of the policies kubernetes_token logs in over gRPC, too.
    explicit grpc_client(const asio::any_io_executor& executor, config settings = config(),
                         TokenPolicy policy = TokenPolicy())
        : grpc_client(executor, std::move(settings),
                      std::make_unique<detail::policy_provider<TokenPolicy>>(std::move(policy)))
    {}
    grpc_client(grpc_client&&) noexcept = default;
    grpc_client& operator=(grpc_client&& other) noexcept
    {
        grpc_client taken(std::move(other));
        std::swap(engine_, taken.engine_);
        std::swap(policy_, taken.policy_);
        return *this;
    }
    ~grpc_client()
    {
        if (engine_)
            engine_->post_shutdown();
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return engine_->executor(); }
    /// The policy inside, to set another token at run time where the policy can. On the client's executor.
    /// A policy may be assigned to, but not one with fetch(): hold that in an any_token, and assign to it.
    [[nodiscard]] TokenPolicy& token_policy() noexcept { return *policy_; }
    /// Ends every call under way with operation_aborted. The client stays usable. On the client's executor.
    void cancel() { engine_->cancel_all(); }

    // ---- boolean ----------------------------------------------------------------------------------------------------

    /// Evaluates a boolean flag (flipt.evaluation.EvaluationService/Boolean).
    [[nodiscard]] asio::awaitable<boolean_evaluation> evaluate_boolean(evaluation_request request,
                                                                       call_options options = {}) const
    {
        return throwing<detail::grpc_evaluate<boolean_evaluation>>(options, std::move(request));
    }
    /// The same into `result`. Both references must live until completion.
    [[nodiscard]] asio::awaitable<void> evaluate_boolean(const evaluation_request& request, boolean_evaluation& result,
                                                         call_options options = {}) const
    {
        return throwing_into<detail::grpc_evaluate<boolean_evaluation>>(options, &request, &result);
    }
    /// The flag's value, or `otherwise` if the call fails for any reason, which `why` (if not null) then tells; it must
    /// live until completion. No failure throws.
    [[nodiscard]] asio::awaitable<bool> evaluate_boolean_or(evaluation_request request, bool otherwise,
                                                            std::error_code* why = nullptr,
                                                            call_options options = {}) const
    {
        return initiate<detail::grpc_boolean_or, detail::give_value, void(bool)>(options, asio::use_awaitable,
                                                                                 std::move(request), otherwise, why);
    }
    /// void(std::error_code, boolean_evaluation).
    template <class Token>
    auto async_evaluate_boolean(evaluation_request request, call_options options, Token&& token) const
    {
        return with_code<detail::grpc_evaluate<boolean_evaluation>>(options, std::forward<Token>(token),
                                                                    std::move(request));
    }
    template <class Token>
    auto async_evaluate_boolean(evaluation_request request, Token&& token) const
    {
        return async_evaluate_boolean(std::move(request), call_options(), std::forward<Token>(token));
    }
    /// void(std::error_code), into the caller's result. Both references must live until completion.
    template <class Token>
    auto async_evaluate_boolean(const evaluation_request& request, boolean_evaluation& result, call_options options,
                                Token&& token) const
    {
        return into_with_code<detail::grpc_evaluate<boolean_evaluation>>(options, std::forward<Token>(token), &request,
                                                                         &result);
    }
    template <class Token>
    auto async_evaluate_boolean(const evaluation_request& request, boolean_evaluation& result, Token&& token) const
    {
        return async_evaluate_boolean(request, result, call_options(), std::forward<Token>(token));
    }

    // ---- variant ----------------------------------------------------------------------------------------------------

    /// Evaluates a variant flag (flipt.evaluation.EvaluationService/Variant).
    [[nodiscard]] asio::awaitable<variant_evaluation> evaluate_variant(evaluation_request request,
                                                                       call_options options = {}) const
    {
        return throwing<detail::grpc_evaluate<variant_evaluation>>(options, std::move(request));
    }
    /// The same into `result`. Both references must live until completion.
    [[nodiscard]] asio::awaitable<void> evaluate_variant(const evaluation_request& request, variant_evaluation& result,
                                                         call_options options = {}) const
    {
        return throwing_into<detail::grpc_evaluate<variant_evaluation>>(options, &request, &result);
    }
    /// The key of the variant, or `otherwise` if the call fails or no variant is given; `why` (if not null) then tells
    /// the error, none where there was simply no variant. No failure throws.
    [[nodiscard]] asio::awaitable<std::string> evaluate_variant_or(evaluation_request request, std::string otherwise,
                                                                   std::error_code* why = nullptr,
                                                                   call_options options = {}) const
    {
        return initiate<detail::grpc_variant_or, detail::give_value, void(std::string)>(
            options, asio::use_awaitable, std::move(request), std::move(otherwise), why);
    }
    /// void(std::error_code, variant_evaluation).
    template <class Token>
    auto async_evaluate_variant(evaluation_request request, call_options options, Token&& token) const
    {
        return with_code<detail::grpc_evaluate<variant_evaluation>>(options, std::forward<Token>(token),
                                                                    std::move(request));
    }
    template <class Token>
    auto async_evaluate_variant(evaluation_request request, Token&& token) const
    {
        return async_evaluate_variant(std::move(request), call_options(), std::forward<Token>(token));
    }
    /// void(std::error_code), into the caller's result. Both references must live until completion.
    template <class Token>
    auto async_evaluate_variant(const evaluation_request& request, variant_evaluation& result, call_options options,
                                Token&& token) const
    {
        return into_with_code<detail::grpc_evaluate<variant_evaluation>>(options, std::forward<Token>(token), &request,
                                                                         &result);
    }
    template <class Token>
    auto async_evaluate_variant(const evaluation_request& request, variant_evaluation& result, Token&& token) const
    {
        return async_evaluate_variant(request, result, call_options(), std::forward<Token>(token));
    }

    // ---- batch ------------------------------------------------------------------------------------------------------

    /// Evaluates several flags in one request (flipt.evaluation.EvaluationService/Batch).
    [[nodiscard]] asio::awaitable<batch_evaluation> evaluate_batch(batch_request request,
                                                                   call_options options = {}) const
    {
        return throwing<detail::grpc_batch>(options, std::move(request));
    }
    /// The same into `result`. Both references must live until completion.
    [[nodiscard]] asio::awaitable<void> evaluate_batch(const batch_request& request, batch_evaluation& result,
                                                       call_options options = {}) const
    {
        return throwing_into<detail::grpc_batch>(options, &request, &result);
    }
    /// void(std::error_code, batch_evaluation).
    template <class Token>
    auto async_evaluate_batch(batch_request request, call_options options, Token&& token) const
    {
        return with_code<detail::grpc_batch>(options, std::forward<Token>(token), std::move(request));
    }
    template <class Token>
    auto async_evaluate_batch(batch_request request, Token&& token) const
    {
        return async_evaluate_batch(std::move(request), call_options(), std::forward<Token>(token));
    }
    /// void(std::error_code), into the caller's result. Both references must live until completion.
    template <class Token>
    auto async_evaluate_batch(const batch_request& request, batch_evaluation& result, call_options options,
                              Token&& token) const
    {
        return into_with_code<detail::grpc_batch>(options, std::forward<Token>(token), &request, &result);
    }
    template <class Token>
    auto async_evaluate_batch(const batch_request& request, batch_evaluation& result, Token&& token) const
    {
        return async_evaluate_batch(request, result, call_options(), std::forward<Token>(token));
    }

    // ---- flags ------------------------------------------------------------------------------------------------------

    /// Lists the flags of a namespace (flipt.Flipt/ListFlags): all, or one page where the options say so.
    [[nodiscard]] asio::awaitable<flag_list> list_flags(list_options options = list_options(),
                                                        call_options call = {}) const
    {
        return throwing<detail::grpc_list>(call, std::move(options));
    }
    /// void(std::error_code, flag_list).
    template <class Token>
    auto async_list_flags(list_options options, call_options call, Token&& token) const
    {
        return with_code<detail::grpc_list>(call, std::forward<Token>(token), std::move(options));
    }
    template <class Token>
    auto async_list_flags(list_options options, Token&& token) const
    {
        return async_list_flags(std::move(options), call_options(), std::forward<Token>(token));
    }

    // ---- snapshots --------------------------------------------------------------------------------------------------

    /// The snapshot of a namespace as the JSON document that the HTTP API has for it (equal in meaning, not byte for
    /// byte), from v2's evaluation.ClientEvaluationService or v1's flipt.evaluation.DataService. With the etag of an
    /// earlier one, an unchanged document comes back empty and not_modified. Asks the server once what it is, unless
    /// config::server says.
    [[nodiscard]] asio::awaitable<snapshot_document> snapshot(list_options where = list_options(),
                                                              std::string etag = {}, call_options options = {}) const
    {
        return throwing<detail::grpc_snapshot>(options, std::move(where.namespace_key),
                                               std::move(where.environment_key), std::move(etag));
    }
    /// void(std::error_code, snapshot_document).
    template <class Token>
    auto async_snapshot(list_options where, std::string etag, call_options options, Token&& token) const
    {
        return with_code<detail::grpc_snapshot>(options, std::forward<Token>(token), std::move(where.namespace_key),
                                                std::move(where.environment_key), std::move(etag));
    }
    template <class Token>
    auto async_snapshot(list_options where, std::string etag, Token&& token) const
    {
        return async_snapshot(std::move(where), std::move(etag), call_options(), std::forward<Token>(token));
    }

    /// A namespace's snapshots as they change (v2), read with next(). Nothing is sent before the first next(). `digest`
    /// is that of the snapshot that is there already. The stream may outlive the client, and is ended by its end.
    [[nodiscard]] grpc_snapshot_stream snapshot_stream(list_options where = list_options(),
                                                       std::string digest = {}) const
    {
        return grpc_snapshot_stream(engine_, std::make_shared<detail::snapshot_feed>(std::move(where.namespace_key),
                                                                                     std::move(where.environment_key),
                                                                                     std::move(digest)));
    }

private:
    grpc_client(const asio::any_io_executor& executor, config settings,
                std::unique_ptr<detail::policy_provider<TokenPolicy>> provider)
        : policy_(&provider->policy()),
          engine_(std::make_shared<detail::grpc_engine>(executor, std::move(settings), std::move(provider)))
    {}

    template <class Operation, class Tell, class Signature, class Token, class... Args>
    auto initiate(const call_options& options, Token&& token, Args&&... args) const
    {
        return asio::async_initiate<Token, Signature>(detail::initiate_grpc_call<Operation, Tell>(engine_, options),
                                                      token, std::forward<Args>(args)...);
    }
    template <class Operation, class... Args>
    asio::awaitable<typename Operation::result_type> throwing(const call_options& options, Args&&... args) const
    {
        return initiate<Operation, detail::throw_error, void(std::exception_ptr, typename Operation::result_type)>(
            options, asio::use_awaitable, std::forward<Args>(args)...);
    }
    template <class Operation, class... Args>
    asio::awaitable<void> throwing_into(const call_options& options, Args&&... args) const
    {
        return initiate<Operation, detail::throw_error_only, void(std::exception_ptr)>(options, asio::use_awaitable,
                                                                                       std::forward<Args>(args)...);
    }
    template <class Operation, class Token, class... Args>
    auto with_code(const call_options& options, Token&& token, Args&&... args) const
    {
        return initiate<Operation, detail::give_code, void(std::error_code, typename Operation::result_type)>(
            options, std::forward<Token>(token), std::forward<Args>(args)...);
    }
    template <class Operation, class Token, class... Args>
    auto into_with_code(const call_options& options, Token&& token, Args&&... args) const
    {
        return initiate<Operation, detail::give_code_only, void(std::error_code)>(options, std::forward<Token>(token),
                                                                                  std::forward<Args>(args)...);
    }

    TokenPolicy* policy_;
    std::shared_ptr<detail::grpc_engine> engine_;
};

template <class TokenPolicy>
grpc_client(const asio::any_io_executor&, config, TokenPolicy) -> grpc_client<TokenPolicy>;

} // namespace flipt::inline v0
