#pragma once
#include <atomic>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "event/event.hpp"

namespace stepcast::flow {

/// What a projection shows, and beside it, while it is rebuilt, another fold of the same events from nothing.
/// All on the core strand.
class Refoldable {
  public:
    virtual ~Refoldable() = default;

    /// Whose events it folds.
    virtual const event::Category& category() const = 0;
    /// Up to here they are folded in what is shown.
    virtual event::Position applied() const = 0;
    /// Begins the other fold. One at a time.
    virtual void begin() = 0;
    /// It is there: not shown yet, and not given up, as after a new epoch.
    virtual bool folds() const = 0;
    /// Folds the next event into it, while it is there. False: the event cannot be read.
    virtual bool fold(const event::Event& event) = 0;
    /// The other fold has all up to `applied()`: it is kept up from now on as well.
    virtual void stand_beside() = 0;
    /// It is. Not before, nor once it was given up, as after an event that it could not read.
    virtual bool stands() const = 0;
    /// How many entries are shown, and how many were folded anew.
    virtual std::size_t shown() const = 0;
    virtual std::size_t folded() const = 0;
    /// The name of an entry that was folded before it stood beside, 0 <= `index`; empty: there is none.
    virtual std::string_view entry(std::size_t index) const = 0;
    /// Whether that is shown as it was folded anew. Only while it stands.
    virtual bool is_shown(std::string_view entry) const = 0;
    /// What stands beside is shown from now on.
    virtual void take_over() = 0;
    /// Forgets some of what was shown before, at most `count` entries; false once nothing of it is left.
    virtual bool shed(std::size_t count) = 0;
    /// Gives the other fold up.
    virtual void drop() = 0;
};

/// The same for a state that can be moved without moving its entries, with `apply` (false: the event cannot
/// be read, and is left out), `find` and `id_of` an entry (null and empty: there is none), `size`, `memory`
/// and `shed`. On the core strand unless said otherwise.
template <class State>
class Twofold final : public Refoldable {
  public:
    explicit Twofold(const event::Category& category) : category_{category} {}

    /// Folds the next event into all that has what came before it. False: what is shown lacks it.
    bool apply(const event::Event& event) {
        if (stands_ && !fresh_->apply(event)) drop();
        if (shown_.apply(event)) return true;
        lack();
        return false;
    }
    /// What is shown lacks an event that could not be read and was not given to it.
    void lack() { skipped_.fetch_add(1, std::memory_order_relaxed); }
    /// There is nothing up to here that was not applied.
    void pass(event::Position through) { applied_ = through; }
    /// A new epoch.
    void reset() {
        drop();
        shown_ = {};
        applied_ = 0;
        skipped_ = 0;
    }

    State& state() { return shown_; }
    const State& state() const { return shown_; }
    std::uint64_t memory() const {
        return shown_.memory() + before_.memory() + (fresh_ ? fresh_->memory() : 0);
    }
    /// Events that could not be read and are missing from what is shown. Any thread.
    std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

    const event::Category& category() const override { return category_; }
    event::Position applied() const override { return applied_; }
    void begin() override { fresh_.emplace(); }
    bool folds() const override { return fresh_.has_value(); }
    bool fold(const event::Event& event) override {
        const bool known = !fresh_->id_of(event.stream_id()).empty();
        if (!fresh_->apply(event)) return false;
        const auto id = known ? std::string_view{} : fresh_->id_of(event.stream_id());
        if (!id.empty()) ids_.push_back(id);
        return true;
    }
    void stand_beside() override { stands_ = true; }
    bool stands() const override { return stands_; }
    std::size_t shown() const override { return shown_.size(); }
    std::size_t folded() const override { return fresh_ ? fresh_->size() : 0; }
    std::string_view entry(std::size_t index) const override {
        return index < ids_.size() ? ids_[index] : std::string_view{};
    }
    bool is_shown(std::string_view entry) const override {
        const auto* shown = shown_.find(entry);
        return shown != nullptr && *shown == *fresh_->find(entry);
    }
    void take_over() override {
        before_ = std::exchange(shown_, std::move(*fresh_));
        skipped_ = 0;
        drop();
    }
    bool shed(std::size_t count) override {
        if (before_.shed(count)) return true;
        before_ = {};
        return false;
    }
    void drop() override {
        stands_ = false;
        ids_.clear();
        fresh_.reset();
    }

  private:
    const event::Category& category_;
    State shown_;
    State before_;  // what was shown, until it is shed
    std::optional<State> fresh_;
    std::vector<std::string_view> ids_;  // of the entries of `fresh_` before it stood beside
    bool stands_ = false;
    event::Position applied_ = 0;
    std::atomic<std::uint64_t> skipped_{0};
};

}  // namespace stepcast::flow
