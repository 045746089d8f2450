// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bytes to a descriptor, written by a thread of its own so that a slow reader of ours delays no call.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace flipt_cli {

/// Thread safety: add(), full() and error() are for one thread; `wake` is called from the writing one. As line_reader,
/// it must live as long as the process.
class line_writer {
public:
    /// `wake` is called when it is no longer full, when everything is written, and when writing failed.
    line_writer(int descriptor, std::function<void()> wake);
    line_writer(const line_writer&) = delete;
    line_writer& operator=(const line_writer&) = delete;

    void add(std::string_view bytes);
    /// So much waits to be written that no more work should be begun.
    [[nodiscard]] bool full();
    [[nodiscard]] bool idle();
    [[nodiscard]] std::error_code error();

private:
    static constexpr std::size_t much = std::size_t{1} << 20;

    void run();

    const int descriptor_;
    const std::function<void()> wake_;
    std::mutex mutex_;
    std::condition_variable added_;
    std::string pending_;
    bool writing_ = false;
    std::error_code error_;
};

} // namespace flipt_cli
