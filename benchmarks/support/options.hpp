// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The command line that all clients share.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

struct options {
    options() = default;

    unsigned short port = 0;
    long requests = 1000;
    long warmup = 500;
    int in_flight = 1;   ///< connections too, in peers that have one request per connection
    int connections = 0; ///< 0 = as many as requests in flight
    std::string ca;      ///< PEM file; empty = plaintext
    std::string call;    ///< which spelling or operation, of clients that have several
    bool latency = true; ///< read the clock twice a request
    std::string host = "127.0.0.1";
    std::string prefix; ///< of the path; /varied = replies that differ

    [[nodiscard]] int connection_count() const { return connections > 0 ? connections : in_flight; }
    [[nodiscard]] std::string url() const
    {
        return (ca.empty() ? "http://" : "https://") + host + ":" + std::to_string(port) + prefix;
    }
};

inline options parse(int argc, char** argv)
{
    options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--no-latency") {
            o.latency = false;
            continue;
        }
        if (i + 1 == argc) {
            std::fprintf(stderr, "%s needs a value\n", argv[i]);
            std::exit(2);
        }
        const char* value = argv[++i];
        if (name == "--port")
            o.port = static_cast<unsigned short>(std::atoi(value));
        else if (name == "--requests")
            o.requests = std::atol(value);
        else if (name == "--warmup")
            o.warmup = std::atol(value);
        else if (name == "--in-flight")
            o.in_flight = std::atoi(value);
        else if (name == "--connections")
            o.connections = std::atoi(value);
        else if (name == "--prefix")
            o.prefix = value;
        else if (name == "--ca")
            o.ca = value;
        else if (name == "--call")
            o.call = value;
        else {
            std::fprintf(stderr, "unknown option %s\n", argv[i - 1]);
            std::exit(2);
        }
    }
    return o;
}

} // namespace bench
