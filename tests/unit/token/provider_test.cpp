// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a transport sees of policies: views, generations, hooks, and policies that misbehave.
#include "flipt/token/provider.hpp"
#include "flipt/token/token.hpp"
#include "flipt/types/error.hpp"

#include "tokens.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

using flipt::errc;
using flipt::issued_token;
using flipt::secret;
using flipt::token_transport;
using flipt::v0::detail::make_provider;
using flipt::v0::detail::policy_provider;
using flipt::v0::detail::token_provider;
using flipt::v0::detail::token_state;
using flipt::v0::detail::token_view;
using namespace std::chrono_literals;

struct looked {
    token_state state;
    std::string scheme;
    std::string token;
    std::uint64_t generation;
    std::error_code ec;
};

looked look(token_provider& provider)
{
    token_view view;
    std::error_code ec;
    const auto state = provider.look(std::chrono::system_clock::now(), std::chrono::steady_clock::now(), view, ec);
    return {state, std::string(view.scheme), std::string(view.token), view.generation, ec};
}

class no_transport : public token_transport {
public:
    asio::awaitable<issued_token> exchange_kubernetes(const secret&) override
    {
        throw flipt::error(errc::server_error);
        co_return issued_token();
    }
};

struct text_policy {
    std::string scheme = "JWT";
    std::string text = "abc";
    std::string_view token() const { return text; }
};

TEST_CASE("a plain policy gives its bytes, and a new generation when they change")
{
    policy_provider<text_policy> provider{text_policy()};
    CHECK_FALSE(provider.needs_clock());
    looked l = look(provider);
    CHECK(l.state == token_state::ready);
    CHECK(l.scheme == "JWT");
    CHECK(l.token == "abc");
    CHECK(l.generation == look(provider).generation);
    provider.policy().text = "abd";
    looked next = look(provider);
    CHECK(next.token == "abd");
    CHECK(next.generation != l.generation);
    provider.policy().scheme = "Bearer";
    l = look(provider);
    CHECK(l.scheme == "Bearer");
    CHECK(l.generation != next.generation);
}

TEST_CASE("an empty scheme sends nothing and asks for no token")
{
    auto provider = make_provider(flipt::no_token());
    looked l = look(*provider);
    CHECK(l.state == token_state::ready);
    CHECK(l.scheme.empty());
    CHECK(l.token.empty());
    CHECK_FALSE(provider->reject(l.generation));

    text_policy unused;
    unused.scheme.clear();
    unused.text = "not\r\nsent";
    auto other = make_provider(unused);
    CHECK(look(*other).state == token_state::ready);
    CHECK(look(*other).token.empty());
}

TEST_CASE("bytes that cannot be sent are invalid_token, again and again, until they are mended")
{
    policy_provider<text_policy> provider{text_policy()};
    const std::string bad[] = {"",     "a\r\nX-Evil: 1",       "a\n", std::string("a\0b", 3), " a", "a ",
                               "\xff", std::string(20000, 'x')};
    for (const std::string& text : bad) {
        provider.policy().text = text;
        for (int i = 0; i < 2; ++i) {
            const looked l = look(provider);
            CAPTURE(text.substr(0, 20));
            CHECK(l.state == token_state::failed);
            CHECK((l.ec == errc::invalid_token));
            CHECK_FALSE(provider.detail().empty());
            CHECK(l.token.empty());
        }
        provider.policy().text = "good";
        CHECK(look(provider).state == token_state::ready);
        CHECK(provider.detail().empty());
    }
    for (const char* scheme : {"J W T", "JWT\r\n", "JWT:", "\xc3\xa9"}) {
        provider.policy().scheme = scheme;
        CHECK(look(provider).state == token_state::failed);
    }
}

struct throwing_policy {
    static constexpr std::string_view scheme = "JWT";
    std::function<std::string()> f;
    std::string token() { return f(); }
};

