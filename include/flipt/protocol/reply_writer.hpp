// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Typed answers as the JSON text that Flipt prints for them, for the command line and the embedded server.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/types/response.hpp"

#include <system_error>

namespace flipt::inline v0::detail {

// Each appends one JSON object with Flipt's field names, in its order, defaults present ("enabled":false,
// "segmentKeys":[]), without white space. Errors: errc::invalid_argument if a text is not UTF-8; `out` is then as it
// was. flag::metadata must be JSON text (or empty): it is copied as it is.
[[nodiscard]] FLIPT_DECL std::error_code write_boolean_evaluation(byte_buffer& out, const boolean_evaluation& answer);
[[nodiscard]] FLIPT_DECL std::error_code write_variant_evaluation(byte_buffer& out, const variant_evaluation& answer);
[[nodiscard]] FLIPT_DECL std::error_code write_error_evaluation(byte_buffer& out, const error_evaluation& answer);
[[nodiscard]] FLIPT_DECL std::error_code write_batch_evaluation(byte_buffer& out, const batch_evaluation& answer);
// createdAt, updatedAt, defaultVariant and metadata only if they are there.
[[nodiscard]] FLIPT_DECL std::error_code write_flag(byte_buffer& out, const flag& one);
[[nodiscard]] FLIPT_DECL std::error_code write_flag_list(byte_buffer& out, const flag_list& list);

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/reply_writer.ipp"
#endif
