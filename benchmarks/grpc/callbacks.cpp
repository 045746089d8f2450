// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Plain grpc++: the callback API, which grpc.io's "Best Practices for gRPC C++ API" (docs/languages/cpp/best_practices)
// recommends for most users; one channel and one stub for all calls ("Always re-use stubs and channels when possible",
// grpc.io/docs/guides/performance). The next call is started in the callback, on gRPC's thread.
#include "../support/meter.hpp"
#include "request.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <vector>

namespace {

class caller;

struct phase {
    std::atomic<long> next{0};
    std::atomic<int> running{0};
    long count = 0;
    std::promise<void> finished;
};

class caller {
public:
    caller(flipt::evaluation::EvaluationService::Stub& stub, const bench::options& o) : meter_(o), stub_(stub)
    {
        nanoseconds.reserve(static_cast<std::size_t>(o.requests + o.warmup));
    }

    void start(phase& p)
    {
        const long i = p.next++;
        if (i >= p.count) {
            if (--p.running == 0)
                p.finished.set_value();
            return;
        }
        started_ = meter_.now();
        context_ = std::make_unique<grpc::ClientContext>();
        context_->AddMetadata("authorization", authorization_);
        context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
        request_ = bench::grpc_request(i);
        reply.Clear();
        stub_.async()->Boolean(context_.get(), &request_, &reply, [this, &p](const grpc::Status& status) {
            if (!status.ok()) {
                std::fprintf(stderr, "grpc: %s\n", status.error_message().c_str());
                std::_Exit(1);
            }
            nanoseconds.push_back(static_cast<std::uint32_t>((meter_.now() - started_).count()));
            start(p);
        });
    }

    flipt::evaluation::BooleanEvaluationResponse reply;
    std::vector<std::uint32_t> nanoseconds;

private:
    bench::meter meter_;
    flipt::evaluation::EvaluationService::Stub& stub_;
    std::string authorization_ = "JWT " + bench::token();
    std::unique_ptr<grpc::ClientContext> context_;
    flipt::evaluation::EvaluationRequest request_;
    bench::meter::clock::time_point started_;
};

} // namespace

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    const auto channel = grpc::CreateChannel(o.host + ':' + std::to_string(o.port), grpc::InsecureChannelCredentials());
    const auto stub = flipt::evaluation::EvaluationService::NewStub(channel);
    bench::meter meter(o);
    std::vector<std::unique_ptr<caller>> callers;
    for (int i = 0; i < o.in_flight; ++i)
        callers.push_back(std::make_unique<caller>(*stub, o));
    const auto perform = [&](long count) {
        phase p;
        p.count = count;
        p.running = o.in_flight;
        for (auto& c : callers) {
            c->nanoseconds.clear();
            c->start(p);
        }
        p.finished.get_future().wait();
    };
    perform(o.warmup);
    meter.begin();
    perform(o.requests);
    for (auto& c : callers)
        for (const std::uint32_t n : c->nanoseconds)
            meter.add_nanoseconds(n);
    meter.end(bench::right(callers[0]->reply));
    std::fflush(stdout);
    std::_Exit(0); // gRPC's own shutdown takes its time and is not measured
}
