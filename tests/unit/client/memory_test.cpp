// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What calls allocate, what happens when memory runs out at any point of one, and what tokens leave behind.
#include "flipt/live/live_snapshot.hpp"
#include "flipt/net/tls_error.hpp"
#include "flipt/testing/certificates.hpp"
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/refreshing_token.hpp"

#include "harness.hpp"
#include "unit/live/documents.hpp"

#include <asio/bind_executor.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>

#include <openssl/crypto.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <thread>

namespace {

// Counts, fails and looks at the allocations of one thread: that of the client. The peers run on theirs.
thread_local bool watched = false;
std::atomic<long> allocations{0};
std::atomic<long> fail_at{-1};
std::atomic<const char*> needle{nullptr};
std::atomic<long> hits{0};

[[gnu::noinline]] bool holds(const void* block, std::size_t size, const char* text) noexcept
{
    return memmem(block, size, text, std::strlen(text)) != nullptr;
}

// Blocks of the client's begin empty: what somebody else left in one, such as a peer its request, is not the client's.
void* new_block(std::size_t size) noexcept
{
    void* block = std::malloc(size == 0 ? 1 : size);
    if (block != nullptr && watched)
        std::memset(block, 0, malloc_usable_size(block));
    return block;
}

#if defined(__OPTIMIZE__)
constexpr bool simdjson_may_fail = true;
#else
constexpr bool simdjson_may_fail = false;
#endif

// simdjson's own. It does not look whether it got its strings' memory, which we never let it use; and with its checks
// for developers (in builds without optimisation) not whether it got that of the checks, which it uses at once.
void* allocate_or_null(std::size_t size) noexcept
{
    if (watched && allocations.fetch_add(1) == fail_at.load() && simdjson_may_fail)
        return nullptr;
    return new_block(size);
}

void* allocate(std::size_t size)
{
    if (watched && allocations.fetch_add(1) == fail_at.load())
        throw std::bad_alloc();
    if (void* block = new_block(size))
        return block;
    throw std::bad_alloc();
}

void release(void* block) noexcept
{
    const char* text = needle.load();
    if (block != nullptr && watched && text != nullptr && holds(block, malloc_usable_size(block), text))
        ++hits;
    std::free(block);
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate_or_null(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate_or_null(size); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }

// Asio's own, for its operations and the frames of its coroutines.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    if (watched && allocations.fetch_add(1) == fail_at.load())
        return nullptr;
    void* block = nullptr;
    if (posix_memalign(&block, alignment, size) != 0)
        return nullptr;
    if (watched)
        std::memset(block, 0, malloc_usable_size(block));
    return block;
}

namespace {

using namespace client_test;
using flipt::testing::script;
using flipt::testing::scripted_peer_thread;

class watch {
public:
    watch()
    {
        allocations = 0;
        watched = true;
    }
    watch(const watch&) = delete;
    watch& operator=(const watch&) = delete;
    ~watch()
    {
        watched = false;
        fail_at = -1;
    }
};

asio::awaitable<void> steady_state(const flipt::client<flipt::jwt_token>& client, long& into, long& by_value)
{
    flipt::evaluation_request request("flag", "entity");
    request.with("region", "eu");
    flipt::boolean_evaluation result;
    for (int i = 0; i < 20; ++i)
        co_await client.evaluate_boolean(request, result);
    {
        const watch w;
        for (int i = 0; i < 100; ++i)
            co_await client.evaluate_boolean(request, result);
        into = allocations;
    }
    flipt::evaluation_request small("flag", "entity");
    for (int i = 0; i < 20; ++i) {
        const flipt::boolean_evaluation value = co_await client.evaluate_boolean(small);
        CHECK(value.enabled);
    }
    {
        const watch w;
        for (int i = 0; i < 100; ++i) {
            const flipt::boolean_evaluation value = co_await client.evaluate_boolean(small);
            if (!value.enabled)
                by_value = 1'000'000;
        }
        by_value += allocations;
    }
}

asio::awaitable<std::string> issue() { co_return "the.refreshed.token.that.must.not.stay"; }

} // namespace

TEST_CASE("a call in steady state allocates nothing into the caller's result, and at most two by value")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    asio::io_context context(1);
    flipt::client client(context.get_executor(), settings(peer->url()), flipt::jwt_token("a.b.c"));
    long into = 0;
    long by_value = 0;
    run(context, steady_state(client, into, by_value));
    CHECK(into == 0);
    CHECK(by_value <= 200);
}

