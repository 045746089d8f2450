// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How one thread looks at a live snapshot: a load while nothing changed.
#pragma once

#include "flipt/live/publication.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace flipt::inline v0 {

/// A view of one namespace of a live snapshot, for one thread or one loop: make as many as you like, each is used by
/// one thread at a time. It may outlive the live snapshot, and then keeps what that had last.
///
/// An idle reader keeps the snapshot it last saw in memory; release() lets go of it.
class reader {
public:
    /// The newest snapshot, an empty one before the first load. One acquire load while nothing changed: no lock, no
    /// allocation. The reference is good until the next call of current(), release() or an evaluation helper.
    /// After a change this thread copies a pointer and lets go of the old snapshot (it may be the one that frees it).
    /// It waits for no other thread, but for a moment on the first call after release(): should one have been suspended
    /// in the middle of such a copy, the snapshot that was there is given once more.
    [[nodiscard]] const snapshot& current() noexcept
    {
        if (publication_->version() != version_) [[unlikely]]
            renew();
        return *snapshot_;
    }

    /// Lets go of the snapshot. The next current() takes the newest.
    void release() noexcept
    {
        snapshot_.reset();
        version_ = 0;
    }

    /// The flag's value for an entity, or `otherwise` where there is none (no such flag, another type, nothing loaded
    /// yet); `why`, if not null, tells the error. `ctx` as for snapshot::evaluate_boolean.
    template <class Context>
    [[nodiscard]] bool evaluate_boolean_or(std::string_view flag_key, std::string_view entity_id, const Context& ctx,
                                           bool otherwise, std::error_code* why = nullptr) noexcept
    {
        const boolean_result answer = current().evaluate_boolean(flag_key, entity_id, ctx);
        if (why != nullptr)
            *why = answer.code();
        return answer.ok() ? answer.enabled : otherwise;
    }
    [[nodiscard]] bool evaluate_boolean_or(std::string_view flag_key, std::string_view entity_id, context_list ctx,
                                           bool otherwise, std::error_code* why = nullptr) noexcept
    {
        return evaluate_boolean_or<context_list>(flag_key, entity_id, ctx, otherwise, why);
    }
    [[nodiscard]] bool evaluate_boolean_or(std::string_view flag_key, std::string_view entity_id,
                                           bool otherwise) noexcept
    {
        return evaluate_boolean_or<context_list>(flag_key, entity_id, {}, otherwise);
    }

    /// The key of the variant, or `otherwise` where there is none, also where no variant is given. A view into the
    /// snapshot (good as long as current()'s reference) or of `otherwise`.
    template <class Context>
    [[nodiscard]] std::string_view evaluate_variant_or(std::string_view flag_key, std::string_view entity_id,
                                                       const Context& ctx, std::string_view otherwise,
                                                       std::error_code* why = nullptr) noexcept
    {
        const variant_result answer = current().evaluate_variant(flag_key, entity_id, ctx);
        if (why != nullptr)
            *why = answer.code();
        return answer.ok() && !answer.variant_key.empty() ? answer.variant_key : otherwise;
    }
    [[nodiscard]] std::string_view evaluate_variant_or(std::string_view flag_key, std::string_view entity_id,
                                                       context_list ctx, std::string_view otherwise,
                                                       std::error_code* why = nullptr) noexcept
    {
        return evaluate_variant_or<context_list>(flag_key, entity_id, ctx, otherwise, why);
    }
    [[nodiscard]] std::string_view evaluate_variant_or(std::string_view flag_key, std::string_view entity_id,
                                                       std::string_view otherwise) noexcept
    {
        return evaluate_variant_or<context_list>(flag_key, entity_id, {}, otherwise);
    }

    /// For tests and tools; a program gets its readers from live_snapshot::reader().
    explicit reader(std::shared_ptr<const detail::publication> from) noexcept : publication_(std::move(from))
    {
        snapshot_ = publication_->load(version_);
    }

private:
    void renew() noexcept
    {
        std::uint64_t version = 0;
        std::shared_ptr<const snapshot> fresh =
            snapshot_ ? publication_->try_load(version) : publication_->load(version);
        if (!fresh)
            return;
        snapshot_ = std::move(fresh);
        version_ = version;
    }

    std::shared_ptr<const detail::publication> publication_;
    std::shared_ptr<const snapshot> snapshot_;
    std::uint64_t version_ = 0;
};

} // namespace flipt::inline v0
