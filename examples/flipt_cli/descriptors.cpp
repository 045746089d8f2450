// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of descriptors.hpp.
#include "descriptors.hpp"

#include <algorithm>
#include <cerrno>
#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#else
#include <csignal>
#include <poll.h>
#include <unistd.h>
#endif

namespace flipt_cli {
namespace {

// Of one system call, which some systems limit.
constexpr std::size_t most = std::size_t{1} << 30;

#if defined(_WIN32)

std::ptrdiff_t read_once(int descriptor, char* to, std::size_t room) noexcept
{
    return ::_read(descriptor, to, static_cast<unsigned>(room));
}
std::ptrdiff_t write_once(int descriptor, const char* from, std::size_t size) noexcept
{
    return ::_write(descriptor, from, static_cast<unsigned>(size));
}
bool wait_for(int, bool) noexcept { return false; } // descriptors block there

#else

std::ptrdiff_t read_once(int descriptor, char* to, std::size_t room) noexcept { return ::read(descriptor, to, room); }
std::ptrdiff_t write_once(int descriptor, const char* from, std::size_t size) noexcept
{
    return ::write(descriptor, from, size);
}
// That a descriptor does not block is somebody else's choice.
bool wait_for(int descriptor, bool writable) noexcept
{
    if (errno != EAGAIN)
        return false;
    pollfd wait{descriptor, static_cast<short>(writable ? POLLOUT : POLLIN), 0};
    return ::poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

#endif

} // namespace

void prepare_descriptors() noexcept
{
#if defined(_WIN32)
    for (const int descriptor : {standard_input, standard_output, standard_error})
        ::_setmode(descriptor, _O_BINARY);
#else
    std::signal(SIGPIPE, SIG_IGN);
#endif
}

std::size_t read_some(int descriptor, char* to, std::size_t room, std::error_code& ec) noexcept
{
    for (;;) {
        const std::ptrdiff_t n = read_once(descriptor, to, std::min(room, most));
        if (n >= 0)
            return static_cast<std::size_t>(n);
        if (errno != EINTR && !wait_for(descriptor, false)) {
            ec.assign(errno, std::generic_category());
            return 0;
        }
    }
}

bool write_all(int descriptor, std::string_view bytes, std::error_code& ec) noexcept
{
    while (!bytes.empty()) {
        const std::ptrdiff_t n = write_once(descriptor, bytes.data(), std::min(bytes.size(), most));
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno != EINTR && !wait_for(descriptor, true)) {
            ec.assign(errno, std::generic_category());
            return false;
        }
    }
    return true;
}

bool is_terminal(int descriptor) noexcept
{
#if defined(_WIN32)
    return ::_isatty(descriptor) != 0;
#else
    return ::isatty(descriptor) == 1;
#endif
}

} // namespace flipt_cli