TEST_CASE("running out of memory at any allocation of a call is an error, and the client works afterwards")
{
    const flipt::testing::certificate_authority authority;
    for (const bool tls : {false, true})
        for (const bool refreshing : {false, true}) {
            CAPTURE(tls);
            CAPTURE(refreshing);
            std::optional<flipt::testing::tls_settings> identity;
            if (tls)
                identity.emplace(authority.issue_localhost());
            scripted_peer_thread peer(identity);
            peer->add(script().expect_request().reply(good_json).repeat());
            auto c = settings(peer->url());
            c.tls.ca_pem = authority.certificate_pem();
            int failed = 0;
            for (long n = 0;; ++n) {
                CAPTURE(n);
                REQUIRE(n < 2000);
                asio::io_context context(1);
                flipt::any_token token;
                if (refreshing)
                    token = flipt::refreshing_token(&issue);
                flipt::client client(context.get_executor(), c, std::move(token));
                outcome out;
                bool ended = false;
                bool thrown = false;
                const flipt::evaluation_request request("flag", "entity");
                auto on_end = [&](std::exception_ptr) { ended = true; };
                asio::co_spawn(context, evaluate(client, out, {.timeout = 2s}), on_end);
                {
                    const watch w;
                    fail_at = n;
                    try {
                        while (!ended && context.run_one() != 0) {}
                    } catch (const std::bad_alloc&) {
                        thrown = true; // Asio's own machinery of the test's coroutine
                    }
                }
                const bool reached = allocations > n;
                if (!thrown)
                    CHECK(ended);
                if (out.ec) {
                    ++failed;
                    const bool memory = out.ec == std::errc::not_enough_memory || out.ec == errc::invalid_token ||
                                        out.ec.category() == flipt::tls_category();
                    CHECK_MESSAGE(memory, name_of(out.ec));
                }
                const outcome next = call(context, client, {.timeout = 5s});
                if (!refreshing) // a failed refresh is not repeated at once
                    CHECK_MESSAGE(!next.ec, name_of(next.ec));
                if (!reached)
                    break;
            }
            CHECK(failed > 3);
        }
}

namespace {

/// How something ended whose handler belongs to another executor.
class elsewhere_outcome {
public:
    elsewhere_outcome() = default;

    int told = 0;
    bool refused = false; // by an exception of the initiating function
    bool there = false;   // told where it was to be
    std::error_code ec;
};

/// Runs both contexts on this thread, with their allocations watched, until the outcome is there; false if an exception
/// left one of them.
template <class Begin>
bool run_with_failure(long n, asio::io_context& context, asio::io_context& other, const elsewhere_outcome& out,
                      Begin&& begin)
{
    const auto end = clock::now() + 20s;
    const watch w;
    fail_at = n;
    try {
        begin();
        while (out.told == 0 && !out.refused && clock::now() < end) {
            for (asio::io_context* each : {&context, &other}) {
                each->restart();
                each->poll();
            }
        }
    } catch (const std::bad_alloc&) {
        return false;
    }
    return true;
}

/// Counts `n` up until no allocation of `attempt` fails any more; gives how many attempts ended badly. So often an
/// exception of Asio's own may leave an io_context instead: a strand that gets no memory to run what it has taken, and
/// co_spawn at the end of its coroutine.
template <class Attempt>
int fail_each_allocation(int asio_may_throw, Attempt&& attempt)
{
    int failed = 0;
    int thrown = 0;
    for (long n = 0;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 2000);
        asio::io_context context(1);
        asio::io_context other(1);
        elsewhere_outcome out;
        const bool contained = attempt(n, context, other, out);
        const bool reached = allocations > n;
        if (!contained) {
            ++thrown;
            CHECK(thrown <= asio_may_throw);
            continue;
        }
        CHECK(out.told == (out.refused ? 0 : 1));
        CHECK(out.there == !out.refused);
        if (out.ec) {
            ++failed;
            CHECK_MESSAGE(out.ec == std::errc::not_enough_memory, name_of(out.ec));
        }
        if (out.refused)
            ++failed;
        if (!reached)
            return failed;
    }
}

