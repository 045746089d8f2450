// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How an evaluation grows with flags, keys of the context and segments of a rule.
#include "flipt/evaluation/snapshot.hpp"

#include "documents.hpp"
#include "timing.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace bench;

namespace {

void row(const shape& form, int context_keys, const char* part, double x, const options& o, record& out)
{
    const auto parsed = flipt::snapshot::parse(document(form));
    if (!parsed.ok())
        std::fprintf(stderr, "%s\n", parsed.error().message().c_str()), std::exit(1);
    const flipt::snapshot& s = *parsed;
    const questions b(form.flags, true, context_keys);
    const questions v(form.flags, false, context_keys);
    std::vector<flipt::context> prepared;
    for (const auto& c : b.contexts)
        prepared.emplace_back(c);
    std::vector<series> all;
    std::size_t i = 0;
    const std::size_t n = o.quick ? 4000 : 20000;
    all.emplace_back("boolean", n, [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(s.evaluate_boolean(b.key(i), b.entity(i), b.contexts[b.context(i)]));
    });
    all.emplace_back("boolean, prepared context", n, [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(s.evaluate_boolean(b.key(i), b.entity(i), prepared[b.context(i)]));
    });
    all.emplace_back("variant", n, [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(s.evaluate_variant(v.key(i), v.entity(i), v.contexts[v.context(i)]));
    });
    all.emplace_back("evaluate_all, a flag", std::max<std::size_t>(1, n / static_cast<std::size_t>(form.flags)),
                     [&](std::size_t count) {
                         for (std::size_t end = i + count; i != end; ++i)
                             s.evaluate_all(b.entity(i), b.contexts[b.context(i)],
                                            [](const flipt::flag_result& r) { keep(r.enabled); });
                     });
    measure(all, o.quick ? 7 : 25);
    std::printf("| %g |", x);
    for (auto& one : all) {
        const double ns = one.least() / (one.name.starts_with("evaluate_all") ? form.flags : 1);
        std::printf(" %.1f |", ns);
        out.add(part, one.name, x, "ns", ns);
    }
    std::puts("");
    std::fflush(stdout);
}

void head(const char* what)
{
    std::printf(
        "\n| %s | boolean | with a prepared context | variant | evaluate_all, a flag |\n|---|---|---|---|---|\n", what);
}

} // namespace

int main(int argc, char** argv)
{
    const options o = read_options(argc, argv);
    record out(o.json);
    std::puts("Least nanoseconds.");
    head("flags");
    for (const int flags : {10, 100, 1000, 10000, 100000})
        row({flags}, 3, "scale_flags", flags, o, out);
    head("keys of the context");
    for (const int keys : {1, 2, 4, 8, 16, 32, 64})
        row({100}, keys, "scale_context", keys, o, out);
    head("segments of a rule");
    for (const int segments : {1, 2, 4, 8, 16})
        row({100, 40, segments}, 3, "scale_segments", segments, o, out);
    head("segments of the namespace");
    for (const int segments : {40, 400, 4000})
        row({2000, segments}, 3, "scale_namespace_segments", segments, o, out);
}
