// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The version of this library, equal to the one in meson.build (a test compares them).
#pragma once

#define FLIPT_VERSION "0.1.0"
#define FLIPT_VERSION_MAJOR 0
#define FLIPT_VERSION_MINOR 1
#define FLIPT_VERSION_PATCH 0
