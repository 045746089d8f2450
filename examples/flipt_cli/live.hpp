// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The commands that evaluate in the process: eval, and watch.
#pragma once

#include "failure.hpp"
#include "options.hpp"

namespace flipt_cli {

/// Answers lines of stdin from a file's snapshot or a live one, until stdin ends. Throws what went wrong.
[[nodiscard]] failure run_eval(const invocation& run);

/// Prints a line for each change, until so many were seen. Throws what went wrong, also with the first load.
[[nodiscard]] failure run_watch(const invocation& run);

} // namespace flipt_cli
