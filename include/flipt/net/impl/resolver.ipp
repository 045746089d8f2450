// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of net/resolver.hpp.
#pragma once

#include "flipt/net/resolver.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace flipt::inline v0 {
namespace detail {

class system_resolver_impl final : public host_resolver {
public:
    explicit system_resolver_impl(const asio::any_io_executor& executor) : resolver_(executor) {}

    void start(const std::string& host, std::uint16_t port, completion done) override
    {
        using flags = asio::ip::resolver_base;
        resolver_.async_resolve(host, std::to_string(port), flags::numeric_service,
                                [done = std::move(done)](std::error_code ec, const auto& results) {
                                    addresses list;
                                    try {
                                        for (const auto& entry : results)
                                            list.push_back(entry.endpoint());
                                    } catch (const std::bad_alloc&) {
                                        list.clear();
                                        ec = std::make_error_code(std::errc::not_enough_memory);
                                    }
                                    done(ec, std::move(list));
                                });
    }

private:
    asio::ip::tcp::resolver resolver_;
};

FLIPT_DECL void interleave_families(host_resolver::addresses& list)
{
    if (list.empty())
        return;
    const bool first_is_v6 = list.front().address().is_v6();
    host_resolver::addresses first;
    host_resolver::addresses second;
    for (auto& address : list)
        (address.address().is_v6() == first_is_v6 ? first : second).push_back(address);
    list.clear();
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size())
            list.push_back(first[i]);
        if (i < second.size())
            list.push_back(second[i]);
    }
}

} // namespace detail

FLIPT_DECL std::shared_ptr<host_resolver> system_resolver(const asio::any_io_executor& executor)
{
    return std::make_shared<detail::system_resolver_impl>(executor);
}

} // namespace flipt::inline v0
