// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The whole client: include this. (gRPC is apart: flipt/grpc/….)
#pragma once

#include "flipt/client.hpp"
#include "flipt/evaluation/snapshot.hpp"
#include "flipt/live/live_snapshot.hpp"
#include "flipt/live/live_thread.hpp"
#include "flipt/version.hpp"
