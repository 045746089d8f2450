// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of token/kubernetes_token.hpp.
#pragma once

#include "flipt/token/kubernetes_token.hpp"
#include "flipt/token/token_file.hpp"

#include <utility>

namespace flipt::inline v0 {

FLIPT_DECL asio::awaitable<issued_token> kubernetes_token::fetch(token_transport& transport)
{
    detail::file_stamp stamp;
    const secret sent = detail::read_token_file(path_, stamp);
    issued_token issued = co_await transport.exchange_kubernetes(sent);
    issued.scheme = issued.token == sent ? "JWT" : "Bearer";
    co_return std::move(issued);
}

} // namespace flipt::inline v0
