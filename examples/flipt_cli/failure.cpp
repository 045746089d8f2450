// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of failure.hpp.
#include "failure.hpp"

#include "descriptors.hpp"
#include "output.hpp"

#include <asio/error.hpp>

#include <new>

namespace flipt_cli {
namespace {

constexpr std::size_t server_text_limit = 300;
constexpr std::size_t line_limit = 1000;

// Conditions a call or a file can meet. (A table, since some of them may be the same number.)
struct condition_name {
    std::errc condition;
    const char* name;
};
constexpr condition_name condition_names[] = {
    {std::errc::address_family_not_supported, "address_family_not_supported"},
    {std::errc::address_in_use, "address_in_use"},
    {std::errc::address_not_available, "address_not_available"},
    {std::errc::already_connected, "already_connected"},
    {std::errc::bad_file_descriptor, "bad_file_descriptor"},
    {std::errc::broken_pipe, "broken_pipe"},
    {std::errc::connection_aborted, "connection_aborted"},
    {std::errc::connection_already_in_progress, "connection_already_in_progress"},
    {std::errc::connection_refused, "connection_refused"},
    {std::errc::connection_reset, "connection_reset"},
    {std::errc::cross_device_link, "cross_device_link"},
    {std::errc::destination_address_required, "destination_address_required"},
    {std::errc::device_or_resource_busy, "device_or_resource_busy"},
    {std::errc::file_exists, "file_exists"},
    {std::errc::file_too_large, "file_too_large"},
    {std::errc::filename_too_long, "filename_too_long"},
    {std::errc::host_unreachable, "host_unreachable"},
    {std::errc::interrupted, "interrupted"},
    {std::errc::invalid_argument, "invalid_argument"},
    {std::errc::io_error, "io_error"},
    {std::errc::is_a_directory, "is_a_directory"},
    {std::errc::message_size, "message_size"},
    {std::errc::network_down, "network_down"},
    {std::errc::network_reset, "network_reset"},
    {std::errc::network_unreachable, "network_unreachable"},
    {std::errc::no_buffer_space, "no_buffer_space"},
    {std::errc::no_space_on_device, "no_space_on_device"},
    {std::errc::no_such_device, "no_such_device"},
    {std::errc::no_such_file_or_directory, "no_such_file_or_directory"},
    {std::errc::not_a_directory, "not_a_directory"},
    {std::errc::not_connected, "not_connected"},
    {std::errc::not_enough_memory, "not_enough_memory"},
    {std::errc::operation_canceled, "operation_canceled"},
    {std::errc::operation_not_permitted, "operation_not_permitted"},
    {std::errc::operation_not_supported, "operation_not_supported"},
    {std::errc::permission_denied, "permission_denied"},
    {std::errc::protocol_not_supported, "protocol_not_supported"},
    {std::errc::read_only_file_system, "read_only_file_system"},
    {std::errc::resource_unavailable_try_again, "resource_unavailable_try_again"},
    {std::errc::timed_out, "timed_out"},
    {std::errc::too_many_files_open, "too_many_files_open"},
    {std::errc::too_many_files_open_in_system, "too_many_files_open_in_system"},
    {std::errc::too_many_symbolic_link_levels, "too_many_symbolic_link_levels"},
};

bool is_ours(const std::error_code& ec) noexcept { return ec.category() == flipt::error_category(); }

exit_code code_of_status(int status) noexcept
{
    switch (status) {
    case 401:
    case 403: return exit_code::refused;
    case 404: return exit_code::not_found;
    default: return exit_code::bad_status;
    }
}

exit_code code_of(const std::error_code& ec, const flipt::diagnostics& details) noexcept
{
    if (answered_with_status(ec, details))
        return code_of_status(details.http_status());
    if (!is_ours(ec)) {
        const bool ours_to_blame = ec == asio::error::operation_aborted || ec == asio::error::no_memory;
        return ours_to_blame ? exit_code::other : exit_code::no_answer;
    }
    switch (static_cast<flipt::errc>(ec.value())) {
    case flipt::errc::unauthenticated:
    case flipt::errc::permission_denied:
    case flipt::errc::invalid_token: return exit_code::refused;
    case flipt::errc::not_found: return exit_code::not_found;
    case flipt::errc::timed_out: return exit_code::no_answer;
    case flipt::errc::protocol_error:
    case flipt::errc::truncated:
    case flipt::errc::response_too_large:
    case flipt::errc::invalid_response: return exit_code::bad_answer;
    case flipt::errc::conflict:
    case flipt::errc::rate_limited:
    case flipt::errc::server_error:
    case flipt::errc::unexpected_status: return exit_code::bad_status;
    case flipt::errc::invalid_argument: // refused before anything was sent
    case flipt::errc::invalid_config:
    case flipt::errc::invalid_snapshot: return exit_code::usage;
    case flipt::errc::flag_type_mismatch:
    case flipt::errc::circuit_open: break;
    }
    return exit_code::other;
}

// What to look at, where the error alone does not say it.
std::string_view hint_for(const std::error_code& ec, std::string_view message) noexcept
{
    const auto says = [message](std::string_view words) { return message.find(words) != std::string_view::npos; };
    if (std::string_view(ec.category().name()) == "tls") {
        if (says("wrong version number") || says("packet length too long") || says("record layer failure"))
            return " (does the port speak plain HTTP?)";
        if (says("issuer") || says("self-signed") || says("self signed"))
            return " (--ca names the authority to trust)";
        if (says("mismatch"))
            return " (--server-name names what to verify in place of the URL's host)";
        return {};
    }
    if (ec == flipt::errc::timed_out)
        return " (--timeout and --connect-timeout set it)";
    if (ec == flipt::errc::protocol_error || ec == flipt::errc::invalid_response)
        return " (is --url that of Flipt's HTTP port?)";
    const std::error_code comparable = flipt::detail::comparable(ec);
    if (comparable == std::errc::connection_refused || ec == asio::error::host_not_found ||
        comparable == std::errc::host_unreachable || comparable == std::errc::network_unreachable)
        return " (is --url right, and the server up?)";
    return {};
}

std::string explain(const std::error_code& ec, const flipt::diagnostics& details, const redactor& redact)
{
    std::string message = ec.message();
    if (answered_with_status(ec, details)) {
        if (!details.server_message().empty())
            message = printable(redact(details.server_message()), server_text_limit);
        return "HTTP " + std::to_string(details.http_status()) + ": " + message;
    }
    if (ec == flipt::errc::invalid_argument)
        message = details.detail().empty()
                      ? "the request cannot be sent: text that is not UTF-8, an environment that is no header value, "
                        "or one batch for several environments"
                      : "the request cannot be sent";
    message += hint_for(ec, message);
    if (!details.server_message().empty() && details.http_status() == 0) // gRPC's words for having no answer
        message += ": " + printable(redact(details.server_message()), server_text_limit);
    return details.detail().empty() ? message : details.detail() + ": " + message;
}

} // namespace

bool answered_with_status(const std::error_code& ec, const flipt::diagnostics& details) noexcept
{
    if (!is_ours(ec) || details.http_status() == 0)
        return false;
    switch (static_cast<flipt::errc>(ec.value())) {
    case flipt::errc::unauthenticated:
    case flipt::errc::permission_denied:
    case flipt::errc::not_found:
    case flipt::errc::invalid_argument:
    case flipt::errc::conflict:
    case flipt::errc::rate_limited:
    case flipt::errc::server_error:
    case flipt::errc::unexpected_status: return true;
    default: return false;
    }
}

std::string name_of(const std::error_code& code)
{
    if (is_ours(code))
        return std::string(to_string(static_cast<flipt::errc>(code.value())));
    // Asio's own category for errno knows no conditions before Asio 1.24.
    const bool of_system = code.category() == asio::error::get_system_category();
    const std::error_code ec = of_system ? std::error_code(code.value(), std::system_category()) : code;
    if (ec == asio::error::host_not_found || ec == asio::error::no_data)
        return "host_not_found";
    if (ec == asio::error::host_not_found_try_again)
        return "host_not_found_try_again";
    if (ec == asio::error::no_recovery)
        return "no_recovery";
    if (ec == asio::error::service_not_found || ec == asio::error::socket_type_not_supported)
        return "service_not_found";
    for (const condition_name& entry : condition_names)
        if (ec == entry.condition)
            return entry.name;
    return ec.category().name();
}

failure describe(const std::error_code& ec, const flipt::diagnostics& details, const redactor& redact)
{
    return failure(code_of(ec, details), name_of(ec), explain(ec, details, redact));
}

failure describe(const std::exception_ptr& exception, const redactor& redact)
{
    try {
        std::rethrow_exception(exception);
    } catch (const usage_error& e) {
        return failure(exit_code::usage, "invalid_argument", e.what());
    } catch (const output_error& e) {
        return failure(exit_code::other, name_of(e.code()), e.what());
    } catch (const flipt::error& e) {
        failure why = describe(e.code(), e.details(), redact);
        if (e.code() == flipt::errc::invalid_config) // what() says which setting
            why.text = redact(e.what());
        return why;
    } catch (const std::system_error& e) {
        return failure(exit_code::other, name_of(e.code()), redact(e.what()));
    } catch (const std::bad_alloc&) {
        return failure(exit_code::other, "not_enough_memory", "out of memory");
    } catch (const std::exception& e) {
        return failure(exit_code::other, "error", redact(e.what()));
    } catch (...) {
        return failure(exit_code::other, "error", "unknown error");
    }
}

void report(const failure& why)
{
    const std::string line = printable("flipt-cli: " + why.name + ": " + why.text, line_limit) + "\n";
    std::error_code ignored; // there is nowhere left to tell it
    write_all(standard_error, line, ignored);
}

} // namespace flipt_cli
