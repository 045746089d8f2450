// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of batch.hpp.
#include "batch.hpp"

#include "descriptors.hpp"
#include "evaluation_line.hpp"
#include "line_reader.hpp"
#include "line_writer.hpp"
#include "output.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace flipt_cli {
namespace {

/// What the exit of a batch is to be, from what became of its lines (which may end in any order).
class batch_outcome {
public:
    explicit batch_outcome(const redactor& redact) : redact_(redact) {}

    void note(std::uint64_t line, const std::error_code& ec, const flipt::diagnostics& details)
    {
        if (!ec)
            return;
        const bool answered = answered_with_status(ec, details);
        if (!answered)
            note(unanswered_, line, describe(ec, details, redact_));
        else if (details.http_status() == 401 || details.http_status() == 403)
            note(refused_, line, describe(ec, details, redact_));
    }
    void note_problem(std::uint64_t line, const std::string& problem)
    {
        note(unanswered_, line, failure(exit_code::usage, "invalid_argument", problem));
    }

    [[nodiscard]] failure result() const
    {
        const auto& first = refused_ ? refused_ : unanswered_;
        if (!first)
            return failure();
        failure why = first->why;
        why.text = "line " + std::to_string(first->line) + ": " + why.text;
        return why;
    }

private:
    class entry {
    public:
        entry(std::uint64_t number, failure f) : line(number), why(std::move(f)) {}
        std::uint64_t line;
        failure why;
    };
    static void note(std::optional<entry>& first, std::uint64_t line, failure why)
    {
        if (!first || line < first->line)
            first.emplace(line, std::move(why));
    }

    const redactor& redact_;
    std::optional<entry> refused_;
    std::optional<entry> unanswered_;
};

void read_line(const line_reader::line& text, evaluation_line& out)
{
    read_line(std::string_view(text.text), out);
    if (text.too_long) {
        out.type = line_type::none;
        out.problem = "longer than " + std::to_string(line_reader::max_line) + " bytes";
    }
}

/// The reader and writer of a batch. They outlive everything (see line_reader), so they are never deleted.
class line_streams {
public:
    explicit line_streams(asio::io_context& context)
        : reader(standard_input, [&context] { asio::post(context, [] {}); }),
          writer(standard_output, [&context] { asio::post(context, [] {}); })
    {}

    line_reader reader;
    line_writer writer;
};

/// Calls side by side. Lines are taken while there is room in a window that begins at the first line not yet written:
/// its size bounds the memory, however long one call takes.
class streaming_batch {
public:
    streaming_batch(asio::io_context& context, transport& calls, const invocation& run)
        : context_(context),
          calls_(calls),
          run_(run),
          streams_(*new line_streams(context)),
          outcome_(run.redact),
          window_(run.concurrency * window_per_call)
    {}

    failure operator()()
    {
        const auto work = asio::make_work_guard(context_);
        while (!finished()) {
            const bool begun = begin_calls();
            const bool written = write_answers();
            if (!begun && !written)
                context_.run_one();
            if (const std::error_code ec = streams_.writer.error())
                throw output_error(ec, "stdout");
        }
        if (const std::error_code ec = streams_.reader.error())
            throw output_error(ec, "stdin");
        return outcome_.result();
    }

private:
    static constexpr std::size_t window_per_call = 4;

    class slot {
    public:
        slot() = default;

        std::uint64_t number = 0;
        evaluation_line line;
        flipt::boolean_evaluation boolean;
        flipt::variant_evaluation variant;
        flipt::diagnostics details;
        std::string output;
        bool done = false;
    };

    class on_answer {
    public:
        on_answer(streaming_batch& batch, slot& place) : batch_(&batch), place_(&place) {}
        void operator()(std::error_code ec) const { batch_->take_answer(*place_, ec); }

    private:
        streaming_batch* batch_;
        slot* place_;
    };

    [[nodiscard]] bool finished() { return input_ended_ && next_to_write_ == next_to_read_ && streams_.writer.idle(); }

    slot& place_of(std::uint64_t number)
    {
        const std::size_t index = static_cast<std::size_t>(number % window_);
        if (index >= slots_.size())
            slots_.resize(index + 1);
        if (!slots_[index])
            slots_[index] = std::make_unique<slot>();
        return *slots_[index];
    }

    /// Takes lines while there is room for them.
    bool begin_calls()
    {
        bool any = false;
        line_reader::line text;
        while (!input_ended_ && under_way_ < run_.concurrency && next_to_read_ - next_to_write_ < window_ &&
               !streams_.writer.full()) {
            const line_reader::state state = streams_.reader.next(text);
            if (state == line_reader::state::empty)
                break;
            any = true;
            if (state == line_reader::state::end)
                input_ended_ = true;
            else
                begin(text);
        }
        return any;
    }

