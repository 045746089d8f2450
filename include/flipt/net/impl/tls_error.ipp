// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of net/tls_error.hpp.
#pragma once

#include "flipt/net/tls_error.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <string>

namespace flipt::inline v0 {
namespace detail {

class tls_category_impl final : public std::error_category {
public:
    const char* name() const noexcept override { return "tls"; }

    std::string message(int value) const override
    {
        if (value < 0)
            return std::string("certificate verify failed: ") + X509_verify_cert_error_string(-value);
        const char* reason = ERR_reason_error_string(static_cast<unsigned long>(value));
        return reason != nullptr ? reason : "TLS failure";
    }
};

} // namespace detail

FLIPT_DECL const std::error_category& tls_category() noexcept
{
    static const detail::tls_category_impl instance;
    return instance;
}

} // namespace flipt::inline v0
