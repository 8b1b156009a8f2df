#include "proof/load/churn.hpp"

namespace stepcast::proof {
namespace {

constexpr std::uint64_t ms = 1'000'000;
constexpr std::uint64_t round_patience = 20 * second_ns;

}  // namespace

void Timetable::run(std::uint64_t now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        const auto action = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        action();
    }
}

Churn::Churn(Run& run, std::uint32_t users, std::uint32_t clients, std::uint64_t seed)
    : run_{run},
      recorder_{run, users, clients},
      swarm_{run.loop, run.target, recorder_},
      traffic_{run, recorder_, users},
      random_{seed} {
    for (std::uint32_t i = 0; i < clients; ++i) swarm_.add(run.subscribe_target(i % users));
}

bool Churn::begin() {
    if (!swarm_.open_all(round_patience)) return false;
    run_.loop.run_until(second_ns / 2, [] { return false; });
    return true;
}

void Churn::cut_at_random() {
    for (auto& subscriber : swarm_.all()) plan_cut(subscriber, now_ns());
}

void Churn::flow(std::uint64_t for_ns, bool reopen) {
    traffic_.start(now_ns());
    run_.loop.run_until(
        for_ns,
        [&] {
            const auto now = now_ns();
            traffic_.tick(now);
            timetable_.run(now);
            if (each_turn_) each_turn_(now);
            if (reopen) reopen_closed(now);
            return false;
        },
        ms);
}

bool Churn::end() {
    timetable_.clear();
    recorder_.take_closed();
    for (auto& subscriber : swarm_.all()) {
        if (subscriber.state() == Subscriber::State::closed) subscriber.open();
    }
    run_.loop.run_until(round_patience, [&] { return traffic_.waiting() == 0; });
    traffic_.finish();
    return run_.loop.run_until(round_patience, [&] {
        timetable_.run(now_ns());
        reopen_closed(now_ns());
        return traffic_.waiting() == 0 && recorder_.finished() >= swarm_.all().size();
    });
}

void Churn::report_counts(Figures& out) const {
    out["clients"] = swarm_.size();
    out["cuts"] = cuts_;
    out["published"] = recorder_.published();
    out["acknowledged"] = recorder_.acknowledged();
    out["refused"] = recorder_.refused();
    out["resets"] = recorder_.resets();
    out["closed_by_server"] = recorder_.closed();
    out["refused_streams"] = recorder_.refused_streams();
}

void Churn::plan_cut(Subscriber& subscriber, std::uint64_t now) {
    std::exponential_distribution<double> pause_s{1.0};
    timetable_.at(now + static_cast<std::uint64_t>(pause_s(random_) * 1e9), [this, &subscriber] {
        if (subscriber.state() != Subscriber::State::closed) ++cuts_;
        subscriber.cut();
        plan_open(subscriber, now_ns());
    });
}

void Churn::plan_open(Subscriber& subscriber, std::uint64_t now) {
    std::uniform_int_distribution<std::uint64_t> pause{0, 100 * ms};
    timetable_.at(now + pause(random_), [this, &subscriber] {
        if (subscriber.state() == Subscriber::State::closed) subscriber.open();
        plan_cut(subscriber, now_ns());
    });
}

void Churn::reopen_closed(std::uint64_t now) {
    for (Subscriber* subscriber : recorder_.take_closed()) {
        timetable_.at(now + 100 * ms, [subscriber] {
            if (subscriber->state() == Subscriber::State::closed) subscriber->open();
        });
    }
}

}  // namespace stepcast::proof
