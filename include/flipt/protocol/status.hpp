// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which errc an HTTP status is, and which HTTP status a gRPC code is (the map of grpc-gateway, which Flipt uses).
#pragma once

#include "flipt/types/error.hpp"

namespace flipt::inline v0::detail {

/// The error of a reply whose status is not the answer that was asked for. Also of 1xx-3xx: redirects are not followed.
[[nodiscard]] constexpr errc errc_of_status(int http_status) noexcept
{
    switch (http_status) {
    case 401: return errc::unauthenticated;
    case 403: return errc::permission_denied;
    case 404:
    case 410: return errc::not_found;
    case 409: return errc::conflict;
    case 429: return errc::rate_limited;
    case 407:                                 // a proxy's refusal
    case 408:                                 // the server gave up waiting
    case 499: return errc::unexpected_status; // gRPC "cancelled": nobody refused anything
    default: break;
    }
    if (http_status >= 400 && http_status <= 499)
        return errc::invalid_argument;
    if (http_status >= 500 && http_status <= 599)
        return errc::server_error;
    return errc::unexpected_status;
}

/// The HTTP status that Flipt's gateway answers for a gRPC status code (0-16; others are as UNKNOWN).
[[nodiscard]] constexpr int http_status_of_grpc(int code) noexcept
{
    switch (code) {
    case 0: return 200;  // OK
    case 1: return 499;  // CANCELLED
    case 3: return 400;  // INVALID_ARGUMENT
    case 4: return 504;  // DEADLINE_EXCEEDED
    case 5: return 404;  // NOT_FOUND
    case 6: return 409;  // ALREADY_EXISTS
    case 7: return 403;  // PERMISSION_DENIED
    case 8: return 429;  // RESOURCE_EXHAUSTED
    case 9: return 400;  // FAILED_PRECONDITION
    case 10: return 409; // ABORTED
    case 11: return 400; // OUT_OF_RANGE
    case 12: return 501; // UNIMPLEMENTED
    case 14: return 503; // UNAVAILABLE
    case 16: return 401; // UNAUTHENTICATED
    default: return 500; // UNKNOWN, INTERNAL, DATA_LOSS
    }
}

/// The errc of a gRPC status code; errc{} for OK.
[[nodiscard]] constexpr errc errc_of_grpc(int code) noexcept
{
    return code == 0 ? errc{} : errc_of_status(http_status_of_grpc(code));
}

} // namespace flipt::inline v0::detail
