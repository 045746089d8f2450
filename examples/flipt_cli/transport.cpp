// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of transport.hpp: over HTTP.
#include "transport.hpp"

#include "flipt/client.hpp"

namespace flipt_cli {

flipt::any_token make_policy(const invocation& run)
{
    switch (run.kind) {
    case credential::none: break;
    case credential::jwt: return flipt::jwt_token(std::string(run.token.view()));
    case credential::jwt_file: return flipt::jwt_file(run.token_path);
    case credential::client_token: return flipt::client_token(std::string(run.token.view()));
    case credential::kubernetes:
        if (run.token_path.empty())
            return flipt::kubernetes_token();
        return flipt::kubernetes_token(run.token_path);
    }
    return flipt::no_token();
}

std::unique_ptr<transport> make_transport(const asio::any_io_executor& executor, const invocation& run)
{
    if (run.grpc)
        return make_grpc_transport(executor, run);
    using client = flipt::client<flipt::any_token>;
    return std::make_unique<transport_of<client>>(client(executor, run.config, make_policy(run)));
}

std::unique_ptr<live_flags> make_live(const asio::any_io_executor& executor, const invocation& run,
                                      const flipt::live_options& options)
{
    if (run.grpc)
        return make_grpc_live(executor, run, options);
    return std::make_unique<live_flags>(executor, run.config, make_policy(run), options);
}

} // namespace flipt_cli
