// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Any bytes as a snapshot document (and as one an official SDK saved): no crash, and what loads can be evaluated.
#include "flipt/evaluation/diff.hpp"
#include "flipt/evaluation/jsonl.hpp"
#include "flipt/evaluation/snapshot.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> pairs{
    {{"a", "1.5"}, {"b", "2025-01-01T00:00:00Z"}, {"c", " true"}, {"region", "eu"}}};

void use(const flipt::snapshot& s)
{
    std::size_t seen = 0;
    s.evaluate_all("entity", pairs, [&](const flipt::flag_result& all) {
        ++seen;
        const auto flag = s.find(all.flag_key);
        if (!flag || flag.type() != all.type)
            std::abort();
        // One flag by itself is what it is among all of them.
        if (all.type == flipt::flag_type::boolean) {
            const auto one = s.evaluate_boolean(all.flag_key, "entity", pairs);
            if (one.code() != all.code() || one.enabled != all.enabled || one.reason != all.reason)
                std::abort();
        } else {
            const auto one = s.evaluate_variant(all.flag_key, "entity", pairs);
            if (one.code() != all.code() || one.match != all.match || one.variant_key != all.variant_key ||
                one.segment_keys.size() != all.segment_keys.size())
                std::abort();
        }
        (void)flipt::to_owned(all);
        (void)all.message();
    });
    if (seen != s.flags().size() || !flipt::diff(s, s).empty())
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    // A copy of exactly its size, so that a sanitizer sees a byte too many.
    const std::unique_ptr<char[]> exact(new char[size]);
    std::string_view(reinterpret_cast<const char*>(data), size).copy(exact.get(), size);
    const std::string_view input(exact.get(), size);

    for (const auto rules : {flipt::rule_set::server_v2, flipt::rule_set::server_v1}) {
        const auto parsed = flipt::snapshot::parse(input, rules);
        if (parsed.ok())
            use(*parsed);
        else if (!parsed->empty() || parsed.error().problem().empty() || parsed.error().offset() > size)
            std::abort();
        const auto imported = flipt::snapshot::parse_sdk(input, rules);
        if (imported.ok())
            use(*imported);
    }
    std::string out;
    flipt::v0::detail::answer_line(flipt::snapshot(), input, out);
    return 0;
}
