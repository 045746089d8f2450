// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One evaluation as a line of JSON, answered by a line: what `flipt-cli eval` and the conformance test are made of.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/snapshot.hpp"

#include <string>
#include <string_view>

namespace flipt::inline v0::detail {

// Reads `{"type":"boolean"|"variant","request":{…}}` and appends `{"type","status","response"}` as the server the
// snapshot is from would answer it, without its times, and without a line feed. A line that cannot be read is answered
// with the status 400.
FLIPT_DECL void answer_line(const snapshot& flags, std::string_view line, std::string& out);

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/jsonl.ipp"
#endif
