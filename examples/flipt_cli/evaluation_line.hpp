// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The lines of `batch`: {"type","request"} in, {"type","status","response"} or {"type","error"} out.
#pragma once

#include "flipt/types/request.hpp"

#include "failure.hpp"

#include <string>
#include <string_view>

namespace flipt_cli {

enum class line_type { none, boolean, variant };

/// One line of input, read.
class evaluation_line {
public:
    evaluation_line() = default;

    line_type type = line_type::none;
    std::string type_text; ///< the type as it was written, also when it is none of ours
    bool has_type = false;
    flipt::evaluation_request request;
    std::string problem; ///< why it is no such line; empty when it is one
};

/// Reads a line; members it does not know are passed over, so that recorded answers can be lines, too.
void read_line(std::string_view text, evaluation_line& out);

/// {"type","status":200,"response"}, with the line break.
[[nodiscard]] std::string answer_line(std::string_view type, std::string_view response);
/// What a call without an evaluation came to: the status and error object the server answered, or our error.
[[nodiscard]] std::string failure_line(const evaluation_line& line, const std::error_code& ec,
                                       const flipt::diagnostics& details, const redactor& redact);
/// For a line that was no such object.
[[nodiscard]] std::string problem_line(const evaluation_line& line);

} // namespace flipt_cli
