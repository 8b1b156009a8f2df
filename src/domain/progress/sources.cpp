#include "domain/progress/sources.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include "aio/spawn.hpp"
#include "base/hash.hpp"
#include "event/cursor.hpp"
#include "flow/replay_source.hpp"

namespace stepcast::progress {
namespace {

// One turn of the core: of a user with more tasks than this only the newest are looked at, and the others
// count as left out.
constexpr std::size_t max_looked_at = 20'000;

// What user and task streams share: which tasks were told, and how they have turned since.
class TaskRecoveries : public flow::Recoveries {
  public:
    /// `told`: counts recoveries by reason.
    TaskRecoveries(ProgressEventService& service, ProgressSources::Counts::Recoveries& told,
                   std::string user_id)
        : service_{service}, user_id_{std::move(user_id)}, counted_{told} {}

    bool live() const override { return service_.live(); }
    flow::Replay::Moment moment() const override {
        return {service_.store().epoch(), service_.projection().applied(), forbidden(), ended()};
    }
    awaitable<result<flow::Replay::Head>> head() override {
        co_return flow::Replay::Head{service_.store().head()};
    }

    awaitable<result<flow::Replay::Begun>> begin(RecoveryReason reason, event::Position since) override {
        reason_ = reason;
        running_.clear();
        turned_.clear();
        looked_at_turned_ = false;
        due_ = concerned(reason != RecoveryReason::connect, since);
        if (reason == RecoveryReason::resume) add_stalled(since);
        next_ = 0;
        co_return flow::Replay::Begun{due_.left_out};
    }

    awaitable<result<std::optional<flow::Recovery>>> next_due() override {
        while (next_ < due_.task_ids.size()) {
            auto& id = due_.task_ids[next_++];
            const Task* task = service_.projection().find(id);
            if (task == nullptr) continue;  // expired meanwhile
            if (!task->state.finished()) running_[id] = service_.is_stalled(*task);
            co_return tell(*task);
        }
        due_ = {};
        co_return std::nullopt;
    }

    // Turning stalled or back is no event: who turned since their recovery, or since the cursor, is told
    // again.
    awaitable<result<std::optional<flow::Recovery>>> next_turned() override {
        if (!looked_at_turned_) look_at_turned();
        while (!turned_.empty()) {
            const std::string id = std::move(turned_.back());
            turned_.pop_back();
            const Task* task = service_.projection().find(id);
            bool& stalled = running_[id];
            if (task == nullptr || task->state.finished() || service_.is_stalled(*task) == stalled) continue;
            stalled = !stalled;
            co_return tell(*task);
        }
        looked_at_turned_ = false;
        co_return std::nullopt;
    }

  protected:
    // Whose recovery is due, the newest first; `left_out` more are not told.
    struct Concerned {
        std::vector<std::string> task_ids{};
        std::size_t left_out = 0;
    };

    // `all`: whatever the window says; `since`: only tasks with newer events.
    virtual Concerned concerned(bool all, event::Position since) const = 0;
    // Those of the stream's tasks that were announced as stalled, bounded as recoveries are.
    virtual std::vector<std::string> stalled() const = 0;
    virtual std::optional<event::Position> ended() const { return {}; }
    virtual bool forbidden() const { return false; }

    ProgressEventService& service_;
    const std::string user_id_;

  private:
    flow::Recovery tell(const Task& task) {
        ++counted_[static_cast<std::size_t>(reason_)];
        return {service_.recovery_frame(task), task.id, task.state.position};
    }

    // Who resumes was told of no stall that came while they were away, and nothing of it is behind a cursor.
    void add_stalled(event::Position since) {
        for (auto& id : stalled()) {
            if (due_.task_ids.size() >= service_.options().recovery_max) return;
            if (service_.projection().find(id)->state.position <= since)
                due_.task_ids.push_back(std::move(id));
        }
    }

    void look_at_turned() {
        looked_at_turned_ = true;
        if (reason_ == RecoveryReason::resume)
            for (auto& id : stalled()) running_.try_emplace(std::move(id), false);
        for (const auto& [id, stalled] : running_) {
            const Task* task = service_.projection().find(id);
            if (task != nullptr && !task->state.finished() && service_.is_stalled(*task) != stalled)
                turned_.push_back(id);
        }
    }

