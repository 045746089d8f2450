// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Turning a host name into addresses, without any call ever depending on how long that takes.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace flipt::inline v0 {

/// Where a client gets addresses from. The default asks the system (getaddrinfo); give a client another one for service
/// discovery or for tests.
///
/// start() is called on the client's executor, for one name at a time, and must hand its answer to `done` once, on any
/// thread, at any time later (never inside start()). The client neither waits for a late answer nor needs it: calls
/// obey their own deadlines. An answer after the client's end is ignored. After an error other than
/// asio::error::host_not_found (no such name) the addresses given last, if any, stay in use.
class host_resolver {
public:
    using addresses = std::vector<asio::ip::tcp::endpoint>;
    using completion = std::function<void(std::error_code, addresses)>;

    virtual ~host_resolver() = default;
    virtual void start(const std::string& host, std::uint16_t port, completion done) = 0;
};

/// The system's resolver on `executor`. Note that Asio runs getaddrinfo on a thread of the io_context, and that the
/// io_context's destructor waits for one that is under way.
[[nodiscard]] FLIPT_DECL std::shared_ptr<host_resolver> system_resolver(const asio::any_io_executor& executor);

namespace detail {

/// Families in turns (RFC 8305 section 4), the first one's choice kept, so that a second address tried after a failure
/// is of the other family.
FLIPT_DECL void interleave_families(host_resolver::addresses& list);

} // namespace detail
} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/net/impl/resolver.ipp"
#endif
