// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A server that is killed and restarted under many callers: right answers or typed errors in time, and then it goes on.
#include "support/callers.hpp"
#include "unit/client/harness.hpp"

#include <fstream>
#include <sstream>

namespace {

using namespace client_test;
namespace ft = flipt::testing;

std::string document()
{
    std::ifstream file(FLIPT_TEST_DATA "/conformance/v2.snapshot.json", std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

class embedded {
public:
    explicit embedded(bool tls) : document_(document())
    {
        if (tls)
            options_.tls.emplace(authority_.issue_localhost());
        start();
        options_.port = (*server_)->port();
    }
    void start()
    {
        server_ = std::make_unique<ft::server_thread>(options_);
        (*server_)->load(document_);
    }
    void kill() { server_.reset(); }
    [[nodiscard]] flipt::config settings() const
    {
        flipt::config c = client_test::settings((*server_)->url(), 2);
        c.tls.ca_pem = authority_.certificate_pem();
        return c;
    }

private:
    std::string document_;
    ft::certificate_authority authority_;
    ft::server_options options_;
    std::unique_ptr<ft::server_thread> server_;
};

} // namespace

TEST_CASE("a server killed and restarted under 64 callers costs errors, and never an answer of another request")
{
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        embedded server(tls);
        asio::io_context io(1);
        hostile::call_log log(hostile::read_vectors(FLIPT_TEST_DATA "/conformance/v2.vectors.jsonl"), 10s, 5s);
        auto client = std::make_shared<std::unique_ptr<hostile::any_client>>();
        *client = std::make_unique<hostile::any_client>(io.get_executor(), server.settings());
        std::string thrown;
        for (unsigned i = 0; i != 64; ++i)
            asio::co_spawn(io, hostile::caller(client, log, i), [&](const std::exception_ptr& e) {
                if (e)
                    thrown = "a caller threw";
            });
        asio::co_spawn(io, log.beat(io.get_executor()), [](const std::exception_ptr&) {});
        std::uint64_t errors = 0;
        for (int round = 0; round != 6; ++round) {
            CAPTURE(round);
            const auto answers = log.answers();
            CHECK(run_until(io, [&] { return log.answers() >= answers + 300; }));
            errors = log.errors();
            server.kill();
            if (round % 2 == 0) // else it is back before the calls' repeats are used up
                CHECK(run_until(io, [&] { return log.errors() >= errors + 100; }));
            server.start();
        }
        const auto answers = log.answers();
        const auto up = clock::now();
        CHECK(run_until(io, [&] { return log.answers() > answers; }));
        const auto resumed = clock::now() - up;
        CHECK_MESSAGE(resumed < 1s, std::chrono::duration<double>(resumed).count());
        log.stopping = true;
        CHECK(run_until(io, [&] { return log.running == 0; }, 20s));
        CHECK(thrown.empty());
        CHECK_MESSAGE(log.failures() == 0, log.report());
        CHECK_MESSAGE(log.errors() >= 300, log.report());
    }
}
