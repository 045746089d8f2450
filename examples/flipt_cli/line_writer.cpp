// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of line_writer.hpp.
#include "line_writer.hpp"

#include "descriptors.hpp"

#include <utility>

namespace flipt_cli {

line_writer::line_writer(int descriptor, std::function<void()> wake) : descriptor_(descriptor), wake_(std::move(wake))
{
    std::thread([this] { run(); }).detach();
}

void line_writer::add(std::string_view bytes)
{
    const std::lock_guard lock(mutex_);
    pending_ += bytes;
    added_.notify_one();
}

bool line_writer::full()
{
    const std::lock_guard lock(mutex_);
    return pending_.size() >= much;
}

bool line_writer::idle()
{
    const std::lock_guard lock(mutex_);
    return pending_.empty() && !writing_;
}

std::error_code line_writer::error()
{
    const std::lock_guard lock(mutex_);
    return error_;
}

void line_writer::run()
{
    std::string bytes;
    std::unique_lock lock(mutex_);
    while (true) {
        added_.wait(lock, [this] { return !pending_.empty(); });
        bytes.clear();
        bytes.swap(pending_);
        writing_ = true;
        lock.unlock();
        std::error_code ec;
        const bool written = write_all(descriptor_, bytes, ec);
        lock.lock();
        writing_ = false;
        error_ = ec;
        lock.unlock();
        wake_();
        if (!written)
            return;
        lock.lock();
    }
}

} // namespace flipt_cli
