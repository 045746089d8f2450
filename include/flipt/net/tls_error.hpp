// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The category of TLS errors: OpenSSL's own codes, and why a certificate was not believed.
#pragma once

#include "flipt/detail/config.hpp"

#include <system_error>

namespace flipt::inline v0 {

/// The category "tls". A negative value is an X.509 verification failure (-X509_V_ERR_…), a positive one an OpenSSL
/// error code. message() is OpenSSL's text.
[[nodiscard]] FLIPT_DECL const std::error_category& tls_category() noexcept;

namespace detail {

[[nodiscard]] inline bool is_tls_error(const std::error_code& ec) noexcept { return ec.category() == tls_category(); }

} // namespace detail
} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/net/impl/tls_error.ipp"
#endif
