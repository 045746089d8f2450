// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What goes to stdout or a file: whole writes, JSON lines, and tables for people.
#pragma once

#include "flipt/types/response.hpp"

#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace flipt_cli {

/// Something could not be written. what() names the file, or says stdout.
class output_error : public std::system_error {
public:
    using std::system_error::system_error;
};

/// Writes all of `bytes` to stdout. Throws output_error.
void print(std::string_view bytes);

/// Puts `bytes` into a file that is there in full or not at all: written beside it, flushed, renamed. A path that is
/// something other than a regular file (a pipe, a link, /dev/stdout) is written to as it is. Throws output_error.
void replace_file(const std::string& path, std::string_view bytes);

/// JSON text as one line: its own line breaks, which can only be white space, become spaces.
[[nodiscard]] std::string one_line(std::string_view json);

// Flipt's JSON, without the line break.
[[nodiscard]] std::string to_json(const flipt::boolean_evaluation& answer);
[[nodiscard]] std::string to_json(const flipt::variant_evaluation& answer);
[[nodiscard]] std::string to_json(const flipt::error_evaluation& answer);
[[nodiscard]] std::string to_json(const flipt::flag_list& list);

/// Rows of cells, padded to columns. Cells are made printable.
class table {
public:
    table() = default;

    table& row(std::vector<std::string> cells)
    {
        rows_.push_back(std::move(cells));
        return *this;
    }
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

[[nodiscard]] table to_table(const flipt::boolean_evaluation& answer);
[[nodiscard]] table to_table(const flipt::variant_evaluation& answer);
[[nodiscard]] table to_table(const flipt::flag_list& list);
/// Any JSON object, a row for every value in it: `build.version  v2.0.0`.
[[nodiscard]] table to_table(std::string_view json_object);

} // namespace flipt_cli
