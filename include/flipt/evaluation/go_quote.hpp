// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The texts Flipt's server makes its errors of: Go's %q and path.Join.
#pragma once

#include "flipt/detail/config.hpp"

#include <string>
#include <string_view>

namespace flipt::inline v0::detail {

// strconv.Quote. Of code points beyond ASCII, those of Unicode's separators, controls, formats, private use and
// surrogates are escaped; unassigned ones are taken for printable.
FLIPT_DECL std::string go_quote(std::string_view s);

// path.Clean(namespace + "/" + key), without the slash when one is empty.
FLIPT_DECL std::string join_path(std::string_view first, std::string_view second);

// What the server says of a flag it does not have.
FLIPT_DECL std::string flag_not_found_message(std::string_view namespace_key, std::string_view flag_key);

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/go_quote.ipp"
#endif
