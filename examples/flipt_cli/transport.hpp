// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The calls that commands make, whichever way they go to the server.
#pragma once

#include "flipt/live/live_snapshot.hpp"
#include "flipt/token/token.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include "failure.hpp"
#include "options.hpp"

#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace flipt_cli {

/// References must live until completion.
class transport {
public:
    transport() = default;
    transport(const transport&) = delete;
    transport& operator=(const transport&) = delete;
    virtual ~transport() = default;

    virtual asio::awaitable<flipt::boolean_evaluation> boolean(const flipt::evaluation_request& request) = 0;
    virtual asio::awaitable<flipt::variant_evaluation> variant(const flipt::evaluation_request& request) = 0;
    virtual asio::awaitable<flipt::flag_list> flags() = 0;
    virtual asio::awaitable<flipt::snapshot_document> snapshot() = 0;
    // JSON texts, over HTTP only.
    virtual asio::awaitable<std::string> flag(const std::string& key) = 0;
    virtual asio::awaitable<std::string> self() = 0;
    virtual asio::awaitable<std::string> info() = 0;
    virtual asio::awaitable<std::string> health() = 0;

    using done_function = std::function<void(std::error_code)>;
    virtual void begin(const flipt::evaluation_request& request, flipt::boolean_evaluation& answer,
                       const flipt::call_options& options, done_function done) = 0;
    virtual void begin(const flipt::evaluation_request& request, flipt::variant_evaluation& answer,
                       const flipt::call_options& options, done_function done) = 0;
    virtual void begin(flipt::batch_request request, flipt::batch_evaluation& answers,
                       const flipt::call_options& options, done_function done) = 0;
};

template <class Client>
class transport_of final : public transport {
public:
    explicit transport_of(Client client) : client_(std::move(client)) {}

    asio::awaitable<flipt::boolean_evaluation> boolean(const flipt::evaluation_request& request) override
    {
        return client_.evaluate_boolean(request);
    }
    asio::awaitable<flipt::variant_evaluation> variant(const flipt::evaluation_request& request) override
    {
        return client_.evaluate_variant(request);
    }
    asio::awaitable<flipt::flag_list> flags() override { return client_.list_flags(); }
    asio::awaitable<flipt::snapshot_document> snapshot() override { return client_.snapshot(); }
    asio::awaitable<std::string> flag(const std::string& key) override
    {
        if constexpr (over_http)
            return client_.get_flag(key);
        else
            return refuse();
    }
    asio::awaitable<std::string> self() override
    {
        if constexpr (over_http)
            return client_.self();
        else
            return refuse();
    }
    asio::awaitable<std::string> info() override
    {
        if constexpr (over_http)
            return client_.info();
        else
            return refuse();
    }
    asio::awaitable<std::string> health() override
    {
        if constexpr (over_http)
            return client_.health();
        else
            return refuse();
    }

    void begin(const flipt::evaluation_request& request, flipt::boolean_evaluation& answer,
               const flipt::call_options& options, done_function done) override
    {
        client_.async_evaluate_boolean(request, answer, options, std::move(done));
    }
    void begin(const flipt::evaluation_request& request, flipt::variant_evaluation& answer,
               const flipt::call_options& options, done_function done) override
    {
        client_.async_evaluate_variant(request, answer, options, std::move(done));
    }
    void begin(flipt::batch_request request, flipt::batch_evaluation& answers, const flipt::call_options& options,
               done_function done) override
    {
        client_.async_evaluate_batch(
            std::move(request), options,
            [&answers, done = std::move(done)](std::error_code ec, flipt::batch_evaluation all) {
                answers = std::move(all);
                done(ec);
            });
    }

private:
    static constexpr bool over_http = requires(Client& c) { c.health(); };

    static asio::awaitable<std::string> refuse() { throw usage_error("this command needs --transport http"); }

    Client client_;
};

using live_flags = flipt::live_snapshot<flipt::any_token>;

/// The token policy of a run's credential.
[[nodiscard]] flipt::any_token make_policy(const invocation& run);

/// What a run asked for, over HTTP or gRPC.
[[nodiscard]] std::unique_ptr<transport> make_transport(const asio::any_io_executor& executor, const invocation& run);
[[nodiscard]] std::unique_ptr<live_flags> make_live(const asio::any_io_executor& executor, const invocation& run,
                                                    const flipt::live_options& options);

/// The same over gRPC; a usage_error where the program was built without it.
[[nodiscard]] std::unique_ptr<transport> make_grpc_transport(const asio::any_io_executor& executor,
                                                             const invocation& run);
[[nodiscard]] std::unique_ptr<live_flags> make_grpc_live(const asio::any_io_executor& executor, const invocation& run,
                                                         const flipt::live_options& options);

} // namespace flipt_cli
