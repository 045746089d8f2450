// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of live/publication.hpp.
#pragma once

#include "flipt/live/publication.hpp"

#include <thread>

namespace flipt::inline v0::detail {

FLIPT_DECL publication::publication() : snapshot_(std::make_shared<const snapshot>()) {}
FLIPT_DECL void publication::give_way() noexcept { std::this_thread::yield(); }

} // namespace flipt::inline v0::detail
