// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// What is asked: evaluation requests, batches of them, and options for listing flags.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flipt::inline v0 {

/// Pairs of a context key and its value, in order of insertion.
using context_map = std::vector<std::pair<std::string, std::string>>;

/// One evaluation of one flag for one entity. Fields carry Flipt's names. A request may be kept and reused: the members
/// are open, and a call that takes it by reference does not change it.
class evaluation_request {
public:
    evaluation_request() = default;
    evaluation_request(std::string_view flag, std::string_view entity) : flag_key(flag), entity_id(entity) {}

    /// Adds a context pair; the value replaces an earlier one of the same key.
    evaluation_request& with(std::string_view key, std::string_view value) &
    {
        for (auto& pair : context)
            if (pair.first == key) {
                pair.second.assign(value);
                return *this;
            }
        context.emplace_back(key, value);
        return *this;
    }
    evaluation_request&& with(std::string_view key, std::string_view value) && { return std::move(with(key, value)); }

    evaluation_request& in_namespace(std::string_view key) &
    {
        namespace_key.assign(key);
        return *this;
    }
    evaluation_request&& in_namespace(std::string_view key) && { return std::move(in_namespace(key)); }

    evaluation_request& in_environment(std::string_view key) &
    {
        environment_key.assign(key);
        return *this;
    }
    evaluation_request&& in_environment(std::string_view key) && { return std::move(in_environment(key)); }

    /// The id the server echoes; an answer with another is errc::invalid_response. The server makes one up
    /// where it is empty.
    evaluation_request& with_request_id(std::string_view id) &
    {
        request_id.assign(id);
        return *this;
    }
    evaluation_request&& with_request_id(std::string_view id) && { return std::move(with_request_id(id)); }

    /// A git reference (v1 declarative backends; no effect on v2).
    evaluation_request& at_reference(std::string_view ref) &
    {
        reference.assign(ref);
        return *this;
    }
    evaluation_request&& at_reference(std::string_view ref) && { return std::move(at_reference(ref)); }

    std::string flag_key;
    std::string entity_id;       ///< decides percentages; may be empty
    context_map context;         ///< what constraints look at
    std::string namespace_key;   ///< empty = config::namespace_key
    std::string environment_key; ///< empty = config::environment_key
    std::string request_id;      ///< see with_request_id()
    std::string reference;       ///< see at_reference()
};

/// Several evaluations answered by one request, in its order (POST /evaluate/v1/batch). All of one environment.
class batch_request {
public:
    batch_request() = default;

    batch_request& add(evaluation_request request) &
    {
        requests.push_back(std::move(request));
        return *this;
    }
    batch_request&& add(evaluation_request request) && { return std::move(add(std::move(request))); }

    batch_request& in_environment(std::string_view key) &
    {
        environment_key.assign(key);
        return *this;
    }
    batch_request&& in_environment(std::string_view key) && { return std::move(in_environment(key)); }

    batch_request& with_request_id(std::string_view id) &
    {
        request_id.assign(id);
        return *this;
    }
    batch_request&& with_request_id(std::string_view id) && { return std::move(with_request_id(id)); }

    batch_request& at_reference(std::string_view ref) &
    {
        reference.assign(ref);
        return *this;
    }
    batch_request&& at_reference(std::string_view ref) && { return std::move(at_reference(ref)); }

    std::vector<evaluation_request> requests;
    std::string environment_key; ///< of the whole batch; empty = that of its items, else config::environment_key
    std::string request_id;      ///< as an evaluation_request's; its items have their own
    std::string reference;       ///< as an evaluation_request's
};

/// Which flags to list (GET /api/v1/namespaces/{ns}/flags).
class list_options {
public:
    list_options() = default;

    list_options& in_namespace(std::string_view key) &
    {
        namespace_key.assign(key);
        return *this;
    }
    list_options&& in_namespace(std::string_view key) && { return std::move(in_namespace(key)); }

    list_options& in_environment(std::string_view key) &
    {
        environment_key.assign(key);
        return *this;
    }
    list_options&& in_environment(std::string_view key) && { return std::move(in_environment(key)); }

    /// A git reference (v1 declarative backends; no effect on v2).
    list_options& at_reference(std::string_view ref) &
    {
        reference.assign(ref);
        return *this;
    }
    list_options&& at_reference(std::string_view ref) && { return std::move(at_reference(ref)); }

    /// One page of at most `flags` flags from `token` on (empty = the first), in place of all pages.
    list_options& page(std::size_t flags, std::string_view token = {}) &
    {
        limit = flags;
        page_token.assign(token);
        return *this;
    }
    list_options&& page(std::size_t flags, std::string_view token = {}) && { return std::move(page(flags, token)); }

    std::string namespace_key;   ///< empty = config::namespace_key
    std::string environment_key; ///< empty = config::environment_key
    std::size_t limit = 0;       ///< 0 = everything
    std::string page_token;      ///< opaque; needs a limit
    std::string reference;       ///< see at_reference()
};

} // namespace flipt::inline v0
