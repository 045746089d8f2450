// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// libcurl's easy interface: one blocking request after the other on a handle that is kept.
#include "curl.hpp"

int main(int argc, char** argv)
{
    const bench::options o = bench::parse(argc, argv);
    if (o.in_flight != 1)
        return 2;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bench::meter meter(o);
    bench::curl_handle handle(o);
    const auto perform = [&](long count) {
        for (long i = 0; i < count; ++i) {
            const auto started = meter.now();
            handle.prepare(i);
            handle.finish(curl_easy_perform(handle.easy));
            meter.add(started);
        }
    };
    perform(o.warmup);
    meter.begin();
    perform(o.requests);
    meter.end(handle.result.right());
}
