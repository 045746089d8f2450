// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What the two Boost.Beast peers share: the loop around sessions, one per request in flight, plain or TLS.
#pragma once

#include "../support/meter.hpp"
#include "../support/payload.hpp"
#include "reply.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

namespace bench {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

inline void check(beast::error_code ec, const char* what)
{
    if (ec) {
        std::fprintf(stderr, "%s: %s\n", what, ec.message().c_str());
        std::exit(1);
    }
}

/// The requests of one phase, which the sessions share.
class beast_work {
public:
    beast_work(net::io_context& io, meter& m) : meter_(m), io_(io) {}

    void begin(long count)
    {
        next_ = done_ = 0;
        count_ = count;
    }
    /// The entity of the next request; false: there is none.
    bool next(std::string& entity)
    {
        if (next_ == count_)
            return false;
        bench::entity(next_++, entity);
        return true;
    }
    void finished(meter::clock::time_point started)
    {
        meter_.add(started);
        if (++done_ == count_)
            io_.stop();
    }
    [[nodiscard]] meter::clock::time_point now() const { return meter_.now(); }

private:
    meter& meter_;
    net::io_context& io_;
    long next_ = 0, done_ = 0, count_ = 0;
};

template <class Session>
int run_beast(int argc, char** argv)
{
    const options o = parse(argc, argv);
    // Hint 1: "the implementation may assume that it is used by one thread", Boost.Asio overview/core/concurrency_hint.
    net::io_context io(1);
    net::ssl::context tls(net::ssl::context::tlsv13_client);
    if (!o.ca.empty()) {
        tls.load_verify_file(o.ca);
        tls.set_verify_mode(net::ssl::verify_peer);
    }
    meter m(o);
    beast_work work(io, m);
    std::vector<std::shared_ptr<Session>> sessions;
    for (int i = 0; i < o.in_flight; ++i)
        sessions.push_back(std::make_shared<Session>(io, tls, o, work));
    const auto perform = [&](long count) {
        work.begin(count);
        for (auto& s : sessions)
            s->send();
        if (count > 0)
            io.run();
        io.restart();
    };
    perform(o.warmup);
    m.begin();
    perform(o.requests);
    m.end(sessions[0]->result().right());
    std::fflush(stdout);
    std::_Exit(0);
}

} // namespace bench
