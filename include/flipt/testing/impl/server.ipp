// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/testing/server.hpp.
#pragma once

#include "flipt/testing/impl/http_request.ipp"
#include "flipt/testing/impl/server_core.hpp"
#include "flipt/testing/impl/server_session.ipp"
#include "flipt/testing/server.hpp"
#include "flipt/testing/snapshot_evaluator.hpp"

namespace flipt::inline v0::testing {

namespace detail {

inline route_options routes_of(const server_options& options)
{
    route_options out;
    out.version = options.version;
    out.auth = options.auth;
    out.now = options.now;
    return out;
}

FLIPT_DECL server_core::server_core(asio::any_io_executor executor, server_options options)
    : options_(std::move(options)),
      strand_(asio::make_strand(executor)),
      acceptor_(strand_),
      router_(routes_of(options_))
{
    if (options_.tls)
        tls_ = make_tls_context(*options_.tls);
    const asio::ip::tcp::endpoint wanted(asio::ip::make_address(options_.address), options_.port);
    acceptor_.open(wanted.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(wanted);
    acceptor_.listen();
    endpoint_ = acceptor_.local_endpoint();
}

FLIPT_DECL void server_core::start() { asio::co_spawn(strand_, accept(shared_from_this()), asio::detached); }

FLIPT_DECL void server_core::stop()
{
    asio::dispatch(strand_, [self = shared_from_this()] {
        self->stopped_ = true;
        asio::error_code ignored;
        self->acceptor_.close(ignored);
        for (const auto& weak : self->sessions_)
            if (const auto session = weak.lock())
                session->abort();
    });
}

FLIPT_DECL asio::awaitable<void> server_core::accept(std::shared_ptr<server_core> self)
{
    for (;;) {
        asio::error_code ec;
        asio::ip::tcp::socket socket =
            co_await self->acceptor_.async_accept(self->strand_, asio::redirect_error(asio::use_awaitable, ec));
        if (self->stopped_ || !self->acceptor_.is_open())
            co_return;
        if (ec) { // out of descriptors, or a peer that left already
            asio::steady_timer pause(self->strand_, std::chrono::milliseconds(5));
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
            continue;
        }
        std::size_t number = 0;
        self->observed([&](observations& seen) {
            number = seen.connections++;
            seen.each.emplace_back();
            seen.peak_connections = std::max(seen.peak_connections, ++seen.open_connections);
        });
        auto session = std::make_shared<server_session>(self, std::move(socket), self->tls_, self->options_, number);
        self->sessions_.insert(session);
        asio::co_spawn(self->strand_, server_session::run(session), asio::detached);
    }
}

FLIPT_DECL bool server_core::take_rejection()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return rejections_ != 0 && rejections_-- != 0;
}

FLIPT_DECL reply_plan server_core::plan(http_request request, std::size_t connection)
{
    reply_plan plan;
    plan.keep_alive = request.keep_alive;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto path = request.path();
        const auto found =
            std::find_if(faults_.begin(), faults_.end(), [&](const fault& f) { return f.matches(path); });
        if (found != faults_.end()) {
            plan.trouble = *found;
            if (found->used_up())
                faults_.erase(found);
        }
        http_reply reply;
        if (plan.trouble.status() != 0) {
            reply.status = plan.trouble.status();
            reply.body = plan.trouble.body();
            for (const auto& [name, value] : plan.trouble.headers())
                if (equal_ignoring_case(name, "content-type"))
                    reply.content_type = value;
                else
                    reply.headers.emplace_back(name, value);
        } else if (!plan.trouble.raw()) {
            reply = router_.answer(request);
        }
        if (plan.trouble.raw()) {
            plan.bytes = *plan.trouble.raw();
            const auto end = plan.bytes.find("\r\n\r\n");
            plan.head_size = end == std::string::npos ? plan.bytes.size() : end + 4;
        } else if (reply.stream) {
            plan.stream = std::move(reply.stream);
            reply.stream.reset();
            plan.bytes = reply_head(reply, plan.keep_alive, true);
            plan.head_size = plan.bytes.size();
        } else {
            plan.bytes = reply_bytes(reply, plan.keep_alive, request.method != "HEAD", &plan.head_size);
        }
        plan.bytes += plan.trouble.extra();

        ++seen_.requests;
        ++seen_.each[connection].requests;
        recorded_.push_back(std::move(request));
        if (recorded_.size() > options_.recorded_requests)
            recorded_.pop_front();
    }
    seen_changed_.notify_all();
    return plan;
}

FLIPT_DECL reply_plan server_core::plan_bad_request(int status, std::string_view reason) const
{
    http_reply reply;
    reply.status = status;
    reply.content_type = "text/plain; charset=utf-8";
    reply.body = std::to_string(status) + " " + std::string(status_text(status)) + ": " + std::string(reason);
    reply_plan plan;
    plan.keep_alive = false;
    plan.bytes = reply_bytes(reply, false, true, &plan.head_size);
    return plan;
}

} // namespace detail

FLIPT_DECL server::server(asio::any_io_executor executor, server_options options)
    : flag_scope(std::make_shared<detail::server_core>(std::move(executor), std::move(options)), "default", "default")
{
    core_->start();
}

FLIPT_DECL server::~server()
{
    if (core_)
        core_->stop();
}

FLIPT_DECL void server::stop() { core_->stop(); }

