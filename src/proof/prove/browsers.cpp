#include "proof/prove/browsers.hpp"

#include <algorithm>
#include <utility>

#include "proof/load/payload.hpp"
#include "proof/load/recorder.hpp"

namespace stepcast::proof {
namespace {

/// Of the subscribers that may stall: what they leave unread must not hide in the kernel.
constexpr int small_receive_buffer = 4096;

}  // namespace

Browsers::Browsers(Loop& loop, const Target& server, const ProveTarget& target, const Ledger& ledger,
                   std::uint32_t count, std::uint32_t users, std::uint32_t may_stall)
    : ledger_{ledger},
      stepcast_{target.stepcast},
      users_{users},
      browsers_(count),
      logs_(count),
      swarm_{loop, server, *this, target.headers} {
    for (std::uint32_t i = 0; i < count; ++i) {
        logs_[i].from_start = true;
        auto& subscriber = swarm_.add(fill(target.subscribe, ledger.user_id(i % users)));
        if (i < may_stall) subscriber.set_receive_buffer(small_receive_buffer);
    }
}

bool Browsers::open_all(std::uint64_t limit_ns) {
    return swarm_.open_all(limit_ns);
}

void Browsers::tick(std::uint64_t now) {
    while (!due_.empty() && due_.begin()->first <= now) {
        Subscriber& subscriber = *due_.begin()->second;
        due_.erase(due_.begin());
        if (subscriber.state() != Subscriber::State::closed) continue;
        ++reconnects_;
        if (!subscriber.open()) plan_open(subscriber, now);
    }
}

void Browsers::cut(std::uint32_t index, std::uint64_t now) {
    auto& subscriber = swarm_.all()[index];
    if (subscriber.state() == Subscriber::State::closed) return;  // it is on its way back already
    ++cuts_;
    subscriber.cut();
    plan_open(subscriber, now);
}

void Browsers::stall(std::uint32_t index) {
    logs_[index].stalled = true;
    swarm_.all()[index].stall();
}

void Browsers::go_on(std::uint32_t index) {
    swarm_.all()[index].go_on();
}

std::size_t Browsers::behind() const {
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < browsers_.size(); ++i) {
        const auto last = ledger_.last_acknowledged(i % users_);
        if (last && browsers_[i].newest.value_or(0) < *last) ++count;
    }
    return count;
}

std::vector<SubscriberLog> Browsers::take_logs() {
    std::vector<std::vector<std::uint32_t>> tasks(users_);
    for (std::uint32_t user = 0; user < users_; ++user) tasks[user] = ledger_.tasks_of(user);
    for (std::uint32_t i = 0; i < logs_.size(); ++i) logs_[i].tasks = tasks[i % users_];
    return std::exchange(logs_, std::vector<SubscriberLog>(browsers_.size()));
}

std::uint32_t Browsers::epoch_number(std::string_view id) {
    const auto epoch = id.substr(0, id.rfind('.'));
    if (const auto known = epochs_.find(epoch); known != epochs_.end()) return known->second;
    return epochs_.emplace(epoch, static_cast<std::uint32_t>(epochs_.size() + 1)).first->second;
}

void Browsers::on_frame(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    if (frame.retry_ms) browsers_[subscriber.index()].retry_ns = std::uint64_t{*frame.retry_ms} * 1'000'000;
    if (frame.data.empty()) return;
    if (!stepcast_ || frame.event == "progress") {
        record_event(subscriber, frame, now);
    } else if (frame.event == "live") {
        settle(subscriber, frame, now);
    } else if (frame.event == "recovery") {
        record_recovery(subscriber, frame, now);
    } else if (frame.event == "reset") {
        record_reset(subscriber, frame, now);
    }
}

void Browsers::record_event(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    auto& log = logs_[subscriber.index()];
    auto& browser = browsers_[subscriber.index()];
    const auto what = ledger_.recognise(frame.data, user_of(subscriber));
    Seen seen{.intact = what.intact, .task = what.task, .event = what.event, .at = now};
    if (stepcast_) {
        seen.version = what.version;
        seen.position = position_of(frame.id);
        seen.epoch = epoch_number(frame.id);
        // Without them nothing could be judged.
        if (seen.version == 0 || seen.position == 0) seen.intact = false;
    }
    ++deliveries_;
    if (what.event != Seen::foreign) {
        browser.newest = std::max(browser.newest.value_or(0), what.event);
        if (!log.stalled) latencies_.add(now - ledger_.entries()[what.event].first_at);
    }
    log.seen.push_back(seen);
}

void Browsers::record_recovery(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    const auto what = ledger_.recognise(frame.data, user_of(subscriber), true);
    logs_[subscriber.index()].seen.push_back({.kind = Seen::Kind::recovery,
                                              .intact = what.intact && what.version != 0,
                                              .task = what.task,
                                              .event = what.event,
                                              .version = what.version,
                                              .at = now});
}

void Browsers::record_reset(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    ++resets_;
    auto& log = logs_[subscriber.index()].seen;
    const bool expired = find_text(frame.data, "\"reason\"") == "expired";
    if (!expired) ++epoch_resets_;
    log.push_back({.kind = expired ? Seen::Kind::reset : Seen::Kind::new_epoch, .at = now});
    browsers_[subscriber.index()].last_reset = log.size();
}

/// `live`: the end of what a reset has to tell, and the first word of the history that it tells of.
void Browsers::settle(Subscriber& subscriber, const FrameView& frame, std::uint64_t now) {
    auto& browser = browsers_[subscriber.index()];
    if (!stepcast_ || browser.last_reset == 0) return;
    auto& log = logs_[subscriber.index()].seen;
    log[browser.last_reset - 1].epoch = epoch_number(frame.id);
    log.push_back({.kind = Seen::Kind::settled, .at = now});
    browser.last_reset = 0;
}

void Browsers::on_open(Subscriber& subscriber, std::uint64_t now) {
    last_opened_at_ = now;
    browsers_[subscriber.index()].last_reset = 0;
}

void Browsers::on_closed(Subscriber& subscriber, int status) {
    if (status == 204) {
        ++ended_;
    } else if (status != 200 && status != 0) {
        ++refused_;
    } else {
        plan_open(subscriber, now_ns());
    }
}

void Browsers::plan_open(Subscriber& subscriber, std::uint64_t now) {
    due_.emplace(now + browsers_[subscriber.index()].retry_ns, &subscriber);
}

}  // namespace stepcast::proof
