// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What an entity is evaluated with: any pairs of texts, looked at without copying them.
#pragma once

#include "flipt/evaluation/bytes.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0 {

/// A pair whose two halves can be looked at as text.
template <class P>
concept context_pair = requires(const P& p) {
    { p.first } -> std::convertible_to<std::string_view>;
    { p.second } -> std::convertible_to<std::string_view>;
};

/// A range of such pairs: `std::map<std::string, std::string>`, `context_map`, an array of pairs of string views, …
/// Of pairs with one key, the first counts.
template <class R>
concept context_range = std::ranges::input_range<const R> && context_pair<std::ranges::range_value_t<const R>> &&
                        std::is_lvalue_reference_v<std::ranges::range_reference_t<const R>>;

namespace detail {

struct context_item {
    std::uint32_t mark; // fingerprint of the key
    std::uint32_t key_size;
    const char* key;
    const char* value;
    std::size_t value_size;
};

// Trivial on purpose: arrays of it are left uninitialised on the stack.
static_assert(std::is_trivial_v<context_item>);

[[nodiscard]] inline context_item make_item(std::string_view key, std::string_view value) noexcept
{
    constexpr std::size_t most = 0xFFFFFFFFU; // no property of a snapshot is as long
    return {fingerprint(key), static_cast<std::uint32_t>(key.size() < most ? key.size() : most), key.data(),
            value.data(), value.size()};
}

// The pairs of one evaluation: the first few by value, those beyond through the range they came from.
struct context_view {
    const context_item* items = nullptr;
    std::size_t count = 0;
    const void* rest = nullptr;
    std::string_view (*find_in_rest)(const void* range, std::string_view key) = nullptr;

    // The value of `key`, or nothing. Which pair it is differs from one constraint to the next, so all marks are looked
    // at without branching on them.
    [[nodiscard]] std::string_view find(std::uint32_t mark, const char* key, std::size_t size) const noexcept
    {
        std::size_t hit = count;
        for (std::size_t i = count; i-- != 0;)
            hit = items[i].mark == mark ? i : hit;
        if (hit != count) {
            const context_item& item = items[hit];
            if (item.key_size == size && same_bytes(item.key, key, size)) [[likely]]
                return {item.value, item.value_size};
            return search(mark, key, size);
        }
        return rest == nullptr ? std::string_view{} : find_in_rest(rest, {key, size});
    }

private:
    [[nodiscard]] std::string_view search(std::uint32_t mark, const char* key, std::size_t size) const noexcept
    {
        for (std::size_t i = 0; i < count; ++i) {
            const context_item& item = items[i];
            if (item.mark == mark && item.key_size == size && same_bytes(item.key, key, size))
                return {item.value, item.value_size};
        }
        return rest == nullptr ? std::string_view{} : find_in_rest(rest, {key, size});
    }
};

template <context_range R>
[[nodiscard]] inline std::string_view find_in_range(const void* range, std::string_view key)
{
    for (const auto& pair : *static_cast<const R*>(range))
        if (std::string_view(pair.first) == key)
            return pair.second;
    return {};
}

// Lays the pairs of a range out for evaluation, on the stack.
template <context_range R>
class context_frame {
public:
    explicit context_frame(const R& range) noexcept
    {
        std::size_t n = 0;
        for (const auto& pair : range) {
            if (n == inline_items) {
                view_.rest = std::addressof(range);
                view_.find_in_rest = &find_in_range<R>;
                break;
            }
            items_[n++] = make_item(pair.first, pair.second);
        }
        view_.items = items_;
        view_.count = n;
    }
    context_frame(const context_frame&) = delete;
    context_frame& operator=(const context_frame&) = delete;

    [[nodiscard]] const context_view& view() const noexcept { return view_; }

private:
    static constexpr std::size_t inline_items = 32;

    context_view view_;
    context_item items_[inline_items];
};

} // namespace detail

/// A context of its own, prepared once for many evaluations of one entity. Owns copies of its texts. Reading it from
/// several threads at once is fine.
class context {
public:
    context() = default;

    /// Copies the pairs of a range; of pairs with one key, the first counts.
    template <context_range R>
    explicit context(const R& range)
    {
        for (const auto& pair : range)
            with(pair.first, pair.second);
    }

    context(const context& other) { append(other); }
    context(context&&) noexcept = default;
    context& operator=(const context& other)
    {
        if (this != &other) {
            context copy(other);
            *this = std::move(copy);
        }
        return *this;
    }
    context& operator=(context&&) noexcept = default;
    ~context() = default;

    /// Adds a pair; it has no effect when the key is there already.
    context& with(std::string_view key, std::string_view value) &
    {
        for (const auto& item : items_)
            if (std::string_view(item.key, item.key_size) == key)
                return *this;
        auto text = std::make_unique<char[]>(key.size() + value.size() + 1);
        key.copy(text.get(), key.size());
        value.copy(text.get() + key.size(), value.size());
        items_.push_back(detail::make_item({text.get(), key.size()}, {text.get() + key.size(), value.size()}));
        texts_.push_back(std::move(text));
        return *this;
    }
    context&& with(std::string_view key, std::string_view value) && { return std::move(with(key, value)); }

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }

    [[nodiscard]] detail::context_view view() const noexcept
    {
        return {items_.data(), items_.size(), nullptr, nullptr};
    }

private:
    void append(const context& other)
    {
        for (const auto& item : other.items_)
            with({item.key, item.key_size}, {item.value, item.value_size});
    }

    std::vector<detail::context_item> items_;
    std::vector<std::unique_ptr<char[]>> texts_;
};

} // namespace flipt::inline v0
