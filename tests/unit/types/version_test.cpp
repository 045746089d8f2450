// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The version in the header agrees with itself (a check compares it with meson.build).
#include "flipt/version.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("the version string is made of the version numbers")
{
    const std::string numbers = std::to_string(FLIPT_VERSION_MAJOR) + "." + std::to_string(FLIPT_VERSION_MINOR) + "." +
                                std::to_string(FLIPT_VERSION_PATCH);
    CHECK(numbers == FLIPT_VERSION);
}
