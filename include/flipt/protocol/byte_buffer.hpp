// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A growing run of bytes that is wiped when it grows, shrinks away or ends: requests hold tokens.
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace flipt::inline v0::detail {

/// Not a std::string: growth wipes the old bytes, nothing is zero-filled, and `padding` bytes behind size() may always
/// be read (simdjson asks for them). Moved-from is empty.
class byte_buffer {
public:
    static constexpr std::size_t padding = 64;

    byte_buffer() = default;
    byte_buffer(byte_buffer&& other) noexcept
        : data_(std::move(other.data_)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0))
    {}
    byte_buffer& operator=(byte_buffer&& other) noexcept
    {
        if (this != &other) {
            release();
            data_ = std::move(other.data_);
            size_ = std::exchange(other.size_, 0);
            capacity_ = std::exchange(other.capacity_, 0);
        }
        return *this;
    }
    ~byte_buffer() { wipe(); }

    [[nodiscard]] char* data() noexcept { return data_.get(); }
    [[nodiscard]] const char* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t room() const noexcept { return capacity_ - size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::string_view view() const noexcept { return {data_.get(), size_}; }

    void clear() noexcept { size_ = 0; }

    /// Space for `n` more bytes behind size(), unwritten. Grows by at least half.
    char* prepare(std::size_t n)
    {
        if (n > capacity_ - size_)
            grow(size_ + n);
        return data_.get() + size_;
    }
    /// Counts `n` bytes written behind size() as part of the buffer.
    void commit(std::size_t n) noexcept { size_ += n; }

    void append(std::string_view text)
    {
        if (text.empty())
            return;
        std::memcpy(prepare(text.size()), text.data(), text.size());
        size_ += text.size();
    }
    void push_back(char c)
    {
        *prepare(1) = c;
        ++size_;
    }

    /// Keeps only the first `n` bytes.
    void truncate(std::size_t n) noexcept { size_ = std::min(size_, n); }

    /// Wipes and gives back the memory.
    void release() noexcept
    {
        wipe();
        data_.reset();
        size_ = capacity_ = 0;
    }

private:
    void wipe() noexcept
    {
        if (data_)
            OPENSSL_cleanse(data_.get(), capacity_);
    }
    void grow(std::size_t least)
    {
        const std::size_t bytes = std::max({least, capacity_ + capacity_ / 2, std::size_t{1024}});
        std::unique_ptr<char[]> fresh(new char[bytes + padding]);
        std::memset(fresh.get() + bytes, 0, padding);
        if (size_ != 0)
            std::memcpy(fresh.get(), data_.get(), size_);
        wipe();
        data_ = std::move(fresh);
        capacity_ = bytes;
    }

    std::unique_ptr<char[]> data_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace flipt::inline v0::detail
