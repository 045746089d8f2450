// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The short bodies of snapshot.hpp.
#pragma once

#include "flipt/evaluation/snapshot.hpp"

#include <string>

namespace flipt::inline v0 {

FLIPT_DECL std::string snapshot_error::message() const
{
    if (problem_.empty())
        return {};
    return (path_.empty() ? std::string("the document") : path_) + ": " + problem_ + " (byte " +
           std::to_string(offset_) + ")";
}

} // namespace flipt::inline v0
