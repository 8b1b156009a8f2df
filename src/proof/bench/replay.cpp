#include <algorithm>

#include "proof/load/recorder.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t replay_patience = 120 * second_ns;
constexpr std::uint32_t per_post = 1000;

/// Counts one task's events on every stream; versions must rise by one.
class Replay final : public SwarmSink {
  public:
    Replay(Run& run, std::uint32_t clients, std::uint64_t events)
        : run_{run}, events_{events}, versions_(clients), first_at_(clients) {}

    void on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) override {
        if (frame.event != "progress" || !run_.payloads.sequence_of(frame.data)) return;
        auto& version = versions_[subscriber.index()];
        if (find_number(frame.data, "\"version\"") != version + 1) ++faults_;
        if (version == 0) first_at_[subscriber.index()] = now;
        if (++version == events_) last_at_ = now, ++whole_;
    }
    void on_closed(Subscriber&, int) override { ++faults_; }

    std::size_t whole() const { return whole_; }
    std::uint64_t faults() const { return faults_; }
    std::uint64_t latest_first() const { return *std::max_element(first_at_.begin(), first_at_.end()); }
    std::uint64_t last_at() const { return last_at_; }

  private:
    Run& run_;
    std::uint64_t events_;
    std::vector<std::uint64_t> versions_;
    std::vector<std::uint64_t> first_at_;
    std::uint64_t last_at_ = 0;
    std::uint64_t faults_ = 0;
    std::size_t whole_ = 0;
};

/// The id that a new stream is given: everything published later lies behind it.
std::string present_cursor(Run& run) {
    Replay sink{run, 1, 0};
    Swarm one{run.loop, run.target, sink};
    auto& subscriber = one.add(run.subscribe_target(0));
    one.open_all(10 * second_ns);
    run.loop.run_until(10 * second_ns, [&] { return !subscriber.last_id().empty(); });
    return subscriber.last_id();
}

/// Publishes the task by arrays. False if one was refused.
bool fill_task(Run& run, std::uint32_t events) {
    std::uint64_t refused = 0;
    Publisher publisher{run.loop, run.target, 2,
                        [&](std::uint64_t, int status) { refused += status / 100 != 2; }};
    for (std::uint32_t next = 0; next < events;) {
        std::string body = "[";
        for (std::uint32_t i = 0; i < per_post && next < events; ++i, ++next) {
            if (i > 0) body += ',';
            body += run.payloads.event(0, next, next == 0 ? "STARTED" : "PROGRESS");
        }
        publisher.post(run.publish_target(0), body += ']', next);
        if (!run.loop.run_until(replay_patience, [&] { return publisher.waiting() < 2; })) return false;
    }
    return run.loop.run_until(replay_patience, [&] { return publisher.waiting() == 0; }) && refused == 0;
}

}  // namespace

Figures bench_replay(Run& run) {
    const auto& options = run.options;
    const std::string cursor = present_cursor(run);
    if (cursor.empty()) return failure("the server gave no cursor");
    if (!fill_task(run, options.events)) return failure("the server did not take the task");
    run.loop.run_until(second_ns, [] { return false; });

    Replay sink{run, options.clients, options.events};
    Swarm swarm{run.loop, run.target, sink};
    for (std::uint32_t i = 0; i < options.clients; ++i)
        swarm.add(run.subscribe_target(0)).set_last_id(cursor);
    const auto before = run.probe.memory();
    run.probe.reset_peak();
    const auto cpu = run.probe.cpu_ns();
    const auto start = now_ns();
    swarm.open_all(10 * second_ns);
    const bool whole = run.loop.run_until(
        replay_patience, [&] { return sink.whole() == options.clients || sink.faults() > 0; });
    const auto used = run.probe.cpu_ns() - cpu;
    const auto after = run.probe.memory();
    if (!whole || sink.faults() > 0) return failure("a replay was not whole");

    Figures out;
    out["clients"] = options.clients;
    out["events"] = options.events;
    out["first_event_ms"] = static_cast<double>(sink.latest_first() - start) / 1e6;
    out["whole_seconds"] = static_cast<double>(sink.last_at() - start) / 1e9;
    out["memory_rise"] = after.peak > before.resident ? after.peak - before.resident : 0;
    out["server_cpu_seconds"] = static_cast<double>(used) / 1e9;
    return out;
}

}  // namespace stepcast::proof
