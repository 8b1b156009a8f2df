#include "flow/aggregate.hpp"

#include <fmt/format.h>

#include "aio/turn.hpp"
#include "base/hash.hpp"

namespace stepcast::flow {
namespace {

constexpr std::size_t page_events = 500;
constexpr std::size_t sum_size = 16;

// Of all that a saved state depends on: one of another stream's version is as wrong as a flipped bit.
std::string sum_of(std::string_view state, std::uint32_t schema, event::Version version) {
    return fmt::format("{:016x}", stable_hash(fmt::format("{} {} {}", schema, version, state)));
}

}  // namespace

bool AggregateReader::restore(Loaded& loaded, const store::Snapshot& snapshot) const {
    const std::string_view text = snapshot.state;
    if (snapshot.schema != kind_.schema || text.size() < sum_size) return false;
    const auto state = text.substr(0, text.size() - sum_size);
    if (text.substr(state.size()) != sum_of(state, snapshot.schema, snapshot.version)) return false;
    if (!loaded.state->restore(state)) return false;
    loaded.version = snapshot.version;
    return true;
}

store::SnapshotDraft AggregateReader::save(const std::string& stream_id, const Loaded& loaded) const {
    std::string state = loaded.state->save();
    state += sum_of(state, kind_.schema, loaded.version);
    return {kind_.category, stream_id, {loaded.version, kind_.schema, std::move(state)}};
}

result<void> AggregateReader::evolve(Loaded& loaded, const event::Event& event) {
    const auto body = kind_.upcasters->body(event, scratch_);
    if (!body) return tl::unexpected{body.error()};
    loaded.state->evolve(event, *body);
    ++loaded.version;
    return {};
}

aio::awaitable<result<Loaded>> AggregateReader::load_snapshot(std::string_view stream_id,
                                                              event::Version through) {
    for (;;) {
        Loaded loaded{kind_.make()};  // anew: whatever a damaged one left in it
        auto snapshot = co_await store_.load_snapshot(*kind_.category, stream_id, through);
        if (!snapshot) co_return tl::unexpected{std::move(snapshot.error())};
        if (!*snapshot || restore(loaded, **snapshot)) co_return loaded;
        ++passed_over_;
        if ((*snapshot)->version == 0) co_return Loaded{kind_.make()};
        through = (*snapshot)->version - 1;
    }
}

aio::awaitable<result<Loaded>> AggregateReader::load(std::string_view stream_id, event::Version through) {
    auto begun = co_await load_snapshot(stream_id, through);
    if (!begun) co_return begun;
    Loaded loaded = std::move(*begun);
    while (loaded.version < through) {
        auto page = co_await store_.read_stream(
            *kind_.category, stream_id,
            {store::Range::By::version, loaded.version + 1, through, page_events});
        if (!page) co_return tl::unexpected{std::move(page.error())};
        for (const auto& event : page->events)
            if (auto moved = evolve(loaded, *event); !moved)
                co_return tl::unexpected{std::move(moved.error())};
        if (!page->more) break;
        co_await aio::next_turn();
    }
    co_return loaded;
}

}  // namespace stepcast::flow
