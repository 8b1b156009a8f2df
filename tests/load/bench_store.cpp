// How fast the memory store takes events, and what one costs in memory: 10,000 streams of 100 events of 200
// B.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>
#include <time.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "store/memory/memory_store.hpp"

namespace stepcast::store {
namespace {

using event::Event;
using event::Lifecycle;

constexpr std::array<std::string_view, 4> types{"STARTED", "PROGRESS", "COMPLETED", "FAILED"};
constexpr Category progress{"progress", "progress", types, true};
constexpr std::size_t json_size = 200;
constexpr int streams = 10'000;
constexpr int events_per_stream = 100;
constexpr std::size_t batch = 1000;

// The three ids stand in the JSON, as they do in what a producer sends.
Draft make_draft(int stream, int number) {
    std::string json =
        fmt::format(R"({{"eventId":"event-{:05}-{:05}","taskId":"task-{:05}","userId":"user-{:04}","x":")",
                    stream, number, stream, stream / 10);
    json.append(json_size - json.size() - 2, 'x').append("\"}");
    const std::string_view text = json;
    return Event::make({.category = &progress,
                        .lifecycle = number == 0 ? Lifecycle::opens : Lifecycle::neutral,
                        .fingerprint = stable_hash(text),
                        .stream_id = text.substr(text.find("task-"), 10),
                        .id = text.substr(text.find("event-"), 17),
                        .subject = text.substr(text.find("user-"), 9),
                        .json = text});
}

template <class T>
T run(asio::io_context& io, awaitable<T> work) {
    std::optional<T> value;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr, T v) { value.emplace(std::move(v)); });
    io.restart();
    io.run();
    return std::move(*value);
}

std::size_t resident() {
    std::size_t size = 0, pages = 0;
    std::ifstream{"/proc/self/statm"} >> size >> pages;
    return pages * 4096;
}

// Commits are handed over in batches of single-event commits, round the streams, as a partition's records
// come.
void commit_new_events(benchmark::State& state) {
    asio::io_context io;
    const int interleaved = static_cast<int>(state.range(0));
    auto store = std::make_unique<MemoryStore>(Limits{});
    int done = 0;
    for (auto _ : state) {
        state.PauseTiming();
        if (done == 1'000'000) store = std::make_unique<MemoryStore>(Limits{}), done = 0;
        std::vector<Commit> commits(batch);
        for (auto& c : commits) {
            const int block = done / (interleaved * events_per_stream),
                      within = done % (interleaved * events_per_stream);
            c.appends.push_back(
                {{}, {make_draft(block * interleaved + within % interleaved, within / interleaved)}});
            ++done;
        }
        state.ResumeTiming();
        benchmark::DoNotOptimize(run(io, store->commit_many(commits)));
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch));
}
BENCHMARK(commit_new_events)->Arg(1)->Arg(100)->Arg(10'000)->Iterations(3000);

void commit_known_events(benchmark::State& state) {
    asio::io_context io;
    MemoryStore store{Limits{}};
    std::vector<Commit> commits(batch);
    for (int i = 0; auto& c : commits) c.appends.push_back({{}, {make_draft(i % 100, i / 100)}}), ++i;
    run(io, store.commit_many(commits));
    for (int i = 0; auto& c : commits) c.appends.front().events.front() = make_draft(i % 100, i / 100), ++i;
    for (auto _ : state) benchmark::DoNotOptimize(run(io, store.commit_many(commits)));
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch));
}
BENCHMARK(commit_known_events);

void read_pages(benchmark::State& state) {
    asio::io_context io;
    MemoryStore store{Limits{}};
    for (int i = 0; i < 1000; ++i) {
        std::vector<Commit> commits(100);
        for (int n = 0; auto& c : commits) c.appends.push_back({{}, {make_draft(i, n++)}});
        run(io, store.commit_many(commits));
    }
    Position from = 1;
    for (auto _ : state) {
        const auto page = run(io, store.read_all({.from = from, .limit = 256}));
        from = page->more ? page->through + 1 : 1;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 256));
}
BENCHMARK(read_pages);

struct Measured {
    double heap, resident;
};

