// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// All token policies.
#pragma once

#include "flipt/token/any_token.hpp"
#include "flipt/token/issued_token.hpp"
#include "flipt/token/jwt_expiry.hpp"
#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/policy.hpp"
#include "flipt/token/refreshing_token.hpp"
#include "flipt/token/secret.hpp"
#include "flipt/token/static_token.hpp"
#include "flipt/token/token_file.hpp"
