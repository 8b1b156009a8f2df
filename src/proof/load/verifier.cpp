#include "proof/load/verifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace stepcast::proof {
namespace {

constexpr std::size_t max_examples = 10;

/// What one subscriber knows of one task.
struct TaskView {
    std::vector<bool> versions;   // versions[v]: seen as an event, in the present epoch
    std::uint64_t last = 0;       // highest version seen as an event or announced
    std::uint64_t announced = 0;  // everything up to here is excused: the state was sent instead
    std::uint32_t last_event = 0;
    bool begun = false;        // an event or a recovery was seen
    bool after_reset = false;  // the next recovery excuses what lies before it
    bool recovered = false;    // since the last reset

    bool has(std::uint64_t version) const { return version < versions.size() && versions[version]; }
    void add(std::uint64_t version) {
        if (version >= versions.size()) versions.resize(version + 1);
        versions[version] = true;
    }
    /// Another history: its versions begin anew.
    void begin_anew() {
        versions.clear();
        last = announced = 0;
        begun = false;
    }
};

/// Where an event stands in its task.
struct Place {
    std::uint32_t epoch = 0;
    std::uint64_t version = 0;  // 0: no subscriber saw it
};

class Judge {
  public:
    Judge(std::span<const SubscriberLog> subscribers, std::span<const Published> published,
          const Rules& rules)
        : subscribers_{subscribers},
          published_{published},
          rules_{rules},
          budget_{rules.coalesced},
          place_of_(published.size()),
          seen_in_(published.size()) {
        for (std::size_t i = 0; i < published.size(); ++i) events_of_[published[i].task].push_back(i);
    }

    Verdict judge() {
        for (const auto& subscriber : subscribers_) learn_places(subscriber);
        for (const auto& log : rules_.also_learn_from) learn_places(log);
        for (who_ = 0; who_ < subscribers_.size(); ++who_) judge_subscriber(subscribers_[who_]);
        return std::move(verdict_);
    }

  private:
    void learn_places(const SubscriberLog& subscriber) {
        std::uint32_t epoch = 0;
        for (const auto& seen : subscriber.seen) {
            if (seen.epoch != 0) epoch = seen.epoch;
            if (seen.event >= published_.size()) continue;
            auto& place = place_of_[seen.event];
            if (seen.kind == Seen::Kind::event) {
                place = {seen.epoch, seen.version};
            } else if (seen.kind == Seen::Kind::recovery && place.version == 0) {
                // Nobody may have been sent an event that was answered while everyone was told of the state.
                place = {epoch, seen.version};
            }
        }
    }

    void judge_subscriber(const SubscriberLog& subscriber) {
        views_.clear();
        for (const auto task : subscriber.tasks) views_[task];
        std::fill(seen_in_.begin(), seen_in_.end(), std::uint16_t{0});
        era_ = 1;
        epoch_ = 0;
        position_ = 0;
        highest_event_.reset();
        reset_at_.reset();
        epoch_reset_at_.reset();
        for (const auto& seen : subscriber.seen) take(subscriber, seen);
        for (const auto task : subscriber.tasks) {
            judge_gaps(subscriber.stalled, task, views_[task]);
            judge_losses(subscriber.stalled, task, views_[task]);
        }
    }

    void take(const SubscriberLog& subscriber, const Seen& seen) {
        switch (seen.kind) {
            case Seen::Kind::event:
                take_event(subscriber, seen);
                break;
            case Seen::Kind::recovery:
                take_recovery(subscriber, seen);
                break;
            case Seen::Kind::new_epoch:
                begin_era(subscriber, seen.epoch);
                epoch_reset_at_ = seen.at;
                [[fallthrough]];
            case Seen::Kind::reset:
                position_ = 0;
                reset_at_ = seen.at;
                for (auto& [task, view] : views_) {
                    view.after_reset = true;
                    view.recovered = false;
                }
                break;
            case Seen::Kind::settled:
                for (auto& [task, view] : views_) view.after_reset = false;
                break;
        }
    }

