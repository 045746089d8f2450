// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The peers' JSON reader: simdjson on demand, fields in the order in which the server writes them.
#pragma once

#include "../support/payload.hpp"

#include <simdjson.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bench {

class reply_reader {
public:
    /// `capacity` bytes may be read at `text`, simdjson wants SIMDJSON_PADDING more than the `size` of the document:
    /// doc/performance.md of simdjson ("Reusing the parser", "padding"), so nothing is copied.
    void read(const char* text, std::size_t size, std::size_t capacity, answer& out)
    {
        if (capacity < size + simdjson::SIMDJSON_PADDING)
            std::abort();
        simdjson::ondemand::document document;
        std::string_view s;
        bool bad = parser_.iterate(text, size, capacity).get(document) != simdjson::SUCCESS;
        simdjson::ondemand::object object;
        bad = bad || document.get_object().get(object) != simdjson::SUCCESS;
        bad = bad || object.find_field("enabled").get_bool().get(out.enabled) != simdjson::SUCCESS;
        bad = bad || object.find_field("reason").get_string().get(s) != simdjson::SUCCESS;
        if (!bad)
            out.reason.assign(s);
        bad = bad || object.find_field("requestId").get_string().get(s) != simdjson::SUCCESS;
        if (!bad)
            out.request_id.assign(s);
        bad = bad || object.find_field("flagKey").get_string().get(s) != simdjson::SUCCESS;
        if (!bad)
            out.flag_key.assign(s);
        simdjson::ondemand::array keys;
        bad = bad || object.find_field("segmentKeys").get_array().get(keys) != simdjson::SUCCESS;
        if (!bad)
            for (auto key : keys)
                if (key.get_string().get(s) == simdjson::SUCCESS)
                    out.segment_key.assign(s);
        if (bad) {
            std::fprintf(stderr, "the reply is not what was expected: %.*s\n", static_cast<int>(size), text);
            std::exit(1);
        }
    }

private:
    simdjson::ondemand::parser parser_;
};

} // namespace bench
