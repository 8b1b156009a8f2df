#pragma once
#include <string_view>

namespace stepcast::flow {

/// A place where a proof may have the process killed: if the variable `STEPCAST_KILL_AT` is `NAME:N`, the
/// N-th pass of the place of that name ends it as `kill -9` does. Otherwise a pass looks at one constant. A
/// control for tests, no setting. Any thread.
class KillPoint {
  public:
    /// `name` outlives it.
    explicit KillPoint(std::string_view name);

    void pass() const {
        if (at_ != 0) [[unlikely]]
            count();
    }

  private:
    void count() const;

    unsigned long at_ = 0;  // 0: never
};

}  // namespace stepcast::flow
