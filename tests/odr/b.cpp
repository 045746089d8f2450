// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The other of two translation units that include the umbrella.
#include "flipt/flipt.hpp"

#include <string>

std::string category_name_in_b()
{
    const std::error_code ec = flipt::errc::not_found;
    return ec.category().name();
}

const void* category_in_b()
{
    const std::error_code ec = flipt::errc::not_found;
    return &ec.category();
}
