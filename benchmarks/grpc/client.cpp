// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Our client over gRPC, as a user writes it: the results are flipt::boolean_evaluation, the token, the deadline and
// the repeats are the client's.
#include "flipt/grpc/client.hpp"

#include "../support/meter.hpp"
#include "../support/payload.hpp"

#include <asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace {

using client_type = flipt::grpc_client<flipt::jwt_token>;

struct work {
    long next = 0;
    long end = 0;
    int workers = 0;
    bool good = true;
    bench::meter* meter = nullptr;
};

asio::awaitable<void> caller(const client_type& client, work& w)
{
    flipt::evaluation_request request(bench::flag_key, "");
    request.with("region", "eu").with("level", "12");
    flipt::boolean_evaluation result;
    while (w.next < w.end) {
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        co_await client.evaluate_boolean(request, result);
        w.meter->add(started);
    }
    w.good = w.good && result.enabled && result.flag_key == bench::flag_key && result.segment_keys.size() == 1;
}

} // namespace

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    asio::io_context io(1);
    flipt::config settings;
    settings.endpoint = o.url();
    client_type client(io.get_executor(), settings, flipt::jwt_token(bench::token()));
    bench::meter meter(o);
    work w;
    w.meter = &meter;
    const auto perform = [&](long count) {
        if (count == 0)
            return;
        w.next = 0;
        w.end = count;
        w.workers = o.in_flight;
        for (int i = 0; i < o.in_flight; ++i) {
            auto one = caller(client, w);
            asio::co_spawn(io, std::move(one), [&](std::exception_ptr e) {
                if (e)
                    std::rethrow_exception(e);
                if (--w.workers == 0)
                    io.stop();
            });
        }
        io.run();
        io.restart();
    };
    perform(o.warmup);
    meter.begin();
    perform(o.requests);
    meter.end(w.good);
    std::fflush(stdout);
    std::_Exit(0);
}