TEST_CASE("what a policy throws is invalid_token, and its text is not shown")
{
    policy_provider<throwing_policy> provider{throwing_policy{}};
    const std::function<std::string()> bad[] = {
        [] { return std::string(); },
        []() -> std::string { throw std::runtime_error("the token eyJ.secret"); },
        []() -> std::string { throw 42; },
        []() -> std::string { throw std::bad_alloc(); },
        []() -> std::string { throw std::system_error(std::make_error_code(std::errc::connection_refused), "eyJ.s"); },
        std::function<std::string()>()};
    for (const auto& f : bad) {
        provider.policy().f = f;
        const looked l = look(provider);
        CHECK(l.state == token_state::failed);
        CHECK((l.ec == errc::invalid_token));
        CHECK(provider.detail().find("eyJ") == std::string_view::npos);
    }
    flipt::diagnostics words;
    words.set_detail("no token file");
    provider.policy().f = [&]() -> std::string { throw flipt::error(make_error_code(errc::invalid_token), words); };
    CHECK(look(provider).state == token_state::failed);
    CHECK(provider.detail() == "no token file");
    provider.policy().f = [] { return std::string("works again"); };
    const looked l = look(provider);
    CHECK(l.state == token_state::ready);
    CHECK(l.token == "works again");
    CHECK(provider.detail().empty());
    // The same bytes after another failure.
    const auto good = provider.policy().f;
    provider.policy().f = []() -> std::string { throw 1; };
    CHECK(look(provider).state == token_state::failed);
    provider.policy().f = good;
    CHECK(look(provider).state == token_state::ready);
    CHECK(look(provider).generation == l.generation);
}

struct pointer_policy {
    static constexpr const char* scheme = "JWT";
    const char* text = nullptr;
    const char* token() const { return text; }
};

TEST_CASE("a null pointer is an empty token")
{
    policy_provider<pointer_policy> provider{pointer_policy()};
    CHECK(look(provider).state == token_state::failed);
    provider.policy().text = "abc";
    CHECK(look(provider).token == "abc");
}

struct counting_policy {
    static constexpr std::string_view scheme = "JWT";
    std::uint64_t number = 7;
    std::string text = "abc";
    int reads = 0;
    bool throws = false;
    std::uint64_t version() const
    {
        if (throws)
            throw std::runtime_error("no");
        return number;
    }
    std::string_view token()
    {
        ++reads;
        return text;
    }
};

TEST_CASE("a policy with a version is read only when that changes")
{
    policy_provider<counting_policy> provider{counting_policy()};
    for (int i = 0; i < 5; ++i)
        CHECK(look(provider).token == "abc");
    CHECK(provider.policy().reads == 1);
    provider.policy().text = "xyz";
    CHECK(look(provider).token == "abc");
    provider.policy().number = 8;
    CHECK(look(provider).token == "xyz");
    CHECK(look(provider).token == "xyz");
    CHECK(provider.policy().reads == 2);
    provider.policy().throws = true;
    CHECK(look(provider).state == token_state::failed);
    CHECK(look(provider).state == token_state::failed);
    provider.policy().throws = false;
    CHECK(look(provider).token == "xyz");
    // Bad bytes are remembered by version as well.
    provider.policy().number = 9;
    provider.policy().text = "\n";
    const int reads = provider.policy().reads;
    CHECK(look(provider).state == token_state::failed);
    CHECK(look(provider).state == token_state::failed);
    CHECK(provider.policy().reads == reads + 1);
}

struct invalidated_policy {
    static constexpr std::string_view scheme = "JWT";
    int asked = 0;
    bool answer = true;
    bool throws = false;
    std::string token() const { return "token" + std::to_string(asked); }
    std::uint64_t version() const { return 1; }
    bool invalidate()
    {
        ++asked;
        if (throws)
            throw std::runtime_error("no");
        return answer;
    }
};

