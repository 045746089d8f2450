// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// An in-process server that keeps the metadata of each call and answers as it is told.
#pragma once

#include "flipt_client.grpc.pb.h"
#include "flipt_evaluation.grpc.pb.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace grpc_test {

using request = flipt::evaluation::EvaluationRequest;
using boolean = flipt::evaluation::BooleanEvaluationResponse;
using stub = flipt::evaluation::EvaluationService;
using stub_type = flipt::evaluation::EvaluationService::StubInterface::async_interface;
using stream_request = evaluation::EvaluationNamespaceSnapshotStreamRequest;
using document = evaluation::EvaluationNamespaceSnapshot;
using stream_stub = evaluation::ClientEvaluationService;
using stream_stub_type = evaluation::ClientEvaluationService::StubInterface::async_interface;

// The flag key tells what a call gets: "hang" waits until it is cancelled, "missing" and "denied" are refused.
class server {
public:
    explicit server(std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials())
    {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", std::move(credentials), &port_);
        builder.RegisterService(&evaluation_);
        builder.RegisterService(&client_);
        server_ = builder.BuildAndStart();
    }
    ~server() { server_->Shutdown(std::chrono::system_clock::now()); }

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    // The values of `authorization` of each call, in order; a call without one is "-".
    [[nodiscard]] std::vector<std::string> seen()
    {
        const std::lock_guard lock(mutex_);
        return seen_;
    }
    // Blocks until that many calls have come.
    void wait_for_calls(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        came_.wait_for(lock, std::chrono::seconds(10), [&] { return seen_.size() >= count; });
    }

private:
    void note(const grpc::ServerContext& context)
    {
        std::string all;
        for (const auto& [key, value] : context.client_metadata())
            if (key == "authorization")
                all += (all.empty() ? "" : "|") + std::string(value.data(), value.size());
        const std::lock_guard lock(mutex_);
        seen_.push_back(all.empty() ? "-" : all);
        came_.notify_all();
    }
    static void hang(const grpc::ServerContext& context)
    {
        while (!context.IsCancelled())
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }

    class evaluation_service final : public flipt::evaluation::EvaluationService::Service {
    public:
        explicit evaluation_service(server& owner) : owner_(owner) {}
        grpc::Status Boolean(grpc::ServerContext* context, const request* asked, boolean* answer) override
        {
            owner_.note(*context);
            if (asked->flag_key() == "hang") {
                hang(*context);
                return grpc::Status::CANCELLED;
            }
            if (asked->flag_key() == "missing")
                return grpc::Status(grpc::StatusCode::NOT_FOUND, "flag \"default/missing\" not found");
            if (asked->flag_key() == "denied")
                return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "request was not authenticated");
            if (asked->flag_key() == "big")
                answer->set_request_id(std::string(100000, 'x'));
            answer->set_enabled(true);
            answer->set_flag_key(asked->flag_key());
            return grpc::Status::OK;
        }

    private:
        server& owner_;
    };

    class client_service final : public evaluation::ClientEvaluationService::Service {
    public:
        explicit client_service(server& owner) : owner_(owner) {}
        grpc::Status EvaluationSnapshotNamespaceStream(grpc::ServerContext* context, const stream_request* asked,
                                                       grpc::ServerWriter<document>* writer) override
        {
            owner_.note(*context);
            document sent;
            for (const char* digest : {"one", "two"}) {
                sent.set_digest(digest);
                writer->Write(sent);
            }
            if (asked->key() == "hang")
                hang(*context);
            return asked->key() == "broken" ? grpc::Status(grpc::StatusCode::INTERNAL, "it broke") : grpc::Status::OK;
        }

    private:
        server& owner_;
    };

    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<std::string> seen_;
    evaluation_service evaluation_{*this};
    client_service client_{*this};
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

} // namespace grpc_test
