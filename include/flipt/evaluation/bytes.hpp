// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Comparing and hashing short texts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace flipt::inline v0::detail {

template <class Word>
[[nodiscard]] inline Word load(const char* p) noexcept
{
    Word w;
    std::memcpy(&w, p, sizeof w);
    return w;
}

// Equality of `n` bytes each, without a call for the short ones.
[[nodiscard, gnu::always_inline]] inline bool same_bytes(const char* a, const char* b, std::size_t n) noexcept
{
    if (n > 16)
        return std::memcmp(a, b, n) == 0;
    if (n >= 8)
        return ((load<std::uint64_t>(a) ^ load<std::uint64_t>(b)) |
                (load<std::uint64_t>(a + n - 8) ^ load<std::uint64_t>(b + n - 8))) == 0;
    if (n >= 4)
        return ((load<std::uint32_t>(a) ^ load<std::uint32_t>(b)) |
                (load<std::uint32_t>(a + n - 4) ^ load<std::uint32_t>(b + n - 4))) == 0;
    if (n == 0)
        return true;
    return a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1];
}

[[nodiscard]] inline bool same(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && same_bytes(a.data(), b.data(), a.size());
}

[[nodiscard]] inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept
{
#if defined(__SIZEOF_INT128__)
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
    a = (a ^ (a >> 32)) * 0x9E3779B97F4A7C15U;
    b = (b ^ (b >> 29)) * 0xBF58476D1CE4E5B9U;
    a ^= b + (a << 6) + (a >> 2);
    return a ^ (a >> 31);
#endif
}

inline constexpr std::uint64_t hash_seed = 0xA0761D6478BD642FU;
inline constexpr std::uint64_t hash_step = 0xE7037ED1A0B428DBU;

// Of up to sixteen bytes, after what came before them.
[[nodiscard, gnu::always_inline]] inline std::uint64_t hash_rest(const char* p, std::size_t n, std::uint64_t h) noexcept
{
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    if (n >= 8) {
        a = load<std::uint64_t>(p);
        b = load<std::uint64_t>(p + n - 8);
    } else if (n >= 4) {
        a = load<std::uint32_t>(p);
        b = load<std::uint32_t>(p + n - 4);
    } else if (n > 0) {
        a = static_cast<std::uint64_t>(static_cast<unsigned char>(p[0])) << 16 |
            static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 |
            static_cast<unsigned char>(p[n - 1]);
    }
    // The second one spreads what names that are counted up leave together.
    return mix(mix(a ^ hash_step, b ^ h) ^ hash_seed, hash_step);
}

[[nodiscard, gnu::noinline]] inline std::uint64_t hash_long(std::string_view s) noexcept
{
    const char* p = s.data();
    std::size_t n = s.size();
    std::uint64_t h = hash_seed ^ n;
    for (; n > 16; n -= 16, p += 16)
        h = mix(load<std::uint64_t>(p) ^ hash_step, load<std::uint64_t>(p + 8) ^ h);
    return hash_rest(p, n, h);
}

// A hash of the text (multiply and fold, twice at the end, as wyhash does). Texts can be chosen to collide: who inserts
// counts the steps.
[[nodiscard]] inline std::uint64_t hash_bytes(std::string_view s) noexcept
{
    return s.size() > 16 ? hash_long(s) : hash_rest(s.data(), s.size(), hash_seed ^ s.size());
}

// What a key is looked up by: its bytes when there are no more than eight, else a hash. Keys of one word and one size
// up to eight are equal.
[[nodiscard]] inline std::uint64_t key_word(std::string_view key) noexcept
{
    const char* const p = key.data();
    const std::size_t n = key.size();
    if (n > 8)
        return hash_bytes(key);
    if (n >= 4)
        return load<std::uint32_t>(p) | std::uint64_t{load<std::uint32_t>(p + n - 4)} << 32;
    if (n == 0)
        return 0;
    return static_cast<std::uint64_t>(static_cast<unsigned char>(p[0])) << 16 |
           static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 | static_cast<unsigned char>(p[n - 1]);
}

[[nodiscard]] inline bool same_key(std::uint64_t word, std::uint64_t other_word, const char* key, const char* other,
                                   std::size_t size) noexcept
{
    return word == other_word && (size <= 8 || same_bytes(key, other, size));
}

} // namespace flipt::inline v0::detail
