// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Lines of a descriptor, read by a thread of its own so that a silent pipe delays nothing.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace flipt_cli {

/// Thread safety: next() and the constructor are for one thread; `wake` is called from the reading one. Ends with the
/// process: the thread may be stuck in a read, so it is detached, and an object of this class must live that long.
class line_reader {
public:
    /// The longest line that is kept; of a longer one its first bytes are, and `too_long` says so.
    static constexpr std::size_t max_line = std::size_t{16} * 1024 * 1024;

    class line {
    public:
        line() = default;

        std::string text; ///< without its line break
        bool too_long = false;
    };

    enum class state { line, empty, end };

    /// `wake` is called whenever next() has something after it was empty.
    line_reader(int descriptor, std::function<void()> wake);
    line_reader(const line_reader&) = delete;
    line_reader& operator=(const line_reader&) = delete;

    /// The next line, if one is there.
    [[nodiscard]] state next(line& out);
    /// Why reading ended, if not by the end of the input. After state::end.
    [[nodiscard]] std::error_code error();

private:
    // What may wait to be taken, so that memory stays bounded however fast lines come.
    static constexpr std::size_t most_lines = 1024;
    static constexpr std::size_t most_bytes = std::size_t{1} << 20;

    void run();
    void take(std::string_view bytes);
    void add_to_line(std::string_view bytes);
    void finish_line();
    void finish(std::error_code ec);
    void notify(bool was_waiting);

    const int descriptor_;
    const std::function<void()> wake_;
    line current_; // the reading thread's
    std::mutex mutex_;
    std::condition_variable taken_;
    std::deque<line> lines_;
    std::size_t bytes_ = 0;
    bool waiting_ = false; // next() found nothing
    bool ended_ = false;
    std::error_code error_;
};

} // namespace flipt_cli
