// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as a stream of messages: the same lines and the same end however the bytes are cut, no line past the limit,
// and each line is a message or an error. The first byte of an input chooses the limit and the size of the pieces.
#include "flipt/live/ndjson.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/types/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

void require(bool holds, const char* what)
{
    if (!holds) {
        std::fprintf(stderr, "broken: %s\n", what);
        std::abort();
    }
}

struct outcome {
    outcome() = default;

    std::vector<std::string> lines;
    std::error_code ec;
    std::size_t pending = 0;
};

outcome cut(std::string_view bytes, std::size_t limit, std::size_t piece)
{
    flipt::detail::ndjson_splitter splitter(limit);
    flipt::detail::reply_reader reader;
    flipt::detail::stream_message message;
    outcome out;
    while (!bytes.empty() && !out.ec) {
        // Memory of exactly the right size, at another address each time.
        const std::size_t size = std::min(piece, bytes.size());
        const std::unique_ptr<char[]> exact(new char[size]);
        std::memcpy(exact.get(), bytes.data(), size);
        bytes.remove_prefix(size);
        out.ec = splitter.feed({exact.get(), size}, [&](const char* line, std::size_t n) {
            require(n != 0 && n <= limit && std::memchr(line, '\n', n) == nullptr,
                    "a line is one line within the limit");
            out.lines.emplace_back(line, n);
            const std::error_code ec = reader.read_stream_message(line, n, message);
            require(ec || message.is_error ||
                        (!message.result.empty() && message.result.front() == '{' && message.result.back() == '}' &&
                         message.result.data() >= line && message.result.data() + message.result.size() <= line + n),
                    "a message's result is an object within its line");
            return ec;
        });
    }
    out.pending = splitter.pending();
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
        return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t limit = (data[0] & 1U) != 0 ? 24 : 4096;
    const outcome whole = cut(bytes, limit, bytes.size());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2} + (data[0] >> 1)}) {
        const outcome split = cut(bytes, limit, piece);
        require(split.lines == whole.lines && split.ec == whole.ec, "the messages depend on the pieces");
        require(whole.ec || split.pending == whole.pending, "what is left depends on the pieces");
    }
    return 0;
}
