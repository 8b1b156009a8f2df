#include "flow/open_sagas.hpp"

#include <algorithm>

namespace stepcast::flow {

void OpenSagas::note(const std::string& id, const SagaState& state) {
    for (std::size_t i = 0; i < statuses.size(); ++i)
        if (statuses[i] == state.status)
            sagas_[i].insert_or_assign(id, state);
        else
            sagas_[i].erase(id);
}

bool OpenSagas::knows(std::string_view id) const {
    return std::ranges::any_of(sagas_, [&](const Sagas& sagas) { return sagas.contains(id); });
}

std::vector<OpenSagas::Entry> OpenSagas::list(SagaStatus status, std::string_view after,
                                              std::size_t limit) const {
    std::vector<Entry> entries;
    const auto& all = sagas(status);
    for (auto it = all.upper_bound(after); it != all.end() && entries.size() < limit; ++it)
        entries.push_back({it->first, it->second});
    return entries;
}

const OpenSagas::Sagas& OpenSagas::sagas(SagaStatus status) const {
    return sagas_[static_cast<std::size_t>(std::ranges::find(statuses, status) - statuses.begin())];
}

}  // namespace stepcast::flow
