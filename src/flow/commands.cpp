#include "flow/commands.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <set>

#include "aio/spawn.hpp"
#include "aio/turn.hpp"
#include "event/spans.hpp"
#include "flow/cause.hpp"
#include "flow/kill_point.hpp"

namespace stepcast::flow {
namespace {

const KillPoint after_decide{"after-decide"};

Error error_of(const store::Refusal& refusal, std::string_view stream) {
    return {refusal.code,
            {},
            refusal.detail.empty() ? fmt::format("{} could not be written", stream) : refusal.detail};
}

}  // namespace

aio::awaitable<result<store::Receipt>> Commands::handle(Command command) {
    const auto hold = gate_.enter();
    if (!hold) co_return fail(store::errc::unavailable, {}, "the server is stopping");
    if (gate_.count() > bounds_.max_waiting)
        co_return fail(store::errc::unavailable, {}, "too many commands wait for their turn");
    auto span = event::OpenSpan::within(command.cause.traceparent, event::Span::Kind::internal);
    if (span) {
        const std::string category{reader_.kind().category->name};
        span.call("commit " + category);
        span.add("stepcast.stream", category + "-" + command.stream_id);
    }
    auto& entry = *streams_.try_emplace(command.stream_id).first;
    auto& stream = entry.second;
    const auto call = std::make_shared<Call>(std::move(command), core_);
    stream.calls.push_back(call);
    if (!stream.busy) {
        if (stream.now.state) idle_.erase(stream.idle);
        stream.busy = true;
        begin(entry);
    }
    while (!call->outcome)
        if (!co_await call->answered.wait())
            co_return fail(store::errc::unavailable, {}, "the call was given up");
    if (!*call->outcome) span.fail();
    co_return std::move(*call->outcome);
}

void Commands::begin(Streams::value_type& entry) {
    if (entry.second.now.state) return gather(entry);
    aio::spawn_critical(core_, "commands",
                        [this, &entry, hold = aio::Gate::Hold{gate_}] { return load(entry); });
}

void Commands::go_on(Streams::value_type& entry) {
    if (entry.second.calls.empty())
        put_by(entry);
    else
        begin(entry);
}

aio::awaitable<void> Commands::load(Streams::value_type& entry) {
    auto& [id, stream] = entry;
    auto loaded = co_await reader_.load(id);
    if (loaded)
        stream.now = std::move(*loaded);
    else
        refuse_all(stream, loaded.error());
    go_on(entry);
}

void Commands::gather(Streams::value_type& entry) {
    gathered_.push_back(&entry);
    if (gathered_.size() == 1) begin_group();
}

void Commands::begin_group() {
    aio::spawn_critical(core_, "commands",
                        [this, hold = aio::Gate::Hold{gate_}] { return carry_out_group(); });
}

// The state of a stream that is in no use stays, unless there are too many.
void Commands::put_by(Streams::value_type& entry) {
    auto& [id, stream] = entry;
    stream.busy = false;
    if (!stream.now.state) {
        streams_.erase(streams_.find(id));
        return;
    }
    stream.idle = idle_.insert(idle_.end(), &id);
    if (idle_.size() <= bounds_.max_idle) return;
    const auto oldest = streams_.find(*idle_.front());
    idle_.pop_front();
    streams_.erase(oldest);
}

// Others have the turn first, and what they ask for is in the group.
aio::awaitable<void> Commands::carry_out_group() {
    co_await aio::next_turn();
    std::vector<Share> group;
    for (std::size_t calls = 0;
         !gathered_.empty() && group.size() < bounds_.max_streams && calls < bounds_.max_group;
         gathered_.pop_front()) {
        group.push_back({gathered_.front(), {}});
        calls += gathered_.front()->second.calls.size();
    }
    if (!gathered_.empty()) begin_group();
    std::vector<store::Commit> commits;
    for (auto& [entry, decided] : group) {
        auto& [id, stream] = *entry;
        if (const auto looked = co_await answer_known(id, stream); !looked)
            refuse_all(stream, looked.error());
        decided = decide(id, stream, commits);
    }
    if (!commits.empty()) after_decide.pass();
    std::vector<bool> saves;  // before the commits are given away
    for (const auto& commit : commits) saves.push_back(!commit.snapshots.empty());
    const auto outcomes = co_await committer_.commit(
        commits, reader_.kind().category->expires ? Committer::Full::waits : Committer::Full::refused);
    count(saves, outcomes);
    for (auto& [entry, decided] : group) {
        co_await settle(entry->first, entry->second, std::move(decided), outcomes);
        go_on(*entry);
    }
}

// Of the next group, those that were carried out before: their first event is there.
aio::awaitable<result<void>> Commands::answer_known(const std::string& id, Stream& stream) {
    std::vector<std::list<CallRef>::iterator> calls;
    std::vector<std::string_view> ids;
    auto at = stream.calls.begin();
    for (std::size_t i = 0; i < bounds_.max_group && at != stream.calls.end(); ++i, ++at) {
        if ((*at)->command.event_id.empty()) continue;
        calls.push_back(at);
        ids.push_back((*at)->command.event_id);
    }
    if (ids.empty()) co_return result<void>{};
    std::vector<event::EventRef> found(ids.size());
    auto looked = co_await store_.find_events(*reader_.kind().category, id, ids, found);
    if (!looked) co_return looked;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (!found[i]) continue;
        const CallRef call = *calls[i];
        stream.calls.erase(calls[i]);
        if (found[i]->fingerprint() == call->command.fingerprint)
            answer(*call, store::Receipt{found[i]->version(), found[i]->position(), true});
        else
            answer(*call,
                   fail(store::errc::idempotency_conflict, {}, "its id is known with another content"));
    }
    co_return result<void>{};
}

