// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The client: flags and evaluations of a Flipt server, as awaitables and with any completion token.
#pragma once

#include "flipt/call/engine_access.hpp"
#include "flipt/call/initiate.hpp"
#include "flipt/call/operations.hpp"
#include "flipt/call/or_default.hpp"
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

/// A client of one Flipt server (v1.61 or v2) over HTTP/1.1, plain or TLS, with the token of a policy in every request.
///
/// Every operation comes twice: `x(request, options)` returns an `asio::awaitable` that throws `flipt::error`, and
/// `async_x(request, options, token)` takes any completion token with `void(std::error_code, T)`; all have a form
/// without options, too.
///
/// **Executor.** All state lives on the executor given; operations go there first (no hop for a coroutine that is
/// running on it, where it is an io_context's or a strand of one) and complete on the handler's associated executor.
/// With an io_context that several threads run, give a strand.
///
/// **Deadlines.** call_options::timeout, else config::request_timeout, covers one call with everything in it: token,
/// waiting for a connection, name resolution, connect, TLS, every repeat and pause. It ends as errc::timed_out.
///
/// **Cancellation.** Per-operation cancellation of every type ends a call with asio::error::operation_aborted; its
/// connection is closed, not reused. Emit signals on the executor of the coroutine or handler they belong to. In a
/// coroutine that was cancelled itself, Asio throws std::system_error from every further `co_await`, these among them,
/// unless it awaits asio::this_coro::throw_if_cancelled(false) or reset_cancellation_state() first.
///
/// **Errors.** An `errc` of this library, or an error of the network or of TLS (tls_category()) as it is.
///
/// **Memory.** Running out of it during a call is std::errc::not_enough_memory; an executor that has none to take a
/// completion gets it as soon as it has. Only simdjson 3.0 compiled without optimisation crashes where its own
/// development checks get none (which its user cannot see).
///
/// **Lifetime.** The io_context must outlive the client. Destroying the client ends its calls with operation_aborted.
/// One that was moved from may be assigned to or destroyed, and no more.
///
/// **Threads.** Distinct clients: safe. One client: its operations may be started from any thread (they hop), but the
/// client object itself must not be moved or destroyed meanwhile.
template <class TokenPolicy = no_token>
class client {
    static_assert(detail::check_token_policy<TokenPolicy>());

public:
    using executor_type = asio::any_io_executor;

    /// Makes a client; no connection is opened yet. `policy` supplies the tokens (no_token, jwt_token, client_token,
    /// jwt_file, refreshing_token, kubernetes_token, any_token, or a type of yours); `resolver` the addresses (null:
    /// the system's). Throws flipt::error with errc::invalid_config for settings that cannot work; what() says which.
    explicit client(const asio::any_io_executor& executor, config settings = config(),
                    TokenPolicy policy = TokenPolicy(), std::shared_ptr<host_resolver> resolver = nullptr)
        : client(executor, std::move(settings),
                 std::make_unique<detail::policy_provider<TokenPolicy>>(std::move(policy)), std::move(resolver))
    {}
    client(client&&) noexcept = default;
    client& operator=(client&& other) noexcept
    {
        client taken(std::move(other));
        std::swap(engine_, taken.engine_);
        std::swap(policy_, taken.policy_);
        return *this;
    }
    ~client()
    {
        if (engine_)
            detail::post_shutdown(*engine_);
    }

    [[nodiscard]] executor_type get_executor() const noexcept { return detail::executor_of(*engine_); }

    /// The policy inside, to set another token at run time where the policy can. On the client's executor.
    /// A policy may be assigned to, but not one with fetch(): hold that in an any_token, and assign to it.
    [[nodiscard]] TokenPolicy& token_policy() noexcept { return *policy_; }

    /// Ends every call under way with operation_aborted. The client stays usable. On the client's executor.
    void cancel() { detail::cancel_all(*engine_); }
    /// Closes the connections that no call uses. On the client's executor.
    void close_idle() { detail::close_idle(*engine_); }

    // ---- boolean ----------------------------------------------------------------------------------------------------

