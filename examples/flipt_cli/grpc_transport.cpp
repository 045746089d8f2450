// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The transport over gRPC, where the program is built with it (FLIPT_CLI_GRPC).
#include "transport.hpp"

#if defined(FLIPT_CLI_GRPC)
#include "flipt/grpc/client.hpp"
#include "flipt/grpc/live_snapshot.hpp"

#include <cstdlib>
#endif

namespace flipt_cli {

#if defined(FLIPT_CLI_GRPC)

namespace {

/// stderr has one line, which is ours; gRPC would add some of its own. Before gRPC's first use.
void quiet_grpc() { ::setenv("GRPC_VERBOSITY", "NONE", 0); }

} // namespace

std::unique_ptr<transport> make_grpc_transport(const asio::any_io_executor& executor, const invocation& run)
{
    quiet_grpc();
    using client = flipt::grpc_client<flipt::any_token>;
    return std::make_unique<transport_of<client>>(client(executor, run.config, make_policy(run)));
}

std::unique_ptr<live_flags> make_grpc_live(const asio::any_io_executor& executor, const invocation& run,
                                           const flipt::live_options& options)
{
    quiet_grpc();
    flipt::grpc_live_snapshot live(executor, run.config, make_policy(run), options);
    return std::make_unique<live_flags>(std::move(live)); // no state of its own is cut off
}

#else

namespace {

[[noreturn]] void refuse() { throw usage_error("--transport grpc: this program was built without gRPC"); }

} // namespace

std::unique_ptr<transport> make_grpc_transport(const asio::any_io_executor&, const invocation&) { refuse(); }

std::unique_ptr<live_flags> make_grpc_live(const asio::any_io_executor&, const invocation&, const flipt::live_options&)
{
    refuse();
}

#endif

} // namespace flipt_cli
