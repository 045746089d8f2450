// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Cuts a stream of bytes into lines of JSON (application/x-ndjson). Sans-io, bounded.
#pragma once

#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/types/error.hpp"

#include <cstddef>
#include <cstring>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

class ndjson_splitter {
public:
    /// `limit`: the longest line, bytes without its end.
    explicit ndjson_splitter(std::size_t limit) noexcept : limit_(limit) {}

    /// Takes bytes as they come; calls `each(const char* line, std::size_t size) -> std::error_code` for every line
    /// that is complete and not blank, CR before the LF removed. byte_buffer::padding bytes behind a line can be read.
    /// Gives the first error of `each`, or errc::response_too_large as soon as a line passes the limit; then it is
    /// spent.
    template <class Each>
    std::error_code feed(std::string_view bytes, Each&& each)
    {
        while (!bytes.empty()) {
            const auto* end = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
            const std::string_view piece =
                end == nullptr ? bytes : bytes.substr(0, static_cast<std::size_t>(end - bytes.data()));
            if (piece.size() > limit_ - line_.size())
                return errc::response_too_large;
            line_.append(piece);
            if (end == nullptr)
                return {};
            bytes.remove_prefix(piece.size() + 1);
            if (const std::error_code ec = finish(each))
                return ec;
        }
        return {};
    }

    /// Bytes of a line that has not ended.
    [[nodiscard]] std::size_t pending() const noexcept { return line_.size(); }
    /// Whether more than blanks has come of it.
    [[nodiscard]] bool inside_line() const noexcept
    {
        for (const char c : line_.view())
            if (!is_space(c))
                return true;
        return false;
    }

private:
    template <class Each>
    std::error_code finish(Each& each)
    {
        std::size_t size = line_.size();
        while (size != 0 && is_space(line_.data()[size - 1]))
            --size;
        std::error_code ec;
        if (size != 0)
            ec = each(static_cast<const char*>(line_.data()), size);
        line_.clear();
        if (line_.capacity() > kept_capacity) // the next message may be long in coming
            line_.release();
        return ec;
    }
    static bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

    static constexpr std::size_t kept_capacity = std::size_t{256} * 1024;

    byte_buffer line_;
    std::size_t limit_;
};

} // namespace flipt::inline v0::detail
