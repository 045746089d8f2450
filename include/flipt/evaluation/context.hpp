// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What an entity is evaluated with: any pairs of texts, looked at without copying them.
#pragma once

#include "flipt/evaluation/bytes.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace flipt::inline v0 {

/// A pair whose two halves can be looked at as text.
template <class P>
concept context_pair = requires(const P& p) {
    { p.first } -> std::convertible_to<std::string_view>;
    { p.second } -> std::convertible_to<std::string_view>;
};

namespace detail {

// Where a range begins, as a range-for finds it. (<ranges> would take longer to compile than all of this folder.)
using std::begin;
template <class R>
constexpr auto first_of(const R& range) -> decltype(begin(range))
{
    return begin(range);
}

} // namespace detail

/// A range of such pairs: `std::map<std::string, std::string>`, `context_map`, an array of pairs of string views, …
/// Of pairs with one key, the first counts.
template <class R>
concept context_range = requires(const R& range) {
    requires std::is_lvalue_reference_v<decltype(*detail::first_of(range))>;
    requires context_pair<std::remove_cvref_t<decltype(*detail::first_of(range))>>;
};

namespace detail {

struct context_item {
    std::uint64_t word; // key_word(key)
    const char* key;
    std::size_t key_size;
    const char* value;
    std::size_t value_size;
};

// Trivial on purpose: arrays of it are left uninitialised on the stack.
static_assert(std::is_trivial_v<context_item>);

[[nodiscard]] inline context_item make_item(std::string_view key, std::string_view value) noexcept
{
    return {key_word(key), key.data(), key.size(), value.data(), value.size()};
}

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
            if (find(pair.first) == items_.size())
                put(items_.size(), pair.first, pair.second);
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

    /// Adds a pair; the value replaces an earlier one of the same key.
    context& with(std::string_view key, std::string_view value) &
    {
        put(find(key), key, value);
        return *this;
    }
    context&& with(std::string_view key, std::string_view value) && { return std::move(with(key, value)); }

    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }

    [[nodiscard]] const std::vector<detail::context_item>& items() const noexcept { return items_; }

private:
    // The place of a key, or that behind the last.
    [[nodiscard]] std::size_t find(std::string_view key) const noexcept
    {
        std::size_t at = 0;
        while (at != items_.size() && std::string_view(items_[at].key, items_[at].key_size) != key)
            ++at;
        return at;
    }

    void put(std::size_t at, std::string_view key, std::string_view value)
    {
        auto text = std::make_unique<char[]>(key.size() + value.size() + 1);
        key.copy(text.get(), key.size());
        value.copy(text.get() + key.size(), value.size());
        const auto item = detail::make_item({text.get(), key.size()}, {text.get() + key.size(), value.size()});
        if (at == items_.size()) {
            texts_.reserve(at + 1); // so that both grow, or none
            items_.push_back(item);
            texts_.push_back(std::move(text));
        } else {
            items_[at] = item;
            texts_[at] = std::move(text);
        }
    }

    void append(const context& other)
    {
        for (const auto& item : other.items_)
            put(items_.size(), {item.key, item.key_size}, {item.value, item.value_size});
    }

    std::vector<detail::context_item> items_;
    std::vector<std::unique_ptr<char[]>> texts_;
};

namespace detail {

// The pairs of a context of any type, one by one as items. What is given back lives as long as what came in.
inline const std::vector<context_item>& pairs_of(const context& ctx) noexcept { return ctx.items(); }
template <context_range R>
inline const R& pairs_of(const R& range) noexcept
{
    return range; // NOLINT(bugprone-return-const-ref-from-parameter)
}
inline const context_item& item_of(const context_item& item) noexcept
{
    return item; // NOLINT(bugprone-return-const-ref-from-parameter)
}
template <context_pair P>
inline context_item item_of(const P& pair) noexcept
{
    return make_item(pair.first, pair.second);
}

// A context of any type, to look one key up.
class context_finder {
public:
    template <class Context>
    explicit context_finder(const Context& ctx) noexcept : context_(std::addressof(ctx)), find_(&find_in<Context>)
    {}

    // The value of the key, or nothing.
    [[nodiscard]] std::string_view operator()(std::uint64_t word, std::string_view key) const noexcept
    {
        return find_(context_, word, key);
    }

private:
    template <class Context>
    static std::string_view find_in(const void* ctx, std::uint64_t word, std::string_view key) noexcept
    {
        for (const auto& pair : pairs_of(*static_cast<const Context*>(ctx))) {
            const context_item& item = item_of(pair);
            if (item.key_size == key.size() && same_key(item.word, word, item.key, key.data(), key.size()))
                return {item.value, item.value_size};
        }
        return {};
    }

    const void* context_;
    std::string_view (*find_)(const void*, std::uint64_t, std::string_view) noexcept;
};

} // namespace detail

} // namespace flipt::inline v0