    void take_event(const SubscriberLog& subscriber, const Seen& seen) {
        ++verdict_.deliveries;
        if (!seen.intact) count_corrupted(seen);
        if (seen.epoch != 0 && epoch_ != 0 && seen.epoch != epoch_) {
            ++verdict_.silent_gaps;
            example("another history begins at task {} version {} without a reset", seen.task, seen.version);
            begin_era(subscriber, seen.epoch);
        }
        if (seen.epoch != 0) epoch_ = seen.epoch;
        auto& view = views_[seen.task];
        if (is_again(seen, view)) {
            ++verdict_.twice;
            example("event {} of task {} (version {}) twice", seen.event, seen.task, seen.version);
        } else if (is_late(seen, view)) {
            ++verdict_.out_of_order;
            example("event {} of task {} (version {}, position {}) came after version {}, position {}",
                    seen.event, seen.task, seen.version, seen.position, view.last, position_);
        }
        position_ = std::max(position_, seen.position);
        view.last = std::max(view.last, seen.version);
        view.begun = true;
        if (seen.version != 0) view.add(seen.version);
        if (seen.event >= published_.size()) return;
        view.last_event = std::max(view.last_event, seen.event);
        highest_event_ = std::max(highest_event_.value_or(0), seen.event);
        seen_in_[seen.event] = era_;
    }

    /// An event of an earlier history may come again only if its writer had no answer before that was lost.
    bool is_again(const Seen& seen, const TaskView& view) const {
        if (seen.version != 0 && view.has(seen.version)) return true;
        if (seen.event >= published_.size() || seen_in_[seen.event] == 0) return false;
        const auto& event = published_[seen.event];
        return seen_in_[seen.event] == era_ || !epoch_reset_at_ ||
               (event.acknowledged && event.acknowledged_at <= *epoch_reset_at_);
    }

    bool is_late(const Seen& seen, const TaskView& view) const {
        if (seen.position != 0 && seen.position <= position_) return true;
        if (seen.version != 0 && seen.version < view.last) return true;
        return rules_.in_publishing_order && seen.event < view.last_event;
    }

    /// A recovery excuses what it replaces: at the start of a log, where the subscriber joined late, and
    /// after a reset.
    void take_recovery(const SubscriberLog& subscriber, const Seen& seen) {
        if (!seen.intact) count_corrupted(seen);
        auto& view = views_[seen.task];
        const bool joined_late = !view.begun && !subscriber.from_start;
        if (joined_late || view.after_reset) view.announced = std::max(view.announced, seen.version);
        view.recovered = view.recovered || view.after_reset;
        view.last = std::max(view.last, view.announced);
        view.begun = true;
        view.after_reset = false;
    }

    void begin_era(const SubscriberLog& subscriber, std::uint32_t epoch) {
        for (auto& [task, view] : views_) {
            judge_gaps(subscriber.stalled, task, view);
            view.begin_anew();
        }
        ++era_;
        epoch_ = epoch;
        position_ = 0;
    }

    void judge_gaps(bool stalled, std::uint32_t task, const TaskView& view) {
        for (std::uint64_t v = view.announced + 1; v <= view.last; ++v) {
            if (view.has(v)) continue;
            const auto from = v;
            while (v < view.last && !view.has(v + 1)) ++v;
            const auto size = v - from + 1;
            if (stalled && size <= budget_) {
                budget_ -= size;
                verdict_.thinned += size;
            } else {
                ++verdict_.silent_gaps;
                example("task {} jumps over versions {} to {}", task, from, v);
            }
        }
    }