template <class Executor, class There>
int fail_each_allocation_of_a_call(int asio_may_throw, const std::string& url,
                                   Executor executor_of(asio::io_context&, asio::io_context&), There is_there)
{
    return fail_each_allocation(
        asio_may_throw, [&](long n, asio::io_context& context, asio::io_context& other, elsewhere_outcome& out) {
            const flipt::client client(context.get_executor(), settings(url));
            const Executor executor = executor_of(context, other);
            const flipt::evaluation_request request("flag", "entity");
            const bool contained = run_with_failure(n, context, other, out, [&] {
                auto handler = [&](std::error_code ec, const flipt::boolean_evaluation&) {
                    ++out.told;
                    out.ec = ec;
                    out.there = is_there(executor);
                };
                try {
                    client.async_evaluate_boolean(request, {.timeout = 2s}, asio::bind_executor(executor, handler));
                } catch (const std::bad_alloc&) {
                    out.refused = true;
                }
            });
            const outcome next = call(context, client, {.timeout = 5s});
            CHECK_MESSAGE(!next.ec, name_of(next.ec));
            return contained;
        });
}

// Watched only while it waits: the rest is Asio's machinery of the test's coroutine.
asio::awaitable<void> evaluate_from_elsewhere(const flipt::client<>& client, elsewhere_outcome& out, long n)
{
    const flipt::evaluation_request request("flag", "entity");
    flipt::boolean_evaluation answer;
    const auto here = co_await asio::this_coro::executor;
    auto waiting = client.evaluate_boolean(request, answer, {.timeout = 2s});
    watched = true;
    fail_at = n;
    try {
        co_await std::move(waiting);
    } catch (const std::system_error& e) {
        out.ec = e.code();
    }
    watched = false;
    ++out.told;
    out.there = here != client.get_executor();
}

} // namespace

TEST_CASE("running out of memory at any allocation of a call is told on the handler's other executor")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    SUBCASE("of another io_context")
    {
        using executor = asio::io_context::executor_type;
        auto of = [](asio::io_context&, asio::io_context& other) { return other.get_executor(); };
        CHECK(fail_each_allocation_of_a_call<executor>(
                  0, peer->url(), of, [](const executor& e) { return e.running_in_this_thread(); }) > 5);
    }
    SUBCASE("a strand of the client's io_context")
    {
        using executor = asio::strand<asio::io_context::executor_type>;
        auto of = [](asio::io_context& context, asio::io_context&) { return asio::make_strand(context); };
        CHECK(fail_each_allocation_of_a_call<executor>(
                  2, peer->url(), of, [](const executor& e) { return e.running_in_this_thread(); }) > 5);
    }
    SUBCASE("a strand of another io_context, as an any_io_executor")
    {
        using executor = asio::any_io_executor;
        auto of = [](asio::io_context&, asio::io_context& other) { return executor(asio::make_strand(other)); };
        CHECK(fail_each_allocation_of_a_call<executor>(2, peer->url(), of, [](const executor& e) {
                  return e.target<asio::strand<asio::io_context::executor_type>>()->running_in_this_thread();
              }) > 5);
    }
}

TEST_CASE("running out of memory at any allocation of a call is told to a coroutine of another io_context")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    const int failed = fail_each_allocation(
        0, [&](long n, asio::io_context& context, asio::io_context& other, elsewhere_outcome& out) {
            const flipt::client client(context.get_executor(), settings(peer->url()));
            bool ended = false;
            auto on_end = [&](std::exception_ptr e) { ended = !e; };
            allocations = 0;
            asio::co_spawn(other, evaluate_from_elsewhere(client, out, n), on_end);
            const auto end = clock::now() + 20s;
            bool contained = true;
            try {
                while (!ended && clock::now() < end)
                    for (asio::io_context* each : {&context, &other}) {
                        each->restart();
                        each->poll();
                    }
            } catch (const std::bad_alloc&) {
                contained = false;
            }
            watched = false;
            fail_at = -1;
            CHECK(ended);
            const outcome next = call(context, client, {.timeout = 5s});
            CHECK_MESSAGE(!next.ec, name_of(next.ec));
            return contained;
        });
    CHECK(failed > 5);
}

