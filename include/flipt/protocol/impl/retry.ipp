// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of flipt/protocol/retry.hpp.
#pragma once

#include "flipt/detail/later.hpp"
#include "flipt/protocol/chars.hpp"
#include "flipt/protocol/civil.hpp"
#include "flipt/protocol/retry.hpp"

#include <array>
#include <cstddef>
#include <limits>

namespace flipt::inline v0::detail {

namespace retry_parts {

enum class cause : std::uint8_t {
    fatal,      // cannot get better by repeating, or nobody wants it any more
    connection, // the connection broke, or never came to be
    timeout,    // one of our own times ran out
};

inline cause cause_of(std::error_code ec) noexcept
{
    if (ec == errc::truncated)
        return cause::connection;
    if (ec == errc::timed_out)
        return cause::timeout;
    if (ec.category() == error_category())
        return cause::fatal;
    ec = comparable(ec);
    if (ec == std::errc::operation_canceled)
        return cause::fatal;
    for (const std::errc broken : {std::errc::connection_refused, std::errc::connection_reset,
                                   std::errc::connection_aborted, std::errc::broken_pipe, std::errc::not_connected,
                                   std::errc::timed_out, std::errc::host_unreachable, std::errc::network_unreachable,
                                   std::errc::network_down, std::errc::network_reset, std::errc::address_not_available})
        if (ec == broken)
            return cause::connection;
    // Asio's categories are known by name: this layer includes no Asio. Its misc category is the end of a stream; name
    // resolution may do better next time. TLS ("asio.ssl") will not: certificates stay wrong.
    const std::string_view category = ec.category().name();
    if (category == "asio.netdb" || category == "asio.addrinfo" || category == "asio.ssl.stream")
        return cause::connection;
    if (category == "asio.misc")
        return ec.value() == 2 ? cause::connection : cause::fatal; // 2 = eof
    return cause::fatal;
}

inline bool is_transient(int status) noexcept
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

// A reader over the fixed forms of HTTP-date; any mismatch makes `ok` false.
struct date_reader {
    std::string_view text;
    bool ok = true;

    void expect(std::string_view what) noexcept
    {
        ok = ok && text.substr(0, what.size()) == what;
        text.remove_prefix(ok ? what.size() : text.size());
    }
    int number(std::size_t digits) noexcept
    {
        int value = 0;
        ok = ok && text.size() >= digits;
        for (std::size_t i = 0; ok && i != digits; ++i) {
            ok = is_digit(text[i]);
            value = value * 10 + (text[i] - '0');
        }
        text.remove_prefix(ok ? digits : text.size());
        return value;
    }
    int month() noexcept
    {
        constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
        const std::size_t at = text.size() < 3 ? std::string_view::npos : names.find(text.substr(0, 3));
        ok = ok && at != std::string_view::npos && at % 3 == 0;
        text.remove_prefix(ok ? 3 : text.size());
        return ok ? static_cast<int>(at / 3) + 1 : 0;
    }
    int clock() noexcept
    {
        const int hour = number(2);
        expect(":");
        const int minute = number(2);
        expect(":");
        const int second = number(2);
        ok = ok && hour < 24 && minute < 60 && second <= 60;
        return hour * 3600 + minute * 60 + second;
    }
};

inline std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now) noexcept
{
    date_reader in{text};
    int year = 0;
    int month = 0;
    int day = 0;
    int clock = 0;
    const std::size_t comma = text.find(',');
    if (comma == 3) { // Sun, 06 Nov 1994 08:49:37 GMT
        in.text.remove_prefix(4);
        in.expect(" ");
        day = in.number(2);
        in.expect(" ");
        month = in.month();
        in.expect(" ");
        year = in.number(4);
        in.expect(" ");
        clock = in.clock();
        in.expect(" GMT");
    } else if (comma != std::string_view::npos) { // Sunday, 06-Nov-94 08:49:37 GMT
        in.text.remove_prefix(comma + 1);
        in.expect(" ");
        day = in.number(2);
        in.expect("-");
        month = in.month();
        in.expect("-");
        year = in.number(2) + 1900;
        in.expect(" ");
        clock = in.clock();
        in.expect(" GMT");
        // A year that seems to lie more than 50 years back is of this century (RFC 9110 5.6.7).
        if (now / 31556952 + 1970 - year > 50)
            year += 100;
    } else { // Sun Nov  6 08:49:37 1994
        if (text.size() < 4)
            return std::nullopt;
        in.text.remove_prefix(3);
        in.expect(" ");
        month = in.month();
        in.expect(" ");
        if (in.ok && !in.text.empty() && in.text.front() == ' ') {
            in.expect(" ");
            day = in.number(1);
        } else {
            day = in.number(2);
        }
        in.expect(" ");
        clock = in.clock();
        in.expect(" ");
        year = in.number(4);
    }
    if (!in.ok || !in.text.empty() || day < 1 || day > 31)
        return std::nullopt;
    return days_from_civil(year, month, day) * 86400 + clock;
}

} // namespace retry_parts

