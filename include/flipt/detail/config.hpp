// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// How the bodies of non-template functions are compiled: inline (the default), or once in flipt/src.hpp.
#pragma once

// Define FLIPT_SEPARATE_COMPILATION in every translation unit, and include flipt/src.hpp in exactly one of them,
// to compile the bodies once. Without it everything is header-only.
#if defined(FLIPT_SEPARATE_COMPILATION)
#define FLIPT_DECL
#else
#define FLIPT_DECL inline
#define FLIPT_HEADER_ONLY 1
#endif
