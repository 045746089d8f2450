// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One request and its reply on an open connection, without waiting: it says what to wait for.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/connection.hpp"

#include <cstddef>
#include <system_error>

namespace flipt::inline v0::detail {

/// Sends conn.out and reads the reply into conn.in. advance() goes as far as the socket allows; the caller waits for
/// what it says and calls it again, until `finished`.
class exchange {
public:
    enum class need : unsigned char {
        readable,
        writable,
        either, ///< writable, or an early reply: a server may answer before it has read the whole request
        finished,
    };

    exchange(connection& conn, const parser_limits& limits) noexcept : conn_(conn)
    {
        conn.parser.reset(false, limits, &conn.heads);
    }

    FLIPT_DECL need advance();

    /// How it ended; no error means that a complete reply is in conn.parser and conn.in.
    [[nodiscard]] const std::error_code& error() const noexcept { return error_; }
    /// A byte of the request may have reached the peer.
    [[nodiscard]] bool sent_any() const noexcept { return sent_ != 0; }
    /// The connection may carry another request.
    [[nodiscard]] bool reusable() const noexcept
    {
        return !error_ && sent_ == conn_.out.size() && conn_.parser.reusable();
    }

private:
    FLIPT_DECL bool send(need& next);
    FLIPT_DECL bool take(const io_step& step);

    static constexpr std::size_t read_size = 16 * 1024;

    connection& conn_;
    std::size_t sent_ = 0;
    bool first_wait_ = true; // right after sending there is nothing to read yet
    bool sending_ = true;
    std::error_code send_error_; // the request could not be sent; there may be a reply all the same
    std::error_code error_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/call/impl/exchange.ipp"
#endif