FLIPT_DECL retry_decision decide_retry(const retry_input& in, const retry_options& options) noexcept
{
    using retry_parts::cause;
    constexpr retry_decision stop{};
    if (in.remaining && *in.remaining <= std::chrono::steady_clock::duration::zero())
        return stop;

    bool may_have_acted = in.sent;
    if (!in.error) {
        if (!retry_parts::is_transient(in.status))
            return stop;
        may_have_acted = true;
    } else {
        switch (retry_parts::cause_of(in.error)) {
        case cause::fatal: return stop;
        case cause::timeout:
            // connect_timeout is worth another try; a peer that took the request and fell silent is not.
            if (in.sent)
                return stop;
            break;
        case cause::connection:
            // A reused connection that ended before a byte of the reply was closed while idle (RFC 9112 9.3.1).
            if (in.reused && !in.reply_started && !in.fresh_repeated && (in.idempotent || !in.sent))
                return {retry_decision::repeat_now_fresh_connection, {}};
            break;
        }
    }
    if ((may_have_acted && !in.idempotent) || in.repeats >= in.retries)
        return stop;

    auto delay = backoff(in.repeats, options.initial_backoff, options.max_backoff, in.random);
    if (in.retry_after)
        delay = std::max<std::chrono::steady_clock::duration>(delay, std::min(*in.retry_after, max_retry_after));
    if (in.remaining && delay >= *in.remaining)
        return stop; // the answer at hand is better than a deadline
    return {retry_decision::repeat_after_backoff, delay};
}

FLIPT_DECL std::chrono::steady_clock::duration backoff(int repeat, std::chrono::steady_clock::duration initial,
                                                       std::chrono::steady_clock::duration max, double random) noexcept
{
    using duration = std::chrono::steady_clock::duration;
    duration ceiling = std::clamp(initial, duration::zero(), std::max(max, duration::zero()));
    for (int i = 0; i < repeat && ceiling < max; ++i)
        ceiling = ceiling > max / 2 ? max : ceiling * 2;
    if (!(random >= 0.0))
        random = 0.0;
    return duration(static_cast<duration::rep>(static_cast<double>(ceiling.count()) * std::min(random, 1.0)));
}

FLIPT_DECL std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                                 std::chrono::system_clock::time_point now) noexcept
{
    if (value.empty())
        return std::nullopt;
    const std::int64_t most = max_retry_after.count();
    if (is_digit(value.front())) {
        std::int64_t seconds = 0;
        for (const char c : value) {
            if (!is_digit(c))
                return std::nullopt;
            seconds = std::min(most, seconds * 10 + (c - '0')); // only grows: bounded at each digit
        }
        return std::chrono::seconds(seconds);
    }
    const std::int64_t today = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    const auto when = retry_parts::parse_http_date(value, today);
    if (!when)
        return std::nullopt;
    return std::chrono::seconds(std::clamp<std::int64_t>(*when - today, 0, most));
}

FLIPT_DECL circuit_breaker::ticket circuit_breaker::allow(time_point now) noexcept
{
    if (state_ == state::closed)
        return ticket_;
    if (state_ == state::half_open || now < until_)
        return 0;
    enter(state::half_open);
    return ticket_;
}

FLIPT_DECL void circuit_breaker::on_success(ticket from) noexcept
{
    if (from != ticket_)
        return;
    failures_ = 0;
    if (state_ != state::closed)
        enter(state::closed);
}

FLIPT_DECL void circuit_breaker::on_failure(ticket from, time_point now) noexcept
{
    if (threshold_ <= 0 || from != ticket_)
        return;
    if (state_ == state::closed && ++failures_ < threshold_)
        return;
    failures_ = 0;
    until_ = later(now, pause_);
    enter(state::open);
}

FLIPT_DECL void circuit_breaker::on_unknown(ticket from) noexcept
{
    if (from == ticket_ && state_ == state::half_open)
        enter(state::open); // its pause is over: the next call probes
}

FLIPT_DECL void circuit_breaker::enter(state next) noexcept
{
    state_ = next;
    ++ticket_;
}

} // namespace flipt::inline v0::detail
