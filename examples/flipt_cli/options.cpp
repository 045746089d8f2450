// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Bodies of options.hpp: the command line with CLI11.
#include "options.hpp"

#include "flipt/version.hpp"

#include "failure.hpp"
#include "output.hpp"
#include "values.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace flipt_cli {
namespace {

using raw_values = std::vector<std::string>;

/// Takes the last value of an option that may be repeated. Raw: CLI11's conversions give some texts a meaning.
CLI::Option* add_value(CLI::App& app, const std::string& name, std::function<void(const std::string&)> take,
                       const std::string& help, const std::string& type)
{
    CLI::Option* option = app.add_option(
        name,
        [take = std::move(take)](const raw_values& values) {
            for (const std::string& value : values)
                take(value);
            return true;
        },
        help);
    return option->type_name(type)->type_size(1)->expected(1)->allow_extra_args(false)->multi_option_policy(
        CLI::MultiOptionPolicy::TakeLast);
}

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& to, const std::string& help,
                      const std::string& type)
{
    return add_value(app, name, [&to](const std::string& value) { to = value; }, help, type);
}

/// An option of the program that may also come from the environment.
class setting {
public:
    setting(const char* option, const char* variable, std::function<void(const std::string&)> take)
        : option_(option), variable_(variable), take_(std::move(take))
    {}

    void add_to(CLI::App& app, const std::string& help, const std::string& type)
    {
        add_value(app, option_, [this](const std::string& value) { set(value); }, help + " [" + variable_ + "]", type);
    }
    void add_switch_to(CLI::App& app, const std::string& help)
    {
        app.add_flag_callback(option_, [this] { set("1"); }, help + " [" + variable_ + "]");
    }

    [[nodiscard]] bool given() const noexcept { return given_; }
    /// Takes the variable's value where there was no option. An empty variable is none.
    bool take_variable()
    {
        const char* const value = given_ ? nullptr : std::getenv(variable_);
        if (value == nullptr || *value == '\0')
            return false;
        try {
            take_(value);
        } catch (const usage_error& e) {
            throw usage_error(std::string(variable_) + ": " + e.what());
        }
        return true;
    }

private:
    void set(const std::string& value)
    {
        given_ = true;
        try {
            take_(value);
        } catch (const usage_error& e) {
            throw usage_error(std::string(option_) + ": " + e.what());
        }
    }

    const char* option_;
    const char* variable_;
    std::function<void(const std::string&)> take_;
    bool given_ = false;
};

std::chrono::steady_clock::duration duration_of(const std::string& text)
{
    const auto duration = parse_duration(text);
    if (!duration)
        throw usage_error("not a duration; a decimal number with ms, s or m is, such as 1.5s (0 = no limit)");
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(*duration);
}

std::uint64_t count_of(const std::string& text, std::uint64_t least, std::uint64_t most)
{
    const auto count = parse_count(text, least, most);
    if (!count)
        throw usage_error("not a number from " + std::to_string(least) + " to " + std::to_string(most));
    return *count;
}

bool switch_of(const std::string& text)
{
    const auto on = parse_switch(text);
    if (!on)
        throw usage_error("neither 1 nor 0");
    return *on;
}

/// The options before or after the command.
class common_options {
public:
    explicit common_options(invocation& out) : out_(out) {}
    common_options(const common_options&) = delete;
    common_options& operator=(const common_options&) = delete;

    void add_to(CLI::App& app)
    {
        url_.add_to(app,
                    "The server, http or https, a path prefix included. Over gRPC a scheme, a host and a port, without "
                    "TLS for http (default http://127.0.0.1:8080, over gRPC http://127.0.0.1:9000)",
                    "URL");
        transport_.add_to(app,
                          "How to speak to it. Over gRPC: boolean, variant, batch, flags, snapshot and watch (default "
                          "http)",
                          "http|grpc");
        jwt_.add_to(app, "A JWT. Other users see it in the process list: prefer --jwt-file, or the variable", "JWT");
        jwt_file_.add_to(app, "A file that holds a JWT", "FILE");
        token_.add_to(app, "A client token (Bearer). In the process list, too: prefer the variable", "TOKEN");
        kubernetes_.add_switch_to(app, "Log in with the pod's service account");
        kubernetes_file_.add_to(app, "The same, with the service account token in this file", "FILE");
        environment_.add_to(app, "The environment (Flipt v2)", "KEY");
        namespace_.add_to(app, "The namespace", "KEY");
        ca_.add_to(app, "PEM file of the roots to trust in place of the system's", "FILE");
        cert_.add_to(app, "PEM chain of a client certificate, with --key", "FILE");
        key_.add_to(app, "PEM key of the client certificate", "FILE");
        server_name_.add_to(app, "The name for SNI and verification in place of the URL's host", "NAME");
        insecure_.add_switch_to(app, "Accept any certificate. For experiments: the token can be stolen");
        timeout_.add_to(app, "The time for a call with everything in it, such as 500ms, 1.5s, 2m (default 10s)",
                        "TIME");
        connect_timeout_.add_to(app, "The time for connect and TLS handshake within it (default 5s)", "TIME");
        retries_.add_to(app, "How often a call may be repeated (default 2)", "N");
        max_connections_.add_to(app, "Connections at most (default 16)", "N");
        json_.add_switch_to(app, "JSON on a terminal, too");
    }

