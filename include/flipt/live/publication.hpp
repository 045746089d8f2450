// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The place where a new snapshot replaces an old one while any number of threads evaluate.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/snapshot.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace flipt::inline v0::detail {

// A version number that is only read while nothing changes, and behind it the snapshot. Nobody uses atomic<shared_ptr>:
// libstdc++'s takes a lock for each load, libc++ 19 has none. The flag guards the copy of one pointer, never a
// destruction or an allocation, and lies on a cache line of its own so that taking it does not disturb who reads the
// version.
class publication {
public:
    FLIPT_DECL publication();
    publication(const publication&) = delete;
    publication& operator=(const publication&) = delete;

    [[nodiscard]] std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

    /// Replaces the snapshot. What was there goes when its last holder lets go: here, if there is none.
    void publish(std::shared_ptr<const snapshot> fresh) noexcept
    {
        lock();
        snapshot_.swap(fresh);
        version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        unlock();
    }

    /// The newest, with its version.
    [[nodiscard]] std::shared_ptr<const snapshot> load(std::uint64_t& version) const noexcept
    {
        lock();
        return copy_and_unlock(version);
    }

    /// The same for one that has a snapshot already: gives up (null) rather than wait for a thread that was suspended
    /// while it copied the pointer.
    [[nodiscard]] std::shared_ptr<const snapshot> try_load(std::uint64_t& version) const noexcept
    {
        constexpr int tries = 1000;
        for (int i = 0; i != tries; ++i)
            if (!busy_.test_and_set(std::memory_order_acquire))
                return copy_and_unlock(version);
        return nullptr;
    }

private:
    void lock() const noexcept
    {
        while (busy_.test_and_set(std::memory_order_acquire))
            give_way();
    }
    static FLIPT_DECL void give_way() noexcept;
    void unlock() const noexcept { busy_.clear(std::memory_order_release); }
    std::shared_ptr<const snapshot> copy_and_unlock(std::uint64_t& version) const noexcept
    {
        std::shared_ptr<const snapshot> copy = snapshot_;
        version = version_.load(std::memory_order_relaxed);
        unlock();
        return copy;
    }

    alignas(64) std::atomic<std::uint64_t> version_{1};
    alignas(64) mutable std::atomic_flag busy_; // clear
    std::shared_ptr<const snapshot> snapshot_;
};

} // namespace flipt::inline v0::detail

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/live/impl/publication.ipp"
#endif
