// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a live snapshot keeps, how it starts, and how it hears of changes.
#pragma once

#include "flipt/evaluation/image.hpp"
#include "flipt/live/state.hpp"
#include "flipt/net/asio.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flipt::inline v0 {

/// How a live snapshot comes by its first flags, and when wait_ready() ends.
enum class live_start {
    /// Ask the server. Where it does not answer, or refuses, the saved file serves, else the document given, and the
    /// server is asked again and again behind it. wait_ready() ends when there are flags, or at its deadline.
    wait,
    /// Begin with the saved file, else the document given, at once, and ask the server behind it. Where there is
    /// neither: as `wait`.
    saved,
    /// Ask the server; wait_ready() fails with its first failure. Neither file nor document is used.
    fail,
};

/// One namespace to keep. Namespaces of one live snapshot share its connections and its token.
class live_namespace {
public:
    live_namespace() = default;
    explicit live_namespace(std::string key, std::string environment = {})
        : namespace_key(std::move(key)), environment_key(std::move(environment))
    {}

    std::string namespace_key;   ///< empty: config::namespace_key
    std::string environment_key; ///< empty: config::environment_key
    /// A file that every good snapshot is saved to, in one step; taken up at a start as live_start says. Empty: none.
    /// A file keeps one namespace: two of one live snapshot with the same name here are errc::invalid_config.
    std::string save_file;
    /// A snapshot document to begin with where neither server nor file has one (compiled in, for example).
    std::string document;
};

/// Settings of a live snapshot beside those of the connection (`config`).
class live_options {
public:
    live_options() = default;

    std::vector<live_namespace> namespaces; ///< empty: the one that config names
    std::string save_file;                  ///< of the first namespace, unless it names one itself
    std::string document;                   ///< of the first namespace, unless it has one itself
    live_start start = live_start::wait;
    /// Of wait_ready(); zero is none, less than zero is up already.
    std::chrono::steady_clock::duration ready_timeout = std::chrono::seconds(10);

    bool streaming = true; ///< use the server's stream where it has one (v2)
    /// How often a server without a stream is asked (If-None-Match, so that an unchanged document costs a few bytes).
    /// This and `watchdog` must be positive.
    std::chrono::steady_clock::duration interval = std::chrono::seconds(10);
    /// With a stream the server is still asked, this rarely: the stream has no heartbeat, and a branch's stream is
    /// mute.
    std::chrono::steady_clock::duration watchdog = std::chrono::seconds(30);
    /// By which rules flags are evaluated. Unset: those of the server's version.
    std::optional<rule_set> rules;

    /// Called after each change, on the live snapshot's executor. What it throws leaves through the io_context's run().
    std::function<void(const live_change&)> on_change;
    /// Where documents are parsed and saved, such as a thread pool, so that a big one does not hold up the executor.
    /// Unset: on the executor. Must outlive the live snapshot. A job under way comes back to the live snapshot's
    /// io_context, even when the live snapshot is gone: that must outlive the job (join the pool before it ends, say).
    std::optional<asio::any_io_executor> worker;
};

} // namespace flipt::inline v0
