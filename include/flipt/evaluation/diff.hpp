// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Which flags were added, removed or changed between two snapshots.
#pragma once

#include "flipt/evaluation/snapshot.hpp"

#include <string>
#include <vector>

namespace flipt::inline v0 {

/// Keys of flags, each list in the order of its document.
class snapshot_diff {
public:
    snapshot_diff() = default;

    [[nodiscard]] bool empty() const noexcept { return added.empty() && removed.empty() && changed.empty(); }

    std::vector<std::string> added;
    std::vector<std::string> removed;
    std::vector<std::string> changed; ///< type, state, rules, segments, variants or name differ
};

/// What `after` has that differs from `before`.
[[nodiscard]] inline snapshot_diff diff(const snapshot& before, const snapshot& after)
{
    snapshot_diff d;
    for (const auto flag : after.flags()) {
        const auto old = before.info(flag.key);
        if (old.key.data() == nullptr)
            d.added.emplace_back(flag.key);
        else if (old.fingerprint != flag.fingerprint)
            d.changed.emplace_back(flag.key);
    }
    for (const auto flag : before.flags())
        if (!after.find(flag.key))
            d.removed.emplace_back(flag.key);
    return d;
}

} // namespace flipt::inline v0
