// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A walk over a JSON object that comes from a user or was checked before: keys as they come, values as text.
#pragma once

#include "flipt/protocol/json_scan.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace flipt_cli {

/// What reads moves over one value and returns false if it is not what it should be; detail() then says why. Every byte
/// is checked by the rules of RFC 8259.
class json_cursor {
public:
    /// `max_depth` counts nested arrays and objects.
    json_cursor(std::string_view json, std::size_t max_depth)
        : at_(json.data()), end_(json.data() + json.size()), max_depth_(max_depth)
    {
        space();
    }

    /// An object: on_member(key) is called for every member and must move over its value. The key ends with the call.
    template <class OnMember>
    bool members(std::string_view name, OnMember on_member)
    {
        if (!next('{'))
            return fail(name, "is not an object");
        if (depth_ == max_depth_)
            return malformed(flipt::detail::json_fault::depth);
        ++depth_;
        pass('{');
        if (!next('}')) {
            do {
                std::string key;
                if (!read_key(key))
                    return false;
                if (!pass(':'))
                    return malformed();
                if (!on_member(std::string_view(key)))
                    return false;
            } while (pass(','));
        }
        if (!next('}'))
            return malformed();
        ++at_;
        --depth_;
        return true;
    }

    /// Any value; its text is a view.
    bool raw(std::string_view& out)
    {
        flipt::detail::json_fault fault;
        const char* const behind = flipt::detail::scan_json_value(at_, end_, max_depth_ - depth_, fault);
        if (behind == nullptr)
            return malformed(fault);
        out = std::string_view(at_, static_cast<std::size_t>(behind - at_));
        at_ = behind;
        return true;
    }
    bool skip()
    {
        std::string_view ignored;
        return raw(ignored);
    }

    /// Nothing but white space follows.
    bool close()
    {
        space();
        return at_ == end_ || fail({}, "something follows the document");
    }

    // These return false, for `return fail(…)`.
    bool fail(std::string_view field, std::string_view what)
    {
        detail_.clear();
        if (!field.empty())
            detail_.append("field \"").append(field).append("\" ");
        detail_.append(what);
        return false;
    }
    bool twice(std::string_view field) { return fail(field, "comes twice"); }
    bool malformed(flipt::detail::json_fault fault = flipt::detail::json_fault::syntax)
    {
        using flipt::detail::json_fault;
        if (fault == json_fault::depth)
            return fail({}, "the document nests deeper than the limit");
        return fail({}, fault == json_fault::utf8 ? "the document is not valid UTF-8"
                                                  : "the document is not well-formed JSON");
    }

    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

private:
    [[nodiscard]] bool next(char mark) const noexcept { return at_ != end_ && *at_ == mark; }
    void space() noexcept { at_ = flipt::detail::skip_json_space(at_, end_); }
    bool pass(char mark) noexcept // and the white space around it
    {
        space();
        if (!next(mark))
            return false;
        ++at_;
        space();
        return true;
    }
    bool read_key(std::string& out)
    {
        flipt::detail::json_fault fault;
        const char* const behind = flipt::detail::scan_json_string(at_, end_, fault);
        if (behind == nullptr)
            return malformed(fault);
        const char* const from = at_ + 1;
        at_ = behind;
        return flipt::detail::append_unescaped(out, from, behind - 1) || malformed();
    }

    const char* at_;
    const char* end_;
    std::size_t depth_ = 0;
    std::size_t max_depth_;
    std::string detail_;
};

} // namespace flipt_cli
