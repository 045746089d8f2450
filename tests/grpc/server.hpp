// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// An in-process server for any method: keeps the metadata of each call and answers as it is told. Nothing polls.
#pragma once

#include "flipt_client.grpc.pb.h"
#include "flipt_evaluation.grpc.pb.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace grpc_test {

// What Flipt's own generated code is.
using request = flipt::evaluation::EvaluationRequest;
using boolean = flipt::evaluation::BooleanEvaluationResponse;
using stub = flipt::evaluation::EvaluationService;
using stub_type = flipt::evaluation::EvaluationService::StubInterface::async_interface;
using stream_request = evaluation::EvaluationNamespaceSnapshotStreamRequest;
using document = evaluation::EvaluationNamespaceSnapshot;
using stream_stub = evaluation::ClientEvaluationService;
using stream_stub_type = evaluation::ClientEvaluationService::StubInterface::async_interface;

class server;

// One call as the server sees it. Answered from any thread, also after its handler has returned; lives until gRPC is
// done with it, or longer if somebody keeps it.
class call final : public grpc::ServerGenericBidiReactor {
public:
    call(server& owner, grpc::GenericCallbackServerContext* context) : owner_(owner), context_(context)
    {
        const std::string& full = context->method();
        method_ = full.substr(full.rfind('/') + 1);
    }

    [[nodiscard]] const std::string& method() const { return method_; }
    // All values, joined by |; "-" for none.
    [[nodiscard]] std::string metadata(const std::string& key) const
    {
        std::string all;
        const auto [begin, end] = context_->client_metadata().equal_range(key);
        for (auto at = begin; at != end; ++at)
            all += (all.empty() ? "" : "|") + std::string(at->second.data(), at->second.size());
        return begin == end ? "-" : all;
    }
    [[nodiscard]] const std::string& bytes() const { return request_; }
    template <class Message>
    [[nodiscard]] Message as() const
    {
        Message message;
        message.ParseFromString(request_);
        return message;
    }

    void header(const std::string& key, const std::string& value) { context_->AddInitialMetadata(key, value); }
    void send_bytes(const std::string& bytes)
    {
        const grpc::Slice slice(bytes);
        const std::lock_guard lock(mutex_);
        waiting_.emplace_back(&slice, 1);
        advance();
    }
    template <class Message>
    void send(const Message& message)
    {
        send_bytes(message.SerializeAsString());
    }
    void finish(const grpc::Status& status = grpc::Status::OK)
    {
        const std::lock_guard lock(mutex_);
        if (finish_)
            return;
        finish_ = std::make_unique<grpc::Status>(status);
        advance();
    }
    template <class Message>
    void answer(const Message& message)
    {
        send(message);
        finish();
    }

private:
    friend class server;

    void OnReadDone(bool ok) override;
    void OnWriteDone(bool ok) override
    {
        const std::lock_guard lock(mutex_);
        waiting_.pop_front();
        writing_ = false;
        if (!ok)
            waiting_.clear();
        advance();
    }
    void OnCancel() override;
    void OnDone() override { const auto last = std::move(self_); }

    // With the lock.
    void advance()
    {
        if (writing_ || ended_)
            return;
        if (!waiting_.empty()) {
            writing_ = true;
            StartWrite(&waiting_.front());
        } else if (finish_) {
            ended_ = true;
            Finish(*finish_);
        }
    }

    server& owner_;
    grpc::GenericCallbackServerContext* context_;
    std::shared_ptr<call> self_;
    std::string method_;
    grpc::ByteBuffer read_;
    std::string request_;
    std::mutex mutex_;
    std::deque<grpc::ByteBuffer> waiting_;
    std::unique_ptr<grpc::Status> finish_;
    bool writing_ = false;
    bool ended_ = false;
};

class server final : public grpc::CallbackGenericService {
public:
    using handler = std::function<void(const std::shared_ptr<call>&)>;

    explicit server(std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials(),
                    int port = 0, int max_age_ms = 0)
    {
        on("Boolean", [](const std::shared_ptr<call>& c) { boolean_by_key(*c); });
        on("EvaluationSnapshotNamespaceStream", [](const std::shared_ptr<call>& c) { two_documents(*c); });
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:" + std::to_string(port), std::move(credentials), &port_);
        builder.RegisterCallbackGenericService(this);
        builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
        if (max_age_ms != 0) {
            builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, max_age_ms);
            builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, max_age_ms);
        }
        server_ = builder.BuildAndStart();
    }
    ~server() override { server_->Shutdown(std::chrono::system_clock::now()); }

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

    // How a method (its last name) is answered; others are UNIMPLEMENTED. On gRPC's threads.
    void on(const std::string& method, handler answer)
    {
        const std::lock_guard lock(mutex_);
        handlers_[method] = std::move(answer);
    }

    // The values of `authorization` of each call, in order.
    [[nodiscard]] std::vector<std::string> seen()
    {
        const std::lock_guard lock(mutex_);
        return seen_;
    }
    // Blocks until that many calls have come; until that many were cancelled.
    bool wait_for_calls(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, std::chrono::seconds(20), [&] { return seen_.size() >= count; });
    }
    bool wait_for_cancelled(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, std::chrono::seconds(20), [&] { return cancelled_ >= count; });
    }

private:
    friend class call;

    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override
    {
        auto made = std::make_shared<call>(*this, context);
        made->self_ = made;
        made->StartRead(&made->read_);
        return made.get();
    }

    // The flag key tells what a call gets: "hang" waits until it is cancelled, "missing" and "denied" are refused.
    static void boolean_by_key(call& c)
    {
        const auto asked = c.as<request>();
        boolean answer;
        if (asked.flag_key() == "hang")
            return;
        if (asked.flag_key() == "missing")
            return c.finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "flag \"default/missing\" not found"));
        if (asked.flag_key() == "denied")
            return c.finish(grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "request was not authenticated"));
        if (asked.flag_key() == "big")
            answer.set_request_id(std::string(100000, 'x'));
        answer.set_enabled(true);
        answer.set_flag_key(asked.flag_key());
        c.answer(answer);
    }
    static void two_documents(call& c)
    {
        document sent;
        for (const char* digest : {"one", "two"}) {
            sent.set_digest(digest);
            c.send(sent);
        }
        const std::string key = c.as<stream_request>().key();
        if (key != "hang")
            c.finish(key == "broken" ? grpc::Status(grpc::StatusCode::INTERNAL, "it broke") : grpc::Status::OK);
    }

    std::mutex mutex_;
    std::condition_variable came_;
    std::map<std::string, handler> handlers_;
    std::vector<std::string> seen_;
    std::size_t cancelled_ = 0;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

inline void call::OnReadDone(bool ok)
{
    if (!ok)
        return finish(grpc::Status::CANCELLED);
    std::vector<grpc::Slice> slices;
    read_.Dump(&slices);
    for (const grpc::Slice& slice : slices)
        request_.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    const auto kept = self_;
    server::handler answer;
    {
        const std::lock_guard lock(owner_.mutex_);
        owner_.seen_.push_back(metadata("authorization"));
        if (const auto found = owner_.handlers_.find(method_); found != owner_.handlers_.end())
            answer = found->second;
    }
    owner_.came_.notify_all();
    if (answer)
        answer(kept);
    else
        finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "unknown method " + method_));
}

inline void call::OnCancel()
{
    finish(grpc::Status::CANCELLED);
    {
        const std::lock_guard lock(owner_.mutex_);
        ++owner_.cancelled_;
    }
    owner_.came_.notify_all();
}

} // namespace grpc_test
