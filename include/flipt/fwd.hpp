// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Forward declarations of the names a header of yours may need without the library behind them.
#pragma once

namespace flipt::inline v0 {

enum class errc;
enum class server_version;
enum class evaluation_reason;
class error;
class diagnostics;
struct config;
struct call_options;
class evaluation_request;
class batch_request;
class list_options;
class boolean_evaluation;
class variant_evaluation;
class batch_evaluation;
class flag;
class flag_list;
class snapshot_document;
class secret;
template <class TokenPolicy>
class client;
class snapshot;
class reader;
class live_options;
class live_namespace;
class live_state;
class live_change;
template <class TokenPolicy>
class live_snapshot;
template <class TokenPolicy>
class live_thread;
class any_token;
template <class TokenPolicy>
class grpc_client;
template <class TokenPolicy>
class grpc_live_snapshot;

} // namespace flipt::inline v0
