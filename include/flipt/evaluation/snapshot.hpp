// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// A namespace's flags, compiled for evaluation in the process.
#pragma once

#include "flipt/detail/config.hpp"
#include "flipt/evaluation/context.hpp"
#include "flipt/evaluation/evaluator.hpp"
#include "flipt/evaluation/flag_handle.hpp"
#include "flipt/evaluation/image.hpp"
#include "flipt/evaluation/result.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace flipt::inline v0 {

class snapshot_result;

namespace detail {

struct image_delete {
    void operator()(const image* im) const noexcept
    {
        if (im != &empty_image)
            ::operator delete(const_cast<image*>(im), std::align_val_t{64});
    }
};
using image_ptr = std::unique_ptr<const image, image_delete>;

// One evaluation of a flag of whichever type.
template <class Verdicts>
inline void evaluate_any(const image& im, const std::uint32_t* flag, Verdicts& verdicts, flag_result& out) noexcept
{
    out.type = type_of(flag);
    if (out.type == flag_type::boolean)
        evaluator::boolean(im, flag, verdicts, out);
    else
        evaluator::variant(im, flag, verdicts, out);
}

} // namespace detail

/// An immutable, compiled form of a namespace's snapshot document (the answer of
/// `GET /client/v2/environments/{env}/namespaces/{ns}/snapshot`, or of v1's
/// `GET /internal/v1/evaluation/snapshot/namespace/{ns}` with `X-Flipt-Accept-Server-Version: 1.47.0`).
///
/// Evaluating allocates nothing, takes no lock and throws nothing; any number of threads may do it at once. Answers are
/// those of the server, bit for bit, by the rules chosen at `parse`. Results are views into the snapshot and must not
/// outlive it. A context is anything that can be looked at as pairs of string views, or a prepared `flipt::context`.
class snapshot {
public:
    /// No flags. Costs nothing.
    snapshot() noexcept : image_(&detail::empty_image) {}
    snapshot(snapshot&& other) noexcept : image_(std::exchange(other.image_, no_flags())) {}
    snapshot& operator=(snapshot&& other) noexcept
    {
        if (this != &other)
            image_ = std::exchange(other.image_, no_flags());
        return *this;
    }
    ~snapshot() = default;

    /// Compiles a document. All or nothing: a result that is not ok() says where the document is wrong, and how.
    /// Unknown members are skipped. A document that names no namespace is of `unnamed`. Its objects and arrays nest at
    /// most `max_depth` deep, the outermost one included; more than 1024 counts as that. Throws only std::bad_alloc.
    [[nodiscard]] static FLIPT_DECL snapshot_result parse(std::string_view json, rule_set rules = rule_set::server_v2,
                                                          std::string_view unnamed = "default",
                                                          std::size_t max_depth = 64);

    /// Compiles what Flipt's official client SDKs save (`get_snapshot`): JSON in base64, or that JSON itself.
    [[nodiscard]] static FLIPT_DECL snapshot_result parse_sdk(std::string_view saved,
                                                              rule_set rules = rule_set::server_v2);

    /// What POST /evaluate/v1/boolean answers.
    [[nodiscard]] boolean_result evaluate_boolean(std::string_view flag_key, std::string_view entity_id,
                                                  const context& ctx) const noexcept
    {
        return detail::evaluate_key<boolean_result>(*image_, flag_key, entity_id, ctx);
    }
    template <context_range R>
    [[nodiscard]] boolean_result evaluate_boolean(std::string_view flag_key, std::string_view entity_id,
                                                  const R& ctx) const noexcept
    {
        return detail::evaluate_key<boolean_result>(*image_, flag_key, entity_id, ctx);
    }
    [[nodiscard]] boolean_result evaluate_boolean(std::string_view flag_key, std::string_view entity_id,
                                                  context_list ctx = {}) const noexcept
    {
        return detail::evaluate_key<boolean_result>(*image_, flag_key, entity_id, ctx);
    }