// Fills a store round the streams, so that growing them interleaves as it does in life.
Measured fill(asio::io_context& io, MemoryStore& store, int events_each) {
    const auto heap_before = mallinfo2().uordblks + mallinfo2().hblkhd;
    const auto resident_before = resident();
    for (int number = 0; number < events_each; ++number) {
        for (int stream = 0; stream < streams; stream += static_cast<int>(batch)) {
            std::vector<Commit> commits(batch);
            for (int i = stream; auto& c : commits) c.appends.push_back({{}, {make_draft(i++, number)}});
            run(io, store.commit_many(commits));
        }
    }
    malloc_trim(0);
    return {static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - heap_before),
            static_cast<double>(resident() - resident_before)};
}

void print_memory() {
    asio::io_context io;
    MemoryStore small{Limits{}};
    const auto one = fill(io, small, 1);
    MemoryStore store{Limits{}};
    const auto all = fill(io, store, events_per_stream);
    const double per_event = (all.resident - one.resident) / (streams * (events_per_stream - 1.0));
    const double per_stream = one.resident / streams - per_event;
    fmt::print(
        "| memory store, {} streams × {} events of {} B | resident B per event | over the payload | heap B "
        "per event | B per stream besides |\n",
        streams, events_per_stream, json_size);
    fmt::print("| bytes | {:.0f} | {:.0f} | {:.0f} | {:.0f} |\n", per_event, per_event - json_size,
               (all.heap - one.heap) / (streams * (events_per_stream - 1.0)), per_stream);
    fmt::print(
        "| whole | {:.0f} MiB resident | {:.0f} B per event with the streams' share | {:.0f} MiB by the "
        "store's own count | |\n",
        all.resident / (1 << 20), all.resident / (streams * events_per_stream),
        static_cast<double>(store.stats().bytes) / (1 << 20));
}

std::uint64_t thread_cpu_ns() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

/// The longest turn of the strand that a kind of work took, in CPU time, which neighbours on the machine do
/// not stretch.
struct Turns {
    std::uint64_t longest_ns = 0;
    std::uint64_t count = 0;

    // One handler of the context is one turn, since nothing else is posted.
    template <class T>
    T run(asio::io_context& io, awaitable<T> work) {
        std::optional<T> value;
        asio::co_spawn(io, std::move(work), [&](std::exception_ptr, T v) { value.emplace(std::move(v)); });
        io.restart();
        for (bool ran = true; ran;) {
            const auto begin = thread_cpu_ns();
            ran = io.run_one() != 0;
            longest_ns = std::max(longest_ns, thread_cpu_ns() - begin);
            ++count;
        }
        return std::move(*value);
    }
    void print(std::string_view work) const {
        fmt::print("| {} | {:.2f} ms | {} |\n", work, static_cast<double>(longest_ns) / 1e6, count);
    }
};

class SteppedClock final : public Clock {
  public:
    Timestamp now() const override { return at; }
    Timestamp at = system_clock().now();
};

void print_turns() {
    asio::io_context io;
    SteppedClock clock;
    MemoryStore store{Limits{}, clock};
    Turns growing, one_stream, trimming, cleaning;
    for (int stream = 0; stream < 300'000;) {
        std::vector<Commit> commits(200);
        for (auto& c : commits) c.appends.push_back({{}, {make_draft(stream++, 0)}});
        growing.run(io, store.commit_many(commits));
    }
    for (int number = 1; number < 100'000;) {
        std::vector<Commit> commits(200);
        for (auto& c : commits) c.appends.push_back({{}, {make_draft(7, number++)}});
        one_stream.run(io, store.commit_many(commits));
    }
    static_cast<void>(
        trimming.run(io, store.save_snapshot(progress, "task-00007", {50'000, 1, "state"}, true)));
    clock.at += std::chrono::hours{200};
    while (!cleaning.run(io, store.cleanup(clock.at))->done) {
    }
    fmt::print("\n| work | longest turn | turns |\n");
    growing.print("200 commits, each to a new stream, up to 300,000 streams");
    one_stream.print("200 commits to one stream, up to 100,000 events");
    trimming.print("trim of 50,000 events");
    cleaning.print("cleanup of all of it");
}

}  // namespace
}  // namespace stepcast::store

int main(int argc, char** argv) {
    stepcast::store::print_memory();
    stepcast::store::print_turns();
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
