#include <fmt/format.h>
#include <boost/unordered/unordered_flat_map.hpp>

#include "aio/spawn.hpp"
#include "base/hash.hpp"
#include "domain/progress/service.hpp"

namespace stepcast::progress {
namespace {

constexpr std::size_t page_limit = 256;
// Of frames in a page: so much a stream that nobody reads may hold, and one frame more.
constexpr std::size_t page_bytes = 128 * 1024;
constexpr std::size_t max_looked_at = 20'000;

// Where a client stands in our history of positions.
struct Standing {
    enum class Kind { fresh, resumed, foreign };
    Kind kind = Kind::fresh;
    event::Position position = 0;
};

Standing standing_of(std::string_view cursor, const store::EventStore& store) {
    if (cursor.empty()) return {};
    const auto parsed = event::parse_cursor(cursor);
    if (!parsed || parsed->epoch != store.epoch() || parsed->position > store.head())
        return {Standing::Kind::foreign, 0};
    return {Standing::Kind::resumed, parsed->position};
}

event::EventRef frame(std::string_view text) {
    return event::Event::control(text, {}, {});
}

// A page's frames, and whether it holds enough.
struct Frames {
    std::vector<event::EventRef>& list;
    std::size_t bytes = 0;

    bool full() const { return bytes >= page_bytes; }
    void add(event::EventRef frame) {
        bytes += frame->frame().size();
        list.push_back(std::move(frame));
    }
};

// What both kinds of streams share: replay page by page, then the state, also in pages, all of it read in
// turns of the core.
class Source : public http::StreamSource {
  public:
    Source(ProgressEventService& service, std::string user_id, std::string cursor)
        : service_{service}, user_id_{std::move(user_id)}, cursor_{std::move(cursor)} {}

    awaitable<http::CatchUp> next() override {
        // While the state is rebuilt thousands may ask every second: that is answered without the core.
        if (!service_.live()) {
            http::CatchUp later;
            later.wait = true;
            co_return later;
        }
        co_return co_await aio::run_on(service_.core(), [this]() -> awaitable<http::CatchUp> {
            if (!placed_) {
                standing_ = standing_of(cursor_, service_.store());
                told_through_ = standing_.position;
                placed_ = true;
            }
            http::CatchUp page;
            co_await read(page);
            page.through = told_through_;
            co_return page;
        });
    }

  protected:
    using Kind = Standing::Kind;

    // Whose recovery is due, the newest first; `left_out` more are not told.
    struct Concerned {
        std::vector<std::string> task_ids;
        std::size_t left_out = 0;
    };

    virtual awaitable<result<store::Page>> read_page(store::Range range) = 0;
    // `all`: whatever the window says; `since`: only tasks with newer events.
    virtual Concerned concerned(bool all, event::Position since) const = 0;
    // Those of the stream's tasks that were announced as stalled, bounded as recoveries are.
    virtual std::vector<std::string> stalled() const = 0;
    virtual ProgressEventService::Counts::Recoveries& told() const = 0;
    virtual bool over() const = 0;
    // True if nothing at all may be told.
    virtual bool forbidden() const { return false; }

    ProgressEventService& service_;
    const std::string user_id_;

  private:
    event::Position applied() const { return service_.projection().applied(); }

    awaitable<void> read(http::CatchUp& page) {
        if (forbidden()) {
            page.end = page.last = true;
            co_return;
        }
        Frames frames{page.frames};
        if (stage_ == Stage::replay && standing_.kind != Kind::resumed) begin_recovery(frames, false);
        // Who resumed gets every event, also between recoveries. Who did not has them in the recoveries, and
        // nothing with an id before all of those.
        const bool events_first = stage_ != Stage::recovery || reason_ == RecoveryReason::resume;
        if (events_first && told_through_ < applied()) {
            auto events =
                co_await read_page({store::Range::By::position, told_through_ + 1, applied(), page_limit});
            if (!events) {  // the store cannot be read now: heartbeats until it can
                page.wait = true;
                co_return;
            }
            if (events->lost_through > told_through_)
                begin_recovery(frames, true);
            else if (append_events(frames, std::move(*events)))
                co_return;
        }
        // From here to the end nothing suspends: what is told is of one moment.
        if (stage_ == Stage::replay) begin_recovery(frames, false);
        if (stage_ == Stage::recovery && append_recoveries(frames)) co_return;
        if (told_through_ < applied() || append_turned(frames)) co_return;
        page.last = true;
        page.end = over();
    }

