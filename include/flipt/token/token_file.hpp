// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Policies for a token in a file that somebody else replaces: mounted secrets.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/token/secret.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0 {
namespace detail {

// What tells one state of a file from another.
struct file_stamp {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::int64_t modified = 0; // nanoseconds since some epoch of the file system's
    bool recent = true;        // changed so lately that a further change may not show in the time
    bool operator==(const file_stamp& other) const noexcept
    {
        return inode == other.inode && size == other.size && modified == other.modified;
    }
};

// Blocking, of a regular file of at most max_token_size; white space at the end is cut off. Throws flipt::error
// (invalid_token) with the path and the reason, never with the content.
[[nodiscard]] FLIPT_DECL secret read_token_file(const std::string& path, file_stamp& stamp);

class file_token {
public:
    /// Reads nothing yet. The file is looked at no more often than every `check_interval`.
    explicit file_token(std::string path, std::chrono::steady_clock::duration check_interval = std::chrono::seconds(1))
        : path_(std::move(path)), check_interval_(check_interval)
    {}

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// For the client. Looks at the file when that is due; changes when the token does. Throws flipt::error
    /// (invalid_token), whose text names the path.
    [[nodiscard]] FLIPT_DECL std::uint64_t version();
    /// For the client: the token as last read.
    [[nodiscard]] FLIPT_DECL std::string_view token();
    /// For the client: reads the file now; true if the token changed.
    [[nodiscard]] FLIPT_DECL bool invalidate();

private:
    FLIPT_DECL void check(std::chrono::steady_clock::time_point now);
    [[noreturn]] FLIPT_DECL void raise() const;

    std::string path_;
    std::chrono::steady_clock::duration check_interval_;
    std::chrono::steady_clock::time_point next_check_ = std::chrono::steady_clock::time_point::min();
    secret token_;
    file_stamp stamp_;
    std::string failure_;       // not empty: the last look at the file failed
    std::uint64_t version_ = 0; // 0: not read yet; else no other token has it
};

} // namespace detail

/// A JWT in a file, read again when the file changes (looked at once a second at most, and after a 401): the way to use
/// mounted secrets. A line break at its end is no part of it. The read blocks, but is of one small regular file; while
/// the file cannot be read calls fail with invalid_token and a text that names it. Movable; one thread at a time.
class jwt_file : public detail::file_token {
public:
    static constexpr std::string_view scheme = "JWT";
    using file_token::file_token;
};

/// The same for a client token: `Authorization: Bearer <token>`.
class token_file : public detail::file_token {
public:
    static constexpr std::string_view scheme = "Bearer";
    using file_token::file_token;
};

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/token/impl/token_file.ipp"
#endif
