// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bytes that are wiped when they are no longer needed, and the test whether they may stand in a header field.
#pragma once

#include <openssl/crypto.h>

#include <cstddef>
#include <cstring>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0 {

namespace detail {

// Wipes all memory of `text`, the inline buffer and the unused capacity included, and leaves it empty. The resize
// reallocates nothing; it makes the unused bytes part of the string, as checked libraries demand before a write.
inline void wipe(std::string& text) noexcept
{
    text.resize(text.capacity());
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

// Wipes a text at the end of a scope.
struct wiper {
    std::string& text;
    ~wiper() { wipe(text); }
};

} // namespace detail

/// A token or another piece of text that must not leak: it cannot be printed, is copied only by name, and its bytes
/// are overwritten with OPENSSL_cleanse when it is destroyed, assigned to or moved from. Distinct objects are safe to
/// use from different threads; one object is not.
class secret {
public:
    /// Holds nothing.
    secret() noexcept = default;

    /// Copies `bytes`. The original stays the caller's to wipe; see take().
    explicit secret(std::string_view bytes) : size_(bytes.size())
    {
        if (size_ == 0)
            return;
        bytes_.reset(new char[size_]);
        std::memcpy(bytes_.get(), bytes.data(), size_);
    }

    /// Takes the content of `text` and wipes `text`, also when memory runs out (std::bad_alloc).
    [[nodiscard]] static secret take(std::string&& text)
    {
        const detail::wiper guard{text};
        return secret(std::string_view(text));
    }

    secret(const secret&) = delete;
    secret& operator=(const secret&) = delete;
    secret(secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
    secret& operator=(secret&& other) noexcept
    {
        if (this != &other) {
            clear();
            bytes_ = std::move(other.bytes_);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~secret() { clear(); }

    /// The one way to copy.
    [[nodiscard]] secret copy() const { return secret(view()); }

    /// The bytes; valid until this object is changed or destroyed.
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    /// Wipes and gives back the memory.
    void clear() noexcept
    {
        if (bytes_)
            OPENSSL_cleanse(bytes_.get(), size_);
        bytes_.reset();
        size_ = 0;
    }

    /// Whether both hold the same bytes, in a time that depends only on the sizes.
    [[nodiscard]] friend bool operator==(const secret& a, const secret& b) noexcept
    {
        return a.size_ == b.size_ && (a.size_ == 0 || CRYPTO_memcmp(a.bytes_.get(), b.bytes_.get(), a.size_) == 0);
    }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

/// Secrets are not printed. Who must, says `view()` and answers for it.
std::ostream& operator<<(std::ostream&, const secret&) = delete;

/// The longest token that is sent, bytes. Flipt's own limit on a whole request head is larger.
inline constexpr std::size_t max_token_size = 16 * 1024;

/// Whether `bytes` may be the value of a header field here: not empty, at most max_token_size, visible ASCII and inner
/// spaces only. Narrower than RFC 9110 5.5, which has room for tabs and bytes above 0x7f that no token needs.
[[nodiscard]] inline bool is_header_value(std::string_view bytes) noexcept
{
    if (bytes.empty() || bytes.size() > max_token_size || bytes.front() == ' ' || bytes.back() == ' ')
        return false;
    for (const char c : bytes) {
        if (c < 0x20 || c > 0x7e)
            return false;
    }
    return true;
}

namespace detail {

// Whether `text` can name an authentication scheme: a token of RFC 9110 5.6.2.
[[nodiscard]] inline bool is_scheme_name(std::string_view text) noexcept
{
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && marks.find(c) == std::string_view::npos)
            return false;
    }
    return !text.empty() && text.size() <= 64;
}

} // namespace detail

} // namespace flipt::inline v0
