// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Ours, as a user writes it: a client with a JWT, a deadline on every call, a pool and repeats armed (the defaults).
// --call: into (the caller's result, the default), value, async_into, async, variant, variant_value, batch
// (of ten); build only makes the request.
#include "flipt/flipt.hpp"

#include "../support/meter.hpp"
#include "../support/payload.hpp"

#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>

#include <simdjson.h>

#include <exception>
#include <stdexcept>

namespace {

using client_type = flipt::client<flipt::jwt_token>;

// The requests of one phase, which several workers share.
struct work {
    long next = 0;
    long end = 0;
    int workers = 0;
    bool good = true;
    bench::meter* meter = nullptr;
};

bool right(const flipt::boolean_evaluation& r)
{
    return r.enabled && r.reason == flipt::evaluation_reason::match && r.flag_key == bench::flag_key &&
           r.segment_keys.size() == 1 && r.segment_keys[0] == "eu" && r.request_id == bench::request_id_of_reply;
}

bool right(const flipt::variant_evaluation& r)
{
    return r.match && r.variant_key == "blue" && r.flag_key == bench::variant_flag_key && r.segment_keys.size() == 2;
}

bool right(const flipt::batch_evaluation& r)
{
    return r.responses.size() == 10 && std::get_if<flipt::boolean_evaluation>(&r.responses[0]) != nullptr &&
           right(std::get<flipt::boolean_evaluation>(r.responses[0])) &&
           right(std::get<flipt::variant_evaluation>(r.responses[9]));
}

flipt::evaluation_request request_for(std::string_view flag)
{
    return flipt::evaluation_request(flag, "player-100000").with("region", "eu").with("level", "12");
}

asio::awaitable<void> into(const client_type& client, work& w, bench::options)
{
    flipt::evaluation_request request = request_for(bench::flag_key);
    flipt::boolean_evaluation result;
    while (w.next < w.end) {
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        co_await client.evaluate_boolean(request, result);
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

asio::awaitable<void> value(const client_type& client, work& w, bench::options)
{
    flipt::boolean_evaluation result;
    while (w.next < w.end) {
        flipt::evaluation_request request = request_for(bench::flag_key);
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        result = co_await client.evaluate_boolean(std::move(request));
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

// What value, async and variant_value do besides the call.
asio::awaitable<void> build(const client_type&, work& w, bench::options)
{
    while (w.next < w.end) {
        const flipt::evaluation_request request = request_for(bench::flag_key);
        w.good = w.good && request.context.size() == 2;
        ++w.next;
    }
    co_return;
}

asio::awaitable<void> async_into(const client_type& client, work& w, bench::options)
{
    flipt::evaluation_request request = request_for(bench::flag_key);
    flipt::boolean_evaluation result;
    while (w.next < w.end) {
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        co_await client.async_evaluate_boolean(request, result, flipt::call_options(), asio::use_awaitable);
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

asio::awaitable<void> async_value(const client_type& client, work& w, bench::options)
{
    flipt::boolean_evaluation result;
    while (w.next < w.end) {
        flipt::evaluation_request request = request_for(bench::flag_key);
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        result = co_await client.async_evaluate_boolean(std::move(request), asio::use_awaitable);
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

asio::awaitable<void> variant(const client_type& client, work& w, bench::options)
{
    flipt::evaluation_request request = request_for(bench::variant_flag_key);
    flipt::variant_evaluation result;
    while (w.next < w.end) {
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        co_await client.evaluate_variant(request, result);
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

asio::awaitable<void> variant_value(const client_type& client, work& w, bench::options)
{
    flipt::variant_evaluation result;
    while (w.next < w.end) {
        flipt::evaluation_request request = request_for(bench::variant_flag_key);
        bench::entity(w.next++, request.entity_id);
        const auto started = w.meter->now();
        result = co_await client.evaluate_variant(std::move(request));
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

asio::awaitable<void> batch(const client_type& client, work& w, bench::options)
{
    flipt::batch_request request;
    for (int i = 0; i < 10; ++i)
        request.add(request_for(i % 2 == 0 ? bench::flag_key : bench::variant_flag_key));
    flipt::batch_evaluation result;
    while (w.next < w.end) {
        for (flipt::evaluation_request& item : request.requests)
            bench::entity(w.next, item.entity_id);
        ++w.next;
        const auto started = w.meter->now();
        co_await client.evaluate_batch(request, result);
        w.meter->add(started);
    }
    w.good = w.good && right(result);
}

using worker = asio::awaitable<void> (*)(const client_type&, work&, bench::options);

worker worker_of(const std::string& call)
{
    if (call.empty() || call == "into")
        return into;
    if (call == "value")
        return value;
    if (call == "build")
        return build;
    if (call == "async_into")
        return async_into;
    if (call == "async")
        return async_value;
    if (call == "variant")
        return variant;
    if (call == "variant_value")
        return variant_value;
    if (call == "batch")
        return batch;
    throw std::invalid_argument("--call " + call);
}

void perform(asio::io_context& io, const client_type& client, work& w, const bench::options& o, long count)
{
    if (count == 0)
        return;
    w.next = 0;
    w.end = count;
    w.workers = o.in_flight;
    for (int i = 0; i < o.in_flight; ++i) {
        auto one = worker_of(o.call)(client, w, o);
        auto done = [&](std::exception_ptr e) {
            if (e)
                std::rethrow_exception(e);
            if (--w.workers == 0)
                io.stop(); // the client's timer may still be there
        };
        asio::co_spawn(io, std::move(one), done);
    }
    io.run();
    io.restart();
}

} // namespace

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    // One thread runs it, which is what the hint says; any other io_context works, about 100 instructions dearer.
    asio::io_context io(ASIO_CONCURRENCY_HINT_UNSAFE_IO);
    flipt::config settings;
    settings.endpoint = o.url();
    settings.max_connections = static_cast<std::size_t>(o.connection_count());
    settings.tls.ca_file = o.ca;
    client_type client(io.get_executor(), settings, flipt::jwt_token(bench::token()));

    bench::meter meter(o);
    work w;
    w.meter = &meter;
    perform(io, client, w, o, o.warmup);
    meter.begin();
    perform(io, client, w, o, o.requests);
    const std::string extra = ", \"simdjson\": \"" + std::to_string(simdjson::SIMDJSON_VERSION_MAJOR) + '.' +
                              std::to_string(simdjson::SIMDJSON_VERSION_MINOR) + '.' +
                              std::to_string(simdjson::SIMDJSON_VERSION_REVISION) + "\", \"kernel\": \"" +
                              std::string(simdjson::get_active_implementation()->name()) + '"';
    meter.end(w.good, extra.c_str());
}
