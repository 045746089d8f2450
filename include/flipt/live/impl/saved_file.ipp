// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/saved_file.hpp.
#pragma once

#include "flipt/detail/random.hpp"
#include "flipt/evaluation/crc32.hpp"
#include "flipt/live/saved_file.hpp"
#include "flipt/protocol/percent.hpp"
#include "flipt/types/error.hpp"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>

#if defined(_WIN32)
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace flipt::inline v0::detail {

inline constexpr std::string_view saved_magic = "flipt-cpp snapshot 1\n";

FLIPT_DECL std::string format_saved(const saved_snapshot& s)
{
    std::string out(saved_magic);
    out.reserve(s.json.size() + 256);
    const auto line = [&out](std::string_view name, std::string_view value) {
        out += name;
        out += ' ';
        append_percent_encoded(out, value);
        out += '\n';
    };
    line("server", s.server == server_version::v1 ? "v1" : "v2");
    line("environment", s.environment_key);
    line("namespace", s.namespace_key);
    line("etag", s.etag);
    line("size", std::to_string(s.json.size()));
    line("crc32", std::to_string(crc32(s.json)));
    out += '\n';
    out += s.json;
    return out;
}

FLIPT_DECL bool is_saved(std::string_view bytes) noexcept { return bytes.substr(0, saved_magic.size()) == saved_magic; }

/// The value of the next line, which must be `name value`, percent-decoded; unset if it is not.
inline std::optional<std::string> take_saved_line(std::string_view& bytes, std::string_view name)
{
    const auto end = bytes.find('\n');
    if (end == bytes.npos || end < name.size() + 1 || bytes.substr(0, name.size()) != name || bytes[name.size()] != ' ')
        return std::nullopt;
    const std::string_view value = bytes.substr(name.size() + 1, end - name.size() - 1);
    bytes.remove_prefix(end + 1);
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '%') {
            out += value[i];
            continue;
        }
        unsigned byte = 0;
        if (value.size() - i < 3)
            return std::nullopt;
        const auto [last, ec] = std::from_chars(value.data() + i + 1, value.data() + i + 3, byte, 16);
        if (ec != std::errc() || last != value.data() + i + 3)
            return std::nullopt;
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

FLIPT_DECL std::error_code parse_saved(std::string_view bytes, saved_snapshot& out)
{
    if (!is_saved(bytes))
        return errc::invalid_snapshot;
    bytes.remove_prefix(saved_magic.size());
    auto server = take_saved_line(bytes, "server");
    auto environment = take_saved_line(bytes, "environment");
    auto name_space = take_saved_line(bytes, "namespace");
    auto etag = take_saved_line(bytes, "etag");
    const auto size = take_saved_line(bytes, "size");
    const auto crc = take_saved_line(bytes, "crc32");
    if (!server || !environment || !name_space || !etag || !size || !crc || bytes.empty() || bytes.front() != '\n')
        return errc::invalid_snapshot;
    bytes.remove_prefix(1);
    if ((*server != "v1" && *server != "v2") || *size != std::to_string(bytes.size()) ||
        *crc != std::to_string(crc32(bytes)))
        return errc::invalid_snapshot;
    out.server = *server == "v1" ? server_version::v1 : server_version::v2;
    out.environment_key = std::move(*environment);
    out.namespace_key = std::move(*name_space);
    out.etag = std::move(*etag);
    out.json.assign(bytes);
    return {};
}

FLIPT_DECL std::error_code read_file(const std::string& path, std::size_t limit, std::string& out)
{
    struct closer {
        void operator()(std::FILE* f) const noexcept { std::fclose(f); }
    };
    errno = 0;
    const std::unique_ptr<std::FILE, closer> file(std::fopen(path.c_str(), "rb"));
    if (!file)
        return std::error_code(errno != 0 ? errno : ENOENT, std::generic_category());
    out.clear();
    char block[16 * 1024];
    for (;;) {
        const std::size_t n = std::fread(block, 1, sizeof block, file.get());
        if (n > limit - out.size())
            return errc::response_too_large;
        out.append(block, n);
        if (n == sizeof block)
            continue;
        if (std::ferror(file.get()) != 0)
            return std::error_code(errno != 0 ? errno : EIO, std::generic_category());
        return {};
    }
}

/// A name beside `path` that no other writer has or had: what one left behind that crashed, perhaps of this process's
/// number (in a container always the same), must not be in the way of those after it.
inline std::string name_beside(const std::string& path, long process)
{
    static const std::uint64_t once = random_source().bits();
    static std::atomic<unsigned> count{0};
    return path + ".tmp" + std::to_string(process) + "." + std::to_string(once) + "." +
           std::to_string(count.fetch_add(1));
}

#if defined(_WIN32)

FLIPT_DECL std::error_code replace_file(const std::string& path, std::string_view bytes, file_access)
{
    const auto last_error = [] { return std::error_code(static_cast<int>(GetLastError()), std::system_category()); };
    const std::string temporary = name_beside(path, static_cast<long>(GetCurrentProcessId()));
    const HANDLE file =
        CreateFileA(temporary.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE)
        return last_error();
    std::error_code ec;
    while (!ec && !bytes.empty()) {
        DWORD written = 0;
        const auto part = static_cast<DWORD>(bytes.size() < (1U << 30) ? bytes.size() : (1U << 30));
        if (WriteFile(file, bytes.data(), part, &written, nullptr) == 0)
            ec = last_error();
        bytes.remove_prefix(written);
    }
    if (!ec && FlushFileBuffers(file) == 0)
        ec = last_error();
    CloseHandle(file);
    if (!ec && MoveFileExA(temporary.c_str(), path.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) == 0)
        ec = last_error();
    if (ec)
        DeleteFileA(temporary.c_str());
    return ec;
}

#else

/// A new file beside `path`; -1 with errno. A name that is taken all the same is left alone.
inline int create_beside(const std::string& path, ::mode_t mode, std::string& name)
{
    constexpr int most_tries = 100;
    int file = -1;
    for (int i = 0; i != most_tries; ++i) {
        name = name_beside(path, ::getpid());
        file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file >= 0 || (errno != EEXIST && errno != EINTR))
            break;
    }
    return file;
}

FLIPT_DECL std::error_code replace_file(const std::string& path, std::string_view bytes, file_access access)
{
    const auto last_error = [] { return std::error_code(errno, std::generic_category()); };
    std::string temporary;
    const int file = create_beside(path, access == file_access::owner ? 0600 : 0666, temporary);
    if (file < 0)
        return last_error();
    std::error_code ec;
    while (!ec && !bytes.empty()) {
        const ::ssize_t n = ::write(file, bytes.data(), bytes.size());
        if (n >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR)
            ec = last_error();
    }
    if (!ec && ::fsync(file) != 0)
        ec = last_error();
    if (::close(file) != 0 && !ec)
        ec = last_error();
    if (!ec && ::rename(temporary.c_str(), path.c_str()) != 0)
        ec = last_error();
    if (ec) {
        ::unlink(temporary.c_str());
        return ec;
    }
    // The directory, too, has to reach the disk. Where that is not possible the file is still whole.
    const auto slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    if (const int directory = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC); directory >= 0) {
        (void)!::fsync(directory);
        ::close(directory);
    }
    return {};
}

#endif

} // namespace flipt::inline v0::detail
