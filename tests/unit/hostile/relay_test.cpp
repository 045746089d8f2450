// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A bad network between client and server: every point at which it can cut, stall or reset a call, plain and TLS.
#include "support/relay.hpp"
#include "unit/client/harness.hpp"

#include <mutex>

namespace {

using namespace client_test;
using hostile::link_plan;
using hostile::relay_thread;
namespace ft = flipt::testing;
using ending = link_plan::ending;
using direction = link_plan::direction;

/// A server behind a relay whose next connection gets a plan; those after it are good.
class bad_network {
public:
    explicit bad_network(bool tls)
        : server_(options(tls)), relay_(server_->port(), [this](std::size_t) { return take_plan(); }), tls_(tls)
    {
        server_->set_boolean("flag", ft::any_entity, true);
    }
    void next(const link_plan& plan)
    {
        const std::lock_guard guard(mutex_);
        plan_ = plan;
    }
    [[nodiscard]] flipt::config settings(int repeats) const
    {
        flipt::config c = client_test::settings(
            std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(relay_.port()), repeats);
        c.tls.ca_pem = authority_.certificate_pem();
        return c;
    }
    [[nodiscard]] relay_thread& relay() noexcept { return relay_; }

private:
    ft::server_options options(bool tls) const
    {
        ft::server_options o;
        if (tls)
            o.tls.emplace(authority_.issue_localhost());
        return o;
    }
    link_plan take_plan()
    {
        const std::lock_guard guard(mutex_);
        return std::exchange(plan_, link_plan());
    }

    ft::certificate_authority authority_;
    ft::server_thread server_;
    std::mutex mutex_;
    link_plan plan_;
    relay_thread relay_;
    bool tls_;
};

bool is_break(const std::error_code& ec)
{
    return ec == errc::truncated || ec == asio::error::connection_reset || ec == asio::error::broken_pipe ||
           ec == asio::error::connection_aborted || ec == asio::error::eof || ec == errc::timed_out;
}

std::string to_text(ending e)
{
    switch (e) {
    case ending::none: return "none";
    case ending::close: return "close";
    case ending::reset: return "reset";
    case ending::lose: return "lose";
    }
    return "";
}

/// One call over a link that ends there; then a second one, on a good link.
void check_cut(bad_network& net, direction where, std::size_t bytes, ending how, bool must_fail)
{
    CAPTURE(bytes);
    INFO(to_text(how) << (where == direction::requests ? " in the request" : " in the reply"));
    for (const int repeats : {0, 1}) {
        CAPTURE(repeats);
        net.next(link_plan().end_after(where, bytes, how));
        asio::io_context context(1);
        const flipt::client client(context.get_executor(), net.settings(repeats));
        const bool silent = how == ending::lose;
        const auto begin = clock::now();
        const outcome out = call(context, client, {.timeout = silent ? 30ms : 10s});
        CHECK(clock::now() - begin < 5s);
        if (must_fail && (repeats == 0 || silent))
            CHECK_MESSAGE(is_break(out.ec), name_of(out.ec));
        else if (must_fail)
            CHECK_MESSAGE(!out.ec, name_of(out.ec));
        else
            CHECK_MESSAGE((!out.ec || is_break(out.ec)), name_of(out.ec));
        if (!out.ec)
            CHECK(out.answer.flag_key == "flag");
        outcome next = call(context, client, {.timeout = 10s});
        if (!must_fail && is_break(next.ec)) // the link was still the first one
            next = call(context, client, {.timeout = 10s});
        CHECK_MESSAGE(!next.ec, name_of(next.ec));
        CHECK(next.answer.enabled);
    }
}

} // namespace

TEST_CASE("a link that ends at any byte of the reply is an error or a repeat, never a wrong answer")
{
    bad_network net(false);
    // A reply is longer than 250 bytes; further on it is the next one, or an idle connection, that is cut.
    for (std::size_t bytes = 0; bytes < 250; ++bytes)
        for (const ending how : {ending::close, ending::reset})
            check_cut(net, direction::replies, bytes, how, true);
    for (std::size_t bytes = 250; bytes < 500; bytes += 10)
        for (const ending how : {ending::close, ending::reset})
            check_cut(net, direction::replies, bytes, how, false);
    for (std::size_t bytes = 0; bytes < 250; bytes += 35)
        check_cut(net, direction::replies, bytes, ending::lose, true);
}

TEST_CASE("a link that ends at any byte of the request is an error or a repeat")
{
    bad_network net(false);
    for (std::size_t bytes = 0; bytes < 200; ++bytes)
        for (const ending how : {ending::close, ending::reset})
            check_cut(net, direction::requests, bytes, how, true);
    for (std::size_t bytes = 0; bytes < 200; bytes += 35)
        check_cut(net, direction::requests, bytes, ending::lose, true);
}

TEST_CASE("a link that ends anywhere in a TLS handshake or in what follows is an error or a repeat")
{
    bad_network net(true);
    for (std::size_t bytes = 0; bytes < 3000; bytes += 61)
        for (const ending how : {ending::close, ending::reset})
            check_cut(net, direction::replies, bytes, how, bytes < 1000);
    for (std::size_t bytes = 0; bytes < 1000; bytes += 37)
        for (const ending how : {ending::close, ending::reset})
            check_cut(net, direction::requests, bytes, how, bytes < 500);
    for (std::size_t bytes = 0; bytes < 900; bytes += 150)
        check_cut(net, direction::replies, bytes, ending::lose, true);
}

TEST_CASE("bytes that come one at a time, or late, change nothing")
{
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        bad_network net(tls);
        const link_plan plans[] = {link_plan().pieces(1), link_plan().pieces(7), link_plan().pieces(97, 1ms),
                                   link_plan().pieces(0, 20ms)};
        for (const link_plan& plan : plans) {
            CAPTURE(plan.piece_size);
            net.next(plan);
            asio::io_context context(1);
            const flipt::client client(context.get_executor(), net.settings(0));
            for (int i = 0; i != 3; ++i) {
                const outcome out = call(context, client, {.timeout = 10s});
                CHECK_MESSAGE(!out.ec, name_of(out.ec));
                CHECK(out.answer.enabled);
            }
        }
    }
}

TEST_CASE("a link slower than the deadline ends the call at the deadline")
{
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        bad_network net(tls);
        net.next(link_plan().pieces(1, 10ms));
        asio::io_context context(1);
        const flipt::client client(context.get_executor(), net.settings(2));
        const auto begin = clock::now();
        const outcome out = call(context, client, {.timeout = 150ms});
        CHECK_MESSAGE(out.ec == errc::timed_out, name_of(out.ec));
        CHECK(clock::now() - begin >= 150ms);
        CHECK(clock::now() - begin < 5s);
        const outcome next = call(context, client, {.timeout = 10s});
        CHECK_MESSAGE(!next.ec, name_of(next.ec));
    }
}

TEST_CASE("links that are cut while they are idle, all at once, cost nothing but a new connection")
{
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        bad_network net(tls);
        asio::io_context context(1);
        const flipt::client client(context.get_executor(), net.settings(0));
        for (int i = 0; i != 5; ++i) {
            const std::size_t before = net.relay().connections();
            const outcome out = call(context, client, {.timeout = 10s});
            CHECK_MESSAGE(!out.ec, name_of(out.ec));
            CHECK(net.relay().connections() == before + 1);
            net.relay().cut_all();
        }
    }
}
