// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// flipt-cli: flags and evaluations of a Flipt server from the command line.
#include "batch.hpp"
#include "commands.hpp"
#include "descriptors.hpp"
#include "failure.hpp"
#include "live.hpp"
#include "options.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <cstdlib>
#include <exception>

namespace flipt_cli {
namespace {

/// Runs the context until the command ended, and no longer: a name server may still be asked.
void run_to_end(asio::io_context& context, transport& calls, const invocation& run)
{
    bool done = false;
    std::exception_ptr failed;
    auto ended = [&](std::exception_ptr exception) {
        failed = exception;
        done = true;
    };
    asio::co_spawn(context, run_command(calls, run), ended);
    while (!done)
        context.run_one();
    if (failed)
        std::rethrow_exception(failed);
}

failure run_program(int argc, char** argv, invocation& run)
{
    if (!parse_arguments(argc, argv, run))
        return failure();
    if (run.what == command::eval)
        return run_eval(run);
    if (run.what == command::watch)
        return run_watch(run);
    // Never destroyed: ~io_context would wait for a name server.
    auto& context = *new asio::io_context(1);
    transport& calls = *make_transport(context.get_executor(), run).release();
    if (run.what == command::batch)
        return run_batch(context, calls, run);
    run_to_end(context, calls, run);
    return failure();
}

} // namespace
} // namespace flipt_cli

int main(int argc, char** argv)
{
    flipt_cli::prepare_descriptors();
    flipt_cli::invocation run;
    flipt_cli::failure why;
    try {
        why = flipt_cli::run_program(argc, argv, run);
    } catch (...) {
        why = flipt_cli::describe(std::current_exception(), run.redact);
    }
    if (why.code != flipt_cli::exit_code::ok)
        flipt_cli::report(why);
    std::_Exit(static_cast<int>(why.code)); // everything is written, and no thread is waited for
}
