// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The one file of the library flipt-cpp-grpc beside what protoc makes.
#include "flipt/grpc/src.hpp"
