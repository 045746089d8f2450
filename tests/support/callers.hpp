// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Callers side by side that check everything they get: the answer, whose it is, the kind of error, and the time.
#pragma once

#include "flipt/client.hpp"
#include "flipt/net/tls_error.hpp"

#include "support/vectors.hpp"

#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace hostile {

using clock = std::chrono::steady_clock;
using any_client = flipt::client<flipt::any_token>;

/// What callers share, on one thread.
class call_log {
public:
    /// `slack`: how long after its deadline a call may end on a busy machine before it counts as late.
    call_log(std::vector<recorded> vectors, clock::duration deadline, clock::duration slack)
        : vectors_(std::move(vectors)), deadline_(deadline), slack_(slack)
    {}

    [[nodiscard]] const std::vector<recorded>& vectors() const noexcept { return vectors_; }
    [[nodiscard]] clock::duration deadline() const noexcept { return deadline_; }

    void note_answer(const recorded& asked, const std::string& id, const std::string& id_of_reply,
                     const std::string& wrong)
    {
        if (id_of_reply != id) {
            ++foreign_;
            std::fprintf(stderr, "FOREIGN: asked %s, got the answer to %s\n", id.c_str(), id_of_reply.c_str());
        } else if (!wrong.empty()) {
            ++wrong_;
            std::fprintf(stderr, "WRONG: %s of %s for %s: %s\n", id.c_str(), asked.request.flag_key.c_str(),
                         asked.request.entity_id.c_str(), wrong.c_str());
        } else {
            ++answers_;
            on_success_();
        }
    }
    void note_error(const recorded& asked, std::error_code ec, int status)
    {
        if (status != 0 && status == asked.status && ec.category() == flipt::error_category()) {
            ++answers_; // a refusal is the recorded answer here
            on_success_();
            return;
        }
        const std::string category = ec.category().name();
        const bool typed = category == "flipt" || category == "tls" || category.rfind("asio.", 0) == 0 ||
                           category == "system" || category == "generic";
        if (!ec || !typed)
            ++untyped_;
        std::string name = category + ": " + ec.message();
        if (status != 0)
            name += " (HTTP " + std::to_string(status) + ")";
        ++errors_[name];
    }
    void note_untyped() { ++untyped_; }
    /// A call that began then has ended. What the loop could not do for want of a processor does not count.
    void note_time(clock::time_point begin)
    {
        const auto now = clock::now();
        const auto taken = now - begin;
        slowest_ = std::max(slowest_, taken);
        if (taken <= deadline_ + slack_)
            return;
        clock::duration starved{};
        for (const auto& [when, lag] : lags_)
            if (when > begin + deadline_)
                starved += lag;
        if (last_beat_ != clock::time_point())
            starved += std::max(clock::duration(), now - last_beat_ - beat_interval);
        if (taken > deadline_ + slack_ + starved)
            ++late_;
    }
    /// Notes how late the loop is, until the log says stop. Runs beside the callers, on their loop.
    asio::awaitable<void> beat(asio::any_io_executor executor)
    {
        asio::steady_timer timer(executor);
        last_beat_ = clock::now();
        while (!stopping || running != 0) {
            timer.expires_at(last_beat_ + beat_interval);
            co_await timer.async_wait(asio::use_awaitable);
            const auto now = clock::now();
            const auto lag = now - last_beat_ - beat_interval;
            last_beat_ = now;
            longest_lag_ = std::max(longest_lag_, lag);
            if (lag > std::chrono::milliseconds(1))
                lags_.emplace_back(now, lag);
            while (!lags_.empty() && lags_.front().first < now - deadline_ * 4)
                lags_.pop_front();
        }
    }

    [[nodiscard]] std::uint64_t answers() const noexcept { return answers_; }
    [[nodiscard]] std::uint64_t errors() const noexcept
    {
        std::uint64_t sum = 0;
        for (const auto& [name, count] : errors_)
            sum += count;
        return sum;
    }
    /// Everything that must never be.
    [[nodiscard]] std::uint64_t failures() const noexcept { return foreign_ + wrong_ + untyped_ + late_; }
    [[nodiscard]] std::string report() const
    {
        std::string out = std::to_string(answers_) + " right answers, " + std::to_string(errors()) + " typed errors, " +
                          std::to_string(foreign_) + " of another request, " + std::to_string(wrong_) + " wrong, " +
                          std::to_string(untyped_) + " untyped, " + std::to_string(late_) + " late, slowest " +
                          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(slowest_).count()) +
                          " ms of " +
                          std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(deadline_).count());
        if (longest_lag_ > clock::duration())
            out += " (the loop itself was late by up to " +
                   std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(longest_lag_).count()) + " ms)";
        for (const auto& [name, count] : errors_)
            out += "\n  " + std::to_string(count) + " x " + name;
        return out;
    }

    std::function<void()> on_success_ = [] {};
    bool stopping = false;
    std::size_t running = 0;

private:
    std::vector<recorded> vectors_;
    clock::duration deadline_;
    clock::duration slack_;
    static constexpr clock::duration beat_interval = std::chrono::milliseconds(10);

    clock::duration slowest_{};
    clock::time_point last_beat_; // none without beat()
    clock::duration longest_lag_{};
    std::deque<std::pair<clock::time_point, clock::duration>> lags_;
    std::uint64_t answers_ = 0;
    std::uint64_t foreign_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t untyped_ = 0;
    std::uint64_t late_ = 0;
    std::map<std::string, std::uint64_t> errors_;
};

/// One call of a recorded evaluation; everything about it goes to the log. True for an answer.
inline asio::awaitable<bool> call_once(const any_client& client, const recorded& asked, const std::string& id,
                                       call_log& log)
{
    flipt::evaluation_request request = asked.request;
    request.request_id = id;
    flipt::call_options options;
    options.timeout = log.deadline();
    const auto begin = clock::now();
    bool answered = false;
    try {
        if (asked.boolean) {
            const flipt::boolean_evaluation got = co_await client.evaluate_boolean(std::move(request), options);
            log.note_answer(asked, id, got.request_id, difference(asked, got));
        } else {
            const flipt::variant_evaluation got = co_await client.evaluate_variant(std::move(request), options);
            log.note_answer(asked, id, got.request_id, difference(asked, got));
        }
        answered = true;
    } catch (const flipt::error& e) {
        log.note_error(asked, e.code(), e.http_status());
        answered = e.http_status() != 0 && e.http_status() == asked.status;
    } catch (...) {
        log.note_untyped();
    }
    log.note_time(begin);
    co_return answered;
}

/// Calls until the log says stop. `client` may be replaced between calls, and while one is under way.
inline asio::awaitable<void> caller(std::shared_ptr<std::unique_ptr<any_client>> client, call_log& log, unsigned number)
{
    ++log.running;
    std::minstd_rand random(number + 1);
    asio::steady_timer pause((*client)->get_executor());
    for (std::uint64_t n = 0; !log.stopping; ++n) {
        const recorded& asked = log.vectors()[random() % log.vectors().size()];
        const std::string id = "caller-" + std::to_string(number) + "-" + std::to_string(n);
        const bool answered = co_await call_once(**client, asked, id, log);
        if (!answered && !log.stopping) { // a refused call ends at once: leave the processor to the others
            std::error_code ignored;
            pause.expires_after(std::chrono::milliseconds(5));
            co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
    }
    --log.running;
}

} // namespace hostile