TEST_CASE("after a 401 a policy is asked once for all calls that carried the token")
{
    policy_provider<invalidated_policy> provider{invalidated_policy()};
    const looked first = look(provider);
    CHECK(first.token == "token0");
    CHECK(provider.reject(first.generation));
    CHECK(provider.reject(first.generation));
    const looked second = look(provider);
    CHECK(second.token == "token1");
    CHECK(second.generation != first.generation);
    CHECK(provider.reject(first.generation));
    CHECK(provider.policy().asked == 1);
    provider.policy().answer = false;
    CHECK_FALSE(provider.reject(second.generation));
    CHECK(provider.policy().asked == 2);
    provider.policy().throws = true;
    CHECK_FALSE(provider.reject(second.generation));
}

TEST_CASE("after a 401 a policy without the hook repeats only if its token has changed meanwhile")
{
    policy_provider<text_policy> plain{text_policy()};
    const std::uint64_t generation = look(plain).generation;
    CHECK_FALSE(plain.reject(generation));
    plain.policy().text = "new";
    CHECK(plain.reject(generation));
    CHECK(look(plain).token == "new");

    flipt::jwt_token handle("old");
    auto provider = make_provider(handle);
    const looked old = look(*provider);
    CHECK_FALSE(provider->reject(old.generation));
    handle.set("fresh");
    CHECK(provider->reject(old.generation));
    CHECK(look(*provider).token == "fresh");
}

struct fetching_policy {
    std::function<issued_token()> f;
    int asked = 0;
    bool answer = true;
    asio::awaitable<issued_token> fetch(token_transport&)
    {
        issued_token result = f();
        co_return std::move(result);
    }
    bool invalidate()
    {
        ++asked;
        return answer;
    }
};

TEST_CASE("a fetching policy is absent, then ready with what it fetched")
{
    no_transport transport;
    policy_provider<fetching_policy> provider{fetching_policy()};
    CHECK(provider.needs_clock());
    CHECK(look(provider).state == token_state::absent);
    provider.policy().f = [] { return issued_token(secret("opaque"), "Bearer"); };
    token_test::run(provider.refresh(transport));
    const looked l = look(provider);
    CHECK(l.state == token_state::ready);
    CHECK(l.scheme == "Bearer");
    CHECK(l.token == "opaque");

    CHECK(provider.reject(l.generation));
    CHECK(provider.reject(l.generation));
    CHECK(provider.policy().asked == 1);
    CHECK(look(provider).state == token_state::absent);
    provider.policy().answer = false;
    token_test::run(provider.refresh(transport));
    const looked again = look(provider);
    CHECK(again.state == token_state::ready);
    CHECK(provider.reject(l.generation)); // a late 401 of the old one
    CHECK_FALSE(provider.reject(again.generation));
    CHECK_FALSE(provider.reject(again.generation));
}

TEST_CASE("a fetch that fails never throws out of refresh, and its code is what calls get")
{
    no_transport transport;
    struct row {
        std::function<issued_token()> f;
        std::error_code expected;
    };
    const std::error_code refused = std::make_error_code(std::errc::connection_refused);
    const row rows[] = {
        {[]() -> issued_token { throw flipt::error(errc::unauthenticated); }, errc::unauthenticated},
        {[&]() -> issued_token { throw std::system_error(refused, "eyJ.token"); }, refused},
        {[]() -> issued_token { throw std::runtime_error("eyJ.token"); }, errc::invalid_token},
        {[]() -> issued_token { throw 1; }, errc::invalid_token},
        {[]() -> issued_token { throw std::system_error(std::make_error_code(std::errc::operation_canceled)); },
         errc::invalid_token},
        {[]() -> issued_token { throw std::system_error(std::error_code()); }, errc::invalid_token},
        {[] { return issued_token(); }, errc::invalid_token},
        {[] { return issued_token(secret("a\r\nb")); }, errc::invalid_token},
        {[] { return issued_token(secret(token_test::jwt_until(std::chrono::system_clock::now() - 1h))); },
         errc::invalid_token},
    };
    for (const row& r : rows) {
        policy_provider<fetching_policy> provider{fetching_policy()};
        provider.policy().f = r.f;
        token_test::run(provider.refresh(transport));
        const looked l = look(provider);
        CAPTURE(r.expected.message());
        CHECK(l.state == token_state::failed);
        CHECK((l.ec == r.expected));
        CHECK(provider.detail().find("eyJ") == std::string_view::npos);
    }
}