    void judge_losses(bool stalled, std::uint32_t task, const TaskView& view) {
        const auto events = events_of_.find(task);
        if (events == events_of_.end()) return;
        bool in_gap = false;
        for (const auto i : events->second) {
            if (seen_in_[i] != 0) in_gap = false;
            if (seen_in_[i] != 0 || !published_[i].acknowledged) continue;
            if (is_thinned(stalled, view, i)) continue;
            if (is_announced(task, view, i)) {
                ++verdict_.announced;
                continue;
            }
            ++verdict_.lost;
            example("event {} of task {} (version {}) never came", i, task, place_of_[i].version);
            // Without versions a jump shows only by what came later.
            if (view.last != 0 || in_gap || i >= highest_event_.value_or(0)) continue;
            in_gap = true;
            ++verdict_.silent_gaps;
        }
    }

    /// Thinning keeps the newest: a stalled reader that never reached the head of the task has lost its tail.
    bool is_thinned(bool stalled, const TaskView& view, std::size_t event) const {
        const auto version = place_of_[event].version;
        return stalled && version > view.announced && version < view.last && !published_[event].milestone;
    }

    bool is_announced(std::uint32_t task, const TaskView& view, std::size_t event) const {
        const auto& place = place_of_[event];
        const auto acknowledged_at = published_[event].acknowledged_at;
        if (epoch_reset_at_ && *epoch_reset_at_ >= acknowledged_at) {
            // What the new history holds beyond the state that it told must still come.
            return place.epoch != epoch_ || epoch_ == 0 || place.version <= view.announced;
        }
        if (reset_at_ && *reset_at_ >= acknowledged_at) {
            if (view.recovered) return place.version <= view.announced;
            return has_ended(task, *reset_at_);  // expired since: nothing is left to be told
        }
        return place.version != 0 && place.epoch == epoch_ && place.version <= view.announced;
    }

    bool has_ended(std::uint32_t task, std::uint64_t by) const {
        const auto& event = published_[events_of_.at(task).back()];
        return event.last && event.acknowledged && event.acknowledged_at <= by;
    }

    void count_corrupted(const Seen& seen) {
        ++verdict_.corrupted;
        if (seen.event == Seen::foreign)
            example("something that nobody published for it");
        else
            example("event {} of task {} (version {}) with other values", seen.event, seen.task,
                    seen.version);
    }

    template <class... Args>
    void example(fmt::format_string<Args...> format, Args&&... args) {
        if (verdict_.examples.size() >= max_examples) return;
        const auto& name = subscribers_[who_].name;
        verdict_.examples.push_back((name.empty() ? fmt::format("subscriber {}", who_) : name) + ": " +
                                    fmt::format(format, std::forward<Args>(args)...));
    }

    std::span<const SubscriberLog> subscribers_;
    std::span<const Published> published_;
    Rules rules_;
    std::uint64_t budget_;
    std::vector<Place> place_of_;
    std::unordered_map<std::uint32_t, std::vector<std::size_t>> events_of_;
    Verdict verdict_;

    // Of the subscriber that is being judged.
    std::size_t who_ = 0;
    std::unordered_map<std::uint32_t, TaskView> views_;
    std::vector<std::uint16_t> seen_in_;  // the era in which an event came last; 0: never
    std::uint16_t era_ = 1;               // counts histories
    std::uint32_t epoch_ = 0;
    std::uint64_t position_ = 0;
    std::optional<std::uint32_t> highest_event_;
    std::optional<std::uint64_t> reset_at_;        // of the last reset of either kind
    std::optional<std::uint64_t> epoch_reset_at_;  // of the last one into another history
};

}  // namespace

std::string Verdict::text() const {
    return fmt::format("{} lost, {} twice, {} silent gaps, {} out of order, {} corrupted", lost, twice,
                       silent_gaps, out_of_order, corrupted);
}

Verdict verify(std::span<const SubscriberLog> subscribers, std::span<const Published> published,
               const Rules& rules) {
    return Judge{subscribers, published, rules}.judge();
}

}  // namespace stepcast::proof
