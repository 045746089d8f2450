// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of output.hpp: bytes to stdout and files, and Flipt's JSON.
#include "output.hpp"

#include "flipt/live/saved_file.hpp"
#include "flipt/protocol/reply_writer.hpp"
#include "flipt/types/error.hpp"

#include "descriptors.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace flipt_cli {
namespace {

// What is no regular file of its own: a device, a pipe, a link to whatever it may be.
void write_in_place(const std::string& path, std::string_view bytes)
{
    errno = 0;
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    const bool written =
        file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size() && std::fflush(file) == 0;
    const int why = errno != 0 ? errno : EIO;
    if (file != nullptr)
        std::fclose(file);
    if (!written)
        throw output_error(std::error_code(why, std::generic_category()), path);
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

void print(std::string_view bytes)
{
    std::error_code ec;
    if (!write_all(standard_output, bytes, ec))
        throw output_error(ec, "stdout");
}

void replace_file(const std::string& path, std::string_view bytes)
{
    std::error_code ec;
    const std::filesystem::file_status there = std::filesystem::symlink_status(path, ec);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there))
        return write_in_place(path, bytes);
    ec = flipt::detail::replace_file(path, bytes, flipt::detail::file_access::as_usual);
    if (ec)
        throw output_error(ec, path);
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
