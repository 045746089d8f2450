// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as each kind of reply: nothing read outside, what is accepted is JSON to simdjson, too, and reads back; and
// the fast way in front of simdjson reads nothing that simdjson would not, nor differently.
#include "flipt/protocol/impl/plain_reply.ipp"
#include "flipt/protocol/json_writer.hpp"
#include "flipt/protocol/reply_reader.hpp"
#include "flipt/protocol/reply_writer.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

using namespace flipt;
using namespace flipt::detail;

namespace {

void require(bool yes)
{
    if (!yes)
        std::abort();
}

// A copy with exactly the padding that is promised, which holds what may mislead.
byte_buffer padded(std::string_view text, char behind)
{
    byte_buffer out;
    out.append(text);
    std::memset(out.prepare(byte_buffer::padding), behind, byte_buffer::padding);
    return out;
}

template <class Answer, class Read, class Write>
void there_and_back(std::string_view text, Read read, Write write)
{
    reply_reader reader;
    Answer first, second;
    const byte_buffer in = padded(text, '}');
    if (read(reader, in, first)) {
        require(!reader.detail().empty());
        return;
    }
    require(!reader.validate(in.data(), in.size()));
    byte_buffer written, again;
    require(!write(written, first));
    const byte_buffer copy = padded(written.view(), '"');
    require(!read(reader, copy, second));
    require(!write(again, second));
    require(written.view() == again.view());
}

// White space behind a document makes it one that simdjson reads.
template <class Answer, class Read, class Write, class... Count>
void fast_as_slow(std::string_view text, Read read, Write write, Count... count)
{
    const byte_buffer in = padded(text, '"'), copy = padded(std::string(text) + ' ', '}');
    minute_memo minute;
    reply_reader reader;
    Answer fast, slow;
    for (int round = 0; round != 2; ++round) { // the second time with the minute in mind
        if (!plain_reply(in.data(), in.size(), minute).read(fast, count...))
            return;
        require(!read(reader, copy, slow));
        byte_buffer one, other;
        require(!write(one, fast) && !write(other, slow));
        require(one.view() == other.view());
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    fast_as_slow<boolean_evaluation>(
        text, [](reply_reader& r, const byte_buffer& b, auto& a) { return r.read_boolean(b.data(), b.size(), a); },
        write_boolean_evaluation);
    fast_as_slow<variant_evaluation>(
        text, [](reply_reader& r, const byte_buffer& b, auto& a) { return r.read_variant(b.data(), b.size(), a); },
        write_variant_evaluation);
    for (std::size_t count = 0; count < 4; ++count)
        fast_as_slow<batch_evaluation>(
            text,
            [count](reply_reader& r, const byte_buffer& b, auto& a) {
                return r.read_batch(b.data(), b.size(), a, count);
            },
            write_batch_evaluation, count);
    there_and_back<boolean_evaluation>(
        text, [](reply_reader& r, const byte_buffer& b, auto& a) { return r.read_boolean(b.data(), b.size(), a); },
        write_boolean_evaluation);
    there_and_back<variant_evaluation>(
        text, [](reply_reader& r, const byte_buffer& b, auto& a) { return r.read_variant(b.data(), b.size(), a); },
        write_variant_evaluation);
    there_and_back<flag_list>(
        text, [](reply_reader& r, const byte_buffer& b, auto& a) { return r.read_flags(b.data(), b.size(), a); },
        write_flag_list);
    for (std::size_t count = 0; count < 4; ++count)
        there_and_back<batch_evaluation>(
            text,
            [count](reply_reader& r, const byte_buffer& b, auto& a) {
                return r.read_batch(b.data(), b.size(), a, count);
            },
            write_batch_evaluation);

    reply_reader reader(1024);
    const byte_buffer in = padded(text, '}');
    std::string message;
    int code = 0;
    server_version version = server_version::automatic;
    stream_message event;
    byte_buffer token;
    std::string_view payload;
    reader.read_server_error(in.data(), in.size(), message, code);
    (void)reader.read_meta_version(in.data(), in.size(), version);
    std::optional<timestamp_type> end;
    (void)reader.read_kubernetes_token(in.data(), in.size(), token, end);
    const bool valid = !reader.validate(in.data(), in.size());
    const bool too_deep = reader.detail().find("deeper") != std::string_view::npos;
    if (!reader.read_stream_message(in.data(), in.size(), event))
        require(valid);
    if (!reader.read_flag_resource(in.data(), in.size(), payload))
        require(valid && payload.front() == '{' && payload.back() == '}');

    // What passes here is a document to simdjson, except that it also refuses numbers beyond its types.
    static simdjson::dom::parser parser;
    simdjson::dom::element root;
    const simdjson::error_code theirs = parser.parse(text.data(), text.size()).get(root);
    if (valid)
        require(theirs == simdjson::SUCCESS || theirs == simdjson::NUMBER_ERROR || theirs == simdjson::DEPTH_ERROR);
    // And the reverse: an object refused here holds a lone surrogate (which 3.0.1 lets pass) or nests too deep.
    else if (theirs == simdjson::SUCCESS && root.is_object() && !text.starts_with("\xef\xbb\xbf"))
        require(text.find("\\u") != std::string_view::npos || too_deep);

    byte_buffer string;
    if (append_json_string(string, text)) {
        const byte_buffer document = padded("{\"flagKey\":" + std::string(string.view()) + "}", '"');
        boolean_evaluation back;
        require(!reader.read_boolean(document.data(), document.size(), back));
        require(back.flag_key == text);
        require(simdjson::validate_utf8(text.data(), text.size()));
    } else {
        require(!simdjson::validate_utf8(text.data(), text.size()));
    }
    return 0;
}
