// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What a consumer would write: a request made with the library.
#include <flipt/types/config.hpp>
#include <flipt/types/request.hpp>
#include <flipt/types/error.hpp>

#include <iostream>

int main()
{
    const auto request = flipt::evaluation_request("hello", "entity").with("region", "eu");
    std::cout << request.flag_key << " true\n";
}
