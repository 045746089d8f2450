// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What is left of an exception where only an error code can be told.
#pragma once

#include <exception>
#include <new>
#include <system_error>

namespace flipt::inline v0::detail {

/// Call it inside a catch block.
inline std::error_code current_exception_code() noexcept
{
    try {
        throw;
    } catch (const std::system_error& e) {
        return e.code();
    } catch (const std::bad_alloc&) {
        return std::make_error_code(std::errc::not_enough_memory);
    } catch (...) {
        return std::make_error_code(std::errc::state_not_recoverable);
    }
}

} // namespace flipt::inline v0::detail