    /// What POST /evaluate/v1/variant answers.
    [[nodiscard]] variant_result evaluate_variant(std::string_view flag_key, std::string_view entity_id,
                                                  const context& ctx) const noexcept
    {
        return detail::evaluate_key<variant_result>(*image_, flag_key, entity_id, ctx);
    }
    template <context_range R>
    [[nodiscard]] variant_result evaluate_variant(std::string_view flag_key, std::string_view entity_id,
                                                  const R& ctx) const noexcept
    {
        return detail::evaluate_key<variant_result>(*image_, flag_key, entity_id, ctx);
    }
    [[nodiscard]] variant_result evaluate_variant(std::string_view flag_key, std::string_view entity_id,
                                                  context_list ctx = {}) const noexcept
    {
        return detail::evaluate_key<variant_result>(*image_, flag_key, entity_id, ctx);
    }

    /// Evaluates every flag for one entity, each value looked at once, in the order of the document: `each(const
    /// flag_result&)` is called for every flag. `noexcept` as far as `each` is.
    template <class Context, class F>
        requires std::invocable<F&, const flag_result&>
    void evaluate_all(std::string_view entity_id, const Context& ctx, F&& each) const
    {
        const detail::image& im = *image_;
        detail::namespace_verdicts verdicts(im, ctx, entity_id);
        for (std::uint32_t i = 0; i < im.flag_count; ++i) {
            flag_result out;
            detail::evaluate_any(im, im.words + im.flags[i].head, verdicts, out);
            each(static_cast<const flag_result&>(out));
        }
    }
    template <class F>
        requires std::invocable<F&, const flag_result&>
    void evaluate_all(std::string_view entity_id, context_list ctx, F&& each) const
    {
        evaluate_all<context_list, F>(entity_id, ctx, std::forward<F>(each));
    }

    /// The same into caller's memory: fills as many as fit and returns how many that is (`flags().size()` at most).
    template <class Context>
    std::size_t evaluate_all(std::string_view entity_id, const Context& ctx,
                             std::span<flag_result> results) const noexcept
    {
        const detail::image& im = *image_;
        const std::size_t count = results.size() < im.flag_count ? results.size() : im.flag_count;
        detail::namespace_verdicts verdicts(im, ctx, entity_id);
        for (std::size_t i = 0; i < count; ++i) {
            results[i] = flag_result();
            detail::evaluate_any(im, im.words + im.flags[i].head, verdicts, results[i]);
        }
        return count;
    }
    FLIPT_DECL std::size_t evaluate_all(std::string_view entity_id, context_list ctx,
                                        std::span<flag_result> results) const noexcept;

    /// What POST /evaluate/v1/batch answers: `each(std::size_t index, const flag_result&)` is called for every request,
    /// in order. A request is anything with `flag_key`, `entity_id` and `context` (such as `evaluation_request`); one
    /// that names another namespace is not found. Under `server_v1` the first item that fails for another reason than
    /// an unknown flag fails the whole batch: its code is returned, and what was delivered is to be discarded.
    template <class Requests, class F>
        requires requires(const Requests& requests) { detail::first_of(requests); } &&
                 std::invocable<F&, std::size_t, const flag_result&>
    std::error_code evaluate_batch(const Requests& requests, F&& each) const
    {
        std::size_t index = 0;
        for (const auto& request : requests) {
            const flag_result out = evaluate_request(request);
            if (!out.ok() && rules() == rule_set::server_v1 && out.code() != errc::not_found)
                return out.code();
            each(index++, out);
        }
        return {};
    }

    /// The flag of that key; false when there is none. Needs no look-up afterwards.
    [[nodiscard]] flag_handle find(std::string_view flag_key) const noexcept
    {
        return {image_.get(), detail::find_flag(*image_, flag_key)};
    }

    /// What is known of the flag of that key; a default-constructed `flag_info` (null key) when there is none. Linear
    /// only in the length of the key.
    [[nodiscard]] flag_info info(std::string_view flag_key) const noexcept
    {
        const std::uint32_t* const flag = detail::find_flag(*image_, flag_key);
        return flag == nullptr ? flag_info{} : flags()[flag[detail::flag_index]];
    }

