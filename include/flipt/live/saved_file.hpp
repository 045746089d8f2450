// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A snapshot document kept in a file for times without a server: written in one step, checked when read.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/types/config.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

class saved_snapshot {
public:
    saved_snapshot() = default;

    server_version server = server_version::automatic;
    std::string environment_key;
    std::string namespace_key;
    std::string etag;
    std::string json; ///< the document byte for byte
};

/// The file's bytes: lines `name value` (with size and CRC-32 of the document), an empty line, the document.
[[nodiscard]] FLIPT_DECL std::string format_saved(const saved_snapshot& s);
/// Whether it begins like such a file; anything else may still be a bare document.
[[nodiscard]] FLIPT_DECL bool is_saved(std::string_view bytes) noexcept;
/// errc::invalid_snapshot where bytes are missing, changed or of another format.
[[nodiscard]] FLIPT_DECL std::error_code parse_saved(std::string_view bytes, saved_snapshot& out);

/// Who may read a new file. (On Windows its folder decides.)
enum class file_access : unsigned char {
    owner,    ///< nobody else
    as_usual, ///< whom the umask lets
};

/// Replaces the file: whoever opens it sees the old bytes or the new ones in full, also after a crash. Blocks.
[[nodiscard]] FLIPT_DECL std::error_code replace_file(const std::string& path, std::string_view bytes,
                                                      file_access access = file_access::owner);
/// Reads all of it; errc::response_too_large beyond `limit`. Blocks.
[[nodiscard]] FLIPT_DECL std::error_code read_file(const std::string& path, std::size_t limit, std::string& out);

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/live/impl/saved_file.ipp"
#endif
