// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a secret leaves behind, and what may stand in a header field.
#include "flipt/token/issued_token.hpp"
#include "flipt/token/secret.hpp"

#include "freed_memory.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <ostream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

std::atomic<const char*> needle_text{nullptr};
std::atomic<std::size_t> needle_size{0};
std::atomic<int> needle_hits{0};

void look_and_free(void* block) noexcept
{
    const char* needle = needle_text.load();
    if (block != nullptr && needle != nullptr &&
        token_test::holds(block, malloc_usable_size(block), {needle, needle_size.load()}))
        ++needle_hits;
    std::free(block);
}

void* allocate(std::size_t size)
{
    if (void* block = std::malloc(size == 0 ? 1 : size))
        return block;
    throw std::bad_alloc();
}

} // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void operator delete(void* block) noexcept { look_and_free(block); }
void operator delete[](void* block) noexcept { look_and_free(block); }
void operator delete(void* block, std::size_t) noexcept { look_and_free(block); }
void operator delete[](void* block, std::size_t) noexcept { look_and_free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { look_and_free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { look_and_free(block); }

namespace token_test {

freed_memory_watch::freed_memory_watch(std::string_view needle) noexcept
{
    needle_hits = 0;
    needle_size = needle.size();
    needle_text = needle.data();
}
freed_memory_watch::~freed_memory_watch() { needle_text = nullptr; }
int freed_memory_watch::hits() const noexcept { return needle_hits.load(); }

[[gnu::noinline]] bool holds(const void* bytes, unsigned long size, std::string_view needle) noexcept
{
    return memmem(bytes, size, needle.data(), needle.size()) != nullptr;
}

} // namespace token_test

namespace {

using flipt::is_header_value;
using flipt::secret;
using token_test::freed_memory_watch;

constexpr std::string_view long_text = "a-secret-of-many-bytes-that-no-small-string-holds-0123456789";

template <class T>
concept printable = requires(std::ostream& out, const T& value) { out << value; };

static_assert(!std::is_copy_constructible_v<secret> && !std::is_copy_assignable_v<secret>);
static_assert(std::is_nothrow_move_constructible_v<secret> && std::is_nothrow_move_assignable_v<secret>);
static_assert(!printable<secret> && printable<std::string>);
static_assert(!std::is_convertible_v<secret, std::string> && !std::is_convertible_v<secret, std::string_view>);
static_assert(!std::is_constructible_v<std::string, secret> && !std::is_constructible_v<std::string_view, secret>);
static_assert(!std::is_convertible_v<std::string_view, secret>);
static_assert(!std::is_aggregate_v<secret> && !std::is_aggregate_v<flipt::issued_token>);

TEST_CASE("the watch sees what a plain string leaves")
{
    const freed_memory_watch watch(long_text);
    {
        const std::string plain(long_text);
        CHECK(plain.size() == long_text.size());
    }
    CHECK(watch.hits() == 1);
}

TEST_CASE("a secret is wiped when it ends, is cleared, assigned to or moved")
{
    const freed_memory_watch watch(long_text);
    {
        secret ended(long_text);
        secret cleared(long_text);
        cleared.clear();
        CHECK(cleared.empty());
        CHECK(cleared.view().empty());
        secret assigned(long_text);
        assigned = secret("other");
        CHECK(assigned.view() == "other");
        secret moved(long_text);
        const secret target(std::move(moved));
        CHECK(target.view() == long_text);
        CHECK(moved.empty()); // NOLINT: what a moved-from secret holds is promised
        const secret copied = target.copy();
        CHECK((copied == target));
        std::vector<secret> many;
        for (int i = 0; i < 20; ++i)
            many.emplace_back(long_text);
    }
    CHECK(watch.hits() == 0);
}

TEST_CASE("assigning a secret to itself keeps it")
{
    secret one("token");
    secret& same = one;
    one = std::move(same);
    CHECK(one.view() == "token");
}

TEST_CASE("taking a string wipes it, also one within its object and its unused capacity")
{
    const freed_memory_watch watch(long_text);
    {
        std::string text;
        text.reserve(500);
        text = long_text;
        const secret held = secret::take(std::move(text));
        CHECK(held.view() == long_text);
        CHECK(text.empty()); // NOLINT: take() promises it
    }
    {
        std::string shrunk(long_text);
        shrunk.resize(3); // the rest stays in the capacity
        const secret held = secret::take(std::move(shrunk));
        CHECK(held.view() == long_text.substr(0, 3));
    }
    CHECK(watch.hits() == 0);

    alignas(std::string) unsigned char memory[sizeof(std::string)];
    auto* small = new (memory) std::string("tiny-secret");
    const secret held = secret::take(std::move(*small));
    CHECK(held.view() == "tiny-secret");
    CHECK_FALSE(token_test::holds(memory, sizeof memory, "tiny-secret"));
    CHECK_FALSE(token_test::holds(memory, sizeof memory, "secre"));
    small->~basic_string();
}

TEST_CASE("secrets compare by their bytes")
{
    CHECK((secret("a") == secret("a")));
    CHECK_FALSE((secret("a") == secret("b")));
    CHECK_FALSE((secret("a") == secret("aa")));
    CHECK((secret() == secret(std::string_view())));
    CHECK_FALSE((secret() == secret("a")));
}

TEST_CASE("what may stand in a header field")
{
    CHECK(is_header_value("a"));
    CHECK(is_header_value("eyJhbGciOi.J9-_.x~+/="));
    CHECK(is_header_value("inner space"));
    CHECK(is_header_value(std::string(flipt::max_token_size, 'x')));
    const std::string refused[] = {"",
                                   " ",
                                   " a",
                                   "a ",
                                   "a\r\nX: y",
                                   "a\n",
                                   "\ra",
                                   std::string("a\0b", 3),
                                   "a\tb",
                                   "a\x7f",
                                   "a\x80",
                                   "\xc3\xa9",
                                   "\xff",
                                   std::string("\x01", 1),
                                   std::string(flipt::max_token_size + 1, 'x')};
    for (const std::string& text : refused) {
        CAPTURE(text.substr(0, 20));
        CHECK_FALSE(is_header_value(text));
    }
    for (int c = 0; c < 256; ++c) {
        const std::string text{'a', static_cast<char>(c), 'b'};
        CAPTURE(c);
        CHECK(is_header_value(text) == (c >= 0x20 && c <= 0x7e));
    }
}

} // namespace
