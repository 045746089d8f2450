// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A flag of a snapshot: found once and evaluated often, or listed.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/context.hpp"
#include "flipt/evaluation/evaluator.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/evaluation/result.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

namespace flipt::inline v0 {

/// The pairs of a context written out at the call: `{{"region", "eu"}, {"plan", "pro"}}`.
using context_list = std::initializer_list<std::pair<std::string_view, std::string_view>>;

namespace detail {

// Of the flag that a key, if any, was found to be of.
template <class Result, class Context>
[[gnu::always_inline]] inline Result evaluate_found(const image& im, const std::uint32_t* flag, std::string_view key,
                                                    std::string_view entity, const Context& ctx) noexcept
{
    constexpr bool boolean = requires(Result r) { r.enabled; };
    const bool right = flag != nullptr && ((flag[flag_bits] & flag_boolean) != 0) == boolean;
    flag_verdicts verdicts(im, ctx, entity, right ? flag[flag_columns] : 0);
    // One variable for all ways out, so that it is the caller's; after that call, so that nothing is written twice.
    Result out;
    if (right) [[likely]] {
        if constexpr (boolean)
            evaluator::boolean(im, flag, verdicts, out);
        else
            evaluator::variant(im, flag, verdicts, out);
    } else if (flag != nullptr) {
        evaluator::wrong_type(im, flag, out);
    } else {
        evaluator::not_found(im, key, out);
    }
    return out;
}

template <class Result, class Context>
[[gnu::noinline]] Result evaluate_key(const image& im, std::string_view key, std::string_view entity,
                                      const Context& ctx) noexcept
{
    return evaluate_found<Result>(im, find_flag_here(im, key), key, entity, ctx);
}

template <class Result, class Context>
[[gnu::noinline]] Result evaluate_handle(const image& im, const std::uint32_t* flag, std::string_view entity,
                                         const Context& ctx) noexcept
{
    return evaluate_found<Result>(im, flag, {}, entity, ctx);
}

#if !defined(FLIPT_HEADER_ONLY)
// What the overloads below that are no templates need, compiled once in impl/snapshot.ipp. (Such functions must not be
// declared inline: the compiler would make its own of those.)
extern template boolean_result evaluate_key(const image&, std::string_view, std::string_view, const context&) noexcept;
extern template boolean_result evaluate_key(const image&, std::string_view, std::string_view,
                                            const context_list&) noexcept;
extern template variant_result evaluate_key(const image&, std::string_view, std::string_view, const context&) noexcept;
extern template variant_result evaluate_key(const image&, std::string_view, std::string_view,
                                            const context_list&) noexcept;
extern template boolean_result evaluate_handle(const image&, const std::uint32_t*, std::string_view,
                                               const context&) noexcept;
extern template boolean_result evaluate_handle(const image&, const std::uint32_t*, std::string_view,
                                               const context_list&) noexcept;
extern template variant_result evaluate_handle(const image&, const std::uint32_t*, std::string_view,
                                               const context&) noexcept;
extern template variant_result evaluate_handle(const image&, const std::uint32_t*, std::string_view,
                                               const context_list&) noexcept;
#endif

} // namespace detail

/// A flag of a snapshot, found once and evaluated often. A view: the snapshot must outlive it (moving the snapshot is
/// fine). A default-constructed one, or one of a flag that was not found, is false and evaluates to `errc::not_found`.
class flag_handle {
public:
    flag_handle() = default;

    [[nodiscard]] explicit operator bool() const noexcept { return flag_ != nullptr; }

    /// The following need a flag that was found.
    [[nodiscard]] std::string_view key() const noexcept { return detail::key_of(flag_); }
    [[nodiscard]] flag_type type() const noexcept { return detail::type_of(flag_); }
    [[nodiscard]] bool enabled() const noexcept { return (flag_[detail::flag_bits] & detail::flag_enabled) != 0; }

    /// As `snapshot::evaluate_boolean`.
    [[nodiscard]] boolean_result evaluate_boolean(std::string_view entity_id, const context& ctx) const noexcept
    {
        return run<boolean_result>(entity_id, ctx);
    }
    template <context_range R>
    [[nodiscard]] boolean_result evaluate_boolean(std::string_view entity_id, const R& ctx) const noexcept
    {
        return run<boolean_result>(entity_id, ctx);
    }
    [[nodiscard]] boolean_result evaluate_boolean(std::string_view entity_id, context_list ctx = {}) const noexcept
    {
        return run<boolean_result>(entity_id, ctx);
    }

    /// As `snapshot::evaluate_variant`.
    [[nodiscard]] variant_result evaluate_variant(std::string_view entity_id, const context& ctx) const noexcept
    {
        return run<variant_result>(entity_id, ctx);
    }
    template <context_range R>
    [[nodiscard]] variant_result evaluate_variant(std::string_view entity_id, const R& ctx) const noexcept
    {
        return run<variant_result>(entity_id, ctx);
    }
    [[nodiscard]] variant_result evaluate_variant(std::string_view entity_id, context_list ctx = {}) const noexcept
    {
        return run<variant_result>(entity_id, ctx);
    }

private:
    friend class snapshot;
    flag_handle(const detail::image* im, const std::uint32_t* flag) noexcept : image_(im), flag_(flag) {}

    template <class Result, class Context>
    Result run(std::string_view entity, const Context& ctx) const noexcept
    {
        return detail::evaluate_handle<Result>(*image_, flag_, entity, ctx);
    }

    const detail::image* image_ = &detail::empty_image;
    const std::uint32_t* flag_ = nullptr;
};

/// What a snapshot knows of a flag besides how to evaluate it.
struct flag_info {
    std::string_view key;
    std::string_view name; ///< empty when the server does not give it (v2)
    flag_type type = flag_type::variant;
    bool enabled = false;
    /// Equal for flags that evaluate equally (and are named equally), also across snapshots and processes: rule ids and
    /// times are left out. 64 bits of a hash.
    std::uint64_t fingerprint = 0;
};

/// The flags of a snapshot, in the order of the document. A view; random access.
class flag_range {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = flag_info;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = flag_info;

        iterator() = default;
        flag_info operator*() const noexcept { return at(*image_, entry_); }
        iterator& operator++() noexcept
        {
            ++entry_;
            return *this;
        }
        iterator operator++(int) noexcept
        {
            iterator old = *this;
            ++entry_;
            return old;
        }
        friend bool operator==(const iterator&, const iterator&) = default;

    private:
        friend class flag_range;
        iterator(const detail::image* im, const detail::flag_entry* entry) noexcept : image_(im), entry_(entry) {}
        const detail::image* image_ = nullptr;
        const detail::flag_entry* entry_ = nullptr;
    };

    [[nodiscard]] iterator begin() const noexcept { return {image_, image_->flags}; }
    [[nodiscard]] iterator end() const noexcept { return {image_, image_->flags + image_->flag_count}; }
    [[nodiscard]] std::size_t size() const noexcept { return image_->flag_count; }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] flag_info operator[](std::size_t i) const noexcept { return at(*image_, image_->flags + i); }

private:
    friend class snapshot;
    explicit flag_range(const detail::image* im) noexcept : image_(im) {}
    static flag_info at(const detail::image& im, const detail::flag_entry* e) noexcept
    {
        const std::uint32_t* const flag = im.words + e->head;
        return {detail::key_of(flag), im.text(e->name), detail::type_of(flag),
                (flag[detail::flag_bits] & detail::flag_enabled) != 0, e->content};
    }
    const detail::image* image_;
};

} // namespace flipt::inline v0
