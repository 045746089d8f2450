// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The bodies, for exactly one translation unit of a program that defines FLIPT_SEPARATE_COMPILATION everywhere.
#pragma once

#if !defined(FLIPT_SEPARATE_COMPILATION)
#error "include flipt/src.hpp only with FLIPT_SEPARATE_COMPILATION defined in every translation unit"
#endif

#include "flipt/flipt.hpp"

