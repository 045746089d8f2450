// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The compiled part of flipt/grpc/, for the library flipt-cpp-grpc only: it includes what protoc made of proto/.
#pragma once

#include "flipt/grpc/impl/codec.ipp"
#include "flipt/grpc/impl/codec_snapshot.ipp"
