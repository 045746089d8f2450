// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a token policy is: the concepts, their optional hooks, and messages for types that are none.
#pragma once

#include "flipt/token/awaitable.hpp"
#include "flipt/token/issued_token.hpp"
#include "flipt/token/secret.hpp"

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace flipt::inline v0 {

class any_token;
class refresh_options;

/// The calls a token policy may make to the server itself, without a token. A transport (HTTP, gRPC) supplies them.
class token_transport {
public:
    token_transport() = default;
    token_transport(const token_transport&) = delete;
    token_transport& operator=(const token_transport&) = delete;
    virtual ~token_transport() = default;

    /// POST /auth/v1/method/kubernetes/serviceaccount {serviceAccountToken}: gives the client token of the answer and
    /// its expiry if the answer names one. `scheme` of the result means nothing. The argument must live until the
    /// operation completes. Throws flipt::error, whose text holds neither token.
    virtual asio::awaitable<issued_token> exchange_kubernetes(const secret& service_account_token) = 0;
};

namespace detail {

template <class T>
concept has_scheme_value = requires(T& t) {
    { t.scheme } -> std::convertible_to<std::string_view>;
};
template <class T>
concept has_scheme_function = requires(T& t) {
    { t.scheme() } -> std::convertible_to<std::string_view>;
};
template <class T>
concept has_scheme = has_scheme_value<T> || has_scheme_function<T>;
template <class T>
concept has_token = requires(T& t) {
    { t.token() } -> std::convertible_to<std::string_view>;
};
template <class T>
concept has_fetch = requires(T& t, token_transport& transport) {
    { t.fetch(transport) } -> std::same_as<asio::awaitable<issued_token>>;
};
template <class T>
concept has_version = requires(T& t) {
    { t.version() } -> std::convertible_to<std::uint64_t>;
};
template <class T>
concept has_invalidate = requires(T& t) {
    { t.invalidate() } -> std::convertible_to<bool>;
};
template <class T>
concept has_refresh_settings = requires(T& t) {
    { t.refresh_settings() } -> std::convertible_to<const refresh_options&>;
};
template <class T>
concept storable_policy = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> && std::move_constructible<T>;

} // namespace detail

/// A policy that has its token at hand:
/// - `token()`, convertible to std::string_view. Empty, or not a header value: the call fails with invalid_token.
/// - `scheme`, a static or other member (or a function): "JWT" or "Bearer"; "" sends no header and asks for no token.
///
/// Optional hooks:
/// - `std::uint64_t version()`: as long as it returns the same number, token() and scheme are not read again. A
///   policy that is assigned to the one in a client must return another number than that one did.
/// - `bool invalidate()`: the server refused the token (401). True: ask token() again and repeat the call once.
///
/// All are called on the client's executor, never two at a time, and must not block. What they throw fails the call
/// with invalid_token; of the exception's text only that of a flipt::error is kept, which must not hold the token.
///
/// ```
/// struct my_token {
///     static constexpr std::string_view scheme = "JWT";
///     std::string text;
///     std::string_view token() const { return text; }
/// };
/// ```
template <class T>
concept sync_token_policy = detail::storable_policy<T> && detail::has_token<T> && detail::has_scheme<T>;

/// A policy that fetches tokens: `asio::awaitable<issued_token> fetch(token_transport&)`, called on the client's
/// executor, one at a time. The token is kept and renewed ahead of its expiry; a std::system_error of fetch() passes
/// its code on, any other exception is invalid_token.
///
/// Optional hooks: `bool invalidate()` as above (false: do not repeat the call; the next one fetches), and
/// `refresh_settings()`, which gives the refresh_options (read once).
template <class T>
concept async_token_policy = detail::storable_policy<T> && detail::has_fetch<T>;

/// Anything a client takes its tokens from.
template <class T>
concept token_policy = std::same_as<T, any_token> || sync_token_policy<T> || async_token_policy<T>;

namespace detail {

// For the head of a class template over a policy: says what is missing, where a constraint only says no.
template <class T>
consteval bool check_token_policy()
{
    if constexpr (!token_policy<T>) {
        static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>,
                      "flipt: a token policy is stored by value: give a type that is no reference and not const");
        static_assert(!storable_policy<T> || has_token<T> || has_fetch<T>,
                      "flipt: a token policy needs a member `token()` whose result converts to std::string_view, or "
                      "`asio::awaitable<flipt::issued_token> fetch(flipt::token_transport&)`");
        static_assert(!has_token<T> || has_scheme<T>,
                      "flipt: a token policy with `token()` also needs a member `scheme`, such as "
                      "`static constexpr std::string_view scheme = \"JWT\";` (or \"Bearer\", or \"\" for no header)");
        static_assert(!std::is_object_v<T> || std::move_constructible<T>,
                      "flipt: a token policy must be movable: it is moved into the client");
    }
    return token_policy<T>;
}

} // namespace detail
} // namespace flipt::inline v0
