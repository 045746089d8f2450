// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as a timestamp, and any moment as bytes: nothing read outside, and what is written reads back the same.
#include "flipt/protocol/datetime.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

using namespace flipt;
using namespace flipt::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // A copy of exactly its size, so that a sanitizer sees a byte too many.
    const std::unique_ptr<char[]> exact(new char[size]);
    if (size != 0)
        std::memcpy(exact.get(), data, size);
    const auto same = [](timestamp_type when) {
        const std::unique_ptr<char[]> text(new char[rfc3339_size]);
        const std::size_t length = format_rfc3339(when, text.get());
        if (length > rfc3339_size || parse_rfc3339(std::string_view(text.get(), length)) != when)
            std::abort();
    };
    if (const auto when = parse_rfc3339(std::string_view(exact.get(), size)))
        same(*when);
    if (size >= 8) {
        std::int64_t nanos = 0;
        std::memcpy(&nanos, data, 8);
        same(timestamp_type(std::chrono::nanoseconds(nanos)));
    }
    return 0;
}
