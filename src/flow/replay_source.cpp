#include "flow/replay_source.hpp"

#include "aio/spawn.hpp"

namespace stepcast::flow {

aio::awaitable<broadcast::CatchUp> ReplaySource::next() {
    // While the state is rebuilt thousands may ask every second: that is answered without the core.
    if (!recoveries_->live()) {
        broadcast::CatchUp later;
        later.wait = true;
        co_return later;
    }
    co_return co_await aio::run_on(core_, [this]() -> aio::awaitable<broadcast::CatchUp> {
        auto action = replay_.next(recoveries_->moment());
        while (!std::holds_alternative<Replay::Give>(action)) action = co_await perform(std::move(action));
        co_return std::get<Replay::Give>(std::move(action));
    });
}

aio::awaitable<Replay::Action> ReplaySource::perform(Replay::Action action) {
    if (const auto* read = std::get_if<Replay::Read>(&action)) {
        auto events = co_await recoveries_->read(read->range);
        co_return replay_.resume(recoveries_->moment(), std::move(events));
    }
    if (const auto* begin = std::get_if<Replay::Begin>(&action)) {
        const auto begun = co_await recoveries_->begin(begin->reason, begin->since);
        co_return replay_.resume(recoveries_->moment(), begun);
    }
    if (std::holds_alternative<Replay::AskHead>(action)) {
        const auto head = co_await recoveries_->head();
        co_return replay_.resume(recoveries_->moment(), head);
    }
    auto recovery = std::holds_alternative<Replay::Recover>(action) ? co_await recoveries_->next_due()
                                                                    : co_await recoveries_->next_turned();
    co_return replay_.resume(recoveries_->moment(), std::move(recovery));
}

}  // namespace stepcast::flow
