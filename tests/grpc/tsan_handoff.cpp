// SPDX-FileCopyrightText: the flipt-cpp authors
// SPDX-License-Identifier: MIT
// Linked with ThreadSanitizer only. gRPC's library is not compiled with it, so that what an operation's start and its
// callback hand over looks like a race. This tells it the one thing gRPC guarantees: a batch's callback, and the return
// of a synchronous call, come after the batch was started. Nothing else is ordered by it.
#include <grpc/grpc.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <utility>

extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);

namespace {

using run_function = void (*)(grpc_completion_queue_functor*, int);
using start_function = grpc_call_error (*)(grpc_call*, const grpc_op*, std::size_t, void*, void*);
using pluck_function = grpc_event (*)(grpc_completion_queue*, void*, gpr_timespec, void*);

// There are two functions that gRPC's headers put into a functor, per copy of them.
constexpr std::size_t most = 16;
std::array<std::atomic<run_function>, most> originals;

template <std::size_t Index>
void run_after(grpc_completion_queue_functor* functor, int ok)
{
    __tsan_acquire(functor);
    originals[Index].load(std::memory_order_relaxed)(functor, ok);
}

template <std::size_t... Index>
constexpr std::array<run_function, most> make_table(std::index_sequence<Index...>)
{
    return {&run_after<Index>...};
}
constexpr std::array<run_function, most> table = make_table(std::make_index_sequence<most>());

// The tags of other APIs are objects, which begin with a pointer to a table of functions and not to code.
bool is_code(const void* address)
{
    std::FILE* const maps = std::fopen("/proc/self/maps", "r");
    bool found = false;
    unsigned long begin = 0;
    unsigned long end = 0;
    char mode[8];
    char line[1024];
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    while (!found && maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr)
        found = std::sscanf(line, "%lx-%lx %7s", &begin, &end, mode) == 3 && at >= begin && at < end && mode[2] == 'x';
    if (maps != nullptr)
        std::fclose(maps);
    return found;
}

// The functor may be another thread's of the library's until now.
__attribute__((no_sanitize("thread"))) void order(void* tag)
{
    auto* const functor = static_cast<grpc_completion_queue_functor*>(tag);
    __tsan_release(functor);
    for (const run_function ours : table)
        if (functor->functor_run == ours)
            return;
    for (std::size_t i = 0; i < most; ++i) {
        run_function kept = originals[i].load(std::memory_order_relaxed);
        if (kept == nullptr && is_code(reinterpret_cast<const void*>(functor->functor_run)))
            originals[i].compare_exchange_strong(kept, functor->functor_run, std::memory_order_relaxed);
        kept = originals[i].load(std::memory_order_relaxed);
        if (kept == nullptr)
            return;
        if (kept == functor->functor_run) {
            functor->functor_run = table[i];
            return;
        }
    }
}

} // namespace

// Found before the library's own.
extern "C" grpc_call_error grpc_call_start_batch(grpc_call* call, const grpc_op* ops, std::size_t count, void* tag,
                                                 void* reserved)
{
    static const auto original = reinterpret_cast<start_function>(::dlsym(RTLD_NEXT, "grpc_call_start_batch"));
    if (tag != nullptr)
        order(tag);
    return original(call, ops, count, tag, reserved);
}

// How the synchronous API waits for its batch.
extern "C" grpc_event grpc_completion_queue_pluck(grpc_completion_queue* queue, void* tag, gpr_timespec deadline,
                                                  void* reserved)
{
    static const auto original = reinterpret_cast<pluck_function>(::dlsym(RTLD_NEXT, "grpc_completion_queue_pluck"));
    const grpc_event event = original(queue, tag, deadline, reserved);
    if (tag != nullptr)
        __tsan_acquire(tag);
    return event;
}