TEST_CASE("running out of memory at any allocation of a wait for flags is told on the handler's other executor")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().hold());
    const int failed = fail_each_allocation(
        2, [&](long n, asio::io_context& context, asio::io_context& other, elsewhere_outcome& out) {
            flipt::live_options options;
            options.start = flipt::live_start::saved;
            options.document = test::document(true);
            auto c = settings(peer->url());
            c.server = flipt::server_version::v2;
            const flipt::live_snapshot live(context.get_executor(), c, flipt::no_token(), options);
            const auto asked = static_cast<std::size_t>(n); // nothing else of it goes on from then on
            CHECK(run_until(context, [&] { return peer->requests().size() > asked; }));
            return run_with_failure(n, context, other, out, [&] {
                auto handler = [&](std::error_code ec) {
                    ++out.told;
                    out.ec = ec;
                    out.there = other.get_executor().running_in_this_thread();
                };
                try {
                    live.async_wait_ready(asio::bind_executor(other.get_executor(), handler));
                } catch (const std::bad_alloc&) {
                    out.refused = true;
                }
            });
        });
    CHECK(failed > 2);
}

TEST_CASE("running out of memory while a name's addresses are taken in is an error, and the next call asks again")
{
    scripted_peer_thread peer;
    peer->add(script().expect_request().reply(good_json).repeat());
    const asio::ip::tcp::endpoint address(asio::ip::address_v4::loopback(), peer->port());
    int failed = 0;
    for (long n = 0;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        asio::io_context context(1);
        auto resolver = std::make_shared<manual_resolver>();
        const flipt::client client(context.get_executor(), settings("http://flipt.test"), flipt::no_token(), resolver);
        cancellable_call<flipt::client<>> waiting(context, client, {.timeout = 20s});
        CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
        std::vector<asio::ip::tcp::endpoint> list = {address, address};
        {
            const watch w;
            fail_at = n;
            resolver->answer({}, std::move(list));
            context.poll_one();
        }
        const bool reached = allocations > n;
        CHECK(run_until(context, [&] { return waiting.ended; }));
        if (waiting.out.ec) {
            ++failed;
            CHECK_MESSAGE(waiting.out.ec == std::errc::not_enough_memory, name_of(waiting.out.ec));
            cancellable_call<flipt::client<>> next(context, client, {.timeout = 20s});
            CHECK(run_until(context, [&] { return !resolver->pending.empty(); }));
            resolver->answer({}, {address});
            CHECK(run_until(context, [&] { return next.ended; }));
            CHECK_MESSAGE(!next.out.ec, name_of(next.out.ec));
        }
        if (!reached)
            break;
    }
    CHECK(failed > 1);
}

TEST_CASE("a client that is gone leaves no token in the memory it gives back")
{
    static const char text[] = "the.refreshed.token.that.must.not.stay";
    needle = text;
    const flipt::testing::certificate_authority authority;
    for (const bool tls : {false, true})
        for (const int kind : {0, 1, 2}) {
            CAPTURE(tls);
            CAPTURE(kind);
            std::optional<flipt::testing::tls_settings> identity;
            if (tls)
                identity.emplace(authority.issue_localhost());
            scripted_peer_thread peer(identity);
            const std::string refused = "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}";
            peer->add(
                script().expect_request().reply(good_json).expect_request().send(refused).expect_request().close());
            auto c = settings(peer->url());
            c.tls.ca_pem = authority.certificate_pem();
            hits = 0;
            {
                const watch w;
                asio::io_context context(1);
                flipt::any_token token{flipt::jwt_token(text)};
                if (kind == 1)
                    token = flipt::refreshing_token(&issue);
                if (kind == 2)
                    token = flipt::client_token(text);
                flipt::client client(context.get_executor(), c, std::move(token));
                flipt::diagnostics d;
                for (int i = 0; i < 3; ++i) {
                    const outcome out = call(context, client, {.timeout = 2s, .diagnostics = &d});
                    CHECK(out.what.find("must.not.stay") == std::string::npos);
                    CHECK(d.server_message().find("must.not.stay") == std::string::npos);
                    CHECK(d.detail().find("must.not.stay") == std::string::npos);
                }
            }
            // jwt_token(text) itself: a std::string of the test's, made before it is taken over and wiped.
            CHECK(hits == 0);
            CHECK(peer->received(0).find(text) != std::string::npos);
        }
    needle = nullptr;
}
