// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What our parser makes of replies, for a comparison with another one: see llhttp.js. On stdin, for each reply its size
// as 4 bytes, little endian, and its bytes, after which the connection ends in order. On stdout a line for each:
// "complete STATUS REUSABLE CONSUMED BODY-IN-HEX" or "failed DETAIL".
#include "flipt/protocol/response_parser.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

int main()
{
    using flipt::detail::parse_result;
    flipt::detail::response_parser parser;
    std::vector<char> reply;
    std::string line;
    unsigned char size[4];
    while (std::fread(size, 1, sizeof size, stdin) == sizeof size) {
        std::size_t bytes = 0;
        for (int i = 3; i >= 0; --i)
            bytes = bytes << 8 | size[i];
        reply.resize(bytes);
        if (std::fread(reply.data(), 1, reply.size(), stdin) != reply.size())
            return 1;
        parser.reset(false, flipt::detail::parser_limits());
        parse_result result = parser.parse(reply.data(), reply.size());
        if (result == parse_result::need_more)
            result = parser.finish(true);
        if (result == parse_result::complete) {
            line = "complete " + std::to_string(parser.status()) + ' ' + (parser.reusable() ? "1 " : "0 ") +
                   std::to_string(parser.consumed()) + ' ';
            for (const char c : parser.body(reply.data())) {
                constexpr char digits[] = "0123456789abcdef";
                const auto byte = static_cast<unsigned char>(c);
                line.append({digits[byte >> 4], digits[byte & 15]});
            }
        } else {
            line = std::string("failed ") + parser.detail();
        }
        line += '\n';
        std::fwrite(line.data(), 1, line.size(), stdout);
    }
}
