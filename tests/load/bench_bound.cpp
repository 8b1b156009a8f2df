// What a store takes at its bound beside what it takes below it: batches of finished one-event tasks, first
// small ones until the bound is reached and passed, then large ones.
//
//     bench_bound FOLDER [MEBIBYTES]
#include <fmt/format.h>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <chrono>
#include <cstdlib>

#include "aio/notice.hpp"
#include "base/hash.hpp"
#include "store/journal/journaled_store.hpp"

namespace stepcast::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 2> types{"STARTED", "COMPLETED"};
constexpr Category progress{"progress", "progress", types, true};
constexpr std::array<const Category*, 1> categories{&progress};
constexpr int batch_size = 500;

Commit task(int number, std::size_t size) {
    const auto name = fmt::format("task-{:07}", number);
    const auto user = fmt::format("user-{:04}", number % 1000);
    std::string json = fmt::format(R"({{"eventId":"e","taskId":"{}","userId":"{}","x":")", name, user);
    json.append(size - std::min(size, json.size() + 2), 'x').append("\"}");
    Commit commit;
    commit.appends.push_back({{},
                              {event::Event::make({.category = &progress,
                                                   .type = 1,
                                                   .lifecycle = event::Lifecycle::ends,
                                                   .fingerprint = stable_hash(json),
                                                   .stream_id = name,
                                                   .id = "e",
                                                   .subject = user,
                                                   .json = json})}});
    return commit;
}

struct Run {
    EventStore& store;
    const char* name;
    JournaledStore* journal;
    int next = 0;
    int refused = 0;

    awaitable<double> batches(int count, std::size_t size) {
        const auto began = Clock::now();
        double worst = 0;
        for (int i = 0; i < count; ++i) {
            std::vector<Commit> commits;
            for (int n = 0; n < batch_size; ++n) commits.push_back(task(next++, size));
            const auto at = Clock::now();
            std::span<Commit> rest{commits};
            while (!rest.empty()) {
                const auto results = co_await store.commit_many(rest);
                std::size_t taken = 0;
                while (taken < results.size() && results[taken]) ++taken;
                rest = rest.subspan(taken);
                if (rest.empty()) break;
                ++refused;
                if (std::chrono::duration<double>(Clock::now() - began).count() > 60) {
                    fmt::print("{}: gave up\n", name);
                    co_return 0;
                }
                co_await aio::pause(std::chrono::milliseconds{5});
            }
            const double took = std::chrono::duration<double>(Clock::now() - at).count();
            worst = std::max(worst, took);
            if (std::getenv("VERBOSE") != nullptr)
                fmt::print("  {} batch {} size {} took {:.3f} refused {} bytes {} used {} whole {}\n", name,
                           i, size, took, refused, store.stats().bytes, journal ? journal->size().used : 0,
                           journal ? journal->size().whole : 0);
        }
        const double took = std::chrono::duration<double>(Clock::now() - began).count();
        fmt::print("{}: {} batches of {} B: {:.0f} events/s, worst batch {:.3f} s, refused {} times\n", name,
                   count, size, count * batch_size / took, worst, std::exchange(refused, 0));
        co_return count* batch_size / took;
    }

    awaitable<void> all() {
        co_await batches(80, 100);
        co_await batches(20, 2000);
        co_await batches(80, 100);
        co_await batches(200, 400);
    }
};

void run(asio::io_context& io, const aio::Strand& strand, awaitable<void> work) {
    asio::co_spawn(strand, std::move(work), [](std::exception_ptr death) {
        if (death) std::rethrow_exception(death);
    });
    io.restart();
    io.run();
}

int measure(const std::string& folder, std::uint64_t bound) {
    for (const std::uint64_t limit : {std::uint64_t{0}, bound}) {
        asio::io_context io;
        const auto strand = asio::make_strand(io);
        MemoryStore memory{{.max_bytes = limit}};
        run(io, strand, Run{memory, limit ? "memory bounded" : "memory", nullptr}.all());
        auto file = JournalFile::open({fmt::format("{}/journal-{}", folder, limit), limit, categories});
        if (!file) throw std::runtime_error{file.error().text()};
        JournaledStore store{strand, std::move(*file), Limits{}, limit};
        static const aio::Stop never;
        run(io, strand, [](JournaledStore& of) -> awaitable<void> { (void)co_await of.load(never); }(store));
        run(io, strand, Run{store, limit ? "journal bounded" : "journal", &store}.all());
        run(io, strand, store.close());
    }
    return 0;
}

}  // namespace
}  // namespace stepcast::store

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "bench_bound FOLDER [MEBIBYTES]\n");
        return 2;
    }
    return stepcast::store::measure(argv[1], (argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 16) << 20);
}