    /// Evaluates a boolean flag (POST /evaluate/v1/boolean). not_found: no such flag or namespace; invalid_argument:
    /// the flag is of the other type.
    [[nodiscard]] asio::awaitable<boolean_evaluation> evaluate_boolean(evaluation_request request,
                                                                       call_options options = {}) const
    {
        return throwing<detail::evaluate_operation<boolean_evaluation>, boolean_evaluation>(options,
                                                                                            std::move(request));
    }
    /// The same into `result`, which keeps its memory from call to call. Both references must live until completion.
    [[nodiscard]] asio::awaitable<void> evaluate_boolean(const evaluation_request& request, boolean_evaluation& result,
                                                         call_options options = {}) const
    {
        return throwing_into<detail::evaluate_into_operation<boolean_evaluation>>(options, &request, &result);
    }
    /// The flag's value, or `otherwise` if the call fails for any reason, which `why` (if not null) then tells; it must
    /// live until completion. No failure throws.
    [[nodiscard]] asio::awaitable<bool> evaluate_boolean_or(evaluation_request request, bool otherwise,
                                                            std::error_code* why = nullptr,
                                                            call_options options = {}) const
    {
        return initiate<detail::boolean_or_operation, detail::tell_value, void(bool)>(
            options, asio::use_awaitable, std::move(request), otherwise, why);
    }
    /// void(std::error_code, boolean_evaluation).
    template <class Token>
    auto async_evaluate_boolean(evaluation_request request, call_options options, Token&& token) const
    {
        return with_code<detail::evaluate_operation<boolean_evaluation>, boolean_evaluation>(
            options, std::forward<Token>(token), std::move(request));
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
        return into_with_code<detail::evaluate_into_operation<boolean_evaluation>>(options, std::forward<Token>(token),
                                                                                   &request, &result);
    }
    template <class Token>
    auto async_evaluate_boolean(const evaluation_request& request, boolean_evaluation& result, Token&& token) const
    {
        return async_evaluate_boolean(request, result, call_options(), std::forward<Token>(token));
    }

    // ---- variant ----------------------------------------------------------------------------------------------------

    /// Evaluates a variant flag (POST /evaluate/v1/variant). Errors as evaluate_boolean().
    [[nodiscard]] asio::awaitable<variant_evaluation> evaluate_variant(evaluation_request request,
                                                                       call_options options = {}) const
    {
        return throwing<detail::evaluate_operation<variant_evaluation>, variant_evaluation>(options,
                                                                                            std::move(request));
    }
    /// The same into `result`, which keeps its memory from call to call. Both references must live until completion.
    [[nodiscard]] asio::awaitable<void> evaluate_variant(const evaluation_request& request, variant_evaluation& result,
                                                         call_options options = {}) const
    {
        return throwing_into<detail::evaluate_into_operation<variant_evaluation>>(options, &request, &result);
    }
    /// The key of the variant, or `otherwise` if the call fails or no variant is given; `why` (if not null) then tells
    /// the error, none where there was simply no variant. No failure throws.
    [[nodiscard]] asio::awaitable<std::string> evaluate_variant_or(evaluation_request request, std::string otherwise,
                                                                   std::error_code* why = nullptr,
                                                                   call_options options = {}) const
    {
        return initiate<detail::variant_or_operation, detail::tell_value, void(std::string)>(
            options, asio::use_awaitable, std::move(request), std::move(otherwise), why);
    }
    /// void(std::error_code, variant_evaluation).
    template <class Token>
    auto async_evaluate_variant(evaluation_request request, call_options options, Token&& token) const
    {
        return with_code<detail::evaluate_operation<variant_evaluation>, variant_evaluation>(
            options, std::forward<Token>(token), std::move(request));
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
        return into_with_code<detail::evaluate_into_operation<variant_evaluation>>(options, std::forward<Token>(token),
                                                                                   &request, &result);
    }
    template <class Token>
    auto async_evaluate_variant(const evaluation_request& request, variant_evaluation& result, Token&& token) const
    {
        return async_evaluate_variant(request, result, call_options(), std::forward<Token>(token));
    }

    // ---- batch ------------------------------------------------------------------------------------------------------

