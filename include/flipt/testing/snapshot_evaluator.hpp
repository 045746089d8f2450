// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Lets the in-process engine answer evaluations of the embedded server.
#pragma once

#include "flipt/evaluation/snapshot.hpp"
#include "flipt/testing/flag_store.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace flipt::inline v0::testing {

/// Evaluates a snapshot document with the rules of the server it came from.
class snapshot_evaluator : public evaluator {
public:
    explicit snapshot_evaluator(snapshot compiled) : snapshot_(std::move(compiled)) {}
    /// Throws std::invalid_argument, saying what is wrong with the document.
    FLIPT_DECL snapshot_evaluator(std::string_view document, rule_set rules);

    FLIPT_DECL evaluation_result evaluate(std::string_view namespace_key, std::string_view environment_key,
                                          std::string_view flag_key, std::string_view entity_id,
                                          const context_map& context) override;

private:
    snapshot snapshot_;
};

} // namespace flipt::inline v0::testing

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/testing/impl/snapshot_evaluator.ipp"
#endif