    ProgressSources::Counts::Recoveries& counted_;
    RecoveryReason reason_ = RecoveryReason::connect;
    Concerned due_;
    std::size_t next_ = 0;
    // Running tasks that were told, here or before the cursor, and whether as stalled.
    boost::unordered_flat_map<std::string, bool, KeyedHash, std::equal_to<>> running_;
    std::vector<std::string> turned_;
    bool looked_at_turned_ = false;
};

class OfUser final : public TaskRecoveries {
  public:
    using TaskRecoveries::TaskRecoveries;
    bool inspects() const override { return false; }
    bool ends_with(const event::Event&) const override { return false; }
    bool admits(const event::Event&) const override { return true; }
    awaitable<result<store::Page>> read(store::Range range) override {
        return service_.store().read_subject(user_id_, service_.categories(), range);
    }

  private:
    Concerned concerned(bool all, event::Position since) const override {
        Concerned found;
        const User* user = service_.projection().find_user(user_id_);
        if (user == nullptr) return found;
        const Timestamp oldest = service_.clock().now() - service_.options().recovery_window;
        std::size_t seen = 0;
        for (const Task& task : user->tasks) {  // the newest first
            if (task.state.position <= since) break;
            if (seen++ == max_looked_at) {
                found.left_out += user->tasks.size() - max_looked_at;
                break;
            }
            if (!all && task.state.finished() && task.state.recorded_at < oldest) continue;
            if (found.task_ids.size() == service_.options().recovery_max)
                ++found.left_out;
            else
                found.task_ids.push_back(task.id);
        }
        return found;
    }

    std::vector<std::string> stalled() const override {
        std::vector<std::string> found;
        const User* user = service_.projection().find_user(user_id_);
        if (user == nullptr) return found;
        const std::size_t wanted = std::min(user->stalled, service_.options().recovery_max);
        std::size_t seen = 0;
        for (const Task& task : user->tasks) {
            if (found.size() == wanted || ++seen > max_looked_at) break;
            if (task.stalled) found.push_back(task.id);
        }
        return found;
    }
};

class OfTask final : public TaskRecoveries {
  public:
    OfTask(ProgressEventService& service, ProgressSources::Counts::Recoveries& told, std::string task_id,
           std::string user_id)
        : TaskRecoveries{service, told, std::move(user_id)}, task_id_{std::move(task_id)} {}

    bool ends_with(const event::Event& event) const override {
        return event.lifecycle() == event::Lifecycle::ends;
    }
    bool admits(const event::Event& event) const override {
        return user_id_.empty() || event.subject() == user_id_;
    }
    awaitable<result<store::Page>> read(store::Range range) override {
        return service_.store().read_stream(category, task_id_, range);
    }

  private:
    const Task* task() const { return service_.projection().find(task_id_); }

    Concerned concerned(bool, event::Position since) const override {
        if (task() == nullptr || task()->state.position <= since) return {};
        return {{task_id_}, 0};
    }
    std::vector<std::string> stalled() const override {
        if (task() == nullptr || !task()->stalled) return {};
        return {task_id_};
    }
    std::optional<event::Position> ended() const override {
        if (task() == nullptr || !task()->state.finished()) return {};
        return task()->state.position;
    }
    bool forbidden() const override {
        return task() != nullptr && !user_id_.empty() && task()->user->id != user_id_;
    }

    const std::string task_id_;
};

}  // namespace

std::unique_ptr<broadcast::StreamSource> ProgressSources::of_user(std::string user_id, std::string cursor) {
    return std::make_unique<flow::ReplaySource>(
        service_.core(), std::make_unique<OfUser>(service_, counts_.of_users, std::move(user_id)),
        std::move(cursor));
}

std::unique_ptr<broadcast::StreamSource> ProgressSources::of_task(std::string task_id, std::string user_id,
                                                                  std::string cursor) {
    return std::make_unique<flow::ReplaySource>(
        service_.core(),
        std::make_unique<OfTask>(service_, counts_.of_tasks, std::move(task_id), std::move(user_id)),
        std::move(cursor));
}

awaitable<Entry> ProgressSources::enter(std::string task_id, std::string user_id, std::string cursor) {
    co_return co_await aio::run_on(service_.core(), [&]() -> awaitable<Entry> {
        const Task* task = service_.projection().find(task_id);
        if (!service_.live() || task == nullptr) co_return Entry::stream;
        if (!user_id.empty() && task->user->id != user_id) co_return Entry::not_owner;
        const auto at = event::parse_cursor(cursor);
        // Above what is applied nobody knows whether there is more.
        const bool received = at && at->epoch == service_.store().epoch() &&
                              at->position >= task->state.position &&
                              at->position <= service_.projection().applied();
        co_return received && task->state.finished() ? Entry::finished : Entry::stream;
    });
}

}  // namespace stepcast::progress
