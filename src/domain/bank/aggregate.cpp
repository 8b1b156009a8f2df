#include "domain/bank/aggregate.hpp"

namespace stepcast::bank {

void AccountAggregate::evolve(const event::Event& event, std::string_view body) {
    const auto read = decode_stored(static_cast<EventType>(event.type_index()), body);
    if (read)
        bank::evolve(account_, *read);
    else
        broken_ = true;
}

bool AccountAggregate::restore(std::string_view saved) {
    auto read = load_state(saved);
    if (read) account_ = std::move(*read);
    return read.has_value();
}

flow::AggregateKind account_kind(std::uint32_t snapshot_every) {
    return {&category, &upcasters(), state_schema, snapshot_every,
            [] { return std::make_unique<AccountAggregate>(); }};
}

}  // namespace stepcast::bank
