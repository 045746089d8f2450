// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Our engine and the official one on the same document and the same requests: time, allocations, load, memory.
#include "flipt/evaluation/snapshot.hpp"

#include "documents.hpp"
#include "official.hpp"
#include "timing.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

// Every allocation of this thread is counted, the official library's too.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

thread_local std::size_t allocations = 0;

using namespace bench;

std::string request_json(const std::string& flag, const std::string& entity, const flipt::context_map& context)
{
    std::string out = R"({"namespace_key":"default","flag_key":")" + flag + R"(","entity_id":")" + entity +
                      R"(","context":{)"; // nothing in these requests needs an escape
    for (const auto& [key, value] : context)
        out += (out.back() == '{' ? "\"" : ",\"") + key + "\":\"" + value + '"';
    return out + "}}";
}

// Of all threads of this process: other work on the machine does not count.
double cpu_ms()
{
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

struct loaded {
    double ms;
    void* engine;
};

loaded load_official(const official_library& official, const document_server& server)
{
    const std::string options =
        R"({"url":")" + server.url() +
        R"(","namespace":"default","environment":"default","update_interval":86400,"fetch_mode":"polling"})";
    const double before = cpu_ms();
    void* const engine = official.initialize(options.c_str());
    return {cpu_ms() - before, engine};
}

double least(const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); }

std::string value_of(const std::string& reply, const std::string& name)
{
    const auto at = reply.find('"' + name + "\":");
    if (at == std::string::npos)
        return "?";
    const auto from = at + name.size() + 3;
    return reply.substr(from, reply.find_first_of(",}", from) - from);
}

