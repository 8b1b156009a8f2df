#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include "event/cursor.hpp"
#include "flow/replay.hpp"

namespace stepcast::flow::test {

inline constexpr std::array<std::string_view, 1> counter_types{"COUNTED"};
inline constexpr event::Category counters{"counter", "counted", counter_types, true};

/// A store and a projection whose applied position moves on while the machine's actions are under way, and
/// the client that the pages are told to.
class World {
  public:
    explicit World(std::string from = {}) { connect(std::move(from)); }

    void connect(std::string with) {
        resumed_ = !with.empty();
        live_ = false;
        replay_.emplace(std::move(with));
        due_.clear();
        turned_.clear();
    }

    event::Position put(const std::string& stream) {
        const std::string json = fmt::format("{{\"n\":{}}}", head_ + 1) + std::string(padding, ' ');
        const auto id = fmt::format("e{}", ++head_);
        const auto draft = event::Event::make(
            {.category = &counters, .stream_id = stream, .id = id, .subject = "u", .json = json});
        log_.push_back(event::Event::seal(draft, ++versions_[stream], head_, Timestamp{}, epoch));
        applied = head_;
        return head_;
    }
    void put_foreign(int count = 1) { applied = head_ += static_cast<event::Position>(count); }
    void stall(const std::string& stream) { turned_.push_back(stream); }
    event::Position head() const { return head_; }
    /// The position of the newest event that is there.
    event::Position newest() const { return log_.empty() ? 0 : log_.back()->position(); }

    /// The stream's events are gone. False if it has none.
    bool expire(const std::string& stream) {
        const auto of_it = [&](const event::EventRef& event) { return event->stream_id() == stream; };
        const auto last = std::find_if(log_.rbegin(), log_.rend(), of_it);
        if (last == log_.rend()) return false;
        lost_through = std::max(lost_through, (*last)->position());
        std::erase_if(log_, of_it);
        versions_.erase(stream);
        return true;
    }

    /// One page, with `meanwhile` between each action and its outcome. The client takes `most` of its frames.
    broadcast::CatchUp page(std::size_t most = SIZE_MAX) {
        auto action = replay_->next(moment());
        while (!std::holds_alternative<Replay::Give>(action)) {
            ++steps;
            action = perform(action);
        }
        auto given = std::get<Replay::Give>(std::move(action));
        EXPECT_TRUE(!given.wait || given.frames.empty());
        take(given, most);
        return given;
    }
    /// Pages until the last one; how many.
    int pages() {
        int count = 1;
        while (!page().last)
            if (++count == 100) {
                ADD_FAILURE() << "never live";
                break;
            }
        return count;
    }

    /// What each event and control frame was, in the order of the telling.
    std::vector<std::string> told;
    std::vector<std::string> actions;
    std::string epoch = "e0";
    event::Position applied = 0;
    event::Position lost_through = 0;
    bool forbidden = false;
    std::optional<event::Position> ended;
    std::optional<event::Position> head_below;  // the store's head, if it is not what was put
    std::size_t padding = 0;
    std::function<void()> meanwhile;
    int steps = 0;
    int fail_at = 0;

    /// By the client's telling: the version of each stream.
    std::map<std::string, std::uint64_t> known;
    std::string cursor;
    /// Versions that were left out without a recovery in their place, or came twice.
    std::vector<std::string> gaps;
    const std::map<std::string, event::Version>& versions() const { return versions_; }

  private:
    Replay::Moment moment() const { return {epoch, applied, forbidden, ended}; }

    bool fails() const { return steps == fail_at; }
    void suspend(std::string action) {
        actions.push_back(std::move(action));
        if (meanwhile) meanwhile();
    }

