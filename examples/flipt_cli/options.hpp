// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the user asks for: options, environment and command, read into one plain object.
#pragma once

#include "flipt/evaluation/image.hpp"
#include "flipt/token/secret.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/request.hpp"

#include "text.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace flipt_cli {

enum class command { boolean, variant, flags, flag, self, info, health, snapshot, batch, eval, watch };

enum class credential { none, jwt, jwt_file, client_token, kubernetes };

/// One run of the program.
class invocation {
public:
    invocation() = default;

    flipt::config config;
    bool grpc = false; ///< over gRPC
    credential kind = credential::none;
    flipt::secret token;    ///< of jwt and client_token
    std::string token_path; ///< of jwt_file and kubernetes; empty = Kubernetes' own place
    redactor redact;        ///< knows the token
    bool json = false;      ///< JSON also on a terminal

    command what = command::health;
    flipt::evaluation_request request; ///< of boolean and variant
    std::string flag_key;              ///< of flag
    std::string output_path;           ///< of snapshot; empty or "-" = stdout
    std::size_t concurrency = 16;      ///< of batch
    bool one_call = false;             ///< of batch

    std::string snapshot_path;            ///< of eval; empty = live
    std::string save_path;                ///< of eval and watch: kept up to date, and used when the server is away
    std::optional<flipt::rule_set> rules; ///< of eval
    std::uint64_t exit_after = 0;         ///< of watch: changes; 0 = never
    std::chrono::nanoseconds interval{};  ///< of watch; 0 = the library's
};

/// Reads the arguments and the environment. Prints help or the version and returns false when that was asked for.
/// Throws usage_error, whose text repeats no argument.
bool parse_arguments(int argc, const char* const* argv, invocation& out);

} // namespace flipt_cli
