// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// restarts URL VECTORS [CA-FILE]: 64 callers of a server that somebody kills and restarts, until stdin ends. The JWT is
// in the environment (FLIPT_JWT). Lines on stdin say what becomes of the server: "down" when it is killed, "up" when it
// serves again. Says at the end how the calls ended, and how long after each "up" the first answer came, and the first
// one of the last caller. See restarts.py.
#include "support/callers.hpp"

#include <asio/co_spawn.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using hostile::any_client;
using hostile::clock;

constexpr unsigned callers = 64;

class experiment {
public:
    experiment(const std::string& url, const std::string& vectors, const std::string& ca)
        : log_(hostile::read_vectors(vectors), 2s, 500ms), input_(io_, ::dup(STDIN_FILENO))
    {
        const char* jwt = std::getenv("FLIPT_JWT"); // NOLINT(concurrency-mt-unsafe): no thread yet
        flipt::config settings;
        settings.endpoint = url;
        settings.tls.ca_file = ca;
        flipt::any_token token;
        if (jwt != nullptr)
            token = flipt::jwt_token(jwt);
        *client_ = std::make_unique<any_client>(io_.get_executor(), settings, std::move(token));
    }

    bool run()
    {
        for (unsigned i = 0; i != callers; ++i)
            asio::co_spawn(io_, one_caller(i), [](const std::exception_ptr& e) {
                if (e)
                    std::rethrow_exception(e);
            });
        asio::co_spawn(io_, log_.beat(io_.get_executor()), [](const std::exception_ptr&) {});
        asio::co_spawn(io_, obey(), [](const std::exception_ptr& e) {
            if (e)
                std::rethrow_exception(e);
        });
        io_.run();
        std::cout << log_.report() << '\n'
                  << resumed_.size() << " restarts; after the server was up the first answer came within "
                  << longest(resumed_) << " ms, that of the last of " << callers << " callers within "
                  << longest(all_resumed_) << " ms\n";
        const bool in_time = resumed_.size() == ups_ && all_resumed_.size() == ups_ && longest(resumed_) <= 1000 &&
                             longest(all_resumed_) <= 1000;
        if (!in_time)
            std::cout << "service did not RESUME in time after each of " << ups_ << " restarts\n";
        return log_.failures() == 0 && log_.running == 0 && log_.answers() > 0 && in_time;
    }

private:
    static long long longest(const std::vector<clock::duration>& list)
    {
        clock::duration most{};
        for (const auto d : list)
            most = std::max(most, d);
        return std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
    }

    asio::awaitable<void> one_caller(unsigned number)
    {
        ++log_.running;
        std::minstd_rand random(number + 1);
        asio::steady_timer pause(io_);
        for (std::uint64_t n = 0; !log_.stopping; ++n) {
            const hostile::recorded& asked = log_.vectors()[random() % log_.vectors().size()];
            const std::string id = "caller-" + std::to_string(number) + "-" + std::to_string(n);
            const bool answered = co_await hostile::call_once(**client_, asked, id, log_);
            if (answered && up_ && !served_[number]) {
                served_[number] = true;
                if (++served_callers_ == 1)
                    resumed_.push_back(clock::now() - up_since_);
                if (served_callers_ == callers)
                    all_resumed_.push_back(clock::now() - up_since_);
            }
            std::error_code ignored;
            pause.expires_after(answered ? 1ms : 5ms); // leaves the server some of the processor
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        --log_.running;
    }

    asio::awaitable<void> obey()
    {
        std::string buffer;
        for (;;) {
            std::error_code ec;
            const std::size_t size = co_await asio::async_read_until(input_, asio::dynamic_buffer(buffer), '\n',
                                                                     asio::redirect_error(asio::use_awaitable, ec));
            if (ec)
                break;
            const std::string word = buffer.substr(0, size - 1);
            buffer.erase(0, size);
            up_ = word == "up";
            served_callers_ = 0;
            served_.assign(callers, false);
            if (up_) {
                ++ups_;
                up_since_ = clock::now();
            }
            std::cout << word << " after " << log_.answers() << " answers and " << log_.errors() << " errors" << '\n'
                      << std::flush;
        }
        log_.stopping = true;
        asio::steady_timer timer(io_);
        const auto end = clock::now() + log_.deadline() + 5s;
        while (log_.running != 0 && clock::now() < end) {
            timer.expires_after(20ms);
            co_await timer.async_wait(asio::use_awaitable);
        }
        if (log_.running != 0) {
            std::cout << log_.running << " callers HANG\n";
            io_.stop();
        }
        client_->reset();
    }

    asio::io_context io_{1};
    hostile::call_log log_;
    asio::posix::stream_descriptor input_;
    std::shared_ptr<std::unique_ptr<any_client>> client_ = std::make_shared<std::unique_ptr<any_client>>();
    bool up_ = false;
    clock::time_point up_since_;
    std::size_t ups_ = 0;
    std::size_t served_callers_ = 0;
    std::vector<bool> served_ = std::vector<bool>(callers, false);
    std::vector<clock::duration> resumed_;
    std::vector<clock::duration> all_resumed_;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 3)
        return 2;
    experiment all(argv[1], argv[2], argc > 3 ? argv[3] : "");
    const bool good = all.run();
    std::cout << (good ? "held" : "FAILED") << '\n' << std::flush;
    return good ? 0 : 1;
}