    Replay::Action perform(const Replay::Action& action) {
        const auto unexpected = fail(store::errc::unavailable);
        if (const auto* read = std::get_if<Replay::Read>(&action)) {
            suspend(fmt::format("read {}-{}", read->range.from, read->range.to));
            if (fails()) return replay_->resume(moment(), result<store::Page>{unexpected});
            return replay_->resume(moment(), result<store::Page>{read_events(read->range)});
        }
        if (const auto* begin = std::get_if<Replay::Begin>(&action)) {
            suspend(fmt::format("begin {} {}", recovery_reason_names[static_cast<std::size_t>(begin->reason)],
                                begin->since));
            if (fails()) return replay_->resume(moment(), result<Replay::Begun>{unexpected});
            due_.clear();
            for (const auto& event : log_)
                if (event->position() > begin->since && event->position() <= applied)
                    due_.insert(std::string{event->stream_id()});
            return replay_->resume(moment(), result<Replay::Begun>{Replay::Begun{}});
        }
        if (std::holds_alternative<Replay::AskHead>(action)) {
            suspend("head");
            if (fails()) return replay_->resume(moment(), result<Replay::Head>{unexpected});
            return replay_->resume(moment(), result<Replay::Head>{Replay::Head{head_below.value_or(head_)}});
        }
        const bool due = std::holds_alternative<Replay::Recover>(action);
        suspend(due ? "recover" : "turn");
        if (fails()) return replay_->resume(moment(), result<std::optional<Recovery>>{unexpected});
        std::optional<Recovery> recovery;
        if (due && !due_.empty()) {
            recovery = recovery_of(*due_.begin());
            due_.erase(due_.begin());
        } else if (!due && !turned_.empty()) {
            recovery = recovery_of(turned_.back());
            turned_.pop_back();
        }
        return replay_->resume(moment(), result<std::optional<Recovery>>{std::move(recovery)});
    }

    store::Page read_events(const store::Range& range) const {
        store::Page page{.events = {}, .through = range.to, .more = false, .lost_through = lost_through};
        for (const auto& event : log_) {
            if (event->position() < range.from || event->position() > range.to) continue;
            if (page.events.size() == range.limit) {
                page.more = true;
                page.through = page.events.back()->position();
                break;
            }
            page.events.push_back(event);
        }
        return page;
    }

    Recovery recovery_of(const std::string& stream) const {
        Recovery recovery{nullptr, stream, 0};
        std::uint64_t version = 0;
        for (const auto& event : log_)
            if (event->stream_id() == stream && event->position() <= applied) {
                recovery.position = event->position();
                version = event->version();
            }
        recovery.frame = event::Event::control(
            counters, fmt::format("event: recovery\ndata: {}={}\n\n", stream, version), stream, "u");
        return recovery;
    }

    void take(const broadcast::CatchUp& page, std::size_t most) {
        for (const auto& frame : page.frames) {
            if (most-- == 0) return;
            const std::string text{frame->frame()};
            if (text.starts_with("id: ")) cursor = text.substr(4, text.find('\n') - 4);
            if (frame->position() != 0) {
                EXPECT_GT(frame->position(), position_) << "ids rise";
                EXPECT_EQ(text.find(epoch), 4u);
                position_ = frame->position();
                told.push_back(fmt::format("{} {}", frame->stream_id(), frame->version()));
                auto& last = last_[std::string{frame->stream_id()}];
                const bool twice = !events_.insert(told.back()).second;
                if (twice || frame->version() > last + 1) gaps.push_back(told.back());
                last = std::max<std::uint64_t>(last, frame->version());
                auto& version = known[std::string{frame->stream_id()}];
                version = std::max<std::uint64_t>(version, frame->version());
            } else if (text.starts_with("event: recovery")) {
                const std::string data = text.substr(22, text.size() - 24);
                told.push_back("recovery " + data);
                const auto equals = data.find('=');
                known[data.substr(0, equals)] = std::stoull(data.substr(equals + 1));
                if (!resumed_ && !live_) last_[data.substr(0, equals)] = known[data.substr(0, equals)];
            } else if (text.starts_with("event: reset")) {
                told.push_back(text.find("expired") != std::string::npos ? "reset expired" : "reset epoch");
                known.clear();
                resumed_ = live_ = false;
                position_ = 0;
            } else {
                told.emplace_back("live");
                live_ = true;
            }
        }
    }

    std::optional<Replay> replay_;
    bool resumed_ = false;  // by a cursor that holds
    bool live_ = false;     // the recoveries are over
    std::set<std::string> events_;
    std::map<std::string, std::uint64_t> last_;  // version told as an event, or in place of events
    std::vector<event::EventRef> log_;
    std::map<std::string, event::Version> versions_;
    std::set<std::string> due_;
    std::vector<std::string> turned_;
    event::Position head_ = 0;
    event::Position position_ = 0;
};

}  // namespace stepcast::flow::test
