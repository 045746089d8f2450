// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Lines out of a stream of bytes, cut anywhere.
#include "flipt/live/ndjson.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using flipt::errc;
using flipt::detail::byte_buffer;
using flipt::detail::ndjson_splitter;

class lines {
public:
    explicit lines(std::size_t limit) : splitter(limit) {}

    std::error_code feed(std::string_view bytes)
    {
        return splitter.feed(bytes, [this](const char* line, std::size_t size) {
            volatile char last = line[size + byte_buffer::padding - 1]; // readable
            (void)last;
            got.emplace_back(line, size);
            return std::error_code();
        });
    }

    ndjson_splitter splitter;
    std::vector<std::string> got;
};

TEST_CASE("lines come out whole wherever the bytes are cut")
{
    const std::string text = "{\"a\":1}\n\n{\"b\":2}\r\n  \r\n{\"c\":3}\n";
    const std::vector<std::string> expected = {"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"};
    for (std::size_t first = 0; first <= text.size(); ++first)
        for (std::size_t second = first; second <= text.size(); ++second) {
            lines l(16);
            CHECK_FALSE(l.feed(text.substr(0, first)));
            CHECK_FALSE(l.feed(text.substr(first, second - first)));
            CHECK_FALSE(l.feed(text.substr(second)));
            CHECK(l.got == expected);
            CHECK(l.splitter.pending() == 0);
        }
}

TEST_CASE("what is left is part of a line, or blanks")
{
    lines l(16);
    CHECK_FALSE(l.splitter.inside_line());
    CHECK_FALSE(l.feed("{}\n \t\r"));
    CHECK_FALSE(l.splitter.inside_line());
    CHECK(l.splitter.pending() == 3);
    CHECK_FALSE(l.feed("{"));
    CHECK(l.splitter.inside_line());
    CHECK_FALSE(l.feed("}\n"));
    CHECK_FALSE(l.splitter.inside_line());
}

TEST_CASE("a line may be as long as the limit and not longer, whether its end came or not")
{
    lines fits(8);
    CHECK_FALSE(fits.feed("12345678\n12345678\n"));
    CHECK(fits.got.size() == 2);
    lines whole(8);
    CHECK(whole.feed("123456789\n") == errc::response_too_large);
    lines endless(8);
    CHECK_FALSE(endless.feed("12345678"));
    CHECK(endless.feed("9") == errc::response_too_large);
    CHECK(endless.got.empty());
}

TEST_CASE("the consumer's error ends it, and later lines are not given")
{
    ndjson_splitter splitter(100);
    int seen = 0;
    const auto ec = splitter.feed("1\n2\n3\n", [&](const char*, std::size_t) -> std::error_code {
        return ++seen == 2 ? make_error_code(errc::invalid_response) : std::error_code();
    });
    CHECK(ec == errc::invalid_response);
    CHECK(seen == 2);
}

TEST_CASE("a huge line's memory is not kept")
{
    lines l(std::size_t{4} << 20);
    CHECK_FALSE(l.feed(std::string(std::size_t{2} << 20, 'x') + "\n"));
    CHECK_FALSE(l.feed("y\n"));
    CHECK(l.got.size() == 2);
    CHECK(l.got[1] == "y");
}

} // namespace
