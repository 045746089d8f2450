// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Where a document's texts are kept while it is compiled, and how equal things are found.
#pragma once

#include "flipt/evaluation/bytes.hpp"
#include "flipt/evaluation/image.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flipt::inline v0::detail {

// Keeps texts that are not in the document as they are, until it is done with.
class text_arena {
public:
    std::string_view keep(std::string_view s)
    {
        if (s.empty())
            return {}; // there may be no block yet
        if (s.size() > left_) {
            const std::size_t n = s.size() > block ? s.size() : block;
            blocks_.push_back(std::make_unique_for_overwrite<char[]>(n));
            next_ = blocks_.back().get();
            left_ = n;
        }
        std::memcpy(next_, s.data(), s.size());
        const std::string_view kept(next_, s.size());
        next_ += s.size();
        left_ -= s.size();
        return kept;
    }

private:
    static constexpr std::size_t block = 64 * 1024;
    std::vector<std::unique_ptr<char[]>> blocks_;
    char* next_ = nullptr;
    std::size_t left_ = 0;
};

// Numbers of things that have a hash: an open-addressing table.
//
// The hash is the same in every process, so a document can be made whose keys all collide. The table is at most half
// full: for a hundred million keys that were not chosen the longest way is about ln(1e8) / (ln 2 - 1/2) = 95 slots.
// One that is much longer makes the table crowded; from then on it looks at nothing, and the document is refused.
class id_table {
public:
    template <class Same, class Add>
    std::uint32_t find_or_add(std::uint64_t hash, Same&& same, Add&& add)
    {
        if (crowded_)
            return 0;
        if (count_ * 2 >= slots_.size())
            grow();
        const std::size_t mask = slots_.size() - 1;
        auto i = static_cast<std::size_t>(hash);
        for (std::uint32_t way = 0; way != longest_way; ++way, ++i) {
            slot& s = slots_[i & mask];
            if (s.id == none) {
                s = {hash, add()};
                ++count_;
                return s.id;
            }
            if (s.hash == hash && same(s.id))
                return s.id;
        }
        crowded_ = true;
        return 0; // is there
    }

    [[nodiscard]] bool crowded() const noexcept { return crowded_; }

    // Calls each(hash, id) for all.
    template <class F>
    void visit(F&& each) const
    {
        for (const slot& s : slots_)
            if (s.id != none)
                each(s.hash, s.id);
    }

private:
    static constexpr std::uint32_t none = 0xFFFFFFFFU;
    static constexpr std::uint32_t longest_way = 1024;
    struct slot {
        std::uint64_t hash = 0;
        std::uint32_t id = none;
    };

    void grow()
    {
        std::vector<slot> larger(slots_.empty() ? 64 : slots_.size() * 2);
        const std::size_t mask = larger.size() - 1;
        for (const slot& s : slots_) {
            if (s.id == none)
                continue;
            auto i = static_cast<std::size_t>(s.hash);
            while (larger[i & mask].id != none)
                ++i;
            larger[i & mask] = s;
        }
        slots_.swap(larger);
    }

    std::vector<slot> slots_;
    std::size_t count_ = 0;
    bool crowded_ = false;
};

// Keeps each text once.
class text_pool {
public:
    explicit text_pool(std::string& chars) : chars_(chars) {}

    text_ref add(std::string_view s)
    {
        if (s.empty())
            return {0, 0};
        const auto id = index_.find_or_add(
            hash_bytes(s),
            [&](std::uint32_t i) { return std::string_view(chars_).substr(refs_[i].offset, refs_[i].size) == s; },
            [&] {
                refs_.push_back({static_cast<std::uint32_t>(chars_.size()), static_cast<std::uint32_t>(s.size())});
                chars_.append(s);
                return static_cast<std::uint32_t>(refs_.size() - 1);
            });
        return refs_[id];
    }

    // Keeps a text that hardly comes twice.
    text_ref append(std::string_view s)
    {
        if (s.empty())
            return {0, 0};
        const text_ref kept{static_cast<std::uint32_t>(chars_.size()), static_cast<std::uint32_t>(s.size())};
        chars_.append(s);
        return kept;
    }

    [[nodiscard]] bool crowded() const noexcept { return index_.crowded(); }

private:
    std::string& chars_;
    std::vector<text_ref> refs_;
    id_table index_;
};

} // namespace flipt::inline v0::detail
