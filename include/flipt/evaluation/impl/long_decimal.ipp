// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A decimal number of many digits that can be halved and doubled exactly.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace flipt::inline v0::detail {

constexpr char lower_ascii(char c) noexcept { return static_cast<char>(c | 0x20); }
constexpr bool is_decimal_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_hex_letter(char c) noexcept { return lower_ascii(c) >= 'a' && lower_ascii(c) <= 'f'; }

inline int read_exponent(std::string_view s, std::size_t& i, bool& underscores, bool& ok) noexcept
{
    ok = false;
    if (i >= s.size())
        return 0;
    int sign = 1;
    if (s[i] == '+' || s[i] == '-') {
        sign = s[i] == '-' ? -1 : 1;
        ++i;
    }
    if (i >= s.size() || !is_decimal_digit(s[i]))
        return 0;
    int e = 0;
    for (; i < s.size() && (is_decimal_digit(s[i]) || s[i] == '_'); ++i) {
        if (s[i] == '_')
            underscores = true;
        else if (e < 10000) // as Go: a larger one only has to be large
            e = e * 10 + (s[i] - '0');
    }
    ok = true;
    return e * sign;
}

// A decimal number of up to 800 digits that can be multiplied and divided by powers of two; what is cut off is
// remembered in `truncated`, which is enough to round right.
class long_decimal {
public:
    explicit long_decimal(std::string_view s) noexcept
    {
        std::size_t i = s[0] == '+' || s[0] == '-' ? 1 : 0;
        bool dot = false;
        std::int64_t point = 0;
        for (; i < s.size(); ++i) {
            const char c = s[i];
            if (c == '_')
                continue;
            if (c == '.') {
                dot = true;
                point = count_ + extra_;
                continue;
            }
            if (!is_decimal_digit(c))
                break;
            if (c == '0' && count_ == 0) {
                --point;
                continue;
            }
            if (count_ < capacity) {
                digits_[count_++] = static_cast<unsigned char>(c - '0');
            } else {
                ++extra_;
                truncated_ = truncated_ || c != '0';
            }
        }
        if (!dot)
            point = count_ + extra_;
        if (i < s.size()) {
            bool underscores = false;
            bool ok = false;
            point += read_exponent(s, ++i, underscores, ok);
        }
        constexpr std::int64_t bound = 1'000'000'000;
        point_ = static_cast<int>(point < -bound ? -bound : (point > bound ? bound : point));
        trim();
    }

    [[nodiscard]] bool zero() const noexcept { return count_ == 0; }
    [[nodiscard]] int point() const noexcept { return point_; }
    [[nodiscard]] unsigned first() const noexcept { return digits_[0]; }

    // Multiplies by 2^k (divides for k < 0).
    void shift(int k) noexcept
    {
        for (; k > step; k -= step)
            left(step);
        for (; k < -step; k += step)
            right(step);
        if (k > 0)
            left(k);
        else if (k < 0)
            right(-k);
    }

    [[nodiscard]] std::uint64_t rounded_integer() const noexcept
    {
        if (point_ > 20)
            return std::numeric_limits<std::uint64_t>::max();
        std::uint64_t n = 0;
        int i = 0;
        for (; i < point_ && i < count_; ++i)
            n = n * 10 + digits_[i];
        for (; i < point_; ++i)
            n *= 10;
        return round_up(point_) ? n + 1 : n;
    }

private:
    static constexpr int capacity = 800;
    static constexpr int step = 59; // 10 * 2^59 and 9 << 59 plus carry fit 64 bits

    [[nodiscard]] bool round_up(int at) const noexcept
    {
        if (at < 0 || at >= count_)
            return false;
        if (digits_[at] == 5 && at + 1 == count_) { // exactly half: to even, unless something was cut off
            if (truncated_)
                return true;
            return at > 0 && digits_[at - 1] % 2 != 0;
        }
        return digits_[at] >= 5;
    }

    void trim() noexcept
    {
        while (count_ > 0 && digits_[count_ - 1] == 0)
            --count_;
        if (count_ == 0)
            point_ = 0;
    }

    void right(int k) noexcept
    {
        int read = 0;
        int write = 0;
        std::uint64_t n = 0;
        for (; n >> k == 0; ++read) {
            if (read >= count_) {
                if (n == 0) {
                    count_ = 0;
                    return;
                }
                while (n >> k == 0) {
                    n *= 10;
                    ++read;
                }
                break;
            }
            n = n * 10 + digits_[read];
        }
        point_ -= read - 1;
        const std::uint64_t mask = (std::uint64_t{1} << k) - 1;
        for (; read < count_; ++read) {
            digits_[write++] = static_cast<unsigned char>(n >> k);
            n = (n & mask) * 10 + digits_[read];
        }
        while (n > 0) {
            const auto digit = static_cast<unsigned char>(n >> k);
            n &= mask;
            if (write < capacity)
                digits_[write++] = digit;
            else if (digit > 0)
                truncated_ = true;
            n *= 10;
        }
        count_ = write;
        trim();
    }

    void left(int k) noexcept
    {
        // From the least digit up, into room for the 18 digits that 2^59 can add.
        constexpr int room = 19;
        unsigned char grown[capacity + room];
        int write = count_ + room;
        std::uint64_t carry = 0;
        for (int read = count_ - 1; read >= 0; --read) {
            carry += std::uint64_t{digits_[read]} << k;
            grown[--write] = static_cast<unsigned char>(carry % 10);
            carry /= 10;
        }
        while (carry > 0) {
            grown[--write] = static_cast<unsigned char>(carry % 10);
            carry /= 10;
        }
        const int total = count_ + room - write;
        point_ += total - count_;
        count_ = total < capacity ? total : capacity;
        for (int i = count_; i < total; ++i)
            truncated_ = truncated_ || grown[write + i] != 0;
        std::memcpy(digits_, grown + write, static_cast<std::size_t>(count_));
        trim();
    }

    unsigned char digits_[capacity];
    int count_ = 0;
    int point_ = 0;
    std::int64_t extra_ = 0;
    bool truncated_ = false;
};

} // namespace flipt::inline v0::detail
