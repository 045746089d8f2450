// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The engine of a live snapshot: a loop for each namespace that keeps it up to date.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/diff.hpp"
#include "flipt/live/core_access.hpp"
#include "flipt/live/source.hpp"
#include "flipt/live/transport.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0::detail {

/// A document made ready: what it says, or why it cannot be used.
class compiled_document {
public:
    compiled_document() = default;

    std::shared_ptr<const snapshot> flags;
    snapshot_diff changes; ///< against what is published
    std::error_code ec;
    std::string problem;
    std::string json;
    std::size_t hash = 0; ///< of the JSON, where it may be saved
};

/// Held by the live snapshot and by its loops, which end soon after stop().
class live_core final : public std::enable_shared_from_this<live_core> {
public:
    using clock = std::chrono::steady_clock;

    /// Throws flipt::error as a client does, and errc::invalid_config for namespaces named twice, that no request can
    /// name, or that name the same file to be saved to.
    FLIPT_DECL live_core(std::shared_ptr<live_transport> calls, live_options options);
    live_core(const live_core&) = delete;
    live_core& operator=(const live_core&) = delete;

    /// Loads saved files where that comes first, and begins the loops. Once, after construction.
    FLIPT_DECL void start();
    /// Ends everything, from any thread.
    FLIPT_DECL void post_stop() noexcept;
    /// Asks the server now, from any thread.
    FLIPT_DECL void post_refresh();

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return calls_->executor(); }
    /// Throws flipt::error, errc::invalid_argument, for a namespace that is not kept.
    [[nodiscard]] FLIPT_DECL live_source& find(std::string_view namespace_key, std::string_view environment_key) const;
    [[nodiscard]] FLIPT_DECL bool all_ready() const;
    [[nodiscard]] std::uint64_t last_sequence() const
    {
        const std::lock_guard guard(changes_mutex_);
        return sequence_;
    }

    // Coroutines of the executor's.
    static FLIPT_DECL asio::awaitable<ready_outcome> wait_ready(std::shared_ptr<live_core> self,
                                                                std::optional<clock::duration> timeout);
    static FLIPT_DECL asio::awaitable<change_outcome> wait_change(std::shared_ptr<live_core> self, std::uint64_t after);

    static constexpr std::size_t kept_changes = 64;

private:
    /// A wait of the user's, in the list while it is under way.
    class waiter {
    public:
        FLIPT_DECL explicit waiter(live_core& core);
        waiter(const waiter&) = delete;
        waiter& operator=(const waiter&) = delete;
        FLIPT_DECL ~waiter();

        asio::steady_timer timer;

    private:
        live_core& core_;
    };

    using source_ptr = std::shared_ptr<live_source>;

    static FLIPT_DECL asio::awaitable<void> run(std::shared_ptr<live_core> self, source_ptr s);
    static FLIPT_DECL asio::awaitable<void> fetch_once(std::shared_ptr<live_core> self, source_ptr s);
    static FLIPT_DECL asio::awaitable<bool> take(std::shared_ptr<live_core> self, source_ptr s,
                                                 snapshot_document document, live_origin origin);
    static FLIPT_DECL asio::awaitable<void> write_saved(std::shared_ptr<live_core> self, source_ptr s);
    static FLIPT_DECL asio::awaitable<void> take_saved(std::shared_ptr<live_core> self, source_ptr s);
    template <class T>
    asio::awaitable<T> work(std::function<T()> task);

    FLIPT_DECL void begin_loop(const source_ptr& s);
    FLIPT_DECL void open_stream(const source_ptr& s);
    FLIPT_DECL void stream_ended(live_source& s, std::error_code ec, const diagnostics& details);
    FLIPT_DECL void succeeded(live_source& s);
    FLIPT_DECL void failed(live_source& s, std::error_code ec, std::string_view detail);
    FLIPT_DECL void publish(live_source& s, compiled_document& fresh, const snapshot_document& from,
                            live_origin origin);
    /// What is published is to be saved, where it is saved at all, once the server says that it is right.
    FLIPT_DECL void set_unsaved(live_source& s, std::string json, server_version version);
    FLIPT_DECL void notify(live_change change);
    FLIPT_DECL void wake_waiters();
    FLIPT_DECL void stop();
    [[nodiscard]] rule_set rules_of(server_version v) const noexcept
    {
        return options_.rules.value_or(v == server_version::v1 ? rule_set::server_v1 : rule_set::server_v2);
    }
    static FLIPT_DECL compiled_document compile(std::string json, rule_set rules, std::size_t max_depth,
                                                const live_source& s);
    /// The document given; an empty one where there is none.
    static FLIPT_DECL snapshot_document given_document(const live_namespace& wanted, server_version server,
                                                       live_origin& origin);
    /// The saved file, else the document given; an empty document where there is neither. Blocks.
    static FLIPT_DECL snapshot_document read_saved(const live_namespace& wanted, server_version server,
                                                   std::size_t limit, live_origin& origin, std::error_code& ec);

    std::shared_ptr<live_transport> calls_;
    live_options options_;
    std::vector<std::shared_ptr<live_source>> sources_;
    std::vector<waiter*> waiters_;
    std::atomic<bool> stopped_{false};

    mutable std::mutex changes_mutex_;
    std::deque<live_change> changes_;
    std::uint64_t sequence_ = 0;
};

} // namespace flipt::inline v0::detail