std::vector<Commands::Decided> Commands::decide(const std::string& id, Stream& stream,
                                                std::vector<store::Commit>& commits) {
    std::vector<Decided> group;
    std::set<std::string_view> ids;
    while (!stream.calls.empty() && group.size() < bounds_.max_group) {
        const auto call = stream.calls.front();
        // The same command again waits for the outcome of the first.
        const auto& event_id = call->command.event_id;
        if (!event_id.empty() && !ids.insert(event_id).second) break;
        stream.calls.pop_front();
        ++call->tries;
        auto decision = call->command.decide(*stream.now.state, stream.now.version);
        auto& decided = group.emplace_back(call);
        if (!decision) {
            decided.refusal = std::move(decision.error());
            continue;
        }
        decided.commit = commits.size();
        const bool writes = !decision->events.empty();
        commits.push_back(take(id, stream, std::move(*decision), call->command.cause));
        if (writes) decided.leads_to = stream.now.version;
    }
    return group;
}

// Moves the state by what was decided, and makes a commit of it.
store::Commit Commands::take(const std::string& id, Stream& stream, Decision decision,
                             const event::Metadata& cause) {
    store::Commit commit = std::move(decision.beside);
    if (decision.events.empty()) {
        lay_on(commit, cause);
        return commit;
    }
    auto& append = commit.appends.emplace_back();
    append.expected = store::Expected::exact(stream.now.version);
    const auto every = reader_.kind().snapshot_every;
    const auto before = stream.now.version;
    for (auto& draft : decision.events) {
        stream.now.state->evolve(*draft, draft->body());
        ++stream.now.version;
        append.events.push_back(std::move(draft));
    }
    if (every != 0 && before / every != stream.now.version / every)
        commit.snapshots.push_back(reader_.save(id, stream.now));
    lay_on(commit, cause);
    return commit;
}

// A repeat saves nothing.
void Commands::count(const std::vector<bool>& saves, std::span<const store::CommitResult> outcomes) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!saves[i] || (outcomes[i] && outcomes[i]->deduplicated)) continue;
        ++(outcomes[i] ? snapshots_.saved : snapshots_.failed);
    }
}

// False if the stream is not where the decision led it. A commit that is known may be the group's own: its
// first attempt was written, and only the answer was lost.
bool Commands::led_there(const Decided& decided, const store::CommitResult& outcome) {
    if (!outcome) return false;
    return !outcome->deduplicated || decided.leads_to == 0 || outcome->version == decided.leads_to;
}

// Each commit that the store has is answered, whatever became of those before it: to decide it again would be
// to do it twice. What was refused behind one that led elsewhere was decided on a state that never was.
aio::awaitable<void> Commands::settle(const std::string& id, Stream& stream, std::vector<Decided> group,
                                      const std::vector<store::CommitResult>& outcomes) {
    std::vector<Decided> open;  // in order
    bool stands = true;
    for (auto& decided : group) {
        if (!decided.commit) {
            open.push_back(std::move(decided));
            continue;
        }
        const auto& outcome = outcomes[*decided.commit];
        // Behind one that led elsewhere it is not another writer that was first.
        const bool again = !outcome && outcome.error().code == store::errc::wrong_expected_version &&
                           (!stands || decided.call->tries < bounds_.max_tries);
        const bool led = led_there(decided, outcome);
        stands = stands && led;
        if (stands && decided.leads_to != 0) refuse_all(open);
        if (again)
            open.push_back(std::move(decided));
        else if (outcome)
            answer(*decided.call, *outcome);
        else
            answer(*decided.call, tl::unexpected{error_of(outcome.error(), id)});
    }
    const bool whole = stands;
    if (whole && !open.empty()) {
        // Refusals behind the last commit hold for the state that the store has, or not at all.
        const auto info = co_await store_.stream_info(*reader_.kind().category, id);
        stands = info && info->version == stream.now.version;
    }
    if (stands) {
        refuse_all(open);
        co_return;
    }
    stream.now = {};
    for (auto decided = open.rbegin(); decided != open.rend(); ++decided) {
        if (whole && decided->call->tries >= bounds_.max_tries)
            answer(*decided->call, tl::unexpected{decided->refusal});
        else
            stream.calls.push_front(std::move(decided->call));
    }
}

void Commands::refuse_all(std::vector<Decided>& refused) {
    for (const auto& decided : refused) answer(*decided.call, tl::unexpected{decided.refusal});
    refused.clear();
}

void Commands::refuse_all(Stream& stream, const Error& error) {
    for (const auto& call : std::exchange(stream.calls, {})) answer(*call, tl::unexpected{error});
}

void Commands::answer(Call& call, result<store::Receipt> outcome) {
    call.outcome.emplace(std::move(outcome));
    call.answered.notify();
}

}  // namespace stepcast::flow