    // Takes from a page of the store what fits into one of ours. True if more is known to follow.
    bool append_events(Frames& frames, store::Page events) {
        bool cut = false;
        for (auto& event : events.events) {
            if ((cut = frames.full())) break;
            told_through_ = event->position();
            if (!ahead_.empty() && was_recovered(*event)) continue;
            frames.add(std::move(event));
        }
        if (!cut) told_through_ = events.through;
        erase_if(ahead_, [this](const auto& recovered) { return recovered.second <= told_through_; });
        return cut || events.more || told_through_ < applied();
    }

    // The recovery of a task may have been told while its events were still to come.
    bool was_recovered(const event::Event& event) const {
        const auto recovered = ahead_.find(event.stream_id());
        return recovered != ahead_.end() && event.position() <= recovered->second;
    }

    // Notes whom it is about at this moment; their state is told page by page, each as it stands then.
    void begin_recovery(Frames& frames, bool lost) {
        reason_ = lost                              ? RecoveryReason::expired
                  : standing_.kind == Kind::foreign ? RecoveryReason::foreign
                  : standing_.kind == Kind::resumed ? RecoveryReason::resume
                                                    : RecoveryReason::connect;
        stage_ = Stage::recovery;
        told_through_ = applied();
        ahead_.clear();
        running_.clear();
        const bool reset = reason_ == RecoveryReason::expired || reason_ == RecoveryReason::foreign;
        if (reset)
            frames.add(frame(
                fmt::format("event: reset\ndata: {{\"reason\":\"{}\"}}\n\n", lost ? "expired" : "epoch")));
        concerned_ = concerned(reason_ != RecoveryReason::connect, reset ? 0 : standing_.position);
        if (reason_ == RecoveryReason::resume) add_stalled();
        next_concerned_ = 0;
    }

    // Who resumes was told of no stall that came while they were away, and nothing of it is behind a cursor.
    void add_stalled() {
        for (auto& id : stalled()) {
            if (concerned_.task_ids.size() >= service_.options().recovery_max) return;
            if (service_.projection().find(id)->state.position <= standing_.position)
                concerned_.task_ids.push_back(std::move(id));
        }
    }

    // True if more of them follow; after the last comes the bare id, so that whoever is cut off before it
    // comes back without any of this.
    bool append_recoveries(Frames& frames) {
        for (; next_concerned_ < concerned_.task_ids.size(); ++next_concerned_) {
            if (frames.full()) return true;
            auto& id = concerned_.task_ids[next_concerned_];
            const Task* task = service_.projection().find(id);
            if (task == nullptr) continue;  // expired meanwhile
            frames.add(service_.recovery_frame(*task));
            ++told()[static_cast<std::size_t>(reason_)];
            if (!task->state.finished()) running_[id] = service_.is_stalled(*task);
            if (task->state.position > told_through_) ahead_.emplace(std::move(id), task->state.position);
        }
        if (concerned_.left_out != 0)
            frames.add(
                frame(fmt::format("event: more\ndata: {{\"remaining\":{}}}\n\n", concerned_.left_out)));
        frames.add(frame(event::bare_id_frame(service_.store().epoch(), told_through_)));
        concerned_ = {};
        stage_ = Stage::follow;
        return false;
    }

    // Turning stalled or back is no event: who turned since their recovery, or since the cursor, is told
    // again. True if more follow.
    bool append_turned(Frames& frames) {
        if (reason_ == RecoveryReason::resume)
            for (auto& id : stalled()) running_.try_emplace(std::move(id), false);
        for (auto& [id, stalled] : running_) {
            const Task* task = service_.projection().find(id);
            if (task == nullptr || task->state.finished() || service_.is_stalled(*task) == stalled) continue;
            if (frames.full()) return true;
            stalled = !stalled;
            frames.add(service_.recovery_frame(*task));
            ++told()[static_cast<std::size_t>(reason_)];
        }
        return false;
    }