    /// Evaluates several flags in one request (POST /evaluate/v1/batch); the answers are in the order of the requests.
    /// A flag that does not exist is an error_evaluation among them. On v1 any other failure fails the whole batch.
    [[nodiscard]] asio::awaitable<batch_evaluation> evaluate_batch(batch_request request,
                                                                   call_options options = {}) const
    {
        return throwing<detail::evaluate_operation<batch_evaluation>, batch_evaluation>(options, std::move(request));
    }
    /// The same into `result`. Both references must live until completion.
    [[nodiscard]] asio::awaitable<void> evaluate_batch(const batch_request& request, batch_evaluation& result,
                                                       call_options options = {}) const
    {
        return throwing_into<detail::evaluate_into_operation<batch_evaluation>>(options, &request, &result);
    }
    /// void(std::error_code, batch_evaluation).
    template <class Token>
    auto async_evaluate_batch(batch_request request, call_options options, Token&& token) const
    {
        return with_code<detail::evaluate_operation<batch_evaluation>, batch_evaluation>(
            options, std::forward<Token>(token), std::move(request));
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
        return into_with_code<detail::evaluate_into_operation<batch_evaluation>>(options, std::forward<Token>(token),
                                                                                 &request, &result);
    }
    template <class Token>
    auto async_evaluate_batch(const batch_request& request, batch_evaluation& result, Token&& token) const
    {
        return async_evaluate_batch(request, result, call_options(), std::forward<Token>(token));
    }

    // ---- flags ------------------------------------------------------------------------------------------------------
    // Keys, namespaces and environments go into paths here. Where one would lead to another route it is
    // errc::invalid_argument, and nothing is sent: empty, ".", "..", or with a '/'.

    /// Lists the flags of a namespace (GET /api/v1/namespaces/{ns}/flags): all, or one page where the options say so.
    /// max_response_size bounds each page, limits.snapshot all of them together.
    [[nodiscard]] asio::awaitable<flag_list> list_flags(list_options options = list_options(),
                                                        call_options call = {}) const
    {
        return throwing<detail::list_operation, flag_list>(call, std::move(options));
    }
    /// void(std::error_code, flag_list).
    template <class Token>
    auto async_list_flags(list_options options, call_options call, Token&& token) const
    {
        return with_code<detail::list_operation, flag_list>(call, std::forward<Token>(token), std::move(options));
    }
    template <class Token>
    auto async_list_flags(list_options options, Token&& token) const
    {
        return async_list_flags(std::move(options), call_options(), std::forward<Token>(token));
    }

    /// One flag as JSON text: of v1 the flag (GET /api/v1/namespaces/{ns}/flags/{key}), of v2 the payload of the
    /// resource (GET /api/v2/environments/{env}/namespaces/{ns}/resources/flipt.core.Flag/{key}). `where` may name
    /// another namespace and environment. Asks the server once what it is, unless config::server says.
    [[nodiscard]] asio::awaitable<std::string> get_flag(std::string key, list_options where = list_options(),
                                                        call_options options = {}) const
    {
        return throwing<detail::get_flag_operation, std::string>(options, std::move(key), std::move(where));
    }
    /// void(std::error_code, std::string).
    template <class Token>
    auto async_get_flag(std::string key, list_options where, call_options options, Token&& token) const
    {
        return with_code<detail::get_flag_operation, std::string>(options, std::forward<Token>(token), std::move(key),
                                                                  std::move(where));
    }
    template <class Token>
    auto async_get_flag(std::string key, Token&& token) const
    {
        return async_get_flag(std::move(key), list_options(), call_options(), std::forward<Token>(token));
    }

    // ---- server -----------------------------------------------------------------------------------------------------

    /// The server's state as JSON text (GET /health). Sent without a token.
    [[nodiscard]] asio::awaitable<std::string> health(call_options options = {}) const
    {
        return text("/health", false, options);
    }
    /// What the server is, as JSON text (GET /meta/info); v1 and v2 differ in form.
    [[nodiscard]] asio::awaitable<std::string> info(call_options options = {}) const
    {
        return text("/meta/info", true, options);
    }
    /// Who the token says we are, as JSON text (GET /auth/v1/self).
    [[nodiscard]] asio::awaitable<std::string> self(call_options options = {}) const
    {
        return text("/auth/v1/self", true, options);
    }
    /// void(std::error_code, std::string).
    template <class Token>
    auto async_health(call_options options, Token&& token) const
    {
        return async_text("/health", false, options, std::forward<Token>(token));
    }
    template <class Token>
    auto async_health(Token&& token) const
    {
        return async_health(call_options(), std::forward<Token>(token));
    }
    template <class Token>
    auto async_info(call_options options, Token&& token) const
    {
        return async_text("/meta/info", true, options, std::forward<Token>(token));
    }
    template <class Token>
    auto async_info(Token&& token) const
    {
        return async_info(call_options(), std::forward<Token>(token));
    }
    template <class Token>
    auto async_self(call_options options, Token&& token) const
    {
        return async_text("/auth/v1/self", true, options, std::forward<Token>(token));
    }
    template <class Token>
    auto async_self(Token&& token) const
    {
        return async_self(call_options(), std::forward<Token>(token));
    }