    /// The flags, in the order of the document.
    [[nodiscard]] flag_range flags() const noexcept { return flag_range(image_.get()); }
    [[nodiscard]] std::size_t size() const noexcept { return image_->flag_count; }
    [[nodiscard]] bool empty() const noexcept { return image_->flag_count == 0; }

    /// The key of the namespace the document is of.
    [[nodiscard]] std::string_view namespace_key() const noexcept { return image_->text(image_->namespace_key); }
    /// The digest the document carries (v2); empty otherwise.
    [[nodiscard]] std::string_view digest() const noexcept { return image_->text(image_->digest); }
    [[nodiscard]] rule_set rules() const noexcept { return image_->rules; }
    /// The memory this snapshot holds, in bytes.
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return image_->bytes; }

private:
    friend class snapshot_result;
    explicit snapshot(detail::image_ptr im) noexcept : image_(std::move(im)) {}

    static detail::image_ptr no_flags() noexcept { return detail::image_ptr(&detail::empty_image); }

    template <class Request>
    flag_result evaluate_request(const Request& request) const noexcept
    {
        flag_result out;
        const std::uint32_t* flag = detail::find_flag(*image_, request.flag_key);
        if constexpr (requires { std::string_view(request.namespace_key); })
            if (const std::string_view ns = request.namespace_key; !ns.empty() && ns != namespace_key())
                flag = nullptr;
        if (flag == nullptr) {
            detail::evaluator::not_found(*image_, request.flag_key, out);
            return out;
        }
        detail::flag_verdicts verdicts(*image_, request.context, request.entity_id, flag[detail::flag_columns]);
        detail::evaluate_any(*image_, flag, verdicts, out);
        return out;
    }

    detail::image_ptr image_;
};

/// Why a document was refused.
class snapshot_error {
public:
    snapshot_error() = default;
    snapshot_error(std::size_t offset, std::string path, std::string problem, errc code = errc::invalid_snapshot)
        : offset_(offset), path_(std::move(path)), problem_(std::move(problem)), code_(code)
    {}

    /// `errc::invalid_snapshot`, or `errc::response_too_large` where it nests too deeply; no error for a
    /// default-constructed one.
    [[nodiscard]] std::error_code code() const noexcept
    {
        return problem_.empty() ? std::error_code() : make_error_code(code_);
    }
    /// Byte of the document at which reading stopped.
    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
    /// Where in the document, such as `flags[3].rules[0].segments[1]`.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// What is wrong there.
    [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
    /// All of it in one line; holds no text of the document.
    [[nodiscard]] FLIPT_DECL std::string message() const;

private:
    std::size_t offset_ = 0;
    std::string path_;
    std::string problem_;
    errc code_ = errc::invalid_snapshot;
};

/// A snapshot, or why there is none.
class snapshot_result {
public:
    explicit snapshot_result(detail::image_ptr im) noexcept : value_(std::move(im)), ok_(true) {}
    explicit snapshot_result(snapshot_error e) noexcept : error_(std::move(e)) {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] explicit operator bool() const noexcept { return ok_; }
    [[nodiscard]] const snapshot_error& error() const noexcept { return error_; }

    /// The snapshot; an empty one when not ok().
    [[nodiscard]] snapshot& operator*() & noexcept { return value_; }
    [[nodiscard]] const snapshot& operator*() const& noexcept { return value_; }
    [[nodiscard]] snapshot&& operator*() && noexcept { return std::move(value_); }
    [[nodiscard]] snapshot* operator->() noexcept { return &value_; }
    [[nodiscard]] const snapshot* operator->() const noexcept { return &value_; }

private:
    snapshot value_;
    snapshot_error error_;
    bool ok_ = false;
};

} // namespace flipt::inline v0

#if defined(FLIPT_HEADER_ONLY)
#include "flipt/evaluation/impl/sdk_snapshot.ipp"
#include "flipt/evaluation/impl/snapshot.ipp"
#include "flipt/evaluation/impl/snapshot_parser.ipp"
#endif
