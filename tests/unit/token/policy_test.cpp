// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which types are token policies.
#include "flipt/token/policy.hpp"
#include "flipt/token/token.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using flipt::async_token_policy;
using flipt::issued_token;
using flipt::sync_token_policy;
using flipt::token_policy;
using flipt::token_transport;

struct from_the_docs {
    static constexpr std::string_view scheme = "JWT";
    std::string text;
    std::string_view token() const { return text; }
};
struct member_scheme {
    std::string scheme = "Bearer";
    std::string token() { return "t"; }
};
struct function_scheme {
    static const char* scheme() { return "JWT"; }
    static const char* token() { return "t"; }
};
struct move_only {
    static constexpr const char* scheme = "JWT";
    std::unique_ptr<std::string> text;
    const std::string& token() const { return *text; }
};
struct fetches {
    asio::awaitable<issued_token> fetch(token_transport&);
};

static_assert(sync_token_policy<from_the_docs> && !async_token_policy<from_the_docs>);
static_assert(sync_token_policy<member_scheme>);
static_assert(sync_token_policy<function_scheme>);
static_assert(sync_token_policy<move_only>);
static_assert(async_token_policy<fetches> && !sync_token_policy<fetches>);

static_assert(sync_token_policy<flipt::no_token>);
static_assert(sync_token_policy<flipt::jwt_token>);
static_assert(sync_token_policy<flipt::client_token>);
static_assert(sync_token_policy<flipt::jwt_file>);
static_assert(sync_token_policy<flipt::token_file>);
static_assert(async_token_policy<flipt::kubernetes_token>);
static_assert(token_policy<flipt::any_token>);
using string_callable = asio::awaitable<std::string> (*)();
static_assert(async_token_policy<flipt::refreshing_token<string_callable>>);
static_assert(flipt::v0::detail::check_token_policy<flipt::any_token>());
static_assert(flipt::v0::detail::check_token_policy<from_the_docs>());

struct no_scheme {
    std::string_view token() const;
};
struct no_token_function {
    [[maybe_unused]] static constexpr std::string_view scheme = "JWT";
};
struct token_of_wrong_type {
    [[maybe_unused]] static constexpr std::string_view scheme = "JWT";
    int token() const;
};
struct scheme_of_wrong_type {
    int scheme;
    std::string_view token() const;
};
struct fetches_a_string {
    asio::awaitable<std::string> fetch(token_transport&);
};
struct fetches_without_transport {
    asio::awaitable<issued_token> fetch();
};
struct immovable {
    [[maybe_unused]] static constexpr std::string_view scheme = "JWT";
    immovable() = default;
    immovable(immovable&&) = delete;
    std::string_view token() const;
};
class hidden {
    [[maybe_unused]] static constexpr std::string_view scheme = "JWT";
    std::string_view token() const;
};

static_assert(!token_policy<no_scheme>);
static_assert(!token_policy<no_token_function>);
static_assert(!token_policy<token_of_wrong_type>);
static_assert(!token_policy<scheme_of_wrong_type>);
static_assert(!token_policy<fetches_a_string>);
static_assert(!token_policy<fetches_without_transport>);
static_assert(!token_policy<immovable>);
static_assert(!token_policy<hidden>);
static_assert(!token_policy<int>);
static_assert(!token_policy<void>);
static_assert(!token_policy<std::string>);
static_assert(!token_policy<const char*>);
static_assert(!token_policy<from_the_docs&>);
static_assert(!token_policy<const from_the_docs>);
static_assert(!token_policy<flipt::secret>);
static_assert(!std::is_constructible_v<flipt::any_token, std::string>);
static_assert(!std::is_constructible_v<flipt::any_token, no_scheme>);
static_assert(!std::is_copy_constructible_v<flipt::any_token>);
static_assert(std::is_nothrow_move_constructible_v<flipt::any_token>);

// Nothing that owns memory is an aggregate, which GCC 12 destroys twice in co_await expressions.
template <class... T>
constexpr bool none_owns_as_aggregate = ((!std::is_aggregate_v<T> || std::is_trivially_destructible_v<T>) && ...);
static_assert(
    none_owns_as_aggregate<flipt::no_token, flipt::jwt_token, flipt::client_token, flipt::jwt_file, flipt::token_file,
                           flipt::kubernetes_token, flipt::refreshing_token<string_callable>, flipt::any_token,
                           flipt::secret, flipt::issued_token, flipt::refresh_options>);

TEST_CASE("every kind of policy goes into one container")
{
    std::vector<flipt::any_token> all;
    all.emplace_back(flipt::jwt_token("a"));
    all.emplace_back(flipt::client_token("a"));
    all.emplace_back(flipt::no_token());
    all.emplace_back(flipt::jwt_file("/nowhere"));
    all.emplace_back(flipt::kubernetes_token());
    all.emplace_back(from_the_docs{"a"});
    all.emplace_back();
    CHECK(all.size() == 7);
}

} // namespace
