// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One call as the engine sees it: what to send, what to do with the reply, whom to tell, and how it is interrupted.
#pragma once

#include "flipt/call/intrusive_list.hpp"
#include "flipt/detail/config.hpp"
#include "flipt/net/asio.hpp"
#include "flipt/net/handler_memory.hpp"
#include "flipt/types/config.hpp"
#include "flipt/types/error.hpp"

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace flipt::inline v0::detail {

class engine;
class connection;
class request_writer;
struct active_tag;
struct waiting_tag;

/// Where a suspended call is waiting, and so how it is woken before its time.
enum class waiting_for : unsigned char { nothing, connection, token, address, pause, socket, wake_up };

/// What a reply with status 200 (or 304 where asked for) leads to.
enum class reply_step : unsigned char { done, another };

/// A successful reply, in the connection's buffer; 64 more bytes may be read behind the body.
struct reply_view {
    int status = 0;
    char* body = nullptr;
    std::size_t size = 0;
    std::string_view etag;
};

/// The refusal() of operations whose keys go into the path.
inline constexpr char not_addressable[] = "a flag key, namespace or environment that is empty, \".\" or \"..\", has a "
                                          "'/' or is no UTF-8 cannot go into a path, "
                                          "nor a control character or outer white space into a header";

/// What differs between the operations. One object per call; it owns or views the request and the result.
class remote_operation {
public:
    remote_operation() = default;
    remote_operation(const remote_operation&) = delete;
    remote_operation& operator=(const remote_operation&) = delete;

    /// Writes one whole request behind what is in the writer's buffer. Called again for each repeat.
    virtual std::error_code write(request_writer& out, engine& owner) = 0;
    /// What to say where write() gives errc::invalid_argument; "" where there is nothing beyond the code.
    [[nodiscard]] virtual const char* refusal() const noexcept { return ""; }
    /// Takes the reply in. `another` asks for a further request of the same call.
    virtual std::error_code read(const reply_view& reply, engine& owner, reply_step& next) = 0;

    /// Whether the circuit breaker may refuse it and learns from it.
    [[nodiscard]] virtual bool counts_for_breaker() const noexcept { return true; }
    /// The largest body of a 200 to the request written last; that of any other status is max_response_size.
    [[nodiscard]] virtual std::size_t body_limit(const config& settings) const noexcept
    {
        return settings.max_response_size;
    }
    /// Whether the token goes with it.
    [[nodiscard]] virtual bool authenticated() const noexcept { return true; }
    /// Whether repeating it does no harm (RFC 9110 9.2.2).
    [[nodiscard]] virtual bool idempotent() const noexcept { return true; }
    /// Whether 304 is an answer (If-None-Match was sent).
    [[nodiscard]] virtual bool takes_not_modified() const noexcept { return false; }

    /// A stream hands its body over piece by piece, on a connection of its own; the deadline ends with the head.
    [[nodiscard]] virtual bool streaming() const noexcept { return false; }
    virtual std::error_code on_head(engine&) { return {}; }
    virtual std::error_code on_data(std::string_view, engine&) { return {}; }
    /// The body ended as HTTP has it; an error where it was not at the end of a message.
    virtual std::error_code on_end() { return {}; }

protected:
    ~remote_operation() = default;
};

/// The engine's side of a call. Lives in a block of the engine's cache, in the active list until it completes, and is
/// owned by whatever will resume it: an Asio operation's handler, or (while it waits in a list of the engine's) the
/// engine.
class call : public list_hook<active_tag>, public list_hook<waiting_tag> {
public:
    call(engine& owner, remote_operation& what, const call_options& options) noexcept
        : engine_(owner), operation_(what), options_(options)
    {}
    call(const call&) = delete;
    call& operator=(const call&) = delete;

    /// Moves the handler out, frees the call, then calls the handler.
    virtual void complete() = 0;
    /// Frees the call without calling the handler: the io_context is going away.
    virtual void abandon() noexcept = 0;

    /// Ends the call early with `why`; the first one counts. On the engine's executor.
    FLIPT_DECL void interrupt(std::error_code why);
    [[nodiscard]] bool interrupted() const noexcept { return static_cast<bool>(interruption_); }
    /// Makes a wait that is under way end now, with interruption_ or phase_expired_ saying why.
    FLIPT_DECL void stir();
    /// Of two waits the first has ended: ends the other one.
    FLIPT_DECL void stir_other_wait();
    /// Resumes the coroutine from the executor's queue, out of a wait that no Asio operation ends. Where memory for
    /// that is short the engine does it later: a call must never be lost.
    FLIPT_DECL void wake() noexcept;

    engine& engine_;
    remote_operation& operation_;
    call_options options_;
    std::coroutine_handle<> coroutine_;    // the whole, to destroy
    std::coroutine_handle<> resume_point_; // the innermost step that waits, to resume
    std::error_code result_;               // of the coroutine, once it has ended
    std::error_code interruption_;         // why it was told to end
    std::error_code wait_result_;          // of the wait it was resumed from
    diagnostics diagnostics_;
    std::chrono::steady_clock::time_point started_{};
    std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
    std::chrono::steady_clock::time_point phase_end_ = std::chrono::steady_clock::time_point::max();
    connection* connection_ = nullptr;
    handler_memory wake_memory_;
    waiting_for waiting_ = waiting_for::nothing;
    bool phase_expired_ = false;
    bool finished_ = false;
    bool lost_ = false;      // one of its waits was destroyed without ending
    bool two_waits_ = false; // waits for readable and for writable at once
    bool posting_ = false;   // a handler destroyed now was not accepted: the call lives on
    unsigned char pending_waits_ = 0;

protected:
    ~call() = default;
};

} // namespace flipt::inline v0::detail
