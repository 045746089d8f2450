// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What is answered: evaluations, batches of them, and flags. Fields carry Flipt's names.
#pragma once

#include "flipt/types/config.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace flipt::inline v0 {

/// Why an evaluation came out as it did.
enum class evaluation_reason { unknown, flag_disabled, match, default_value };

/// Why an item of a batch has no evaluation.
enum class error_evaluation_reason { unknown, not_found };

enum class flag_type { variant, boolean };

/// A moment as Flipt states it: nanoseconds since 1970-01-01 UTC.
using timestamp_type = std::chrono::sys_time<std::chrono::nanoseconds>;

/// The name on the wire, such as "MATCH_EVALUATION_REASON".
[[nodiscard]] constexpr std::string_view to_string(evaluation_reason r) noexcept
{
    switch (r) {
    case evaluation_reason::unknown: return "UNKNOWN_EVALUATION_REASON";
    case evaluation_reason::flag_disabled: return "FLAG_DISABLED_EVALUATION_REASON";
    case evaluation_reason::match: return "MATCH_EVALUATION_REASON";
    case evaluation_reason::default_value: return "DEFAULT_EVALUATION_REASON";
    }
    return "UNKNOWN_EVALUATION_REASON";
}
[[nodiscard]] constexpr std::string_view to_string(error_evaluation_reason r) noexcept
{
    return r == error_evaluation_reason::not_found ? "NOT_FOUND_ERROR_EVALUATION_REASON"
                                                   : "UNKNOWN_ERROR_EVALUATION_REASON";
}
[[nodiscard]] constexpr std::string_view to_string(flag_type t) noexcept
{
    return t == flag_type::boolean ? "BOOLEAN_FLAG_TYPE" : "VARIANT_FLAG_TYPE";
}

/// The answer to a boolean evaluation.
class boolean_evaluation {
public:
    boolean_evaluation() = default;

    bool enabled = false;
    evaluation_reason reason = evaluation_reason::unknown;
    std::string flag_key;
    std::vector<std::string> segment_keys; ///< in no particular order: the server's is random
    std::string request_id;
    std::chrono::nanoseconds duration{}; ///< the server's time for it (requestDurationMillis)
    timestamp_type timestamp{};
};

/// The answer to a variant evaluation.
class variant_evaluation {
public:
    variant_evaluation() = default;

    bool match = false;
    evaluation_reason reason = evaluation_reason::unknown;
    std::string flag_key;
    std::string variant_key;
    std::string variant_attachment;        ///< JSON text as the server gave it; "null" or "" when the variant has none
    std::vector<std::string> segment_keys; ///< in no particular order: the server's is random
    std::string request_id;
    std::chrono::nanoseconds duration{};
    timestamp_type timestamp{};
};

/// The answer to an item of a batch that could not be evaluated.
class error_evaluation {
public:
    error_evaluation() = default;

    std::string flag_key;
    std::string namespace_key;
    error_evaluation_reason reason = error_evaluation_reason::unknown;
};

using batch_item = std::variant<boolean_evaluation, variant_evaluation, error_evaluation>;

/// The answers to a batch, in the order of its requests.
class batch_evaluation {
public:
    batch_evaluation() = default;

    std::string request_id;
    std::vector<batch_item> responses;
    std::chrono::nanoseconds duration{};
};

/// A variant of a flag, as listed.
class flag_variant {
public:
    flag_variant() = default;

    std::string id;
    std::string flag_key;
    std::string key;
    std::string name;
    std::string description;
    std::string attachment; ///< JSON text
    std::string namespace_key;
    std::optional<timestamp_type> created_at;
    std::optional<timestamp_type> updated_at;
};

/// A flag, as listed. Flipt v2 lists neither variants nor times.
class flag {
public:
    flag() = default;

    std::string key;
    std::string name;
    std::string description;
    std::string namespace_key;
    flag_type type = flag_type::variant;
    bool enabled = false;
    std::vector<flag_variant> variants;
    std::optional<flag_variant> default_variant;
    std::string metadata; ///< JSON text of an object, as the server gave it; empty when there is none
    std::optional<timestamp_type> created_at;
    std::optional<timestamp_type> updated_at;
};

/// One page of flags, or all of them.
class flag_list {
public:
    flag_list() = default;

    std::vector<flag> flags;
    std::string next_page_token; ///< empty on the last page
    std::size_t total_count = 0;
};

/// What a snapshot request brought: a namespace's flags with their rules, for evaluation in the process.
class snapshot_document {
public:
    snapshot_document() = default;

    std::string json;                                   ///< the document byte for byte; empty when not modified
    std::string etag;                                   ///< to be sent back as it is; empty where the server has none
    bool not_modified = false;                          ///< 304: what was there already is still right
    server_version version = server_version::automatic; ///< which rules it is evaluated by
};

} // namespace flipt::inline v0
