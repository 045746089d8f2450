// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Requests and answers as the bytes of Flipt's gRPC messages. Compiled in the library flipt-cpp-grpc, so that nothing
// generated is seen here.
#pragma once

#include "flipt/protocol/request_body.hpp"
#include "flipt/token/secret.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

// Every text must be UTF-8, else errc::invalid_argument; a batch also must be of one environment.
[[nodiscard]] std::error_code encode_evaluation(const evaluation_request& request, const request_defaults& defaults,
                                                grpc::ByteBuffer& out);
[[nodiscard]] std::error_code encode_batch(const batch_request& batch, const request_defaults& defaults,
                                           grpc::ByteBuffer& out);
[[nodiscard]] std::error_code encode_list(const list_options& options, const request_defaults& defaults,
                                          std::string_view page_token, grpc::ByteBuffer& out);
[[nodiscard]] std::error_code encode_snapshot(std::string_view name_space, std::string_view environment,
                                              grpc::ByteBuffer& out);
// An empty digest is none.
[[nodiscard]] std::error_code encode_stream(std::string_view name_space, std::string_view environment,
                                            std::string_view digest, grpc::ByteBuffer& out);
[[nodiscard]] std::error_code encode_service_account(std::string_view token, grpc::ByteBuffer& out);
// google.protobuf.Empty.
void encode_nothing(grpc::ByteBuffer& out);

// Why a message was not read, and where it goes: words of ours only.
class decode_detail {
public:
    decode_detail() = default;
    std::string_view text;
};

// Bytes that are not the message, or values its JSON form could not have (a time out of range, no finite number), are
// errc::invalid_response.
[[nodiscard]] std::error_code decode(const grpc::ByteBuffer& bytes, boolean_evaluation& out, decode_detail& why);
[[nodiscard]] std::error_code decode(const grpc::ByteBuffer& bytes, variant_evaluation& out, decode_detail& why);
// Another number of answers than `expected` is an error.
[[nodiscard]] std::error_code decode(const grpc::ByteBuffer& bytes, batch_evaluation& out, std::size_t expected,
                                     decode_detail& why);
// `append` adds the flags to those in `out`. Metadata nested deeper than `max_depth` is errc::response_too_large.
[[nodiscard]] std::error_code decode(const grpc::ByteBuffer& bytes, flag_list& out, bool append, std::size_t max_depth,
                                     decode_detail& why);
// The document as the HTTP API prints it, names, order and defaults; `digest` is v2's own.
[[nodiscard]] std::error_code decode_snapshot(const grpc::ByteBuffer& bytes, server_version version, std::string& json,
                                              std::string& digest, decode_detail& why);
// The JSON text in a google.api.HttpBody.
[[nodiscard]] std::error_code decode_http_body(const grpc::ByteBuffer& bytes, std::string& data, decode_detail& why);
[[nodiscard]] std::error_code decode_service_account(const grpc::ByteBuffer& bytes, secret& token,
                                                     std::optional<std::chrono::system_clock::time_point>& expires_at,
                                                     decode_detail& why);

} // namespace flipt::inline v0::detail
