// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Sums of times at both ends of what there is.
#include "flipt/detail/later.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace {

using flipt::detail::later;
using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::steady_clock::duration;
using namespace std::chrono_literals;

constexpr time_point at{100h};

static_assert(later(at, 1s) == at + 1s);
static_assert(later(at, 0s) == at);
static_assert(later(at, -200h) == at - 200h);

} // namespace

TEST_CASE("a sum beyond the last or first time there is is that time")
{
    CHECK((later(at, duration::max()) == time_point::max()));
    CHECK((later(at, time_point::max() - at) == time_point::max()));
    CHECK((later(at, time_point::max() - at - duration(1)) == time_point::max() - duration(1)));
    CHECK((later(at, time_point::max() - at + duration(1)) == time_point::max()));
    CHECK((later(time_point::max(), duration(1)) == time_point::max()));
    CHECK((later(time_point::min(), duration::max()) == time_point::min() + duration::max()));
    CHECK((later(at, duration::min()) == at + duration::min()));
    CHECK((later(-200h + time_point{}, duration::min()) == time_point::min()));
    CHECK((later(time_point::min(), duration(-1)) == time_point::min()));
    CHECK((later(time_point::min(), duration::min()) == time_point::min()));
}
