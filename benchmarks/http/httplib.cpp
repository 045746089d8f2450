// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// cpp-httplib: a Client and a thread per request in flight, since it blocks. set_keep_alive(true) is its README's
// ("Keep-Alive connection"); set_tcp_nodelay(true) is what its maintainer added for this use (yhirose/cpp-httplib issue
// 531): without it head and body are two writes, and Nagle's algorithm makes a request 40 ms.
#include "../support/meter.hpp"
#include "../support/payload.hpp"
#include "reply.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <httplib.h>
#include <string>
#include <thread>
#include <vector>

namespace {

class caller {
public:
    explicit caller(const bench::options& o) : meter_(o), client_(o.url())
    {
        client_.set_keep_alive(true);
        client_.set_tcp_nodelay(true);
        if (!o.ca.empty()) {
            client_.set_ca_cert_path(o.ca.c_str());
            client_.enable_server_certificate_verification(true);
        }
    }

    // As many as `next` has left for it.
    void perform(std::atomic<long>& next, long count)
    {
        nanoseconds.clear();
        for (long i = next++; i < count; i = next++) {
            bench::entity(i, entity_);
            const auto started = meter_.now();
            bench::body(body_, bench::flag_key, entity_);
            httplib::Result reply = client_.Post("/evaluate/v1/boolean", headers_, body_, "application/json");
            if (!reply || reply->status != 200) {
                std::fprintf(stderr, "httplib: %d\n", static_cast<int>(reply.error()));
                std::exit(1);
            }
            std::string& text = reply->body;
            text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
            reader_.read(text.data(), text.size(), text.capacity(), result);
            nanoseconds.push_back(static_cast<std::uint32_t>((meter_.now() - started).count()));
        }
    }

    bench::answer result;
    std::vector<std::uint32_t> nanoseconds;

private:
    bench::meter meter_;
    httplib::Client client_;
    httplib::Headers headers_{{"Accept", "application/json"}, {"Authorization", "JWT " + bench::token()}};
    std::string entity_, body_;
    bench::reply_reader reader_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    bench::meter meter(o);
    std::vector<std::unique_ptr<caller>> callers;
    for (int i = 0; i < o.in_flight; ++i) {
        callers.push_back(std::make_unique<caller>(o));
        callers.back()->nanoseconds.reserve(static_cast<std::size_t>(o.requests + o.warmup));
    }
    const auto perform = [&](long count) {
        std::atomic<long> next{0};
        if (callers.size() == 1) {
            callers[0]->perform(next, count);
            return;
        }
        std::vector<std::thread> threads;
        for (auto& c : callers)
            threads.emplace_back([&] { c->perform(next, count); });
        for (auto& t : threads)
            t.join();
    };
    perform(o.warmup);
    meter.begin();
    perform(o.requests);
    bool good = false;
    for (auto& c : callers) {
        for (const std::uint32_t n : c->nanoseconds)
            meter.add_nanoseconds(n);
        good = good || c->result.right();
    }
    meter.end(good);
}
