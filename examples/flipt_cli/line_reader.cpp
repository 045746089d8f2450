// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of line_reader.hpp.
#include "line_reader.hpp"

#include "descriptors.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace flipt_cli {

line_reader::line_reader(int descriptor, std::function<void()> wake) : descriptor_(descriptor), wake_(std::move(wake))
{
    std::thread([this] { run(); }).detach();
}

line_reader::state line_reader::next(line& out)
{
    const std::lock_guard lock(mutex_);
    if (lines_.empty()) {
        waiting_ = !ended_;
        return ended_ ? state::end : state::empty;
    }
    out = std::move(lines_.front());
    lines_.pop_front();
    bytes_ -= out.text.size();
    taken_.notify_one();
    return state::line;
}

std::error_code line_reader::error()
{
    const std::lock_guard lock(mutex_);
    return error_;
}

void line_reader::run()
{
    std::vector<char> buffer(64 * 1024);
    std::error_code ec;
    while (const std::size_t size = read_some(descriptor_, buffer.data(), buffer.size(), ec))
        take(std::string_view(buffer.data(), size));
    finish(ec);
}

void line_reader::take(std::string_view bytes)
{
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        add_to_line(bytes.substr(0, end));
        if (end == std::string_view::npos)
            return;
        finish_line();
        bytes.remove_prefix(end + 1);
    }
}

void line_reader::add_to_line(std::string_view bytes)
{
    const std::size_t room = max_line - current_.text.size();
    current_.too_long = current_.too_long || bytes.size() > room;
    current_.text.append(bytes.substr(0, room));
}

void line_reader::finish_line()
{
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [this] { return lines_.size() < most_lines && bytes_ < most_bytes; });
    bytes_ += current_.text.size();
    lines_.push_back(std::exchange(current_, line()));
    const bool waiting = std::exchange(waiting_, false);
    lock.unlock();
    notify(waiting);
}

void line_reader::finish(std::error_code ec)
{
    if (!current_.text.empty()) // a last line without a line break
        finish_line();
    std::unique_lock lock(mutex_);
    ended_ = true;
    error_ = ec;
    const bool waiting = std::exchange(waiting_, false);
    lock.unlock();
    notify(waiting);
}

void line_reader::notify(bool was_waiting)
{
    if (was_waiting)
        wake_();
}

} // namespace flipt_cli
