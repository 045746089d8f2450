// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The text of a JSON string; empty for what is none.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

inline std::string text_of(simdjson::dom::element e)
{
    std::string_view text;
    return e.get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}
