#include "flow/replay.hpp"

#include <fmt/format.h>
#include <utility>

#include "event/cursor.hpp"

namespace stepcast::flow {

Replay::Action Replay::next(const Moment& now) {
    page_ = {};
    bytes_ = 0;
    if (now.forbidden) return give_last(now);
    if (epoch_ != now.epoch) place(now.epoch);
    return stage_ == Stage::arrive ? arrive(now) : read_on(now);
}

// What was gathered while this happened is not handed out.
std::optional<Replay::Action> Replay::overtaken(const Moment& now) {
    if (!now.forbidden && now.epoch == epoch_) return std::nullopt;
    page_ = {};
    if (now.forbidden) return give_last(now);
    return give();  // the next page begins anew
}

void Replay::place(std::string_view epoch) {
    const bool first = epoch_.empty();
    epoch_ = epoch;
    ahead_.clear();
    since_ = sent_through_ = goal_ = 0;
    stage_ = Stage::replay;
    // A new epoch in the middle: what was told is of a history that is over.
    standing_ = Standing::foreign;
    if (!first) return;
    if (cursor_.empty()) {
        standing_ = Standing::fresh;
    } else if (const auto cursor = event::parse_cursor(cursor_); cursor && cursor->epoch == epoch) {
        standing_ = Standing::resumed;
        since_ = sent_through_ = cursor->position;
        stage_ = Stage::arrive;
    }
}

// The client may come from a node that is ahead of this one.
Replay::Action Replay::arrive(const Moment& now) {
    if (since_ > now.applied) return AskHead{};
    stage_ = Stage::replay;
    return read_on(now);
}

Replay::Action Replay::resume(const Moment& now, const result<Head>& head) {
    if (auto instead = overtaken(now)) return std::move(*instead);
    if (!head || (head->position >= since_ && now.applied < since_)) return interrupt();
    if (head->position < since_) {
        standing_ = Standing::foreign;
        since_ = sent_through_ = 0;
    }
    stage_ = Stage::replay;
    return read_on(now);
}

// Who resumed gets every event, also between recoveries. Who did not has them in the recoveries, and nothing
// with an id before all of those.
Replay::Action Replay::read_on(const Moment& now) {
    if (stage_ == Stage::replay && standing_ != Standing::resumed)
        return begin(now, standing_ == Standing::fresh ? RecoveryReason::connect : RecoveryReason::foreign);
    const bool events_first = stage_ != Stage::recovery || reason_ == RecoveryReason::resume;
    if (events_first && sent_through_ < now.applied)
        return Read{{store::Range::By::position, sent_through_ + 1, now.applied, page_events}};
    return behind_events(now);
}

Replay::Action Replay::resume(const Moment& now, result<store::Page> events) {
    if (auto instead = overtaken(now)) return std::move(*instead);
    if (!events) return interrupt();
    if (events->lost_through > sent_through_) return begin(now, RecoveryReason::expired);
    if (append(std::move(*events))) return give();
    return behind_events(now);
}

Replay::Action Replay::behind_events(const Moment& now) {
    if (stage_ == Stage::replay) return begin(now, RecoveryReason::resume);
    if (stage_ == Stage::recovery) return Recover{};
    return all_sent() ? Action{Turn{}} : give();
}

// Takes from a page of the store what fits into one of ours. True if more of it follows.
bool Replay::append(store::Page events) {
    bool cut = false;
    for (auto& event : events.events) {
        if ((cut = full())) break;
        sent_through_ = event->position();
        if (ahead_.empty() || !was_recovered(*event)) add(std::move(event));
    }
    if (!cut) sent_through_ = std::max(sent_through_, events.through);
    erase_if(ahead_, [this](const auto& recovered) { return recovered.second <= sent_through_; });
    return cut || events.more;
}

bool Replay::was_recovered(const event::Event& event) const {
    const auto recovered = ahead_.find(event.stream_id());
    return recovered != ahead_.end() && event.position() <= recovered->second;
}

Replay::Action Replay::begin(const Moment& now, RecoveryReason reason) {
    beginning_ = reason;
    beginning_at_ = now.applied;
    const bool reset = reason == RecoveryReason::expired || reason == RecoveryReason::foreign;
    return Begin{reason, reset ? 0 : since_};
}

Replay::Action Replay::resume(const Moment& now, const result<Begun>& begun) {
    if (auto instead = overtaken(now)) return std::move(*instead);
    if (!begun) return interrupt();
    left_out_ = begun->left_out;
    reason_ = beginning_;
    stage_ = Stage::recovery;
    if (reason_ == RecoveryReason::expired || reason_ == RecoveryReason::foreign)
        add_control(fmt::format("event: reset\ndata: {{\"reason\":\"{}\"}}\n\n",
                                reason_ == RecoveryReason::expired ? "expired" : "epoch"));
    // Everything up to the moment in which the due states were asked for is in them.
    if (reason_ != RecoveryReason::resume) sent_through_ = beginning_at_;
    return Recover{};
}

Replay::Action Replay::resume(const Moment& now, result<std::optional<Recovery>> recovery) {
    if (auto instead = overtaken(now)) return std::move(*instead);
    if (!recovery) return interrupt();
    const bool due = stage_ == Stage::recovery;
    if (*recovery) {
        add(std::move(**recovery));
        if (full()) return give();
        return due ? Action{Recover{}} : Action{Turn{}};
    }
    if (due) return end_recoveries(now);
    return all_sent() ? give_last(now) : give();
}

// Whoever is cut off before the id of `live` comes back without any of the recoveries.
Replay::Action Replay::end_recoveries(const Moment& now) {
    if (left_out_ != 0) add_control(fmt::format("event: more\ndata: {{\"remaining\":{}}}\n\n", left_out_));
    add_control(event::live_frame(epoch_, sent_through_));
    stage_ = Stage::follow;
    return behind_events(now);
}

void Replay::add(event::EventRef frame) {
    bytes_ += frame->frame().size();
    page_.frames.push_back(std::move(frame));
}

void Replay::add_control(std::string_view text) {
    add(event::Event::control(text));
}

void Replay::add(Recovery recovery) {
    add(std::move(recovery.frame));
    goal_ = std::max(goal_, recovery.position);
    const bool in_place_of_events = stage_ == Stage::recovery && reason_ != RecoveryReason::resume;
    if (in_place_of_events && recovery.position > sent_through_)
        ahead_.insert_or_assign(std::move(recovery.stream_id), recovery.position);
}

Replay::Action Replay::give() {
    page_.through = sent_through_;
    return std::exchange(page_, {});
}

Replay::Action Replay::give_last(const Moment& now) {
    page_.last = true;
    page_.end = now.forbidden || (now.ended && *now.ended <= sent_through_);
    return give();
}

// Something cannot be read now. What was gathered so far is told; only then it is time to wait.
Replay::Action Replay::interrupt() {
    page_.wait = page_.frames.empty();
    return give();
}

}  // namespace stepcast::flow
