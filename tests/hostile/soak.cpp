// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// soak SECONDS [SEED]: 64 callers, plain and TLS, through a bad network to servers that misbehave, restart and close;
// calls are cancelled and clients replaced. Exits with 0 if every call ended well or with a typed error in time, and
// memory and file descriptors are back.
#include "flipt/testing/certificates.hpp"
#include "flipt/testing/server.hpp"

#include "support/callers.hpp"
#include "support/relay.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>

#if defined(__SANITIZE_ADDRESS__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes(); // GCC 12 comes without the header
#elif defined(__GLIBC__)
#include <malloc.h>
#endif
#include <unistd.h>

namespace {

namespace ft = flipt::testing;
using namespace std::chrono_literals;
using hostile::any_client;
using hostile::link_plan;

constexpr unsigned callers_per_client = 32;

std::size_t resident_kib()
{
    std::ifstream file("/proc/self/statm");
    std::size_t all = 0;
    std::size_t resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

/// What is allocated. AddressSanitizer's notes of where each block came from make the resident memory grow for hours,
/// so that it is not what tells a leak there.
std::size_t allocated_kib()
{
#if defined(__SANITIZE_ADDRESS__)
    return __sanitizer_get_current_allocated_bytes() / 1024;
#elif defined(__GLIBC__)
    return ::mallinfo2().uordblks / 1024;
#else
    return resident_kib();
#endif
}

std::size_t open_files()
{
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++n;
    return n - 1; // the directory itself
}

std::string read_all(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
}

/// A server that can be restarted on its port, with the recorded flags.
class station {
public:
    explicit station(ft::server_options options) : options_(std::move(options))
    {
        start();
        options_.port = (*server_)->port();
    }
    void restart()
    {
        server_.reset();
        start();
    }
    [[nodiscard]] ft::server& get() { return **server_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return options_.port; }

private:
    void start()
    {
        server_ = std::make_unique<ft::server_thread>(options_);
        static const std::string document = read_all(FLIPT_TEST_DATA "/conformance/v2.snapshot.json");
        (*server_)->load(document);
    }

    ft::server_options options_;
    std::unique_ptr<ft::server_thread> server_;
};

/// Links as they come on a bad day; most are good.
class weather {
public:
    explicit weather(unsigned seed) : random_(seed) {}

    link_plan operator()(std::size_t)
    {
        const std::lock_guard guard(mutex_);
        link_plan plan;
        switch (random_() % 10) {
        case 0: plan.pieces(1); break;
        case 1: plan.pieces(1 + random_() % 200, std::chrono::microseconds(random_() % 2000)); break;
        default: break;
        }
        if (random_() % 3 != 0)
            return plan;
        const auto where = random_() % 2 == 0 ? link_plan::direction::requests : link_plan::direction::replies;
        const std::size_t bytes = random_() % (random_() % 2 == 0 ? 400 : 100'000);
        switch (random_() % 7) {
        case 0: return plan.end_after(where, bytes, link_plan::ending::lose);
        case 1:
        case 2:
        case 3: return plan.end_after(where, bytes, link_plan::ending::close);
        default: return plan.end_after(where, bytes, link_plan::ending::reset);
        }
    }

private:
    std::mutex mutex_;
    std::minstd_rand random_;
};

ft::fault random_fault(std::minstd_rand& random)
{
    ft::fault f;
    f.times(1 + random() % 8);
    switch (random() % 14) {
    case 0: return f.status(503, R"({"code":14,"message":"busy","details":[]})");
    case 1: return f.status(500, "not JSON at all");
    case 2: return f.status(429, "{}").header("Retry-After", "0");
    case 3: return f.reset();
    case 4: return f.mid_head().close();
    case 5: return f.mid_body().reset();
    case 6: return f.mid_body().close();
    case 7: return f.delay(std::chrono::milliseconds(random() % 100));
    case 8: return f.pieces(1 + random() % 40, std::chrono::microseconds(random() % 500));
    case 9: return f.extra("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    case 10: return f.raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n").after_reply().close();
    case 11: return f.raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").after_reply().close();
    case 12: return f.raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull");
    default: return f.no_answer();
    }
}

class soak {
public:
    soak(std::chrono::seconds length, unsigned seed)
        : length_(length),
          random_(seed),
          plain_(ft::server_options()),
          secure_(tls_options()),
          plain_relay_(plain_.port(), std::ref(weather_)),
          secure_relay_(secure_.port(), std::ref(weather_)),
          log_(hostile::read_vectors(FLIPT_TEST_DATA "/conformance/v2.vectors.jsonl"), 2s, 1500ms)
    {}

    bool run()
    {
        for (auto& client : clients_)
            client = std::make_shared<std::unique_ptr<any_client>>();
        renew(false);
        renew(true);
        for (unsigned i = 0; i != 2 * callers_per_client; ++i)
            start(hostile::caller(clients_[i % 2], log_, i));
        start(log_.beat(io_.get_executor()));
        start(mischief());
        start(canceller());
        start(clock_work());
        io_.run();
        return log_.failures() == 0 && log_.running == 0 && log_.answers() > 1000;
    }
    [[nodiscard]] const hostile::call_log& log() const noexcept { return log_; }
    void print_rest() const
    {
        std::cout << restarts_ << " restarts of a server, " << renewals_ << " clients replaced, " << cancelled_
                  << " calls cancelled, " << faults_ << " faults, "
                  << plain_relay_.connections() + secure_relay_.connections() << " connections\n"
                  << "memory after the first " << std::min(length_ / 4, warm_up).count() << " s " << warm_
                  << " KiB, at the end " << last_ << " KiB; every tenth of the time";
        for (const std::size_t sample : samples_)
            std::cout << ' ' << sample;
        std::cout << "\nallocated KiB at these times";
        for (const std::size_t sample : allocated_)
            std::cout << ' ' << sample;
        std::cout << '\n';
    }
    [[nodiscard]] bool memory_is_flat() const
    {
#if defined(__SANITIZE_ADDRESS__)
        return allocated_.size() < 2 || allocated_.back() < allocated_.front() + 16 * 1024;
#else
        return last_ < warm_ + warm_ / 5 + 16 * 1024;
#endif
    }

private:
    static constexpr std::chrono::seconds warm_up{60};

    ft::server_options tls_options() const
    {
        ft::server_options options;
        options.tls.emplace(authority_.issue_localhost());
        return options;
    }

    void start(asio::awaitable<void> work)
    {
        asio::co_spawn(io_, std::move(work), [](const std::exception_ptr& e) {
            if (e)
                std::rethrow_exception(e);
        });
    }

    /// A new client; calls of the old one end with operation_aborted.
    void renew(bool tls)
    {
        flipt::config settings;
        const auto port = (tls ? secure_relay_ : plain_relay_).port();
        settings.endpoint = std::string(tls ? "https" : "http") + "://127.0.0.1:" + std::to_string(port);
        settings.tls.ca_pem = authority_.certificate_pem();
        settings.connect_timeout = 1s;
        settings.retry.initial_backoff = 10ms;
        settings.retry.max_backoff = 100ms;
        settings.max_connections = 8 + random_() % 32;
        settings.max_response_size = 65536;
        *clients_[tls ? 1 : 0] = std::make_unique<any_client>(io_.get_executor(), settings, flipt::jwt_token("a.b.c"));
        ++renewals_;
    }

    asio::awaitable<void> sleep(hostile::clock::duration d)
    {
        asio::steady_timer timer(io_, d);
        co_await timer.async_wait(asio::use_awaitable);
    }

    /// Faults all the time, now and then something bigger.
    asio::awaitable<void> mischief()
    {
        for (std::uint64_t n = 1; !log_.stopping; ++n) {
            co_await sleep(std::chrono::milliseconds(1 + random_() % 20));
            const bool tls = random_() % 2 == 0;
            station& where = tls ? secure_ : plain_;
            where.get().add(random_fault(random_));
            ++faults_;
            if (n % 40 == 0)
                where.get().close_idle();
            if (n % 97 == 0)
                (tls ? secure_relay_ : plain_relay_).cut_all();
            if (n % 213 == 0) {
                where.restart();
                ++restarts_;
            }
            if (n % 311 == 0)
                where.get().reject_connections(random_() % 20);
            if (n % 401 == 0)
                (*clients_[tls ? 1 : 0])->cancel();
            if (n % 509 == 0)
                renew(tls);
        }
    }

    /// Calls that are given up at a random moment.
    asio::awaitable<void> canceller()
    {
        ++log_.running;
        for (std::uint64_t n = 0; !log_.stopping; ++n) {
            const hostile::recorded& asked = log_.vectors()[random_() % log_.vectors().size()];
            flipt::evaluation_request request = asked.request;
            request.request_id = "cancelled-" + std::to_string(n);
            asio::cancellation_signal signal;
            asio::steady_timer ended(io_, hostile::clock::time_point::max());
            bool done = false;
            auto on_end = [&](const std::error_code&, const flipt::boolean_evaluation&) {
                done = true;
                ended.cancel();
            };
            flipt::call_options options;
            options.timeout = log_.deadline();
            const auto begin = hostile::clock::now();
            (*clients_[n % 2])
                ->async_evaluate_boolean(request, options, asio::bind_cancellation_slot(signal.slot(), on_end));
            co_await sleep(std::chrono::microseconds(random_() % 20'000));
            signal.emit(asio::cancellation_type::all);
            std::error_code ignored;
            if (!done)
                co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
            log_.note_time(begin);
            ++cancelled_;
        }
        --log_.running;
    }

    asio::awaitable<void> clock_work()
    {
        const auto begin = hostile::clock::now();
        const auto warm_end = begin + std::min(length_ / 4, warm_up);
        while (hostile::clock::now() < begin + length_) {
            co_await sleep(200ms);
            if (warm_ == 0 && hostile::clock::now() >= warm_end)
                warm_ = measure();
            if (hostile::clock::now() >= begin + length_ / 10 * (1 + static_cast<int>(samples_.size()))) {
                samples_.push_back(measure());
                allocated_.push_back(allocated_kib());
            }
        }
        last_ = measure();
        log_.stopping = true;
        // All calls end by their deadline; what is still running after it hangs.
        const auto end = hostile::clock::now() + log_.deadline() + 5s;
        while (log_.running != 0 && hostile::clock::now() < end)
            co_await sleep(20ms);
        if (log_.running != 0)
            std::cerr << log_.running << " callers HANG\n";
        for (auto& client : clients_)
            client->reset();
        if (log_.running != 0)
            io_.stop();
    }

    static std::size_t measure()
    {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
        ::malloc_trim(0);
#endif
        return resident_kib();
    }

    std::chrono::seconds length_;
    std::minstd_rand random_;
    ft::certificate_authority authority_;
    station plain_;
    station secure_;
    weather weather_{7};
    hostile::relay_thread plain_relay_;
    hostile::relay_thread secure_relay_;
    hostile::call_log log_;
    asio::io_context io_{1};
    std::shared_ptr<std::unique_ptr<any_client>> clients_[2];
    std::vector<std::size_t> samples_; // resident KiB
    std::vector<std::size_t> allocated_;
    std::size_t warm_ = 0;
    std::size_t last_ = 0;
    std::uint64_t restarts_ = 0;
    std::uint64_t renewals_ = 0;
    std::uint64_t cancelled_ = 0;
    std::uint64_t faults_ = 0;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2)
        return 2;
    const std::chrono::seconds length(std::atoi(argv[1]));
    const unsigned seed = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1;
    { // what is opened once and for all (OpenSSL's sources of randomness and the like)
        const ft::certificate_authority once;
        asio::io_context context;
        const flipt::client<> client(context.get_executor());
    }
    const std::size_t memory = resident_kib();
    const std::size_t files = open_files();
    bool good = false;
    {
        soak all(length, seed);
        good = all.run();
        std::cout << all.log().report() << '\n';
        all.print_rest();
        if (!all.memory_is_flat()) {
            std::cerr << "memory GREW\n";
            good = false;
        }
    }
    const std::size_t files_after = open_files();
    std::cout << "memory before " << memory << " KiB, after all is destroyed " << resident_kib() << " KiB\n"
              << "open files before " << files << ", after " << files_after << '\n';
    if (files_after != files) {
        std::cerr << "open files LEAKED\n";
        good = false;
    }
    std::cout << (good ? "soaked well" : "FAILED") << '\n' << std::flush;
    return good ? 0 : 1;
}
