// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One namespace of a live snapshot: its flags, its state, and what comes in for it.
#pragma once

#include "flipt/live/options.hpp"
#include "flipt/live/publication.hpp"
#include "flipt/live/saved_file.hpp"
#include "flipt/live/schedule.hpp"
#include "flipt/live/transport.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0::detail {

/// Everything but `published` and `state` belongs to the live snapshot's executor.
class live_source final : public stream_sink {
public:
    live_source(live_namespace what, const asio::any_io_executor& executor, const live_schedule::settings& times)
        : wanted(std::move(what)), published(std::make_shared<publication>()), schedule(times), timer(executor)
    {}

    const live_namespace wanted; ///< both keys filled in
    const std::shared_ptr<publication> published;

    live_schedule schedule;
    asio::steady_timer timer;            ///< its cancellation wakes the loop
    asio::cancellation_signal stop_loop; ///< ends what the loop waits for; the loop itself goes on unless all has ended
    asio::cancellation_signal stop_stream;
    std::string etag;                              ///< of what is published, if the server gave it
    std::optional<std::string> message;            ///< a stream's newest document, not taken yet
    std::shared_ptr<const saved_snapshot> unsaved; ///< what is being saved, could not be, or awaits the server's word
    std::optional<std::size_t> saved_hash;         ///< of the document last saved, for servers without ETags
    bool refresh_wanted = false;                   ///< ask at once, whatever is due
    bool fetching = false;                         ///< the loop waits for an answer that a message makes needless
    bool asked_again = false;                      ///< the next question repeats one that was given up for a message
    bool stream_open = false;
    bool tried_saved = false;
    bool failed_once = false;
    std::error_code first_failure;
    std::string first_failure_detail;

    [[nodiscard]] live_state state() const
    {
        const std::lock_guard guard(mutex_);
        return state_;
    }
    template <class F>
    void change_state(F&& change)
    {
        const std::lock_guard guard(mutex_);
        change(state_);
    }
    [[nodiscard]] bool ready() const
    {
        const std::lock_guard guard(mutex_);
        return state_.ready;
    }

    void on_stream_head() override { wake(); }
    void on_document(std::string_view json) override
    {
        // Each message is the whole document: only the newest counts.
        message.emplace(json);
        wake();
        // Nor does the answer to a question from before it, which may be long in coming.
        if (fetching)
            stop_loop.emit(asio::cancellation_type::terminal);
    }
    void wake() { timer.cancel(); }

private:
    mutable std::mutex mutex_; // of state_: readers of flags never touch it
    live_state state_;
};

} // namespace flipt::inline v0::detail
