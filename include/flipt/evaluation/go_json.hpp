// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Arrays of texts or numbers as Go's encoding/json decodes them into []string and []float64.
#pragma once

#include "flipt/detail/config.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0::detail {

// False where json.Unmarshal would return an error. `null` is an empty list, and a null element an empty one.
FLIPT_DECL bool decode_string_array(std::string_view json, std::vector<std::string>& out);
FLIPT_DECL bool decode_number_array(std::string_view json, std::vector<double>& out);

// Undoes the escapes of a JSON string (the text between its quotes). Lone surrogates and bytes that are not UTF-8
// become U+FFFD when `replace`. False on a bad escape or a raw control character. Never longer than `raw`, except that
// U+FFFD takes three bytes.
FLIPT_DECL bool unescape_json(std::string_view raw, std::string& out, bool replace);

// The length of the JSON number at the front of `s`, 0 when there is none.
FLIPT_DECL std::size_t json_number_size(std::string_view s) noexcept;

// Appends a JSON string with its quotes.
FLIPT_DECL void append_json_string(std::string& out, std::string_view text);

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/go_json.ipp"
#endif
