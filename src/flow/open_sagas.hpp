#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "flow/saga_state.hpp"

namespace stepcast::flow {

/// Sagas of one kind that have not ended, as their last move left them; each has a timer in the store, whose
/// bound is theirs. Pure; all calls on one strand.
class OpenSagas {
  public:
    /// Those that a saga may have that has not ended; first what waits for somebody.
    static constexpr std::array statuses{SagaStatus::stuck, SagaStatus::compensating, SagaStatus::running};

    struct Entry {
        std::string id;
        SagaState state;
    };

    /// How far a saga is now; one that has ended is forgotten.
    void note(const std::string& id, const SagaState& state);
    bool knows(std::string_view id) const;
    /// Of one of `statuses`.
    std::size_t count(SagaStatus status) const { return sagas(status).size(); }
    /// Those that stand so, by id from behind `after` on, at most `limit`.
    std::vector<Entry> list(SagaStatus status, std::string_view after, std::size_t limit) const;

  private:
    using Sagas = std::map<std::string, SagaState, std::less<>>;

    const Sagas& sagas(SagaStatus status) const;

    std::array<Sagas, statuses.size()> sagas_;
};

}  // namespace stepcast::flow
