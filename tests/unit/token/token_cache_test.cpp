// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// When a fetched token is used, renewed and given up, with invented times.
#include "flipt/token/token_cache.hpp"
#include "flipt/types/error.hpp"

#include "tokens.hpp"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

namespace {

using flipt::errc;
using flipt::issued_token;
using flipt::refresh_options;
using flipt::secret;
using flipt::v0::detail::token_cache;
using flipt::v0::detail::token_state;
using namespace std::chrono_literals;

static_assert(!std::is_aggregate_v<refresh_options>);

// One clock for both times; they may drift apart by hand.
struct bench {
    refresh_options options;
    std::chrono::system_clock::time_point system{std::chrono::seconds(1'700'000'000)};
    std::chrono::steady_clock::time_point steady{std::chrono::hours(1)};
    token_cache cache{options};

    void pass(std::chrono::milliseconds time)
    {
        system += time;
        steady += time;
    }
    token_state look() { return cache.look(system, steady); }
    std::error_code store(std::string token, std::optional<std::chrono::milliseconds> life = {},
                          std::string scheme = "JWT")
    {
        issued_token issued(secret(token), std::move(scheme));
        if (life)
            issued.expires_at = system + *life;
        return cache.store(std::move(issued), system, steady);
    }
    void fail(errc e = errc::server_error) { cache.fail(make_error_code(e), "the words", steady); }
};

const char* name(token_state s)
{
    switch (s) {
    case token_state::ready: return "ready";
    case token_state::ready_refresh_due: return "ready_refresh_due";
    case token_state::absent: return "absent";
    case token_state::failed: return "failed";
    }
    return "?";
}

#define CHECK_LOOK(b, state) CHECK(std::string(name((b).look())) == #state)

TEST_CASE("a token is fetched, used, renewed by the margin and dropped at its end")
{
    bench b;
    CHECK_LOOK(b, absent);
    CHECK_FALSE(b.store("first", 600s));
    const std::uint64_t first = b.cache.generation();
    CHECK(first != 0);
    struct row {
        std::chrono::seconds at;
        const char* state;
    };
    const row rows[] = {{0s, "ready"},    {539s, "ready"},  {540s, "ready_refresh_due"}, {599s, "ready_refresh_due"},
                        {600s, "absent"}, {9000s, "absent"}};
    std::chrono::seconds before = 0s;
    for (const row& r : rows) {
        b.pass(r.at - before);
        before = r.at;
        CAPTURE(r.at.count());
        CHECK(std::string(name(b.look())) == r.state);
        CHECK(b.cache.token() == "first");
        CHECK(b.cache.scheme() == "JWT");
        CHECK(b.cache.generation() == first);
    }
    CHECK_FALSE(b.store("second", 600s, "Bearer"));
    CHECK_LOOK(b, ready);
    CHECK(b.cache.token() == "second");
    CHECK(b.cache.scheme() == "Bearer");
    CHECK(b.cache.generation() != first);
    bench other; // one policy may take another's place: no two tokens are one generation
    CHECK_FALSE(other.store("first", 600s));
    CHECK(other.cache.generation() != first);
    CHECK(other.cache.generation() != b.cache.generation());
}

TEST_CASE("the expiry is the JWT's unless one is given with the token")
{
    bench b;
    const std::string token = token_test::jwt_until(b.system + 100s);
    CHECK_FALSE(b.store(token));
    CHECK((b.cache.expires_at() == b.system + 100s));
    CHECK_LOOK(b, ready);
    b.pass(40s);
    CHECK_LOOK(b, ready_refresh_due);
    CHECK_FALSE(b.store(token, 1000s));
    CHECK_LOOK(b, ready);
    b.pass(900s);
    CHECK_LOOK(b, ready);
}

TEST_CASE("a token without expiry is never renewed ahead")
{
    bench b;
    CHECK_FALSE(b.store("opaque"));
    CHECK_FALSE(b.cache.expires_at().has_value());
    b.pass(24h * 3650);
    CHECK_LOOK(b, ready);
}

TEST_CASE("a failed refresh pauses longer each time, and any success ends that")
{
    bench b;
    const std::chrono::milliseconds pauses[] = {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s, 60s};
    for (const auto pause : pauses) {
        CHECK_LOOK(b, absent);
        b.fail();
        CAPTURE(pause.count());
        CHECK_LOOK(b, failed);
        CHECK((b.cache.error() == errc::server_error));
        CHECK(b.cache.detail() == "the words");
        b.pass(pause - 1ms);
        CHECK_LOOK(b, failed);
        b.pass(1ms);
    }
    CHECK_LOOK(b, absent);
    CHECK_FALSE(b.store("token"));
    CHECK_FALSE(b.cache.error());
    CHECK(b.cache.detail().empty());
    CHECK_LOOK(b, ready);
    CHECK(b.cache.reject(b.cache.generation()));
    b.fail();
    CHECK_LOOK(b, failed);
    b.pass(1s);
    CHECK_LOOK(b, absent);
}

TEST_CASE("many failures do not overflow the pause, and no pause is possible")
{
    bench b;
    for (int i = 0; i < 200; ++i)
        b.fail();
    b.pass(60s);
    CHECK_LOOK(b, absent);

    refresh_options options;
    options.initial_backoff = 0s;
    options.max_backoff = 0s;
    bench none;
    none.cache = token_cache(options);
    none.fail();
    CHECK_LOOK(none, absent);

    for (const auto longest : {std::chrono::steady_clock::duration::max(), std::chrono::steady_clock::duration(24h)}) {
        options.initial_backoff = longest;
        options.max_backoff = std::chrono::steady_clock::duration::max();
        bench never;
        never.cache = token_cache(options);
        for (int i = 0; i < 40; ++i)
            never.fail();
        CHECK_LOOK(never, failed);
        for (const bool again : {true, false}) {
            CHECK_FALSE(never.store("refused"));
            CHECK_LOOK(never, ready);
            CHECK(never.cache.reject(never.cache.generation()) == again);
        }
    }

    options.initial_backoff = std::chrono::steady_clock::duration::max() / 4;
    options.max_backoff = std::chrono::steady_clock::duration::max() / 4;
    bench huge;
    huge.cache = token_cache(options);
    huge.fail();
    huge.fail();
    CHECK_LOOK(huge, failed);
}

TEST_CASE("the last good token serves while it is valid, whatever the refresh does")
{
    bench b;
    CHECK_FALSE(b.store("good", 100s));
    const std::uint64_t good = b.cache.generation();
    b.pass(40s);
    CHECK_LOOK(b, ready_refresh_due);
    b.fail();
    CHECK_LOOK(b, ready);
    CHECK(b.cache.token() == "good");
    b.pass(1s);
    CHECK_LOOK(b, ready_refresh_due);
    b.fail();
    b.pass(1999ms);
    CHECK_LOOK(b, ready);
    b.pass(1ms);
    CHECK_LOOK(b, ready_refresh_due);
    // What is refused counts as a failure and does not take the good one's place.
    CHECK((b.store("bad\r\n", 100s) == errc::invalid_token));
    CHECK((b.store("stale", 0s) == errc::invalid_token));
    CHECK((b.store("") == errc::invalid_token));
    CHECK((b.store("x", 100s, "") == errc::invalid_token));
    CHECK((b.store("x", 100s, "two words") == errc::invalid_token));
    CHECK_LOOK(b, ready);
    CHECK(b.cache.token() == "good");
    CHECK(b.cache.generation() == good);
    b.pass(57s);
    CHECK_LOOK(b, failed);
}

TEST_CASE("a token that has expired when it is issued causes no storm of refreshes")
{
    bench b;
    int fetches = 0;
    for (int call = 0; call < 10000; ++call) {
        if (b.look() == token_state::absent) {
            ++fetches;
            CHECK((b.store("stale", -10s) == errc::invalid_token));
            CHECK(b.cache.detail().find("expired") != std::string::npos);
        }
        b.pass(1ms);
    }
    CHECK(fetches == 4); // at 0, 1, 3 and 7 s
}

TEST_CASE("tokens that live shorter than the margin are renewed at half their life")
{
    bench b;
    int fetches = 0;
    int without = 0;
    for (int call = 0; call < 300'000; ++call) {
        const token_state state = b.look();
        if (state == token_state::absent || state == token_state::ready_refresh_due) {
            ++fetches;
            CHECK_FALSE(b.store("short", 30s));
        } else if (state != token_state::ready) {
            ++without;
        }
        b.pass(1ms);
    }
    CHECK(fetches == 20);
    CHECK(without == 0);
}

TEST_CASE("tokens that live for a blink are not fetched for every call")
{
    bench b;
    int fetches = 0;
    for (int call = 0; call < 10'000; ++call) {
        const token_state state = b.look();
        if (state == token_state::absent || state == token_state::ready_refresh_due) {
            ++fetches;
            CHECK_FALSE(b.store("blink", 5ms));
        } else if (state == token_state::failed) {
            CHECK((b.cache.error() == errc::invalid_token));
        }
        b.pass(1ms);
    }
    CHECK(fetches == 10);
}

TEST_CASE("a margin as long as there is is longer than any token lives, and none is renewed at the end")
{
    for (const auto margin : {std::chrono::seconds::max(), std::chrono::seconds(0), std::chrono::seconds::min()}) {
        CAPTURE(margin.count());
        refresh_options options;
        options.margin = margin;
        bench b;
        b.cache = token_cache(options);
        CHECK_FALSE(b.store("token", 100s));
        CHECK_LOOK(b, ready);
        b.pass(49s);
        CHECK_LOOK(b, ready);
        b.pass(1s);
        CHECK((b.look() == token_state::ready_refresh_due) == (margin > 0s));
        b.pass(49s);
        CHECK((b.look() == token_state::ready_refresh_due) == (margin > 0s));
        b.pass(1s);
        CHECK_LOOK(b, absent);
    }
}

TEST_CASE("the same token issued again near its end is not asked for again at once")
{
    bench b;
    const std::string same = token_test::jwt_until(b.system + 100s);
    CHECK_FALSE(b.store(same));
    int fetches = 0;
    for (int call = 0; call < 100'000 && b.look() != token_state::absent; ++call) {
        if (b.look() == token_state::ready_refresh_due) {
            ++fetches;
            CHECK_FALSE(b.store(same));
        }
        b.pass(1ms);
    }
    CHECK(fetches < 10);
}

TEST_CASE("a refused token is not used again, and the next may be fetched at once")
{
    bench b;
    CHECK_FALSE(b.cache.reject(0));
    CHECK(b.cache.reject(~0ULL)); // of a policy that was replaced: one may be fetched
    CHECK_FALSE(b.store("revoked", 3600s));
    CHECK_LOOK(b, ready);
    const std::uint64_t revoked = b.cache.generation();
    CHECK(b.cache.reject(revoked));
    CHECK(b.cache.reject(revoked)); // another call that carried it
    CHECK_LOOK(b, absent);
    CHECK((b.cache.error() == errc::unauthenticated));
    CHECK_FALSE(b.store("fresh", 3600s));
    CHECK_LOOK(b, ready);
    CHECK(b.cache.reject(revoked)); // a late one: the next try has a newer token
    CHECK_LOOK(b, ready);
    CHECK(b.cache.generation() != revoked);
}

TEST_CASE("a server that refuses every token is not sent ever more of them")
{
    bench b;
    int fetches = 0;
    int repeats = 0;
    for (int call = 0; call < 10'000; ++call) {
        for (int attempt = 0; attempt < 2; ++attempt) {
            const token_state state = b.look();
            if (state == token_state::failed) {
                CHECK((b.cache.error() == errc::unauthenticated));
                break;
            }
            if (state == token_state::absent) {
                ++fetches;
                CHECK_FALSE(b.store("never good", 3600s));
                CHECK_LOOK(b, ready);
            }
            if (!b.cache.reject(b.cache.generation()))
                break;
            ++repeats;
        }
        b.pass(1ms);
    }
    CHECK(fetches == 5); // at 0 twice, then after 1, 2 and 4 s
    CHECK(repeats == 1);
}

TEST_CASE("a replacement of a refused token that expires before the pause for a further one may be renewed")
{
    refresh_options options;
    options.initial_backoff = 10s;
    bench b;
    b.cache = token_cache(options);
    CHECK_FALSE(b.store("refused", 3600s));
    CHECK_LOOK(b, ready);
    CHECK(b.cache.reject(b.cache.generation()));
    CHECK_FALSE(b.store("short-lived", 5s));
    CHECK_LOOK(b, ready);
    b.pass(5s);
    CHECK_LOOK(b, absent);
    b.fail(); // a refresh that fails has its own pause
    CHECK_LOOK(b, failed);
    CHECK((b.cache.error() == errc::server_error));
    b.pass(10s);
    CHECK_LOOK(b, absent);
    // One that is refused again still waits, and there is always an error to tell.
    CHECK_FALSE(b.store("refused", 3600s));
    CHECK_LOOK(b, ready);
    CHECK(b.cache.reject(b.cache.generation()));
    CHECK_FALSE(b.store("refused as well", 5s));
    CHECK_LOOK(b, ready);
    CHECK_FALSE(b.cache.reject(b.cache.generation()));
    b.pass(6s);
    CHECK_LOOK(b, failed);
    CHECK((b.cache.error() == errc::unauthenticated));
    b.pass(4s);
    CHECK_LOOK(b, absent);
}

TEST_CASE("a token that served for long may be replaced at once after a refusal, however often that happened")
{
    bench b;
    CHECK_FALSE(b.store("token"));
    for (int i = 0; i < 20; ++i) {
        b.pass(120s);
        CHECK_LOOK(b, ready);
        CHECK(b.cache.reject(b.cache.generation()));
        CHECK_LOOK(b, absent);
        CHECK_FALSE(b.store("token"));
    }
}

TEST_CASE("a refused token is not used while its replacement cannot be had")
{
    bench b;
    CHECK_FALSE(b.store("revoked", 3600s));
    CHECK_LOOK(b, ready);
    CHECK(b.cache.reject(b.cache.generation()));
    CHECK_LOOK(b, absent);
    b.fail();
    CHECK_FALSE(b.cache.reject(b.cache.generation()));
    CHECK_LOOK(b, failed);
    CHECK((b.cache.error() == errc::server_error));
    b.pass(1s);
    CHECK_LOOK(b, absent);
}

TEST_CASE("a jump of the system's clock ends a token or brings it back, no more")
{
    bench b;
    CHECK_FALSE(b.store("token", 600s));
    b.system += 2h;
    b.steady += 5s;
    CHECK_LOOK(b, absent);
    b.system -= 2h;
    CHECK_LOOK(b, ready);
}

TEST_CASE("words on a failure that quote the token are dropped")
{
    bench b;
    CHECK_FALSE(b.store("the-very-token", 600s));
    b.cache.fail(make_error_code(errc::server_error), "cannot renew the-very-token today", b.steady);
    CHECK(b.cache.detail().empty());
    CHECK((b.cache.error() == errc::server_error));
    b.cache.fail({}, "no code", b.steady);
    CHECK((b.cache.error() == errc::invalid_token));
}

} // namespace
