// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of call/exchange.hpp.
#pragma once

#include "flipt/call/exchange.hpp"

#include <asio/error.hpp>

#include <algorithm>

namespace flipt::inline v0::detail {

/// Sends what the socket takes. True: go on to reading; false: `next` says what to wait for.
FLIPT_DECL bool exchange::send(need& next)
{
    while (sent_ != conn_.out.size()) {
        const io_step step = conn_.io.write(conn_.out.data() + sent_, conn_.out.size() - sent_);
        if (step.ec || step.end) {
            send_error_ = step.ec ? step.ec : std::error_code(asio::error::connection_reset);
            first_wait_ = false; // whatever reply there is has arrived
            break;
        }
        sent_ += step.bytes;
        if (step.want != io_want::nothing) {
            // TLS may want to read first: waiting for "writable" too would spin.
            next = step.want == io_want::read ? need::readable : need::either;
            return false;
        }
    }
    sending_ = false;
    return true;
}

/// Takes in what was read. True: the reply has ended, well or not.
FLIPT_DECL bool exchange::take(const io_step& step)
{
    if (step.ec) {
        error_ = send_error_ ? send_error_ : step.ec;
        return true;
    }
    parse_result result = parse_result::need_more;
    if (step.bytes != 0) {
        conn_.in.commit(step.bytes);
        result = conn_.parser.parse(conn_.in.data(), conn_.in.size());
    } else if (step.end) {
        if (send_error_ && !conn_.parser.started()) {
            error_ = send_error_;
            return true;
        }
        result = conn_.parser.finish(step.clean_end);
    }
    if (result == parse_result::failed)
        error_ = conn_.parser.error();
    else if (result == parse_result::need_more)
        conn_.in.truncate(conn_.parser.retain(conn_.in.size()));
    return result != parse_result::need_more;
}

FLIPT_DECL exchange::need exchange::advance()
{
    need next = need::readable;
    if (sending_) {
        if (!send(next)) {
            // Something may have arrived: then the server has its answer, and the rest need not be sent.
            if (first_wait_) {
                first_wait_ = false;
                return next;
            }
            const io_step early = conn_.io.read(conn_.in.prepare(read_size), conn_.in.room());
            if (early.want != io_want::nothing)
                return next;
            // Not the whole reply yet, perhaps only a 1xx: the peer may still wait for the rest of the request.
            return take(early) ? need::finished : next;
        } else if (first_wait_) {
            first_wait_ = false;
            return need::readable;
        }
    }
    for (;;) {
        const std::size_t expected = conn_.parser.expected_size();
        const std::size_t missing = expected > conn_.in.size() ? expected - conn_.in.size() : 0;
        // One byte more than expected, so that bytes behind the reply show.
        char* space = conn_.in.prepare(std::max(missing + 1, read_size));
        const io_step step = conn_.io.read(space, conn_.in.room());
        if (step.want != io_want::nothing) {
            if (send_error_) {
                error_ = send_error_; // no reply came before the connection broke
                return need::finished;
            }
            return step.want == io_want::write ? need::writable : need::readable;
        }
        if (take(step))
            return need::finished;
    }
}

} // namespace flipt::inline v0::detail
