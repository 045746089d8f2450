// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Between gRPC's byte buffers and protobuf's messages; checks that both sides of the codec share.
#pragma once

#include "flipt/grpc/codec.hpp"
#include "flipt/protocol/json_scan.hpp"
#include "flipt/types/error.hpp"

#include "flipt_cpp/wire.pb.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail::grpc_wire {

template <class Message>
void write(const Message& message, grpc::ByteBuffer& out)
{
    std::string bytes;
    message.SerializeToString(&bytes);
    const grpc::Slice slice(bytes);
    grpc::ByteBuffer made(&slice, 1);
    out.Swap(&made);
}

inline std::error_code refuse(decode_detail& why, std::string_view text)
{
    why.text = text;
    return errc::invalid_response;
}

template <class Message>
std::error_code read(const grpc::ByteBuffer& bytes, Message& message, decode_detail& why)
{
    // The reader wants a pointer to a buffer it does not change.
    grpc::ProtoBufferReader reader(const_cast<grpc::ByteBuffer*>(&bytes));
    if (!reader.status().ok())
        return refuse(why, "the message cannot be read");
    google::protobuf::io::CodedInputStream in(&reader);
    if (!message.ParseFromCodedStream(&in) || !in.ConsumedEntireMessage())
        return refuse(why, "the bytes are not the message that was expected");
    return {};
}

inline bool to_time(const flipt_cpp::wire::Timestamp& from, timestamp_type& to) noexcept
{
    constexpr std::int64_t most = 9'223'372'035; // so that no nanoseconds lead out of timestamp_type
    if (from.seconds() < -most || from.seconds() > most || from.nanos() < 0 || from.nanos() > 999'999'999)
        return false;
    to = timestamp_type(std::chrono::seconds(from.seconds()) + std::chrono::nanoseconds(from.nanos()));
    return true;
}

} // namespace flipt::inline v0::detail::grpc_wire
