// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The snapshots of a Flipt server that has one flag: fetched with an etag, and streamed where it is v2.
#pragma once

#include "client_support.hpp"

#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace grpc_test {

// Outlives the servers it is installed in, as data on a disk does.
class flag_source {
public:
    explicit flag_source(bool v2) : v2_(v2) {}

    void install(server& to)
    {
        to.on("GetInfo", [this](const std::shared_ptr<call>& c) {
            {
                const std::lock_guard lock(mutex_);
                ++infos_;
            }
            info(v2_)(c);
        });
        to.on("EvaluationSnapshotNamespace", [this](const std::shared_ptr<call>& c) { fetch(*c); });
        if (v2_)
            to.on("EvaluationSnapshotNamespaceStream", [this](const std::shared_ptr<call>& c) { subscribe(c); });
    }

    // Changes the flag, and tells all streams.
    void set(bool enabled)
    {
        const std::lock_guard lock(mutex_);
        enabled_ = enabled;
        ++revision_;
        for (const auto& c : streams_)
            c->send_bytes(document());
    }
    void end_streams(const grpc::Status& status)
    {
        std::vector<std::shared_ptr<call>> all;
        {
            const std::lock_guard lock(mutex_);
            all.swap(streams_);
        }
        for (const auto& c : all)
            c->finish(status);
    }
    // Blocks until that many streams were opened altogether.
    bool wait_for_streams(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, std::chrono::seconds(30), [&] { return opened_ >= count; });
    }
    bool wait_for_unchanged(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, std::chrono::seconds(30), [&] { return unchanged_ >= count; });
    }
    [[nodiscard]] std::size_t infos()
    {
        const std::lock_guard lock(mutex_);
        return infos_;
    }
    [[nodiscard]] std::string digest() const
    {
        char text[41];
        std::snprintf(text, sizeof text, "%040x", static_cast<unsigned>(revision_));
        return text;
    }

private:
    // With the lock.
    [[nodiscard]] std::string document() const
    {
        if (v2_) {
            flipt_cpp::wire_v2::Snapshot made = fill<flipt_cpp::wire_v2::Snapshot>();
            made.set_digest(digest());
            return made.SerializeAsString();
        }
        return fill<flipt_cpp::wire_v1::Snapshot>().SerializeAsString();
    }
    template <class Snapshot>
    [[nodiscard]] Snapshot fill() const
    {
        Snapshot made;
        made.mutable_namespace_()->set_key("default");
        auto& flag = *made.add_flags();
        flag.set_key("f");
        flag.set_enabled(enabled_);
        flag.set_type(1);
        auto& rollout = *flag.add_rollouts();
        rollout.set_type(1);
        rollout.set_rank(1);
        rollout.mutable_segment()->set_value(true);
        auto& segment = *rollout.mutable_segment()->add_segments();
        segment.set_key("reds");
        auto& constraint = *segment.add_constraints();
        constraint.set_type(1);
        constraint.set_property("team");
        constraint.set_operator_("eq");
        constraint.set_value("red");
        return made;
    }

    void fetch(call& c)
    {
        const std::lock_guard lock(mutex_);
        const bool same = c.metadata("grpcgateway-if-none-match") == digest();
        c.header("x-etag", digest());
        if (same) {
            c.header("x-http-code", "304");
            ++unchanged_;
            came_.notify_all();
        }
        c.send_bytes(same ? std::string() : document());
        c.finish();
    }
    void subscribe(const std::shared_ptr<call>& c)
    {
        const std::lock_guard lock(mutex_);
        if (c->as<wire::SnapshotStreamRequest>().digest() != digest())
            c->send_bytes(document());
        streams_.push_back(c);
        ++opened_;
        came_.notify_all();
    }

    const bool v2_;
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<std::shared_ptr<call>> streams_;
    std::size_t opened_ = 0;
    std::size_t unchanged_ = 0;
    std::size_t infos_ = 0;
    unsigned revision_ = 1;
    bool enabled_ = false;
};

} // namespace grpc_test
