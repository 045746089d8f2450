// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the tests of the gRPC client share: settings for a server in the process, and awaiting on an io_context.
#pragma once

#include "flipt/grpc/client.hpp"

#include "flipt_cpp/wire.pb.h"
#include "flipt_cpp/wire_v1.pb.h"
#include "flipt_cpp/wire_v2.pb.h"
#include "server.hpp"

#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <future>
#include <string>
#include <system_error>
#include <utility>

namespace grpc_test {

using namespace std::chrono_literals;
namespace wire = flipt_cpp::wire;

// Looked for in the log by token_log_test.py.
inline constexpr const char* secret_token = "eyJ-s3cret-0f-the-tests.x.y";

inline flipt::config settings_for(const server& to)
{
    flipt::config settings;
    settings.endpoint = "http://" + to.address();
    settings.retry.initial_backoff = 1ms;
    settings.retry.max_backoff = 20ms;
    settings.request_timeout = 20s; // the machine may be busy; tests that want a deadline set their own
    return settings;
}

template <class T>
T run(asio::io_context& io, asio::awaitable<T> work)
{
    auto done = asio::co_spawn(io, std::move(work), asio::use_future);
    io.restart();
    io.run();
    return done.get();
}

// What a call came to.
class outcome {
public:
    outcome() = default;
    std::error_code ec;
    flipt::diagnostics details;
};

template <class T>
outcome fails(asio::io_context& io, asio::awaitable<T> work)
{
    outcome got;
    try {
        run(io, std::move(work));
    } catch (const flipt::error& e) {
        got.ec = e.code();
        got.details = e.details();
    }
    return got;
}

inline flipt::evaluation_request ask(const std::string& flag) { return flipt::evaluation_request(flag, "ada"); }

inline grpc::Status denied()
{
    return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "request was not authenticated");
}

// MetadataService/GetInfo of either major.
inline server::handler info(bool v2)
{
    return [v2](const std::shared_ptr<call>& c) {
        wire::HttpBody body;
        body.set_content_type("application/json");
        body.set_data(v2 ? R"({"build":{"version":"v2.11.0"},"product":"oss"})" : R"({"version":"v1.61.1"})");
        c->answer(body);
    };
}

} // namespace grpc_test