    const std::string cursor_;
    Standing standing_;
    bool placed_ = false;
    enum class Stage { replay, recovery, follow } stage_ = Stage::replay;
    event::Position told_through_ = 0;
    RecoveryReason reason_ = RecoveryReason::connect;
    Concerned concerned_;
    std::size_t next_concerned_ = 0;
    // Running tasks that were told, here or before the cursor, and whether as stalled.
    boost::unordered_flat_map<std::string, bool, KeyedHash, std::equal_to<>> running_;
    // Tasks whose recovery holds more than `told_through_`, up to which position.
    boost::unordered_flat_map<std::string, event::Position, KeyedHash, std::equal_to<>> ahead_;
};

class UserSource final : public Source {
  public:
    using Source::Source;
    bool inspects() const override { return false; }
    bool ends_with(const event::Event&) const override { return false; }
    bool admits(const event::Event&) const override { return true; }

  private:
    awaitable<result<store::Page>> read_page(store::Range range) override {
        return service_.store().read_subject(user_id_, range);
    }

    ProgressEventService::Counts::Recoveries& told() const override {
        return service_.counts().user_recoveries;
    }

    Concerned concerned(bool all, event::Position since) const override {
        Concerned found;
        const User* user = service_.projection().find_user(user_id_);
        if (user == nullptr) return found;
        const Timestamp oldest = service_.clock().now() - service_.options().recovery_window;
        std::size_t seen = 0;
        for (const Task& task : user->tasks) {  // the newest first
            // One turn of the core: of a user with more tasks than this only the newest are looked at.
            if (task.state.position <= since || ++seen > max_looked_at) break;
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

    bool over() const override { return false; }
};

class TaskSource final : public Source {
  public:
    TaskSource(ProgressEventService& service, std::string task_id, std::string user_id, std::string cursor)
        : Source{service, std::move(user_id), std::move(cursor)}, task_id_{std::move(task_id)} {}

    bool ends_with(const event::Event& event) const override {
        return event.lifecycle() == event::Lifecycle::ends;
    }
    bool admits(const event::Event& event) const override {
        return user_id_.empty() || event.subject() == user_id_;
    }

  private:
    const Task* task() const { return service_.projection().find(task_id_); }

    awaitable<result<store::Page>> read_page(store::Range range) override {
        return service_.store().read_stream(category, task_id_, range);
    }

    ProgressEventService::Counts::Recoveries& told() const override {
        return service_.counts().task_recoveries;
    }

    Concerned concerned(bool, event::Position since) const override {
        if (task() == nullptr || task()->state.position <= since) return {};
        return {{task_id_}, 0};
    }

    std::vector<std::string> stalled() const override {
        if (task() == nullptr || !task()->stalled) return {};
        return {task_id_};
    }

    bool over() const override { return task() != nullptr && task()->state.finished(); }
    bool forbidden() const override {
        return task() != nullptr && !user_id_.empty() && task()->user->id != user_id_;
    }

    const std::string task_id_;
};

}  // namespace

std::unique_ptr<http::StreamSource> ProgressEventService::user_source(std::string user_id,
                                                                      std::string cursor) {
    return std::make_unique<UserSource>(*this, std::move(user_id), std::move(cursor));
}

std::unique_ptr<http::StreamSource> ProgressEventService::task_source(std::string task_id,
                                                                      std::string user_id,
                                                                      std::string cursor) {
    return std::make_unique<TaskSource>(*this, std::move(task_id), std::move(user_id), std::move(cursor));
}

awaitable<Entry> ProgressEventService::enter(std::string task_id, std::string user_id, std::string cursor) {
    return aio::run_on(core_,
                       [this, task_id = std::move(task_id), user_id = std::move(user_id),
                        cursor = std::move(cursor)]() -> awaitable<Entry> {
                           const Task* task = projection_.find(task_id);
                           if (!live() || task == nullptr) co_return Entry::stream;
                           if (!user_id.empty() && task->user->id != user_id) co_return Entry::not_owner;
                           const Standing standing = standing_of(cursor, store_);
                           const bool told = standing.kind == Standing::Kind::resumed &&
                                             standing.position >= task->state.position;
                           co_return told && task->state.finished() ? Entry::finished : Entry::stream;
                       });
}

}  // namespace stepcast::progress
