// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// The flags of the embedded server: answers set in code, evaluators plugged in, snapshot documents. Sans-io.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/types/request.hpp"
#include "flipt/types/response.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace flipt::inline v0::testing {

/// Which Flipt the server plays.
enum class flavour { v1, v2 };

/// Stands for every entity without an answer of its own.
class any_entity_t {};
inline constexpr any_entity_t any_entity{};

/// An entity id, or any_entity.
class entity {
public:
    entity(any_entity_t) noexcept {}
    entity(std::string_view id) : id_(id) {}
    entity(const std::string& id) : id_(id) {}
    entity(const char* id) : id_(id) {}

    [[nodiscard]] const std::optional<std::string>& id() const noexcept { return id_; }

private:
    std::optional<std::string> id_;
};

/// An evaluation the server answers with an error: a gRPC status code (3 = HTTP 400, 5 = 404, 13 = 500) and its text.
class evaluation_failure {
public:
    evaluation_failure(int grpc_code, std::string_view text) : code(grpc_code), message(text) {}

    int code;
    std::string message;
};

/// Nothing (the evaluator does not know the flag), an evaluation of the flag's own type, or an error. Ids, times and
/// flag keys of evaluations are filled in by the server.
using evaluation_result = std::variant<std::monostate, boolean_evaluation, variant_evaluation, evaluation_failure>;

/// The hook for an engine that evaluates rules.
class evaluator {
public:
    evaluator() = default;
    evaluator(const evaluator&) = delete;
    evaluator& operator=(const evaluator&) = delete;
    virtual ~evaluator() = default;

    /// Called under the server's lock: it must not call back into the server.
    virtual evaluation_result evaluate(std::string_view namespace_key, std::string_view environment_key,
                                       std::string_view flag_key, std::string_view entity_id,
                                       const context_map& context) = 0;
};

/// A snapshot document as it is served, and its digest (also its ETag).
class snapshot_document {
public:
    snapshot_document() = default;

    std::string text;
    std::string digest;
};

/// All environments, their namespaces and flags. Not thread-safe: the server guards it.
class flag_store {
public:
    /// Environment "default" with namespace "default" is always there.
    FLIPT_DECL flag_store();

    FLIPT_DECL void add_environment(std::string_view environment);
    [[nodiscard]] FLIPT_DECL bool has_environment(std::string_view environment) const;
    FLIPT_DECL void add_namespace(std::string_view environment, std::string_view name);
    [[nodiscard]] FLIPT_DECL bool has_namespace(std::string_view environment, std::string_view name) const;

    /// Adds a flag, or replaces what is told about one; answers set for it stay.
    FLIPT_DECL void add_flag(std::string_view environment, std::string_view name, flag details);
    FLIPT_DECL void remove_flag(std::string_view environment, std::string_view name, std::string_view key);
    /// Sets the answer for an entity; the flag is added (or changes its type) as needed.
    FLIPT_DECL void set_boolean(std::string_view environment, std::string_view name, std::string_view key,
                                const entity& who, boolean_evaluation result);
    FLIPT_DECL void set_variant(std::string_view environment, std::string_view name, std::string_view key,
                                const entity& who, variant_evaluation result);
    FLIPT_DECL void set_evaluator(std::string_view environment, std::string_view name,
                                  std::shared_ptr<evaluator> engine);

    /// Takes a snapshot document: it is served as it is, and its flags replace those of the namespace.
    /// Its digest is its own, or its SHA-1 when it has none or that of another text before it. Throws
    /// std::invalid_argument when it is no JSON object with flags.
    FLIPT_DECL void load(std::string_view environment, std::string_view name, std::string_view document);
    /// What load() checks, alone.
    FLIPT_DECL static void check(std::string_view document);
    /// The document loaded, or one made of the flags (without rules). Null: no such namespace.
    [[nodiscard]] FLIPT_DECL std::shared_ptr<const snapshot_document> snapshot(std::string_view environment,
                                                                               std::string_view name);

    /// The flags in the order they were added. Null: no such namespace.
    [[nodiscard]] FLIPT_DECL const std::vector<flag>* flags(std::string_view environment, std::string_view name) const;
    [[nodiscard]] FLIPT_DECL const flag* find(std::string_view environment, std::string_view name,
                                              std::string_view key) const;

    /// An answer set for the entity, else one set for any entity, else that of the evaluator, else the flag's default.
    [[nodiscard]] FLIPT_DECL evaluation_result evaluate(std::string_view environment, std::string_view name,
                                                        std::string_view key, std::string_view entity_id,
                                                        const context_map& context);

    /// Grows with each change.
    [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

private:
    using answer = std::variant<boolean_evaluation, variant_evaluation>;
    class answers {
    public:
        answers() = default;

        std::optional<answer> any;
        std::map<std::string, answer, std::less<>> by_entity;
    };
    class space {
    public:
        space() = default;

        std::vector<flag> flags;
        std::map<std::string, answers, std::less<>> set;
        std::shared_ptr<evaluator> engine;
        std::shared_ptr<const snapshot_document> document;
        bool document_is_made = false;
    };
    using spaces = std::map<std::string, space, std::less<>>;

    FLIPT_DECL space& at(std::string_view environment, std::string_view name);
    FLIPT_DECL const space* look(std::string_view environment, std::string_view name) const;
    FLIPT_DECL void changed(space& s);
    FLIPT_DECL void set(std::string_view environment, std::string_view name, std::string_view key, const entity& who,
                        answer a, flag_type type);

    std::map<std::string, spaces, std::less<>> environments_;
    std::uint64_t revision_ = 0;
};

namespace detail {
/// Where the value of a member of the outermost object stands in a JSON text; {npos, 0} when it is not there.
[[nodiscard]] FLIPT_DECL std::pair<std::size_t, std::size_t> find_top_level(std::string_view json,
                                                                            std::string_view name);
[[nodiscard]] FLIPT_DECL std::string sha1_hex(std::string_view bytes);
/// RFC 3339 with as many digits (0, 3, 6 or 9) as it takes.
[[nodiscard]] FLIPT_DECL std::string format_time(timestamp_type t);
} // namespace detail

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/flag_store.ipp"
#endif