void compare(int flags, const official_library& official, const options& o, record& out)
{
    const std::string json = document({flags});
    auto parsed = flipt::snapshot::parse(json);
    if (!parsed.ok())
        std::fprintf(stderr, "%s\n", parsed.error().message().c_str()), std::exit(1);
    const flipt::snapshot& s = *parsed;
    const questions b(flags, true, 3);
    const questions v(flags, false, 3);
    std::vector<flipt::context> prepared;
    for (const auto& c : b.contexts)
        prepared.emplace_back(c);

    std::unique_ptr<document_server> server;
    void* engine = nullptr;
    std::vector<double> loads;
    std::vector<double> fetches;
    if (official) {
        server = std::make_unique<document_server>(json);
        for (int i = 0; i < (o.quick ? 3 : 9); ++i) {
            if (engine != nullptr)
                official.destroy(engine);
            const auto l = load_official(official, *server);
            loads.push_back(l.ms);
            engine = l.engine;
            const double before = cpu_ms();
            server->fetch();
            fetches.push_back(cpu_ms() - before);
        }
        std::size_t differ = 0;
        for (std::size_t i = 0; i < 2000; ++i) {
            const auto ask = [&](const questions& q, auto function) {
                const char* const r =
                    function(engine, request_json(q.key(i), q.entity(i), q.contexts[q.context(i)]).c_str());
                std::string text(r);
                official.destroy_string(const_cast<char*>(r));
                return text;
            };
            const auto ours = s.evaluate_boolean(b.key(i), b.entity(i), b.contexts[b.context(i)]);
            differ += value_of(ask(b, official.evaluate_boolean), "enabled") != (ours.enabled ? "true" : "false");
            const auto variant = s.evaluate_variant(v.key(i), v.entity(i), v.contexts[v.context(i)]);
            differ += value_of(ask(v, official.evaluate_variant), "variant_key") !=
                      '"' + std::string(variant.variant_key) + '"';
        }
        std::printf("%d flags: %zu of 4,000 answers differ from the official engine's%s.\n\n", flags, differ,
                    differ == 0 ? "" : " (it rounds shares of variants where the server, and we, cut them off)");
    }

    std::vector<series> all;
    std::size_t i = 0;
    const std::size_t n = o.quick ? 4000 : 20000;
    const auto boolean = [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(s.evaluate_boolean(b.key(i), b.entity(i), b.contexts[b.context(i)]));
    };
    all.emplace_back("boolean", n, boolean);
    all.emplace_back("boolean, again (A/A)", n, boolean);
    all.emplace_back("boolean, prepared context", n, [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(s.evaluate_boolean(b.key(i), b.entity(i), prepared[b.context(i)]));
    });
    all.emplace_back("variant", n, [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(s.evaluate_variant(v.key(i), v.entity(i), v.contexts[v.context(i)]));
    });
    all.emplace_back("evaluate_all", std::max<std::size_t>(2, n / static_cast<std::size_t>(flags)),
                     [&](std::size_t count) {
                         for (std::size_t end = i + count; i != end; ++i)
                             s.evaluate_all(b.entity(i), b.contexts[b.context(i)],
                                            [](const flipt::flag_result& r) { keep(r.enabled); });
                     });
    all.emplace_back("neither: choosing what to ask", n, [&](std::size_t count) {
        for (std::size_t end = i + count; i != end; ++i)
            keep(b.key(i).size() + b.entity(i).size() + b.contexts[b.context(i)].size());
    });
    if (engine != nullptr) {
        const auto official_series = [&](const char* name, const questions& q, auto function) {
            all.emplace_back(name, n / 50, [&official, &i, &q, engine, function](std::size_t count) {
                for (std::size_t end = i + count; i != end; ++i) {
                    const char* const r =
                        function(engine, request_json(q.key(i), q.entity(i), q.contexts[q.context(i)]).c_str());
                    keep(r[0]);
                    official.destroy_string(const_cast<char*>(r));
                }
            });
        };
        official_series("official boolean", b, official.evaluate_boolean);
        official_series("official variant", v, official.evaluate_variant);
    }
    measure(all, o.quick ? 15 : 60);
    std::printf("| %d flags | least ns | median ns | to ours, by round | allocations |\n|---|---|---|---|---|\n",
                flags);
    for (auto& one : all) {
        const std::size_t before = allocations;
        one.run(100);
        const double each = static_cast<double>(allocations - before) / 100;
        const series& base = one.name == "official variant" ? all[3] : all[0];
        std::printf("| %s | %.1f | %.1f | %.2f | %.2f |\n", one.name.c_str(), one.least(), one.median(),
                    one.ratio_to(base), each);
        out.add("evaluate", one.name, flags, "ns", one.least());
    }

    std::vector<double> ours;
    for (int k = 0; k < (o.quick ? 5 : 15); ++k) {
        const double before = cpu_ms();
        keep(flipt::snapshot::parse(json).ok());
        ours.push_back(cpu_ms() - before);
    }
    std::printf("\nLoading it (%.2f MB), least CPU time: ours %.2f ms, %.0f bytes a flag",
                static_cast<double>(json.size()) / 1e6, least(ours), static_cast<double>(s.memory_bytes()) / flags);
    out.add("load", "ours", flags, "ms", least(ours));
    out.add("memory", "ours", flags, "bytes", static_cast<double>(s.memory_bytes()) / flags);
    if (engine != nullptr) {
        const double without = least(loads) - least(fetches);
        std::printf("; official %.2f ms, of it %.2f for a fetch over loopback: %.1f times ours without it",
                    least(loads), least(fetches), without / least(ours));
        out.add("load", "official, without its fetch", flags, "ms", without);
        official.destroy(engine);
    }
    std::puts(".\n");
    std::fflush(stdout);
}

} // namespace

extern "C" {
void* malloc(std::size_t n)
{
    ++allocations;
    return __libc_malloc(n);
}
void* realloc(void* p, std::size_t n)
{
    ++allocations;
    return __libc_realloc(p, n);
}
void* calloc(std::size_t n, std::size_t size)
{
    ++allocations;
    return __libc_calloc(n, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t n)
{
    ++allocations;
    return __libc_memalign(alignment, n);
}
}

int main(int argc, char** argv)
{
    const options o = read_options(argc, argv);
    record out(o.json);
    const official_library official(o.official);
    if (!official)
        std::puts("skipped: no official engine.\n");
    for (const int flags : {100, 10000})
        compare(flags, official, o, out);
}
