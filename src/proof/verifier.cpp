#include "proof/verifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace stepcast::proof {
namespace {

constexpr std::size_t max_examples = 10;

/// What one subscriber knows of one task.
struct TaskView {
    std::vector<bool> versions;   // versions[v]: seen as an event
    std::uint64_t last = 0;       // highest version seen as an event or announced
    std::uint64_t announced = 0;  // everything up to here is excused: the state was sent instead
    bool begun = false;           // an event or a recovery was seen
    bool after_reset = false;     // the next recovery excuses what lies before it

    bool has(std::uint64_t version) const { return version < versions.size() && versions[version]; }
    void add(std::uint64_t version) {
        if (version >= versions.size()) versions.resize(version + 1);
        versions[version] = true;
    }
};

class Judge {
  public:
    Judge(std::span<const SubscriberLog> subscribers, std::span<const Published> published,
          std::uint64_t coalesced)
        : subscribers_{subscribers},
          published_{published},
          budget_{coalesced},
          version_of_(published.size()) {}

    Verdict judge() {
        for (const auto& subscriber : subscribers_) learn_versions(subscriber);
        for (who_ = 0; who_ < subscribers_.size(); ++who_) judge_subscriber(subscribers_[who_]);
        return std::move(verdict_);
    }

  private:
    using Views = std::unordered_map<std::uint32_t, TaskView>;

    void learn_versions(const SubscriberLog& subscriber) {
        for (const auto& seen : subscriber.seen) {
            if (seen.kind != Seen::Kind::event || seen.event >= published_.size()) continue;
            version_of_[seen.event] = seen.version;
        }
    }

    void judge_subscriber(const SubscriberLog& subscriber) {
        Views views;
        std::vector<bool> events(published_.size());
        std::uint64_t position = 0;
        for (const auto& seen : subscriber.seen) {
            switch (seen.kind) {
                case Seen::Kind::event:
                    take_event(seen, views[seen.task], events, position);
                    break;
                case Seen::Kind::recovery:
                    take_recovery(seen, views[seen.task]);
                    break;
                case Seen::Kind::reset:
                    position = 0;
                    for (const auto task : subscriber.tasks) views[task].after_reset = true;
                    break;
            }
        }
        for (const auto task : subscriber.tasks) judge_gaps(subscriber, task, views[task]);
        judge_losses(subscriber, views, events);
    }

    void take_event(const Seen& seen, TaskView& view, std::vector<bool>& events, std::uint64_t& position) {
        ++verdict_.deliveries;
        const bool known = seen.event < published_.size();
        if (view.has(seen.version) || (known && events[seen.event])) {
            ++verdict_.twice;
            example("task {} version {} twice", seen.task, seen.version);
        } else if (seen.position <= position || seen.version < view.last) {
            ++verdict_.out_of_order;
            example("task {} version {} at position {} came after version {} and position {}", seen.task,
                    seen.version, seen.position, view.last, position);
        }
        position = std::max(position, seen.position);
        view.last = std::max(view.last, seen.version);
        view.begun = true;
        view.add(seen.version);
        if (known) events[seen.event] = true;
    }

    /// A recovery excuses what it replaces: at the start of a log, where the subscriber joined late, and
    /// after a reset.
    static void take_recovery(const Seen& seen, TaskView& view) {
        if (!view.begun || view.after_reset) view.announced = std::max(view.announced, seen.version);
        view.last = std::max(view.last, view.announced);
        view.begun = true;
        view.after_reset = false;
    }

    void judge_gaps(const SubscriberLog& subscriber, std::uint32_t task, TaskView& view) {
        for (std::uint64_t v = 1; v <= view.last; ++v) {
            if (view.has(v)) continue;
            if (v <= view.announced) {
                ++verdict_.announced;
                continue;
            }
            const auto from = v;
            while (v < view.last && !view.has(v + 1)) ++v;
            const auto size = v - from + 1;
            if (subscriber.stalled && size <= budget_) {
                budget_ -= size;
                verdict_.thinned += size;
            } else {
                ++verdict_.silent_gaps;
                example("task {} jumps over versions {} to {}", task, from, v);
            }
        }
    }

    void judge_losses(const SubscriberLog& subscriber, Views& views, const std::vector<bool>& events) {
        std::unordered_map<std::uint32_t, const TaskView*> wanted;
        for (const auto task : subscriber.tasks) wanted.emplace(task, &views[task]);
        for (std::size_t i = 0; i < published_.size(); ++i) {
            if (events[i] || !published_[i].acknowledged) continue;
            const auto it = wanted.find(published_[i].task);
            if (it == wanted.end() || is_excused(subscriber, *it->second, i)) continue;
            ++verdict_.lost;
            example("event {} of task {} (version {}) never came", i, published_[i].task, version_of_[i]);
        }
    }

    bool is_excused(const SubscriberLog& subscriber, const TaskView& view, std::size_t event) const {
        const auto version = version_of_[event];
        if (version == 0) return false;  // nobody ever saw it
        if (version <= view.announced) return true;
        // Thinning keeps the newest: a stalled reader that never reached the head of the task has lost its
        // tail.
        return subscriber.stalled && !published_[event].milestone && version < view.last;
    }

    template <class... Args>
    void example(fmt::format_string<Args...> format, Args&&... args) {
        if (verdict_.examples.size() >= max_examples) return;
        verdict_.examples.push_back(
            fmt::format("subscriber {}: {}", who_, fmt::format(format, std::forward<Args>(args)...)));
    }

    std::span<const SubscriberLog> subscribers_;
    std::span<const Published> published_;
    std::uint64_t budget_;
    std::vector<std::uint64_t> version_of_;  // 0: no subscriber saw it
    std::size_t who_ = 0;
    Verdict verdict_;
};

}  // namespace

std::string Verdict::text() const {
    return fmt::format("{} lost, {} twice, {} silent gaps, {} out of order", lost, twice, silent_gaps,
                       out_of_order);
}

Verdict verify(std::span<const SubscriberLog> subscribers, std::span<const Published> published,
               std::uint64_t coalesced) {
    return Judge{subscribers, published, coalesced}.judge();
}

}  // namespace stepcast::proof
