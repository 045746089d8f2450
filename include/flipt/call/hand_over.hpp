// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Giving an object to an executor so that it is not lost where the executor has no memory to take it.
#pragma once

#include "flipt/net/asio.hpp"

#include <memory>
#include <new>
#include <utility>

namespace flipt::inline v0::detail {

/// What this thread is giving to an executor just now. Asio moves a function into memory that it may not get, and then
/// destroys the function: by this the function's destructor knows that, and leaves the object to its giver.
class hand_over {
public:
    explicit hand_over(const void* what) noexcept : what_(what), outer_(current()) { current() = this; }
    hand_over(const hand_over&) = delete;
    hand_over& operator=(const hand_over&) = delete;
    ~hand_over() { current() = outer_; }

    [[nodiscard]] bool refused() const noexcept { return refused_; }
    [[nodiscard]] bool taken() const noexcept { return what_ == nullptr; }

    /// Whether `what` was just refused; called where it would be destroyed.
    static bool refuse(const void* what) noexcept
    {
        hand_over* const now = current();
        if (now == nullptr || now->what_ != what)
            return false;
        now->refused_ = true;
        return true;
    }
    /// `what` runs; perhaps inside, and then whatever has its address from now on is something else.
    static void take(const void* what) noexcept
    {
        hand_over* const now = current();
        if (now != nullptr && now->what_ == what)
            now->what_ = nullptr;
    }

private:
    static hand_over*& current() noexcept
    {
        static thread_local hand_over* innermost = nullptr;
        return innermost;
    }

    const void* what_;
    hand_over* outer_;
    bool refused_ = false;
};

/// The function that an executor gets: calls the object's member function, which takes the object over. Destroyed
/// without having been called (the execution context is going away) it drops the object.
template <class Object>
class handed_over {
public:
    using function = void (Object::*)();

    handed_over(Object& object, function run, std::shared_ptr<void> keep) noexcept
        : keep_(std::move(keep)), object_(&object), run_(run)
    {}
    handed_over(handed_over&& other) noexcept
        : keep_(std::move(other.keep_)), object_(std::exchange(other.object_, nullptr)), run_(other.run_)
    {}
    handed_over& operator=(handed_over&&) = delete;
    ~handed_over()
    {
        if (object_ != nullptr && !hand_over::refuse(object_))
            object_->drop();
    }

    /// To `to`, by asio::dispatch. False where there was no memory for that: `object` is still the caller's, as it is
    /// in no other case. Throws what the object's function threw, if it ran inside.
    template <class Executor>
    static bool try_dispatch(const Executor& to, Object& object, function run, std::shared_ptr<void> keep = nullptr)
    {
        return attempt(object, [&] { asio::dispatch(to, handed_over(object, run, std::move(keep))); });
    }
    /// The same by asio::post.
    template <class Executor>
    static bool try_post(const Executor& to, Object& object, function run, std::shared_ptr<void> keep = nullptr)
    {
        return attempt(object, [&] { asio::post(to, handed_over(object, run, std::move(keep))); });
    }

    void operator()()
    {
        Object* const object = std::exchange(object_, nullptr);
        hand_over::take(object);
        (object->*run_)();
    }

private:
    template <class Begin>
    static bool attempt(Object& object, Begin&& begin)
    {
        hand_over scope(&object);
        try {
            begin();
        } catch (const std::bad_alloc&) {
            if (!scope.refused())
                throw;
            return false;
        } catch (...) {
            if (scope.refused())
                object.drop();
            throw;
        }
        if (scope.refused())
            object.drop();
        return true;
    }

    std::shared_ptr<void> keep_;
    Object* object_;
    function run_;
};

} // namespace flipt::inline v0::detail
