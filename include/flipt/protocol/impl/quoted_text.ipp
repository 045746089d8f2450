// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Keys and words of a JSON document compared in place.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace flipt::inline v0::detail {

// A text known at compile time with the closing quote behind it, as words to compare.
template <std::size_t Size>
struct known_text {
    consteval known_text(const char (&text)[Size]) // implicit: stands as a template argument
    {
        for (std::size_t i = 0; i != words.size(); ++i) {
            const std::size_t from = offset(i);
            std::array<char, 8> bytes{};
            for (std::size_t j = 0; j != 8 && from + j != Size; ++j)
                bytes[j] = from + j == Size - 1 ? '"' : text[from + j];
            words[i] = std::bit_cast<std::uint64_t>(bytes);
        }
        std::array<unsigned char, 8> bytes{};
        for (std::size_t i = 0; i != 8 && i != Size; ++i)
            bytes[i] = 0xff;
        mask = std::bit_cast<std::uint64_t>(bytes);
    }
    // Of a word; the last one overlaps the one before.
    static constexpr std::size_t offset(std::size_t word) noexcept
    {
        return Size > 8 && word * 8 + 8 > Size ? Size - 8 : word * 8;
    }

    std::array<std::uint64_t, (Size + 7) / 8> words{};
    std::uint64_t mask = 0; // of the first word
};

// What stands behind the opening quote of a string. It is compared with what is known as it is written, with the
// closing quote, so that nobody needs to look for its end first; as many bytes as the known text has, and 8, can be
// read.
class quoted_text {
public:
    explicit quoted_text(const char* at, bool unescaped = false) noexcept : at_(at), unescaped_(unescaped)
    {
        std::memcpy(&first_, at, 8);
    }

    template <known_text Known>
    [[nodiscard]] bool is() const noexcept
    {
        if (((first_ ^ Known.words[0]) & Known.mask) != 0)
            return false;
        std::uint64_t differences = 0;
        for (std::size_t i = 1; i != Known.words.size(); ++i) {
            std::uint64_t bytes;
            std::memcpy(&bytes, at_ + Known.offset(i), 8);
            differences |= bytes ^ Known.words[i];
        }
        return differences == 0;
    }

    [[nodiscard]] const char* data() const noexcept { return at_; }
    // This is what escapes spelled.
    [[nodiscard]] bool unescaped() const noexcept { return unescaped_; }

private:
    const char* at_;
    std::uint64_t first_ = 0;
    bool unescaped_;
};

} // namespace flipt::inline v0::detail
