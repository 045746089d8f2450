// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Imports the state that Flipt's official client SDKs save.
#pragma once

#include "flipt/evaluation/snapshot.hpp"

#include <string_view>

namespace flipt::inline v0 {
} // namespace flipt::inline v0
