// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/operations.hpp.
#pragma once

#include "flipt/call/engine.hpp"
#include "flipt/live/operations.hpp"
#include "flipt/protocol/percent.hpp"
#include "flipt/protocol/status.hpp"

namespace flipt::inline v0::detail {

FLIPT_DECL std::error_code stream_operation::write(request_writer& out, engine& owner)
{
    std::string path = "/client/v2/environments/";
    if (!append_place(path, environment_key_, namespace_key_))
        return errc::invalid_argument;
    path += "/stream";
    // Servers hand out shorter digests, too, and then refuse them.
    constexpr std::size_t resumable = 40;
    if (digest_.size() == resumable) {
        path += "?digest=";
        append_query_value(path, digest_);
    }
    out.begin(owner.head(true), "GET", owner.peer().prefix, path);
    if (const auto ec = out.field("X-Flipt-Environment", environment_key_))
        return ec;
    out.end_no_body();
    return {};
}

FLIPT_DECL std::error_code stream_operation::on_data(std::string_view bytes, engine& owner)
{
    return lines_.feed(bytes, [&](const char* line, std::size_t size) -> std::error_code {
        stream_message message;
        if (const auto ec = owner.reader().read_stream_message(line, size, message))
            return ec;
        if (message.is_error) {
            const errc code = errc_of_grpc(message.grpc_code);
            return code == errc{} ? errc::server_error : code;
        }
        if (message.result.size() > message_limit_)
            return errc::response_too_large;
        sink_->on_document(message.result);
        return {};
    });
}

} // namespace flipt::inline v0::detail
