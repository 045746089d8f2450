// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// HTTP statuses and gRPC codes as error codes.
#include "flipt/protocol/status.hpp"

#include <doctest/doctest.h>

#include <ostream>

using namespace flipt::detail;
using flipt::errc;

TEST_CASE("every status has an errc")
{
    for (int status = 100; status != 600; ++status) {
        errc expected = status < 400   ? errc::unexpected_status
                        : status < 500 ? errc::invalid_argument
                                       : errc::server_error;
        switch (status) {
        case 401: expected = errc::unauthenticated; break;
        case 403: expected = errc::permission_denied; break;
        case 404:
        case 410: expected = errc::not_found; break;
        case 407:
        case 408:
        case 499: expected = errc::unexpected_status; break;
        case 409: expected = errc::conflict; break;
        case 429: expected = errc::rate_limited; break;
        default: break;
        }
        INFO(status);
        CHECK(errc_of_status(status) == expected);
    }
    CHECK(errc_of_status(0) == errc::unexpected_status);
    CHECK(errc_of_status(600) == errc::unexpected_status);
}

TEST_CASE("gRPC codes as Flipt's gateway maps them")
{
    const int expected[] = {200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401};
    for (int code = 0; code != 17; ++code) {
        INFO(code);
        CHECK(http_status_of_grpc(code) == expected[code]);
    }
    CHECK(http_status_of_grpc(17) == 500);
    CHECK(http_status_of_grpc(-1) == 500);
    CHECK(errc_of_grpc(0) == errc{});
    CHECK(errc_of_grpc(5) == errc::not_found);
    CHECK(errc_of_grpc(16) == errc::unauthenticated);
}