    void finish()
    {
        for (setting* one : {&url_, &transport_, &environment_, &namespace_, &ca_, &cert_, &key_, &server_name_,
                             &insecure_, &timeout_, &connect_timeout_, &retries_, &max_connections_, &json_})
            one->take_variable();
        if (out_.grpc && !has_url_)
            config_.endpoint = "http://127.0.0.1:9000";
        if (out_.grpc && !over_grpc(out_.what))
            throw usage_error("--transport grpc: not for this command; boolean, variant, batch, flags, snapshot and "
                              "watch can use it");
        const std::array credentials = {&jwt_, &jwt_file_, &token_, &kubernetes_, &kubernetes_file_};
        auto given = std::count_if(credentials.begin(), credentials.end(), [](const setting* s) { return s->given(); });
        if (given == 0)
            for (setting* one : credentials) {
                const credential before = std::exchange(out_.kind, credential::none);
                if (!one->take_variable() || out_.kind == credential::none) // not there, or FLIPT_KUBERNETES=0
                    out_.kind = before;
                else
                    ++given;
            }
        if (given > 1)
            throw usage_error("give one of --jwt, --jwt-file, --token, --kubernetes and --kubernetes-token-file "
                              "(or of their variables), not several");
        if (out_.config.tls.certificate_file.empty() != out_.config.tls.private_key_file.empty())
            throw usage_error("--cert and --key go together");
        if (out_.kind == credential::jwt || out_.kind == credential::client_token)
            out_.redact.add(out_.token.view());
        else if (!out_.token_path.empty())
            out_.redact.add_file(out_.token_path);
    }

private:
    void use(credential kind, const std::string& token)
    {
        out_.kind = kind;
        out_.token = flipt::secret(token);
    }
    void use_file(credential kind, const std::string& path)
    {
        if (path.empty())
            throw usage_error("the path is empty");
        out_.kind = kind;
        out_.token_path = path;
    }

    static bool over_grpc(command what) noexcept
    {
        switch (what) {
        case command::boolean:
        case command::variant:
        case command::batch:
        case command::flags:
        case command::snapshot:
        case command::watch: return true;
        case command::flag:
        case command::self:
        case command::info:
        case command::health:
        case command::eval: break;
        }
        return false;
    }

