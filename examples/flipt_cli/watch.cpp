// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The watch command.
#include "flipt/live/live_snapshot.hpp"
#include "flipt/protocol/json_writer.hpp"

#include "commands.hpp"
#include "descriptors.hpp"
#include "live.hpp"
#include "output.hpp"

#include <asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace flipt_cli {
namespace {

std::string format(const flipt::live_change& change)
{
    flipt::detail::byte_buffer out;
    const auto text = [&](std::string_view s) {
        if (!flipt::detail::append_json_string(out, s)) // no UTF-8, which a digest of the server's may be
            out.append("\"\"");
    };
    const auto list = [&](std::string_view name, const std::vector<std::string>& keys) {
        out.append(name);
        out.push_back('[');
        bool first = true;
        for (const std::string& key : keys) {
            if (!std::exchange(first, false))
                out.push_back(',');
            text(key);
        }
        out.push_back(']');
    };
    out.append("{\"time\":");
    text(rfc3339(change.time));
    out.append(",\"digest\":");
    text(change.digest);
    list(",\"added\":", change.flags.added);
    list(",\"removed\":", change.flags.removed);
    list(",\"changed\":", change.flags.changed);
    out.append("}\n");
    return std::string(out.view());
}

asio::awaitable<void> follow(const live_flags& live, const invocation& run)
{
    co_await live.wait_ready();
    const std::string begun = "flipt-cli: watching, digest " + printable(live.state().digest) + "\n";
    std::error_code ignored;
    write_all(standard_error, begun, ignored);
    std::uint64_t last = 0;
    for (std::uint64_t seen = 0; run.exit_after == 0 || seen < run.exit_after; ++seen) {
        const flipt::live_change change = co_await live.next_change(last);
        last = change.sequence;
        print(format(change));
    }
}

} // namespace

failure run_watch(const invocation& run)
{
    flipt::live_options options;
    options.save_file = run.save_path;
    options.start = run.save_path.empty() ? flipt::live_start::fail : flipt::live_start::wait;
    options.ready_timeout = run.config.request_timeout;
    if (run.interval.count() != 0)
        options.interval = std::chrono::duration_cast<std::chrono::steady_clock::duration>(run.interval);
    // Never destroyed: ~io_context would wait for a name server.
    auto& context = *new asio::io_context(1);
    live_flags& live = *make_live(context.get_executor(), run, options).release();
    bool done = false;
    std::exception_ptr failed;
    auto ended = [&](std::exception_ptr exception) {
        failed = exception;
        done = true;
    };
    asio::co_spawn(context, follow(live, run), ended);
    while (!done)
        context.run_one();
    if (failed)
        std::rethrow_exception(failed);
    return failure();
}

} // namespace flipt_cli
