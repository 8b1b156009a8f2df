#include <fmt/format.h>
#include <algorithm>

#include "aio/spawn.hpp"
#include "domain/progress/service.hpp"

namespace stepcast::progress {
namespace {

constexpr std::size_t page_limit = 256;
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

// What both kinds of streams share: replay page by page, then the state, all of it read in turns of the core.
class Source : public http::StreamSource {
  public:
    Source(ProgressEventService& service, std::string user_id, std::string cursor)
        : service_{service}, user_id_{std::move(user_id)}, cursor_{std::move(cursor)} {}

    awaitable<http::CatchUp> next(event::Position after, bool first_round) override {
        // While the state is rebuilt thousands may ask every second: that is answered without the core.
        if (!service_.live()) {
            http::CatchUp later;
            later.wait = true;
            co_return later;
        }
        co_return co_await aio::run_on(service_.core(),
                                       [this, after, first_round]() -> awaitable<http::CatchUp> {
                                           http::CatchUp page;
                                           if (first_round && !placed_) {
                                               standing_ = standing_of(cursor_, service_.store());
                                               placed_ = true;
                                               asked_ = standing_.position;
                                           }
                                           asked_ = std::max(asked_, after);
                                           co_await read(page, first_round);
                                           co_return page;
                                       });
    }

    event::Position start() const override { return 0; }

  protected:
    using Kind = Standing::Kind;

    virtual awaitable<result<store::Page>> read_page(store::Range range) = 0;
    // Appends recoveries and returns how many; `all`: whatever the window says; `since`: only of tasks with
    // newer events.
    virtual std::size_t append_state(std::vector<event::EventRef>& frames, bool all,
                                     event::Position since) = 0;
    virtual ProgressEventService::Counts::Recoveries& told() const = 0;
    virtual bool over() const = 0;
    // True if nothing at all may be told.
    virtual bool forbidden() const { return false; }

    ProgressEventService& service_;
    const std::string user_id_;

  private:
    awaitable<void> read(http::CatchUp& page, bool first_round) {
        const bool replay = !first_round || standing_.kind == Kind::resumed;
        bool lost = false;
        if (forbidden()) {
            page.end = page.last = true;
            co_return;
        }
        const event::Position applied = service_.projection().applied();
        if (replay && asked_ < applied) {
            auto events = co_await read_page({store::Range::By::position, asked_ + 1, applied, page_limit});
            if (!events) {  // the store cannot be read now: heartbeats until it can
                page.wait = true;
                co_return;
            }
            lost = events->lost_through > asked_;
            if (!lost) {
                page.frames = std::move(events->events);
                page.through = events->through;
                if (events->more || page.through < service_.projection().applied()) co_return;
            }
        }
        // From here to the end nothing suspends: events, snapshots and the applied position are of one
        // moment.
        page.last = true;
        page.through = service_.projection().applied();
        if (first_round || lost) append_recovery(page.frames, lost);
        page.end = over();
    }

    void append_recovery(std::vector<event::EventRef>& frames, bool lost) {
        const RecoveryReason reason = lost                              ? RecoveryReason::expired
                                      : standing_.kind == Kind::foreign ? RecoveryReason::foreign
                                      : standing_.kind == Kind::resumed ? RecoveryReason::resume
                                                                        : RecoveryReason::connect;
        std::size_t recoveries = 0;
        if (reason == RecoveryReason::expired || reason == RecoveryReason::foreign) {
            frames.push_back(frame(
                fmt::format("event: reset\ndata: {{\"reason\":\"{}\"}}\n\n", lost ? "expired" : "epoch")));
            recoveries = append_state(frames, true, 0);
        } else if (reason == RecoveryReason::resume) {
            recoveries = append_state(frames, true, standing_.position);
        } else {
            recoveries = append_state(frames, false, 0);
        }
        told()[static_cast<std::size_t>(reason)] += recoveries;
        frames.push_back(
            frame(event::bare_id_frame(service_.store().epoch(), service_.projection().applied())));
    }

    const std::string cursor_;
    Standing standing_;
    event::Position asked_ = 0;
    bool placed_ = false;
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

    std::size_t append_state(std::vector<event::EventRef>& frames, bool all, event::Position since) override {
        const User* user = service_.projection().find_user(user_id_);
        if (user == nullptr) return 0;
        const Timestamp oldest = service_.clock().now() - service_.options().recovery_window;
        std::size_t recoveries = 0;
        std::size_t remaining = 0;
        std::size_t seen = 0;
        for (const Task& task : user->tasks) {  // the newest first
            // One turn of the core: of a user with more tasks than this only the newest are looked at.
            if (task.state.position <= since || ++seen > max_looked_at) break;
            if (!all && task.state.finished() && task.state.recorded_at < oldest) continue;
            if (recoveries == service_.options().recovery_max) {
                ++remaining;
                continue;
            }
            frames.push_back(service_.recovery_frame(task));
            ++recoveries;
        }
        if (remaining != 0)
            frames.push_back(frame(fmt::format("event: more\ndata: {{\"remaining\":{}}}\n\n", remaining)));
        return recoveries;
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

    std::size_t append_state(std::vector<event::EventRef>& frames, bool, event::Position since) override {
        if (task() == nullptr || task()->state.position <= since) return 0;
        frames.push_back(service_.recovery_frame(*task()));
        return 1;
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
