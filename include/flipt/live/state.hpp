// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a live snapshot tells about itself: its state, and what changed.
#pragma once

#include "flipt/evaluation/diff.hpp"
#include "flipt/types/config.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace flipt::inline v0 {

/// Where the flags in use came from.
enum class live_origin { none, document, saved_file, server };

/// The state of one namespace of a live snapshot at a moment, for people and monitors.
class live_state {
public:
    live_state() = default;

    bool ready = false; ///< there are flags to evaluate, wherever from
    live_origin origin = live_origin::none;
    server_version server = server_version::automatic; ///< by whose rules they are evaluated
    std::string digest;                                ///< of the document, as the server names it; may be empty
    bool streaming = false;                            ///< a stream is open or being opened
    /// Since when the server could not be asked whether the flags are still right; unset while they are up to date.
    std::optional<std::chrono::system_clock::time_point> stale_since;
    /// When what evaluation sees was last replaced by something else.
    std::optional<std::chrono::system_clock::time_point> last_change;
    std::optional<std::chrono::system_clock::time_point> last_contact; ///< the server's last good answer
    std::error_code last_error;    ///< of the last try to ask it; none when that went well
    std::string last_error_detail; ///< more on it in words of this library
    std::error_code save_error;    ///< of the last try to save; none when that went well
    std::uint64_t failures = 0;    ///< in a row
};

/// One change of a namespace's flags. The first load is none, nor is a new document whose flags are all as before.
class live_change {
public:
    live_change() = default;

    std::uint64_t sequence = 0; ///< counts the changes of a live snapshot, from 1
    std::chrono::system_clock::time_point time{};
    std::string namespace_key;
    std::string environment_key;
    std::string digest;
    snapshot_diff flags; ///< keys of those added, removed and changed
};

} // namespace flipt::inline v0
