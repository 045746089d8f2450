// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Misbehaviour the embedded server can be told to show, one reply at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0::testing {

/// One fault: which requests it is for, what is sent in place of the right reply, how the bytes travel, and how the
/// connection ends. `fault()` alone changes nothing; each function adds one trait:
///
///     fault().delay(50ms)                        // the right reply, late
///     fault().status(503, "busy").times(2)       // two replies of 503
///     fault().on("/evaluate/v1/boolean").reset() // RST before any byte of the reply
///     fault().mid_body().close()                 // half the body, then FIN
///     fault().raw("HTTP/1.1 200 OK\r\n\r\n").pieces(1)
///     fault().no_answer()                        // silence until the peer gives up
class fault {
public:
    enum class point { after_reply, before_reply, mid_head, mid_body, after_bytes };
    enum class ending { keep, close, reset, half_close, hold };

    fault() = default;

    /// Only requests whose path begins with this.
    fault& on(std::string_view path_prefix)
    {
        path_.assign(path_prefix);
        return *this;
    }
    /// How many replies it spoils (1 unless told); 0 = all.
    fault& times(std::size_t n)
    {
        times_ = n;
        return *this;
    }
    /// Waits before the first byte.
    fault& delay(std::chrono::steady_clock::duration d)
    {
        delay_ = d;
        return *this;
    }
    /// Another status and body; Content-Type application/json unless a header says otherwise.
    fault& status(int code, std::string_view body = {})
    {
        status_ = code;
        body_.assign(body);
        return *this;
    }
    /// A header to the reply of status().
    fault& header(std::string_view name, std::string_view value)
    {
        headers_.emplace_back(name, value);
        return *this;
    }
    /// Exactly these bytes in place of the reply.
    fault& raw(std::string_view bytes)
    {
        raw_.emplace(bytes);
        return *this;
    }
    /// These bytes behind the reply, in the same write.
    fault& extra(std::string_view bytes)
    {
        extra_.assign(bytes);
        return *this;
    }
    /// Writes of at most `size` bytes, with a pause between two (a dribble).
    fault& pieces(std::size_t size, std::chrono::steady_clock::duration pause = {})
    {
        piece_ = size;
        pause_ = pause;
        return *this;
    }
    /// A write ends at each of these offsets.
    fault& split_at(std::size_t offset)
    {
        splits_.push_back(offset);
        return *this;
    }

    /// Where the reply is cut. Without an ending the connection is closed there.
    fault& before_reply() { return at(point::before_reply); }
    fault& mid_head() { return at(point::mid_head); }
    fault& mid_body() { return at(point::mid_body); }
    fault& after_reply() { return at(point::after_reply); }
    fault& after(std::size_t bytes)
    {
        bytes_ = bytes;
        return at(point::after_bytes);
    }

    /// How the connection ends. Without a point it ends before the reply.
    fault& close() { return end(ending::close); }           ///< FIN (over TLS without close_notify)
    fault& reset() { return end(ending::reset); }           ///< RST
    fault& half_close() { return end(ending::half_close); } ///< FIN, but goes on reading
    fault& hold() { return end(ending::hold); }             ///< says nothing more and keeps the connection open
    /// Never answers.
    fault& no_answer() { return before_reply().hold(); }

    [[nodiscard]] bool matches(std::string_view path) const noexcept { return path.substr(0, path_.size()) == path_; }
    /// Counts one use; true when it was the last.
    [[nodiscard]] bool used_up() noexcept { return times_ != 0 && --times_ == 0; }

    [[nodiscard]] std::chrono::steady_clock::duration delay() const noexcept { return delay_; }
    [[nodiscard]] std::chrono::steady_clock::duration pause() const noexcept { return pause_; }
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const std::string& body() const noexcept { return body_; }
    [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& headers() const noexcept { return headers_; }
    [[nodiscard]] const std::optional<std::string>& raw() const noexcept { return raw_; }
    [[nodiscard]] const std::string& extra() const noexcept { return extra_; }
    [[nodiscard]] ending how() const noexcept { return ending_; }

    /// How many of a reply's bytes are sent, given the size of its head and of all of it.
    [[nodiscard]] std::size_t cut(std::size_t head, std::size_t total) const noexcept
    {
        const auto where = point_ ? *point_ : ending_ == ending::keep ? point::after_reply : point::before_reply;
        switch (where) {
        case point::after_reply: return total;
        case point::before_reply: return 0;
        case point::mid_head: return head / 2;
        case point::mid_body: return head + (total - head) / 2;
        case point::after_bytes: return bytes_ < total ? bytes_ : total;
        }
        return total;
    }
    /// Where the write that begins at `offset` ends.
    [[nodiscard]] std::size_t piece_end(std::size_t offset, std::size_t total) const noexcept
    {
        std::size_t end = piece_ != 0 && piece_ < total - offset ? offset + piece_ : total;
        for (const auto split : splits_)
            if (split > offset && split < end)
                end = split;
        return end;
    }

private:
    fault& at(point p)
    {
        point_ = p;
        if (p != point::after_reply && ending_ == ending::keep)
            ending_ = ending::close;
        return *this;
    }
    fault& end(ending e)
    {
        ending_ = e;
        return *this;
    }

    std::string path_;
    std::size_t times_ = 1;
    std::chrono::steady_clock::duration delay_{};
    std::chrono::steady_clock::duration pause_{};
    int status_ = 0;
    std::string body_;
    std::vector<std::pair<std::string, std::string>> headers_;
    std::optional<std::string> raw_;
    std::string extra_;
    std::size_t piece_ = 0;
    std::vector<std::size_t> splits_;
    std::optional<point> point_;
    std::size_t bytes_ = 0;
    ending ending_ = ending::keep;
};

} // namespace flipt::inline v0::testing
