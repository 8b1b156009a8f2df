#pragma once
#include <functional>

#include "aio/gate.hpp"
#include "aio/notice.hpp"
#include "base/time.hpp"
#include "store/store.hpp"

namespace stepcast::store {

/// Calls a store's cleanup every `interval`, in steps that let others run between. Everything on the core
/// strand.
class Cleaner {
  public:
    /// Gets what a step removed or found too long. Must not throw.
    using Sink = std::function<void(const EventStore::Expired&)>;

    /// `store` and `clock` outlive the cleaner.
    Cleaner(aio::Strand strand, EventStore& store, const Clock& clock, Duration interval, Sink sink);

    /// From now on.
    void start();
    /// Cleans all that is due.
    awaitable<void> clean();
    /// Cleans now instead of at the next interval, and after that as ever.
    void hurry() { wake_.notify(); }
    /// Waits for the step at hand. Call it before destruction.
    awaitable<void> stop();

  private:
    awaitable<void> run();

    aio::Strand strand_;
    EventStore& store_;
    const Clock& clock_;
    const Duration interval_;
    const Sink sink_;
    bool stopping_ = false;
    aio::Notice wake_;
    aio::Gate gate_;
};

}  // namespace stepcast::store
