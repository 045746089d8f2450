// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A doubly linked list through its elements: no allocation, removal from anywhere in constant time.
#pragma once

#include <cstddef>

namespace flipt::inline v0::detail {

template <class Tag>
class list_hook {
public:
    list_hook() = default;
    list_hook(const list_hook&) = delete;
    list_hook& operator=(const list_hook&) = delete;

    [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }
    void unlink() noexcept
    {
        if (next_ == nullptr)
            return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

private:
    template <class, class>
    friend class intrusive_list;

    list_hook* next_ = nullptr;
    list_hook* previous_ = nullptr;
};

/// T derives from list_hook<Tag>. The list does not own its elements.
template <class T, class Tag>
class intrusive_list {
public:
    intrusive_list() noexcept { root_.next_ = root_.previous_ = &root_; }
    intrusive_list(const intrusive_list&) = delete;
    intrusive_list& operator=(const intrusive_list&) = delete;

    [[nodiscard]] bool empty() const noexcept { return root_.next_ == &root_; }
    [[nodiscard]] T* front() const noexcept { return empty() ? nullptr : cast(root_.next_); }
    [[nodiscard]] T* back() const noexcept { return empty() ? nullptr : cast(root_.previous_); }
    /// The element behind `element`, null at the end.
    [[nodiscard]] T* after(T& element) const noexcept
    {
        hook* next = static_cast<hook&>(element).next_;
        return next == &root_ ? nullptr : cast(next);
    }

    void push_back(T& element) noexcept
    {
        hook& h = element;
        h.previous_ = root_.previous_;
        h.next_ = &root_;
        root_.previous_->next_ = &h;
        root_.previous_ = &h;
    }
    T* pop_front() noexcept
    {
        T* element = front();
        if (element != nullptr)
            static_cast<hook&>(*element).unlink();
        return element;
    }

private:
    using hook = list_hook<Tag>;
    static T* cast(hook* h) noexcept { return static_cast<T*>(h); }

    hook root_;
};

} // namespace flipt::inline v0::detail
