// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The eval command.
#include "flipt/evaluation/jsonl.hpp"
#include "flipt/live/live_thread.hpp"
#include "flipt/live/saved_file.hpp"

#include "commands.hpp"
#include "descriptors.hpp"
#include "live.hpp"
#include "output.hpp"

#include <asio/use_future.hpp>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt_cli {
namespace {

flipt::snapshot load(const invocation& run)
{
    std::string bytes;
    const std::size_t limit = run.config.limits.snapshot;
    if (const auto ec = flipt::detail::read_file(run.snapshot_path, limit, bytes))
        throw std::system_error(ec, "the snapshot cannot be read");
    flipt::rule_set rules = run.rules.value_or(flipt::rule_set::server_v2);
    if (flipt::detail::is_saved(bytes)) {
        flipt::detail::saved_snapshot saved;
        if (const auto ec = flipt::detail::parse_saved(bytes, saved))
            throw flipt::error(ec, "the file is damaged");
        if (!run.rules && saved.server == flipt::server_version::v1)
            rules = flipt::rule_set::server_v1;
        bytes = std::move(saved.json);
    }
    const auto first = bytes.find_first_not_of(" \t\r\n");
    const bool bare = first != std::string::npos && bytes[first] == '{';
    flipt::snapshot_result result =
        bare ? flipt::snapshot::parse(bytes, rules) : flipt::snapshot::parse_sdk(bytes, rules);
    if (!result.ok())
        throw flipt::error(flipt::errc::invalid_snapshot, result.error().message());
    return std::move(*result);
}

/// Answers what has come as soon as no more has: each line is answered by what is current then.
template <class Current>
void answer_lines(Current current)
{
    constexpr std::size_t block = std::size_t{64} * 1024;
    std::string input;
    std::string output;
    for (;;) {
        const std::size_t old = input.size();
        input.resize(old + block);
        std::error_code ec;
        const std::size_t n = read_some(standard_input, input.data() + old, block, ec);
        if (ec)
            throw std::system_error(ec, "stdin");
        input.resize(old + n);
        if (n == 0 && !input.empty())
            input += '\n';
        std::size_t begin = 0;
        // The part before `old` was searched before.
        for (std::size_t end = input.find('\n', old); end != std::string::npos; end = input.find('\n', begin)) {
            std::string_view line(input.data() + begin, end - begin);
            if (!line.empty() && line.back() == '\r')
                line.remove_suffix(1);
            if (!line.empty()) {
                flipt::detail::answer_line(current(), line, output);
                output += '\n';
            }
            begin = end + 1;
        }
        input.erase(0, begin);
        if (!output.empty())
            print(output);
        output.clear();
        if (n == 0)
            return;
    }
}

} // namespace

failure run_eval(const invocation& run)
{
    if (!run.snapshot_path.empty()) {
        const flipt::snapshot flags = load(run);
        answer_lines([&]() -> const flipt::snapshot& { return flags; });
        return failure();
    }
    flipt::live_options options;
    options.rules = run.rules;
    options.save_file = run.save_path;
    options.start = run.save_path.empty() ? flipt::live_start::fail : flipt::live_start::wait;
    options.ready_timeout = run.config.request_timeout;
    // Never destroyed: its thread may be asking a name server.
    auto& live = *new flipt::live_thread(run.config, make_policy(run), options);
    asio::co_spawn(live.get_executor(), live->wait_ready(), asio::use_future).get();
    flipt::reader reader = live->reader();
    answer_lines([&]() -> const flipt::snapshot& { return reader.current(); });
    return failure();
}

} // namespace flipt_cli