TEST_CASE("a token near its end is used and its refresh is due")
{
    no_transport transport;
    policy_provider<fetching_policy> provider{fetching_policy()};
    provider.policy().f = [] { return issued_token(secret("t"), "JWT", std::chrono::system_clock::now() + 2h); };
    token_test::run(provider.refresh(transport));
    token_view view;
    std::error_code ec;
    const auto now = std::chrono::system_clock::now();
    const auto steady = std::chrono::steady_clock::now();
    CHECK(provider.look(now, steady, view, ec) == token_state::ready);
    CHECK(provider.look(now + 119min + 30s, steady, view, ec) == token_state::ready_refresh_due);
    CHECK(view.token == "t");
    CHECK(provider.look(now + 121min, steady + 121min, view, ec) == token_state::absent);
}

TEST_CASE("a policy in another's place has a generation of its own, and a 401 of the other's token asks for its own")
{
    no_transport transport;
    policy_provider<flipt::any_token> any{flipt::any_token(flipt::jwt_token("one"))};
    const looked one = look(any);
    any.policy() = flipt::any_token(flipt::jwt_token("two"));
    const looked two = look(any);
    CHECK(two.token == "two");
    CHECK(two.generation != one.generation);
    CHECK(any.reject(one.generation));
    CHECK_FALSE(any.reject(two.generation));
    any.policy() = flipt::any_token();
    CHECK(look(any).scheme.empty());
    CHECK(look(any).generation != two.generation);
    fetching_policy fetching;
    fetching.f = [] { return issued_token(secret("fetched")); };
    any.policy() = flipt::any_token(std::move(fetching));
    CHECK(any.reject(two.generation));
    CHECK(look(any).state == token_state::absent);
    token_test::run(any.refresh(transport));
    CHECK(look(any).token == "fetched");
    CHECK(any.reject(two.generation));

    policy_provider<flipt::jwt_token> jwt{flipt::jwt_token("one")};
    const std::uint64_t before = look(jwt).generation;
    jwt.policy() = flipt::jwt_token("two");
    CHECK(look(jwt).token == "two");
    CHECK(look(jwt).generation != before);
}

TEST_CASE("any_token passes everything on")
{
    no_transport transport;
    policy_provider<flipt::any_token> sync{flipt::any_token(flipt::jwt_token("abc"))};
    CHECK_FALSE(sync.needs_clock());
    CHECK(look(sync).token == "abc");
    CHECK(look(sync).scheme == "JWT");
    CHECK_FALSE(sync.reject(look(sync).generation));
    token_test::run(sync.refresh(transport));

    fetching_policy fetching;
    fetching.f = [] { return issued_token(secret("fetched")); };
    auto provider = make_provider(flipt::any_token(std::move(fetching)));
    CHECK(provider->needs_clock());
    CHECK(look(*provider).state == token_state::absent);
    token_test::run(provider->refresh(transport));
    CHECK(look(*provider).token == "fetched");
    CHECK(provider->reject(look(*provider).generation));

    policy_provider<flipt::any_token> bad{flipt::any_token(flipt::jwt_token("a\nb"))};
    CHECK((look(bad).ec == errc::invalid_token));
    CHECK_FALSE(bad.detail().empty());

    flipt::any_token from(flipt::jwt_token("abc"));
    flipt::any_token to;
    to = std::move(from);
    auto moved_to = make_provider(std::move(to));
    CHECK(look(*moved_to).token == "abc");
    auto moved_from = make_provider(std::move(from)); // NOLINT: promised to fail, not to crash
    CHECK((look(*moved_from).ec == errc::invalid_token));
    CHECK_FALSE(moved_from->reject(1));
    CHECK(moved_from->detail().empty());
    token_test::run(moved_from->refresh(transport));
    auto none = make_provider(flipt::any_token());
    CHECK(look(*none).state == token_state::ready);
    CHECK(look(*none).scheme.empty());
}

} // namespace
