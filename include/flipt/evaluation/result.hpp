// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What an evaluation in the process answers: views into the snapshot.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/types/error.hpp"
#include "flipt/types/response.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>

namespace flipt::inline v0 {

namespace detail {
class evaluator;
} // namespace detail

/// The keys of the segments that matched. A view into the snapshot, which must outlive it.
class segment_key_range {
public:
    class iterator {
    public:
        using iterator_category = std::forward_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = std::string_view;

        iterator() = default;
        std::string_view operator*() const noexcept { return range_->at(position_); }
        iterator& operator++() noexcept
        {
            position_ = range_->next(position_ + 1);
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator old = *this;
            ++*this;
            return old;
        }
        friend bool operator==(const iterator&, const iterator&) = default;

    private:
        friend class segment_key_range;
        iterator(const segment_key_range* range, std::uint32_t position) noexcept : range_(range), position_(position)
        {}

        const segment_key_range* range_ = nullptr;
        std::uint32_t position_ = 0;
    };

    segment_key_range() noexcept { matched_[0] = 0; }
    segment_key_range(const segment_key_range& other) noexcept { *this = other; }
    // NOLINTNEXTLINE(bugprone-unhandled-self-assignment): of itself it copies each word onto itself
    segment_key_range& operator=(const segment_key_range& other) noexcept
    {
        image_ = other.image_;
        segments_ = other.segments_;
        count_ = other.count_;
        for (std::uint32_t i = 0; i < words(); ++i)
            matched_[i] = other.matched_[i];
        return *this;
    }
    ~segment_key_range() = default;

    /// Iterators point into this range object.
    [[nodiscard]] iterator begin() const noexcept { return {this, next(0)}; }
    [[nodiscard]] iterator end() const noexcept { return {this, count_}; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] std::size_t size() const noexcept
    {
        int n = 0;
        for (std::uint32_t i = 0; i < words(); ++i)
            n += std::popcount(matched_[i]);
        return static_cast<std::size_t>(n);
    }
    [[nodiscard]] bool contains(std::string_view key) const noexcept
    {
        for (const auto k : *this)
            if (k == key)
                return true;
        return false;
    }

private:
    friend class detail::evaluator;

    // Those in use, of which there is always one; the others are left alone: clearing them costs more than an
    // evaluation of a simple flag.
    [[nodiscard]] std::uint32_t words() const noexcept { return count_ <= 64 ? 1 : (count_ + 63) / 64; }
    [[nodiscard]] std::uint32_t next(std::uint32_t i) const noexcept
    {
        while (i < count_ && (matched_[i / 64] >> (i % 64) & 1U) == 0)
            ++i;
        return i;
    }
    [[nodiscard]] std::string_view at(std::uint32_t i) const noexcept
    {
        return image_->text(image_->segments[segments_[i]].key);
    }

    const detail::image* image_ = nullptr;
    const std::uint32_t* segments_ = nullptr;
    std::uint32_t count_ = 0;
    std::uint64_t matched_[detail::max_rule_segments / 64];
};

/// What results have in common. An evaluation the server would refuse has a code; its other fields are empty then.
class evaluation_status {
public:
    evaluation_status() = default;

    [[nodiscard]] bool ok() const noexcept { return failure_ == failure::none; }

    /// `errc::not_found` (no such flag), `errc::flag_type_mismatch` (the flag is of the other type),
    /// `errc::invalid_argument` (an unknown constraint type, or rules out of order) or `errc::server_error` (rollouts
    /// out of order); no error when ok().
    [[nodiscard]] std::error_code code() const noexcept
    {
        switch (failure_) {
        case failure::none: break;
        case failure::no_flag: return errc::not_found;
        case failure::wrong_type: return errc::flag_type_mismatch;
        case failure::unknown_constraint:
        case failure::rule_rank: return errc::invalid_argument;
        case failure::rollout_rank: return errc::server_error;
        }
        return {};
    }

    /// The HTTP status the server answers with: 200, 400, 404 or 500.
    [[nodiscard]] int http_status() const noexcept
    {
        switch (failure_) {
        case failure::none: break;
        case failure::no_flag: return 404;
        case failure::wrong_type:
        case failure::unknown_constraint:
        case failure::rule_rank: return 400;
        case failure::rollout_rank: return 500;
        }
        return 200;
    }

    /// The gRPC code the server answers with: 0 (OK), 3, 5 or 13.
    [[nodiscard]] int grpc_code() const noexcept
    {
        const int status = http_status();
        return status == 200 ? 0 : status == 404 ? 5 : status == 400 ? 3 : 13;
    }

    /// The namespace of the snapshot that answered.
    [[nodiscard]] std::string_view namespace_key() const noexcept { return image_->text(image_->namespace_key); }

    /// The server's own words, such as `flag "default/nope" not found`; empty when ok(). Allocates.
    [[nodiscard]] FLIPT_DECL std::string message() const;

private:
    friend class detail::evaluator;

    enum class failure : std::uint8_t { none, no_flag, wrong_type, unknown_constraint, rule_rank, rollout_rank };

    const detail::image* image_ = &detail::empty_image;
    failure failure_ = failure::none;
    flag_type type_ = flag_type::variant; // of the flag, when it is the wrong one
    std::int32_t rank_ = 0;

public:
    /// The key of the flag. Of a flag that was not found it is the key that was asked for (a view of the argument).
    std::string_view flag_key;
};

/// The answer to a boolean evaluation. Texts are views into the snapshot, which must outlive them.
class boolean_result : public evaluation_status {
public:
    boolean_result() = default;

    bool enabled = false;
    evaluation_reason reason = evaluation_reason::unknown;
    segment_key_range segment_keys;
};

/// The answer to a variant evaluation. Texts are views into the snapshot, which must outlive them.
class variant_result : public evaluation_status {
public:
    variant_result() = default;

    bool match = false;
    evaluation_reason reason = evaluation_reason::unknown;
    std::string_view variant_key;
    std::string_view variant_attachment; ///< JSON text as the server gives it; "null" or "" when the variant has none
    segment_key_range segment_keys;
};

/// The answer for a flag of either type, of `evaluate_all` and `evaluate_batch`.
class flag_result : public evaluation_status {
public:
    flag_result() = default;

    flag_type type = flag_type::variant;
    bool enabled = false; ///< of a boolean flag
    bool match = false;   ///< of a variant flag
    evaluation_reason reason = evaluation_reason::unknown;
    std::string_view variant_key;
    std::string_view variant_attachment;
    segment_key_range segment_keys;
};

/// The same as the remote answer, owning its texts. Fields only a server fills (request id, times) stay empty.
/// Throws `flipt::error` when the result is not ok().
[[nodiscard]] FLIPT_DECL boolean_evaluation to_owned(const boolean_result& r);
[[nodiscard]] FLIPT_DECL variant_evaluation to_owned(const variant_result& r);

/// An item of a batch as the server answers it: a result that is not ok() becomes an `error_evaluation`.
[[nodiscard]] FLIPT_DECL batch_item to_owned(const flag_result& r);

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/result.ipp"
#endif
