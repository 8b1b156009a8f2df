#pragma once
#include <functional>
#include <utility>

#include "store/forwarding_store.hpp"

namespace stepcast::store::test {

/// Begins another history on command, as a store elsewhere does that was emptied or put back: whoever listens
/// is told, once.
class ChangingStore final : public ForwardingStore, public Feed {
  public:
    using ForwardingStore::ForwardingStore;

    /// `other`: what it holds from now on, under an epoch of its own.
    void change_to(EventStore& other) {
        behind->feed().on_change({});
        behind = &other;
        behind->feed().on_change(hint_);
        if (told_) told_();
    }

    Feed& feed() override { return *this; }
    void on_change(std::function<void()> hint) override {
        hint_ = std::move(hint);
        behind->feed().on_change(hint_);
    }
    void read_through(Position position) override { behind->feed().read_through(position); }
    void on_new_epoch(std::function<void()> told) override { told_ = std::move(told); }

  private:
    std::function<void()> hint_;
    std::function<void()> told_;
};

}  // namespace stepcast::store::test