    /// The snapshot of a namespace, byte for byte as the server has it (v2: GET /client/v2/environments/{env}/
    /// namespaces/{ns}/snapshot; v1: GET /internal/v1/evaluation/snapshot/namespace/{ns}); limits.snapshot bounds it.
    /// It is checked to be a JSON object and no more: what it says is for flipt::snapshot to judge. With the etag of an
    /// earlier one, an unchanged document comes back empty and not_modified. Asks the server once what it is, unless
    /// config::server says. v1 answers an unknown namespace with an empty document.
    [[nodiscard]] asio::awaitable<snapshot_document> snapshot(list_options where = list_options(),
                                                              std::string etag = {}, call_options options = {}) const
    {
        return throwing<detail::snapshot_operation, snapshot_document>(
            options, std::move(where.namespace_key), std::move(where.environment_key), std::move(etag));
    }
    /// void(std::error_code, snapshot_document).
    template <class Token>
    auto async_snapshot(list_options where, std::string etag, call_options options, Token&& token) const
    {
        return with_code<detail::snapshot_operation, snapshot_document>(
            options, std::forward<Token>(token), std::move(where.namespace_key), std::move(where.environment_key),
            std::move(etag));
    }
    template <class Token>
    auto async_snapshot(list_options where, std::string etag, Token&& token) const
    {
        return async_snapshot(std::move(where), std::move(etag), call_options(), std::forward<Token>(token));
    }

private:
    client(const asio::any_io_executor& executor, config settings,
           std::unique_ptr<detail::policy_provider<TokenPolicy>> provider, std::shared_ptr<host_resolver> resolver)
        : policy_(&provider->policy()),
          engine_(detail::make_engine(executor, std::move(settings), std::move(provider), std::move(resolver)))
    {}

    template <class Operation, class Tell, class Signature, class Token, class... Args>
    auto initiate(const call_options& options, Token&& token, Args&&... args) const
    {
        return asio::async_initiate<Token, Signature>(detail::initiate_call<Operation, Tell>(engine_, options), token,
                                                      std::forward<Args>(args)...);
    }
    template <class Operation, class T, class... Args>
    asio::awaitable<T> throwing(const call_options& options, Args&&... args) const
    {
        return initiate<Operation, detail::tell_exception, void(std::exception_ptr, T)>(options, asio::use_awaitable,
                                                                                        std::forward<Args>(args)...);
    }
    template <class Operation, class... Args>
    asio::awaitable<void> throwing_into(const call_options& options, Args&&... args) const
    {
        return initiate<Operation, detail::tell_exception_only, void(std::exception_ptr)>(options, asio::use_awaitable,
                                                                                          std::forward<Args>(args)...);
    }
    template <class Operation, class T, class Token, class... Args>
    auto with_code(const call_options& options, Token&& token, Args&&... args) const
    {
        return initiate<Operation, detail::tell_code, void(std::error_code, T)>(options, std::forward<Token>(token),
                                                                                std::forward<Args>(args)...);
    }
    template <class Operation, class Token, class... Args>
    auto into_with_code(const call_options& options, Token&& token, Args&&... args) const
    {
        return initiate<Operation, detail::tell_code_only, void(std::error_code)>(options, std::forward<Token>(token),
                                                                                  std::forward<Args>(args)...);
    }
    asio::awaitable<std::string> text(const char* path, bool with_token, const call_options& options) const
    {
        return throwing<detail::text_operation, std::string>(options, std::string(path), with_token);
    }
    template <class Token>
    auto async_text(const char* path, bool with_token, const call_options& options, Token&& token) const
    {
        return with_code<detail::text_operation, std::string>(options, std::forward<Token>(token), std::string(path),
                                                              with_token);
    }

    TokenPolicy* policy_;
    std::shared_ptr<detail::engine> engine_;
};

template <class TokenPolicy>
client(const asio::any_io_executor&, config, TokenPolicy) -> client<TokenPolicy>;
template <class TokenPolicy>
client(const asio::any_io_executor&, config, TokenPolicy, std::shared_ptr<host_resolver>) -> client<TokenPolicy>;

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/call/impl/bodies.ipp"
#endif