    invocation& out_;
    flipt::config& config_ = out_.config;
    bool has_url_ = false;
    setting url_{"--url", "FLIPT_URL", [this](const std::string& v) {
                     config_.endpoint = v;
                     has_url_ = true;
                 }};
    setting transport_{"--transport", "FLIPT_TRANSPORT", [this](const std::string& v) {
                           if (v != "http" && v != "grpc")
                               throw usage_error("neither http nor grpc");
                           out_.grpc = v == "grpc";
                       }};
    setting jwt_{"--jwt", "FLIPT_JWT", [this](const std::string& v) { use(credential::jwt, v); }};
    setting jwt_file_{"--jwt-file", "FLIPT_JWT_FILE",
                      [this](const std::string& v) { use_file(credential::jwt_file, v); }};
    setting token_{"--token", "FLIPT_CLIENT_TOKEN", [this](const std::string& v) { use(credential::client_token, v); }};
    setting kubernetes_{"--kubernetes", "FLIPT_KUBERNETES", [this](const std::string& v) {
                            if (switch_of(v))
                                out_.kind = credential::kubernetes;
                        }};
    setting kubernetes_file_{"--kubernetes-token-file", "FLIPT_KUBERNETES_TOKEN_FILE",
                             [this](const std::string& v) { use_file(credential::kubernetes, v); }};
    setting environment_{"--environment", "FLIPT_ENVIRONMENT",
                         [this](const std::string& v) { config_.environment_key = v; }};
    setting namespace_{"--namespace", "FLIPT_NAMESPACE", [this](const std::string& v) { config_.namespace_key = v; }};
    setting ca_{"--ca", "FLIPT_CA", [this](const std::string& v) { config_.tls.ca_file = v; }};
    setting cert_{"--cert", "FLIPT_CERT", [this](const std::string& v) { config_.tls.certificate_file = v; }};
    setting key_{"--key", "FLIPT_KEY", [this](const std::string& v) { config_.tls.private_key_file = v; }};
    setting server_name_{"--server-name", "FLIPT_SERVER_NAME",
                         [this](const std::string& v) { config_.tls.server_name = v; }};
    setting insecure_{"--insecure-skip-verify", "FLIPT_INSECURE_SKIP_VERIFY",
                      [this](const std::string& v) { config_.tls.insecure_skip_verify = switch_of(v); }};
    setting timeout_{"--timeout", "FLIPT_TIMEOUT",
                     [this](const std::string& v) { config_.request_timeout = duration_of(v); }};
    setting connect_timeout_{"--connect-timeout", "FLIPT_CONNECT_TIMEOUT",
                             [this](const std::string& v) { config_.connect_timeout = duration_of(v); }};
    setting retries_{"--retries", "FLIPT_RETRIES",
                     [this](const std::string& v) { config_.retry.retries = static_cast<int>(count_of(v, 0, 1000)); }};
    setting max_connections_{"--max-connections", "FLIPT_MAX_CONNECTIONS",
                             [this](const std::string& v) { config_.max_connections = count_of(v, 1, 100'000); }};
    setting json_{"--json", "FLIPT_JSON", [this](const std::string& v) { out_.json = switch_of(v); }};
};

CLI::App* add_command(CLI::App& app, invocation& out, command what, const char* name, const char* help)
{
    CLI::App* const sub = app.add_subcommand(name, help);
    sub->fallthrough(); // options of the program may stand behind the command
    sub->callback([&out, what] { out.what = what; });
    return sub;
}

void add_evaluation(CLI::App& app, invocation& out, command what, const char* name, const char* help)
{
    CLI::App& sub = *add_command(app, out, what, name, help);
    add_text(sub, "FLAG", out.request.flag_key, "The flag's key", "KEY")->required();
    add_text(sub, "ENTITY", out.request.entity_id, "The entity's id", "ID")->required();
    const auto add_context = [&out](const std::string& text) {
        const auto pair = parse_pair(text);
        if (!pair)
            throw usage_error("-c: not of the form key=value");
        out.request.with(pair->first, pair->second);
    };
    add_value(sub, "-c,--context", add_context, "A pair of the context, split at the first '='; may be repeated",
              "key=value")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_save(CLI::App& app, invocation& out)
{
    add_text(app, "--save", out.save_path,
             "Keep the newest snapshot in this file, and begin with it when the server is away", "FILE");
}

void add_eval(CLI::App& app, invocation& out)
{
    CLI::App& sub = *add_command(app, out, command::eval, "eval",
                                 "Evaluate lines of stdin as batch does, but in the process, from a snapshot");
    CLI::Option_group& from = *sub.add_option_group("source");
    add_text(from, "--snapshot", out.snapshot_path,
             "Evaluate this document: as the snapshot command writes it, as --save does, or as Flipt's SDKs save it",
             "FILE");
    from.add_flag_callback("--live", [] {}, "Fetch the document from the server and follow its changes");
    from.require_option(1);
    add_value(
        sub, "--rules",
        [&out](const std::string& text) {
            if (text != "v1" && text != "v2")
                throw usage_error("--rules: neither v1 nor v2");
            out.rules = text == "v1" ? flipt::rule_set::server_v1 : flipt::rule_set::server_v2;
        },
        "Evaluate as this major version of the server does (default: the one it comes from, else v2)", "v1|v2");
    add_save(sub, out);
}

void add_watch(CLI::App& app, invocation& out)
{
    CLI::App& sub = *add_command(app, out, command::watch, "watch",
                                 "Print a line {\"time\",\"digest\",\"added\":[],\"removed\":[],\"changed\":[]} for "
                                 "every change of the namespace's flags");
    add_value(
        sub, "--exit-after",
        [&out](const std::string& text) {
            try {
                out.exit_after = count_of(text, 1, 1'000'000'000);
            } catch (const usage_error& e) {
                throw usage_error(std::string("--exit-after: ") + e.what());
            }
        },
        "Exit after so many changes", "N");
    add_value(
        sub, "--interval",
        [&out](const std::string& text) {
            const auto duration = parse_duration(text);
            if (!duration || duration->count() == 0)
                throw usage_error("--interval: not a duration; a decimal number with ms, s or m is, such as 1.5s");
            out.interval = *duration;
        },
        "How often a server without a stream is asked (default 10s)", "TIME");
    add_save(sub, out);
}

void add_commands(CLI::App& app, invocation& out)
{
    add_evaluation(app, out, command::boolean, "boolean", "Evaluate a boolean flag for an entity");
    add_evaluation(app, out, command::variant, "variant", "Evaluate a variant flag for an entity");
    add_command(app, out, command::flags, "flags", "List the flags of the namespace");
    CLI::App& flag = *add_command(app, out, command::flag, "flag", "Show one flag");
    add_text(flag, "KEY", out.flag_key, "The flag's key", "KEY")->required();
    add_command(app, out, command::self, "self", "Show who the token says we are");
    add_command(app, out, command::info, "info", "Show what the server is");
    add_command(app, out, command::health, "health", "Show the server's state");
    CLI::App& snapshot =
        *add_command(app, out, command::snapshot, "snapshot", "Fetch the namespace's snapshot document, byte for byte");
    add_text(snapshot, "-o,--output", out.output_path, "Replace this file in one step, in place of stdout", "FILE");

    CLI::App& batch =
        *add_command(app, out, command::batch, "batch",
                     "Evaluate lines of stdin, {\"type\":\"boolean\"|\"variant\",\"request\":{...}}, to lines "
                     "{\"type\",\"status\",\"response\"} in their order; without an answer "
                     "{\"type\",\"error\":{\"code\",\"message\"}}");
    CLI::Option* const concurrency = add_value(
        batch, "--concurrency",
        [&out](const std::string& text) {
            try {
                out.concurrency = count_of(text, 1, 100'000);
            } catch (const usage_error& e) {
                throw usage_error(std::string("--concurrency: ") + e.what());
            }
        },
        "Calls under way at a time (default 16)", "N");
    batch
        .add_flag_callback(
            "--one-call", [&out] { out.one_call = true; },
            "Read all lines, then send one batch request. An answer's type is then the server's own: \"error\" is a "
            "flag it does not have")
        ->excludes(concurrency);
    add_eval(app, out);
    add_watch(app, out);
}

std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row.back();
}

std::vector<std::string> known_words(const CLI::App& app)
{
    std::vector<std::string> words;
    for (const CLI::Option* option : app.get_options())
        for (const std::string& name : option->get_lnames())
            words.push_back("--" + name);
    for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        words.push_back(sub->get_name());
        for (const std::string& word : known_words(*sub))
            if (word[0] == '-')
                words.push_back(word);
    }
    return words;
}

/// What is wrong with arguments that are left over. They may be tokens, so they are counted and not repeated.
std::string unexpected(const CLI::App& app, const std::string& argument, int argc, const char* const* argv)
{
    const auto found = std::find(argv + 1, argv + argc, argument);
    std::string text = "argument " + std::to_string(found - argv) + " is not one that is expected here";
    const std::string_view word = std::string_view(argument).substr(0, argument.find('='));
    std::string nearest;
    std::size_t least = 3;
    for (const std::string& known : known_words(app))
        if (const std::size_t d = distance(word, known); d < least && d < word.size()) {
            least = d;
            nearest = known;
        }
    if (!nearest.empty())
        text += least == 0 ? ": " + nearest : "; did you mean " + nearest + "?";
    return text;
}

[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& error, int argc, const char* const* argv)
{
    constexpr const char* see_help = " (see flipt-cli --help)";
    const std::vector<std::string> left = app.remaining(true);
    if (!left.empty())
        throw usage_error(unexpected(app, left.front(), argc, argv) + see_help);
    // These texts are made of the names of our options only; others may hold what the user typed.
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        if (app.get_subcommands().empty())
            throw usage_error(std::string("a command is missing") + see_help);
        throw usage_error(std::string(error.what()) + see_help);
    }
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr ||
        dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
        throw usage_error(std::string(error.what()) + see_help);
    throw usage_error(std::string("the arguments cannot be understood") + see_help);
}

} // namespace

bool parse_arguments(int argc, const char* const* argv, invocation& out)
{
    CLI::App app("Flags and evaluations of a Flipt server.", "flipt-cli");
    app.set_version_flag("--version", std::string("flipt-cli ") + FLIPT_VERSION, "Print the version and exit");
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.require_subcommand(1);
    app.footer(
        "Options may stand before or after the command; -- ends them. A variable in [brackets] is used where its "
        "option is not given.\nOutput is JSON, one object a line, unless it goes to a terminal. Exit: 0 ok, 2 usage, "
        "3 not authenticated or\nnot permitted, 4 not found, 5 no complete answer, 6 a broken answer, 7 another "
        "status, 1 anything else.");
    common_options common(out);
    common.add_to(app);
    add_commands(app, out);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        print(app.help());
        return false;
    } catch (const CLI::CallForVersion&) {
        print(app.version() + "\n");
        return false;
    } catch (const CLI::ParseError& e) {
        refuse(app, e, argc, argv);
    }
    common.finish();
    return true;
}

} // namespace flipt_cli
