// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One connection of the pool: its stream, its two buffers, and the parser of its replies, reused for every call.
#pragma once

#include "flipt/net/handler_memory.hpp"
#include "flipt/net/stream.hpp"
#include "flipt/protocol/byte_buffer.hpp"
#include "flipt/protocol/request_writer.hpp"
#include "flipt/protocol/response_parser.hpp"

#include <chrono>
#include <cstdint>

namespace flipt::inline v0::detail {

class connection {
public:
    explicit connection(const asio::any_io_executor& executor) : io(executor) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Drops the bytes and, where a big reply made them large, the memory.
    void shrink() noexcept
    {
        in.clear();
        if (in.capacity() > kept_capacity)
            in.release();
        if (out.capacity() > kept_capacity) {
            start.forget();
            out.release();
        }
    }
    void close() noexcept { io.close(); }

    static constexpr std::size_t kept_capacity = std::size_t{256} * 1024;

    stream io;
    byte_buffer out;     // holds the token: wiped by its type
    request_start start; // of what `out` holds
    byte_buffer in;
    response_parser parser;
    head_memo heads;
    handler_memory read_memory;
    handler_memory write_memory;
    std::uint64_t used_turn = 0;                       // the engine's turn in which it last brought a reply,
    std::chrono::steady_clock::time_point last_used{}; // and when
    connection* next = nullptr;                        // in the pool's list
};

} // namespace flipt::inline v0::detail
