// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Readers and a writer that swaps: no lock and no allocation while nothing changed, nothing kept longer than needed.
#include "flipt/live/reader.hpp"

#include "unit/live/documents.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <mutex>
#include <new>
#include <pthread.h>
#include <thread>
#include <vector>

namespace {

std::atomic<std::uint64_t> locks{0};
std::atomic<std::uint64_t> allocations{0};

} // namespace

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define FLIPT_TEST_SANITIZED
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define FLIPT_TEST_SANITIZED
#endif

#if !defined(FLIPT_TEST_SANITIZED) // sanitizers have these functions for themselves
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept
{
    using function = int (*)(pthread_mutex_t*);
    static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    locks.fetch_add(1, std::memory_order_relaxed);
    return real(mutex);
}
void* operator new(std::size_t size)
{
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* p = std::malloc(size == 0 ? 1 : size))
        return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace {

using flipt::reader;
using flipt::snapshot;
using flipt::detail::publication;

std::shared_ptr<const snapshot> parsed(bool enabled)
{
    auto result = snapshot::parse(test::document(enabled));
    REQUIRE(result.ok());
    return std::make_shared<const snapshot>(std::move(*result));
}

TEST_CASE("a reader has an empty snapshot before the first load, then the newest")
{
    const auto place = std::make_shared<publication>();
    reader r(place);
    CHECK(r.current().empty());
    place->publish(parsed(true));
    CHECK(r.current().size() == 3);
    CHECK(r.evaluate_boolean_or("f", "e", false));
    place->publish(parsed(false));
    CHECK_FALSE(r.evaluate_boolean_or("f", "e", true));
    std::error_code why;
    CHECK(r.evaluate_boolean_or("nope", "e", {}, true, &why));
    CHECK(why == flipt::errc::not_found);
    CHECK(r.evaluate_variant_or("f", "e", {}, "other", &why) == "other");
    CHECK(why == flipt::errc::flag_type_mismatch);
}

TEST_CASE("an old snapshot lives as long as its last reader looks at it")
{
    const auto place = std::make_shared<publication>();
    auto first = parsed(true);
    const std::weak_ptr<const snapshot> watch = first;
    place->publish(std::move(first));
    reader a(place);
    reader b(place);
    place->publish(parsed(false));
    CHECK_FALSE(watch.expired());
    CHECK_FALSE(a.evaluate_boolean_or("f", "e", true));
    CHECK_FALSE(watch.expired());
    b.release();
    CHECK(watch.expired());
    CHECK_FALSE(b.evaluate_boolean_or("f", "e", true));
}

TEST_CASE("while nothing changes a reader takes no lock and allocates nothing")
{
    const auto place = std::make_shared<publication>();
    place->publish(parsed(true));
    reader r(place);
    bool all = true;
    const auto locks_before = locks.load();
    const auto allocations_before = allocations.load();
    for (int i = 0; i < 100'000; ++i)
        all = r.current().evaluate_boolean("f", "entity", {{"region", "eu"}}).enabled && all;
    const auto locks_after = locks.load();
    const auto allocations_after = allocations.load();
    CHECK(all);
    CHECK(locks_after == locks_before);
#if !defined(FLIPT_TEST_SANITIZED)
    std::mutex counted;
    counted.lock();
    counted.unlock();
    CHECK(locks.load() > locks_after); // they are counted
#endif
    CHECK(allocations_after == allocations_before);
    // Not even when something did change.
    const auto next = parsed(false);
    const auto before = locks.load();
    place->publish(next);
    const bool value = r.current().evaluate_boolean("f", "entity").enabled;
    CHECK(locks.load() == before);
    CHECK_FALSE(value);
}

TEST_CASE("eight readers evaluate a million times while a writer swaps")
{
    const auto place = std::make_shared<publication>();
    const auto yes = parsed(true);
    place->publish(yes);
    constexpr int readers = 8;
    constexpr int each = 1'000'000 / readers;
    std::atomic<int> running{readers};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> changes{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < readers; ++t)
        threads.emplace_back([&] {
            reader r(place);
            bool last = true;
            for (int i = 0; i < each; ++i) {
                const snapshot& now = r.current();
                const bool value = now.evaluate_boolean("f", "entity", {{"region", "eu"}}).enabled;
                if (!now.evaluate_boolean("on", "entity").enabled || now.evaluate_boolean("off", "entity").enabled)
                    ++wrong;
                if (value != last)
                    ++changes;
                last = value;
                if (i % 1000 == 999)
                    r.release();
            }
            --running;
        });
    std::uint64_t swaps = 0;
    for (bool value = false; running != 0; value = !value, ++swaps)
        place->publish(parsed(value));
    for (auto& t : threads)
        t.join();
    CHECK(wrong == 0);
    CHECK(swaps > 0);
    MESSAGE(swaps << " swaps, " << changes.load() << " seen");
    reader last(place);
    place->publish(yes);
    CHECK(last.evaluate_boolean_or("f", "e", false));
}

} // namespace
