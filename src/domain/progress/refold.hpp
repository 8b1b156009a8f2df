#pragma once
#include <span>
#include <string>
#include <vector>

#include "domain/progress/projection.hpp"
#include "domain/progress/stored_tasks.hpp"

namespace stepcast::progress {

/// Folds tasks anew whose events came over several partitions, and finds those states again at a later start:
/// nothing else in the store tells of partitions. On the core strand, before anything is live.
class Refold {
  public:
    /// Both outlive this.
    Refold(ProgressProjection& projection, StoredTasks& tasks) : projection_{projection}, tasks_{tasks} {}

    /// Folds by the times of the records. `keep`: a later start finds these states in the store.
    aio::awaitable<void> run(std::vector<std::string> task_ids, bool keep);

    /// Remembers which of the tasks that begin with these events an earlier start kept a state of.
    aio::awaitable<void> note(std::span<const event::EventRef> events);
    /// Takes up those states, once all that the store holds is folded. What came after a state stands as it
    /// came.
    aio::awaitable<void> take_up();
    /// Forgets what `note` found.
    void clear() { kept_.clear(); }

  private:
    ProgressProjection& projection_;
    StoredTasks& tasks_;
    std::vector<std::string> kept_;
};

}  // namespace stepcast::progress
