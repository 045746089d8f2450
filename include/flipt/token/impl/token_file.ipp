// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/token_file.hpp.
#pragma once

#include "flipt/detail/later.hpp"
#include "flipt/token/generation.hpp"
#include "flipt/token/token_file.hpp"
#include "flipt/types/error.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <sys/types.h>
#include <system_error>
#if !defined(_WIN32)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace flipt::inline v0::detail {

[[noreturn]] inline void raise_token_file(const std::string& path, std::string_view reason)
{
    diagnostics words;
    words.set_detail("the token file " + path + " cannot be used: " + std::string(reason));
    throw error(make_error_code(errc::invalid_token), words);
}

#if defined(_WIN32)
using file_status = struct _stat64;
inline bool status_of(const std::string& path, file_status& status) noexcept
{
    return ::_stat64(path.c_str(), &status) == 0;
}
#else
using file_status = struct ::stat;
inline bool status_of(const std::string& path, file_status& status) noexcept
{
    return ::stat(path.c_str(), &status) == 0;
}
#endif

[[nodiscard]] inline bool is_regular(const file_status& status) noexcept
{
#if defined(_WIN32)
    return (status.st_mode & _S_IFMT) == _S_IFREG;
#else
    return S_ISREG(status.st_mode);
#endif
}

[[nodiscard]] inline file_stamp stamp_of(const file_status& status) noexcept
{
    file_stamp stamp;
    stamp.inode = static_cast<std::uint64_t>(status.st_ino);
    stamp.size = static_cast<std::uint64_t>(status.st_size);
    std::int64_t seconds = static_cast<std::int64_t>(status.st_mtime);
    std::int64_t nanoseconds = 0;
#if defined(__APPLE__)
    nanoseconds = static_cast<std::int64_t>(status.st_mtimespec.tv_nsec);
#elif !defined(_WIN32)
    nanoseconds = static_cast<std::int64_t>(status.st_mtim.tv_nsec);
#endif
    // File systems count time in steps of up to two seconds: a second write in one step leaves the time as it is.
    constexpr std::int64_t coarsest = 3;
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    stamp.recent = now.count() - seconds < coarsest;
    constexpr std::int64_t limit = 9'000'000'000;
    stamp.modified = std::clamp(seconds, -limit, limit) * 1'000'000'000 + nanoseconds;
    return stamp;
}

// An open file; not a FILE, which would keep a copy of the token in its buffer.
class small_file {
public:
    explicit small_file(const std::string& path) noexcept
    {
#if defined(_WIN32)
        file_ = std::fopen(path.c_str(), "rb");
        if (file_ != nullptr)
            std::setvbuf(file_, nullptr, _IONBF, 0);
#else
        do // not blocked by a pipe that has no writer
            file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        while (file_ < 0 && errno == EINTR);
#endif
    }
    small_file(const small_file&) = delete;
    small_file& operator=(const small_file&) = delete;

#if defined(_WIN32)
    ~small_file()
    {
        if (file_ != nullptr)
            std::fclose(file_);
    }
    [[nodiscard]] bool is_open() const noexcept { return file_ != nullptr; }
    bool status(file_status& out) const noexcept { return ::_fstat64(::_fileno(file_), &out) == 0; }
    // Bytes read, 0 at the end, -1 with errno.
    std::ptrdiff_t read(char* to, std::size_t room) const noexcept
    {
        const std::size_t n = std::fread(to, 1, room, file_);
        return n == 0 && std::ferror(file_) != 0 ? -1 : static_cast<std::ptrdiff_t>(n);
    }

private:
    std::FILE* file_ = nullptr;
#else
    ~small_file()
    {
        if (file_ >= 0)
            ::close(file_);
    }
    [[nodiscard]] bool is_open() const noexcept { return file_ >= 0; }
    bool status(file_status& out) const noexcept { return ::fstat(file_, &out) == 0; }
    // Bytes read, 0 at the end, -1 with errno.
    std::ptrdiff_t read(char* to, std::size_t room) const noexcept
    {
        ::ssize_t n;
        do
            n = ::read(file_, to, room);
        while (n < 0 && errno == EINTR);
        return n;
    }

private:
    int file_ = -1;
#endif
};

FLIPT_DECL secret read_token_file(const std::string& path, file_stamp& stamp)
{
    const auto raise_errno = [&](int code) { raise_token_file(path, std::generic_category().message(code)); };
    if (path.find('\0') != std::string::npos)
        raise_token_file("", "its name holds a NUL");
    small_file file(path);
    if (!file.is_open())
        raise_errno(errno);
    file_status status{};
    if (!file.status(status))
        raise_errno(errno);
    if (!is_regular(status))
        raise_token_file(path, "it is no regular file");
    // Of before the read: a change during the read shows at the next look.
    stamp = stamp_of(status);

    constexpr std::size_t room = max_token_size + 64; // for white space behind the token
    struct wiped_buffer {
        std::unique_ptr<char[]> bytes{new char[room + 1]};
        ~wiped_buffer() { OPENSSL_cleanse(bytes.get(), room + 1); }
    } const buffer;
    std::size_t size = 0;
    for (;;) {
        const std::ptrdiff_t n = file.read(buffer.bytes.get() + size, room + 1 - size);
        if (n < 0)
            raise_errno(errno);
        if (n == 0)
            break;
        size += static_cast<std::size_t>(n);
        if (size > room)
            raise_token_file(path, "it is larger than 16 KiB");
    }
    std::string_view text(buffer.bytes.get(), size);
    text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
    if (text.empty())
        raise_token_file(path, "it is empty");
    if (!is_header_value(text))
        raise_token_file(path, text.size() > max_token_size ? "it is larger than 16 KiB"
                                                            : "it has bytes that cannot stand in a header field");
    return secret(text);
}

FLIPT_DECL std::uint64_t file_token::version()
{
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_check_)
        check(now);
    if (!failure_.empty())
        raise();
    return version_;
}

FLIPT_DECL std::string_view file_token::token()
{
    if (version_ == 0 || !failure_.empty())
        (void)version();
    return token_.view();
}

FLIPT_DECL bool file_token::invalidate()
{
    const std::uint64_t before = version_;
    stamp_ = file_stamp();
    check(std::chrono::steady_clock::now());
    return failure_.empty() && version_ != before;
}

FLIPT_DECL void file_token::check(std::chrono::steady_clock::time_point now)
{
    next_check_ = later(now, check_interval_);
    if (version_ != 0 && failure_.empty() && !stamp_.recent) {
        file_status status{};
        if (status_of(path_, status) && stamp_of(status) == stamp_)
            return;
    }
    try {
        file_stamp stamp;
        secret fresh = read_token_file(path_, stamp);
        failure_.clear();
        stamp_ = stamp;
        if (version_ != 0 && fresh == token_)
            return;
        token_ = std::move(fresh);
        version_ = next_token_generation();
    } catch (const error& e) {
        failure_ = e.details().detail();
    }
}

FLIPT_DECL void file_token::raise() const
{
    diagnostics words;
    words.set_detail(failure_);
    throw error(make_error_code(errc::invalid_token), words);
}

} // namespace flipt::inline v0::detail