FLIPT_DECL std::uint16_t server::port() const { return core_->endpoint_.port(); }

FLIPT_DECL std::string server::url(std::string_view host) const
{
    const auto address = core_->endpoint_.address();
    std::string name(host);
    if (name.empty())
        name = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return (core_->options_.tls ? "https://" : "http://") + name + ":" + std::to_string(port());
}

FLIPT_DECL flag_scope server::in(std::string_view namespace_key, std::string_view environment) const
{
    core_->change([&](flag_store& store) { store.add_namespace(environment, namespace_key); });
    return flag_scope(core_, environment, namespace_key);
}

FLIPT_DECL void server::add_environment(std::string_view key) const
{
    core_->change([&](flag_store& store) { store.add_environment(key); });
}

FLIPT_DECL void server::load(std::string_view namespace_key, std::string_view document) const
{
    in(namespace_key).load(document);
}

FLIPT_DECL void server::set_authentication(authentication auth) const
{
    core_->locked([&](router& r) { r.set_authentication(std::move(auth)); });
}

FLIPT_DECL void server::revoke_exchanged_tokens() const
{
    core_->locked([](router& r) { r.revoke_exchanged_tokens(); });
}

FLIPT_DECL void server::add(fault f) const
{
    core_->locked([&](router&) { core_->faults_.push_back(std::move(f)); });
}

FLIPT_DECL void server::clear_faults() const
{
    core_->locked([&](router&) { core_->faults_.clear(); });
}

FLIPT_DECL void server::reject_connections(std::size_t count) const
{
    core_->locked([&](router&) { core_->rejections_ = count; });
}

FLIPT_DECL void server::close_idle() const
{
    core_->each_session([](detail::server_session& s) { s.finish_when_idle(); });
}

FLIPT_DECL void server::close_streams() const
{
    core_->each_session([](detail::server_session& s) { s.abort_if_streaming(); });
}

FLIPT_DECL observations server::observe() const
{
    return core_->locked([&](router&) { return core_->seen_; });
}

FLIPT_DECL std::size_t server::request_count() const
{
    return core_->locked([&](router&) { return core_->seen_.requests; });
}

FLIPT_DECL std::vector<http_request> server::requests() const
{
    return core_->locked(
        [&](router&) { return std::vector<http_request>(core_->recorded_.begin(), core_->recorded_.end()); });
}

FLIPT_DECL http_request server::last_request() const
{
    return core_->locked([&](router&) { return core_->recorded_.empty() ? http_request() : core_->recorded_.back(); });
}

FLIPT_DECL bool server::wait_until(const std::function<bool(const observations&)>& done,
                                   std::chrono::steady_clock::duration limit) const
{
    std::unique_lock<std::mutex> lock(core_->mutex_);
    return core_->seen_changed_.wait_for(lock, limit, [&] { return done(core_->seen_); });
}

FLIPT_DECL void flag_scope::add_flag(flag details) const
{
    core_->change([&](flag_store& store) { store.add_flag(environment_, namespace_, std::move(details)); });
}

FLIPT_DECL void flag_scope::remove_flag(std::string_view key) const
{
    core_->change([&](flag_store& store) { store.remove_flag(environment_, namespace_, key); });
}

FLIPT_DECL void flag_scope::set_boolean(std::string_view key, const entity& who, bool enabled, evaluation_reason reason,
                                        std::vector<std::string> segments) const
{
    boolean_evaluation answer;
    answer.enabled = enabled;
    answer.reason = reason;
    answer.segment_keys = std::move(segments);
    core_->change([&](flag_store& store) { store.set_boolean(environment_, namespace_, key, who, std::move(answer)); });
}

FLIPT_DECL void flag_scope::set_variant(std::string_view key, const entity& who, std::string_view variant_key,
                                        std::string_view attachment, evaluation_reason reason,
                                        std::vector<std::string> segments) const
{
    variant_evaluation answer;
    answer.match = reason == evaluation_reason::match && !variant_key.empty();
    answer.reason = reason;
    answer.variant_key.assign(variant_key);
    answer.variant_attachment.assign(attachment);
    answer.segment_keys = std::move(segments);
    set_variant(key, who, std::move(answer));
}

FLIPT_DECL void flag_scope::set_variant(std::string_view key, const entity& who, variant_evaluation answer) const
{
    core_->change([&](flag_store& store) { store.set_variant(environment_, namespace_, key, who, std::move(answer)); });
}

FLIPT_DECL void flag_scope::set_evaluator(std::shared_ptr<evaluator> engine) const
{
    core_->change([&](flag_store& store) { store.set_evaluator(environment_, namespace_, std::move(engine)); });
}

FLIPT_DECL void flag_scope::load(std::string_view document) const
{
    const auto rules = core_->options_.version == flavour::v2 ? rule_set::server_v2 : rule_set::server_v1;
    flag_store::check(document);
    auto engine = std::make_shared<snapshot_evaluator>(document, rules);
    core_->change([&](flag_store& store) {
        store.load(environment_, namespace_, document);
        store.set_evaluator(environment_, namespace_, std::move(engine));
    });
}

FLIPT_DECL std::string flag_scope::digest() const
{
    return core_->locked([&](router& r) {
        const auto document = r.store().snapshot(environment_, namespace_);
        return document ? document->digest : std::string();
    });
}

} // namespace flipt::inline v0::testing