    void begin(const line_reader::line& text)
    {
        slot& place = place_of(next_to_read_);
        place.number = ++next_to_read_;
        place.done = false;
        place.details.clear();
        read_line(text, place.line);
        flipt::call_options options;
        options.diagnostics = &place.details;
        switch (place.line.type) {
        case line_type::none:
            outcome_.note_problem(place.number, place.line.problem);
            place.output = problem_line(place.line);
            place.done = true;
            return;
        case line_type::boolean:
            calls_.begin(place.line.request, place.boolean, options, on_answer(*this, place));
            break;
        case line_type::variant:
            calls_.begin(place.line.request, place.variant, options, on_answer(*this, place));
            break;
        }
        ++under_way_;
    }

    void take_answer(slot& place, std::error_code ec)
    {
        --under_way_;
        place.done = true;
        outcome_.note(place.number, ec, place.details);
        if (ec)
            place.output = failure_line(place.line, ec, place.details, run_.redact);
        else if (place.line.type == line_type::boolean)
            place.output = answer_line("boolean", to_json(place.boolean));
        else
            place.output = answer_line("variant", to_json(place.variant));
    }

    /// Hands on the answers that are next.
    bool write_answers()
    {
        bool any = false;
        for (; next_to_write_ < next_to_read_; ++next_to_write_) {
            slot& place = place_of(next_to_write_);
            if (!place.done)
                break;
            streams_.writer.add(place.output);
            any = true;
        }
        return any;
    }

    asio::io_context& context_;
    transport& calls_;
    const invocation& run_;
    line_streams& streams_;
    batch_outcome outcome_;
    const std::uint64_t window_;
    std::vector<std::unique_ptr<slot>> slots_; // line n is in slot n % window_
    std::uint64_t next_to_read_ = 0;
    std::uint64_t next_to_write_ = 0;
    std::size_t under_way_ = 0;
    bool input_ended_ = false;
};

/// All lines in one request.
class single_batch {
public:
    single_batch(asio::io_context& context, transport& calls, const invocation& run)
        : context_(context), calls_(calls), run_(run), outcome_(run.redact)
    {}

    failure operator()()
    {
        const auto work = asio::make_work_guard(context_);
        read_all();
        if (!request_.requests.empty())
            call();
        for (std::size_t i = 0, answer = 0; i < lines_.size(); ++i) {
            if (lines_[i].type == line_type::none)
                output_ += problem_line(lines_[i]);
            else
                add_answer(i, answer++);
        }
        print(output_);
        return outcome_.result();
    }

private:
    void read_all()
    {
        line_reader& reader = (new line_streams(context_))->reader;
        line_reader::line text;
        while (true) {
            const line_reader::state state = reader.next(text);
            if (state == line_reader::state::end)
                break;
            if (state == line_reader::state::empty)
                context_.run_one();
            else
                add_line(text);
        }
        if (const std::error_code ec = reader.error())
            throw output_error(ec, "stdin");
    }

    void add_line(const line_reader::line& text)
    {
        evaluation_line& line = lines_.emplace_back();
        read_line(text, line);
        if (line.type == line_type::none) {
            outcome_.note_problem(lines_.size(), line.problem);
            return;
        }
        // A line without an environment means that of the options, also beside lines that name one.
        if (line.request.environment_key.empty())
            line.request.environment_key = run_.config.environment_key;
        request_.add(std::move(line.request));
    }

    void call()
    {
        flipt::call_options options;
        options.diagnostics = &details_;
        bool done = false;
        calls_.begin(std::move(request_), answers_, options, [&](std::error_code ec) {
            ec_ = ec;
            done = true;
        });
        while (!done)
            context_.run_one();
    }

    void add_answer(std::size_t line, std::size_t index)
    {
        outcome_.note(line + 1, ec_, details_);
        if (ec_) {
            output_ += failure_line(lines_[line], ec_, details_, run_.redact);
            return;
        }
        const flipt::batch_item& item = answers_.responses[index];
        if (const auto* boolean = std::get_if<flipt::boolean_evaluation>(&item))
            output_ += answer_line("boolean", to_json(*boolean));
        else if (const auto* variant = std::get_if<flipt::variant_evaluation>(&item))
            output_ += answer_line("variant", to_json(*variant));
        else if (const auto* error = std::get_if<flipt::error_evaluation>(&item))
            output_ += answer_line("error", to_json(*error));
    }

    asio::io_context& context_;
    transport& calls_;
    const invocation& run_;
    batch_outcome outcome_;
    std::vector<evaluation_line> lines_;
    flipt::batch_request request_;
    flipt::batch_evaluation answers_;
    flipt::diagnostics details_;
    std::error_code ec_;
    std::string output_;
};

} // namespace

failure run_batch(asio::io_context& context, transport& calls, const invocation& run)
{
    if (run.one_call)
        return single_batch(context, calls, run)();
    return streaming_batch(context, calls, run)();
}

} // namespace flipt_cli
