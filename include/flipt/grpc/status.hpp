// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which error a grpc::Status is: of the same meaning as over HTTP, for there too the server speaks gRPC inside.
#pragma once

#include "flipt/protocol/status.hpp"
#include "flipt/types/error.hpp"

#include <asio/error.hpp>

#include <grpcpp/support/status.h>

#include <string>
#include <system_error>

namespace flipt::inline v0::detail {

// What only our side knows of how a call ended.
struct call_end {
    bool cancelled = false;       // we called TryCancel
    bool deadline_passed = false; // ours
};

// Fills `d` and gives the error, none for OK. A status that gRPC made on our side (cancelled, past the deadline, over
// the size limit), and UNAVAILABLE, which it makes for every trouble with a connection, is no answer: it leaves no HTTP
// status.
inline std::error_code read_status(const grpc::Status& status, call_end end, diagnostics& d)
{
    const int code = static_cast<int>(status.error_code());
    if (status.ok()) {
        d.set_status(200);
        return {};
    }
    if (code == grpc::StatusCode::CANCELLED && end.cancelled)
        return asio::error::operation_aborted;
    if (code == grpc::StatusCode::DEADLINE_EXCEEDED && end.deadline_passed)
        return errc::timed_out;
    const std::string message = status.error_message();
    if (code == grpc::StatusCode::UNAVAILABLE) {
        d.set_reply(0, message);
        d.set_detail("no answer (gRPC UNAVAILABLE)");
        return asio::error::not_connected;
    }
    // gRPC's words are all that tells its own limits from a server that is short of something.
    if (code == grpc::StatusCode::RESOURCE_EXHAUSTED &&
        (message.find("eceived message larger than max") != message.npos ||
         message.find("metadata size exceeds") != message.npos)) {
        d.set_detail("a message or metadata larger than the limit of the channel");
        return errc::response_too_large;
    }
    d.set_reply(http_status_of_grpc(code), message);
    return errc_of_grpc(code);
}

} // namespace flipt::inline v0::detail
