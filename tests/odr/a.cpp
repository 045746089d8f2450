// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// One of two translation units that include the umbrella.
#include "flipt/flipt.hpp"

#include <string>

std::string category_name_in_b();
const void* category_in_b();

int main()
{
    const std::error_code ec = flipt::errc::timed_out;
    const bool same = &ec.category() == category_in_b() && category_name_in_b() == ec.category().name();
    return same ? 0 : 1;
}
