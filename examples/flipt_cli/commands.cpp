// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of commands.hpp: the commands that make one call.
#include "commands.hpp"

#include "descriptors.hpp"
#include "output.hpp"

namespace flipt_cli {
namespace {

/// A table on a terminal, else a line of JSON.
template <class Answer>
void show(const Answer& answer, const invocation& run)
{
    const bool people = !run.json && is_terminal(standard_output);
    print(people ? to_table(answer).text() : to_json(answer) + "\n");
}

void show_text(const std::string& json, const invocation& run)
{
    const bool people = !run.json && is_terminal(standard_output);
    const std::string line = one_line(json);
    print(people ? to_table(std::string_view(line)).text() : line + "\n");
}

asio::awaitable<void> fetch_snapshot(transport& calls, const invocation& run)
{
    const flipt::snapshot_document document = co_await calls.snapshot();
    if (run.output_path.empty() || run.output_path == "-")
        print(document.json);
    else
        replace_file(run.output_path, document.json);
}

} // namespace

asio::awaitable<void> run_command(transport& calls, const invocation& run)
{
    switch (run.what) {
    case command::boolean: {
        const flipt::boolean_evaluation answer = co_await calls.boolean(run.request);
        show(answer, run);
        break;
    }
    case command::variant: {
        const flipt::variant_evaluation answer = co_await calls.variant(run.request);
        show(answer, run);
        break;
    }
    case command::flags: {
        const flipt::flag_list list = co_await calls.flags();
        show(list, run);
        break;
    }
    case command::flag: {
        const std::string json = co_await calls.flag(run.flag_key);
        show_text(json, run);
        break;
    }
    case command::self: {
        const std::string json = co_await calls.self();
        show_text(json, run);
        break;
    }
    case command::info: {
        const std::string json = co_await calls.info();
        show_text(json, run);
        break;
    }
    case command::health: {
        const std::string json = co_await calls.health();
        show_text(json, run);
        break;
    }
    case command::snapshot: co_await fetch_snapshot(calls, run); break;
    case command::batch:
    case command::eval:
    case command::watch: break; // see batch.hpp and live.hpp
    }
}

} // namespace flipt_cli
