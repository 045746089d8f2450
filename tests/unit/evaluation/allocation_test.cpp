// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Evaluating allocates nothing: every form of operator new is counted.
#include "flipt/evaluation/snapshot.hpp"
#include "flipt/types/request.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <map>
#include <new>
#include <sstream>
#include <string>
#include <vector>

namespace {

thread_local std::size_t allocations = 0;

void* counted(std::size_t size, std::size_t alignment)
{
    ++allocations;
    void* p = nullptr;
    if (::posix_memalign(&p, alignment < sizeof(void*) ? sizeof(void*) : alignment, size == 0 ? 1 : size) != 0)
        std::abort();
    return p;
}

} // namespace

#define FLIPT_REPLACED __attribute__((noinline)) // or GCC 12 sees free() of what its own new gave, and warns

FLIPT_REPLACED void* operator new(std::size_t size) { return counted(size, alignof(std::max_align_t)); }
FLIPT_REPLACED void* operator new[](std::size_t size) { return counted(size, alignof(std::max_align_t)); }
FLIPT_REPLACED void* operator new(std::size_t size, std::align_val_t alignment)
{
    return counted(size, static_cast<std::size_t>(alignment));
}
FLIPT_REPLACED void* operator new(std::size_t size, const std::nothrow_t&) noexcept
{
    return counted(size, alignof(std::max_align_t));
}
FLIPT_REPLACED void* operator new[](std::size_t size, const std::nothrow_t&) noexcept
{
    return counted(size, alignof(std::max_align_t));
}
FLIPT_REPLACED void operator delete(void* p) noexcept { std::free(p); }
FLIPT_REPLACED void operator delete[](void* p) noexcept { std::free(p); }
FLIPT_REPLACED void operator delete(void* p, std::size_t) noexcept { std::free(p); }
FLIPT_REPLACED void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
FLIPT_REPLACED void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
FLIPT_REPLACED void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

TEST_CASE("no evaluation allocates")
{
    std::ifstream file(std::string(FLIPT_TEST_DATA) + "/conformance/v2.snapshot.json");
    std::stringstream text;
    text << file.rdbuf();
    const auto before_parse = allocations;
    const auto parsed = flipt::snapshot::parse(text.str());
    CHECK(allocations > before_parse); // the counter counts
    REQUIRE(parsed.ok());
    const flipt::snapshot& s = *parsed;

    std::map<std::string, std::string> few{{"region", "eu"},
                                           {"age", "1.5e3"},
                                           {"level", "0x1p-1074"},
                                           {"until", "2025-01-01T00:00:00Z"},
                                           {"name", std::string(100, 'x') + "\u3000"},
                                           {"score", std::string(500, '1') + "e-300"},
                                           {"beta", "true"}};
    auto many = few;
    for (int i = 0; i < 100; ++i)
        many["a-key-longer-than-the-small-string-buffer-" + std::to_string(i)] = "x";
    const flipt::context prepared(few);
    std::vector<flipt::flag_result> results(s.flags().size());
    flipt::batch_request batch;
    for (const auto flag : s.flags())
        batch.add(flipt::evaluation_request(flag.key, "e").with("region", "eu"));
    const std::string entity(60, 'e');

    std::size_t answered = 0;
    const auto before = allocations;
    for (const auto flag : s.flags()) {
        answered += s.evaluate_boolean(flag.key, entity, few).ok() ? 1U : 0U;
        answered += s.evaluate_variant(flag.key, entity, few).ok() ? 1U : 0U;
        answered += s.evaluate_boolean(flag.key, entity, many).ok() ? 1U : 0U;
        answered += s.evaluate_variant(flag.key, entity, many).segment_keys.size();
        answered += s.evaluate_variant(flag.key, entity, prepared).variant_attachment.size();
        answered += s.find(flag.key).evaluate_boolean(entity, {{"region", "eu"}}).ok() ? 1U : 0U;
    }
    answered += s.evaluate_boolean("missing", entity, few).ok() ? 1U : 0U;
    s.evaluate_all(entity, many, [&](const flipt::flag_result& r) { answered += r.enabled ? 1U : 0U; });
    answered += s.evaluate_all(entity, few, results);
    const auto failed = s.evaluate_batch(
        batch.requests, [&](std::size_t, const flipt::flag_result& r) { answered += r.ok() ? 1U : 0U; });
    const auto after = allocations;
    CHECK(after == before);
    CHECK(answered > 400);
    CHECK_FALSE(failed);
}

} // namespace
