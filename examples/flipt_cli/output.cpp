// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of output.hpp: bytes to descriptors and files, and Flipt's JSON.
#include "output.hpp"

#include "flipt/protocol/reply_writer.hpp"
#include "flipt/types/error.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flipt_cli {
namespace {

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

class descriptor {
public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (number_ >= 0)
            ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] std::error_code close() noexcept
    {
        return ::close(std::exchange(number_, -1)) == 0 ? std::error_code() : last_error();
    }

private:
    int number_;
};

void write_in_place(const std::string& path, std::string_view bytes)
{
    descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.get() < 0)
        throw output_error(last_error(), path);
    std::error_code ec;
    if (!write_all(file.get(), bytes, ec))
        throw output_error(ec, path);
}

template <class Answer>
std::string json_of(std::error_code (*write)(flipt::detail::byte_buffer&, const Answer&), const Answer& answer)
{
    flipt::detail::byte_buffer out;
    if (const std::error_code ec = write(out, answer))
        throw flipt::error(ec, "an answer that cannot be printed");
    return std::string(out.view());
}

} // namespace

bool write_all(int descriptor, std::string_view bytes, std::error_code& ec)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) { // somebody else's choice for this descriptor: wait by polling it
            ::usleep(1000);
        } else if (errno != EINTR) {
            ec = last_error();
            return false;
        }
    }
    return true;
}

void print(std::string_view bytes)
{
    std::error_code ec;
    if (!write_all(STDOUT_FILENO, bytes, ec))
        throw output_error(ec, "stdout");
}

void replace_file(const std::string& path, std::string_view bytes)
{
    struct stat there{};
    if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode))
        return write_in_place(path, bytes);
    std::string beside = path + ".XXXXXX";
    descriptor file(::mkostemp(beside.data(), O_CLOEXEC));
    if (file.get() < 0)
        throw output_error(last_error(), path);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    std::error_code ec;
    if (write_all(file.get(), bytes, ec)) {
        if (::fchmod(file.get(), 0666 & ~mask) != 0 || ::fsync(file.get()) != 0)
            ec = last_error();
        if (const std::error_code closing = file.close(); !ec)
            ec = closing;
        if (!ec && ::rename(beside.c_str(), path.c_str()) != 0)
            ec = last_error();
    }
    if (ec) {
        ::unlink(beside.c_str());
        throw output_error(ec, path);
    }
}

std::string one_line(std::string_view json)
{
    while (!json.empty() && static_cast<unsigned char>(json.back()) <= ' ')
        json.remove_suffix(1);
    std::string line(json);
    for (char& c : line)
        if (c == '\n' || c == '\r')
            c = ' ';
    return line;
}

std::string to_json(const flipt::boolean_evaluation& answer)
{
    return json_of(&flipt::detail::write_boolean_evaluation, answer);
}
std::string to_json(const flipt::variant_evaluation& answer)
{
    return json_of(&flipt::detail::write_variant_evaluation, answer);
}
std::string to_json(const flipt::error_evaluation& answer)
{
    return json_of(&flipt::detail::write_error_evaluation, answer);
}
std::string to_json(const flipt::flag_list& list) { return json_of(&flipt::detail::write_flag_list, list); }

} // namespace flipt_cli
