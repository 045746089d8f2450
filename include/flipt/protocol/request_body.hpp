// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The JSON bodies of evaluation requests (POST /evaluate/v1/boolean, /variant and /batch).
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/types/request.hpp"

#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

/// What stands in for fields that a request leaves empty. Views: the texts must outlive the call.
struct request_defaults {
    std::string_view namespace_key;
    std::string_view environment_key;
};

/// The environment an evaluation is sent to (field environmentKey and header X-Flipt-Environment).
[[nodiscard]] inline std::string_view environment_of(const evaluation_request& request,
                                                     const request_defaults& defaults) noexcept
{
    return request.environment_key.empty() ? defaults.environment_key : std::string_view(request.environment_key);
}

/// The environment a batch is sent to: its own, else that of its items, else the default.
[[nodiscard]] inline std::string_view environment_of(const batch_request& batch,
                                                     const request_defaults& defaults) noexcept
{
    if (!batch.environment_key.empty())
        return batch.environment_key;
    for (const evaluation_request& item : batch.requests)
        if (!item.environment_key.empty())
            return item.environment_key;
    return defaults.environment_key;
}

/// Appends the body of one evaluation. environmentKey is always sent: v2 needs it and v1 ignores it.
/// Errors: errc::invalid_argument if a text is not UTF-8; `out` is then as it was.
[[nodiscard]] FLIPT_DECL std::error_code write_evaluation(byte_buffer& out, const evaluation_request& request,
                                                          const request_defaults& defaults);

/// The same in two pieces, of which the first may stay the same from request to request: the environment and namespace,
/// and all the rest. False if a text is not UTF-8; `out` then holds anything behind what it held.
[[nodiscard]] FLIPT_DECL bool begin_evaluation(byte_buffer& out, std::string_view environment,
                                               std::string_view name_space);
[[nodiscard]] FLIPT_DECL bool end_evaluation(byte_buffer& out, const evaluation_request& request);

/// The namespace an evaluation asks about.
[[nodiscard]] inline std::string_view namespace_of(const evaluation_request& request,
                                                   const request_defaults& defaults) noexcept
{
    return request.namespace_key.empty() ? defaults.namespace_key : std::string_view(request.namespace_key);
}

/// Appends the body of a batch; every item carries the batch's environment.
/// Errors: errc::invalid_argument if a text is not UTF-8, or if an item names another environment than the batch (one
/// request has one X-Flipt-Environment); `out` is then as it was.
[[nodiscard]] FLIPT_DECL std::error_code write_batch(byte_buffer& out, const batch_request& batch,
                                                     const request_defaults& defaults);

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/protocol/impl/request_body.ipp"
#endif
