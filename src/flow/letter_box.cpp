#include "flow/letter_box.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "aio/spawn.hpp"
#include "base/error_category.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

constexpr std::array<const event::Category*, 1> box_categories{&letter_category};

std::string_view name_of(const std::string& by) {
    return by.empty() ? "somebody on this machine" : std::string_view{by};
}

// A letter's record, as its consumer had it.
class LetterRecord {
  public:
    explicit LetterRecord(const Letter& letter) : letter_{letter} {
        record_.place = letter.place;
        record_.place.again = true;
        record_.timestamp = letter.timestamp;
        if (letter.key) record_.key = *letter.key;
        if (letter.value) record_.value = *letter.value;
        record_.source = &letter_;
        record_.read_headers = [](const void* source) {
            std::vector<event::HeaderView> views;
            for (const auto& [name, value] : static_cast<const Letter*>(source)->headers)
                views.push_back({name, value});
            return views;
        };
    }
    const bus::Record& get() const { return record_; }

  private:
    const Letter& letter_;
    bus::Record record_;
};

}  // namespace

std::error_code make_error_code(letter_errc e) {
    static const ErrorCategory<letter_errc> category{
        "letter",
        {{letter_errc::unknown, "no dead letter has this number"},
         {letter_errc::running, "the letter is being handed over"},
         {letter_errc::exhausted, "the letter was handed over as often as dead_letters.max_attempts allows"},
         {letter_errc::no_consumer, "nobody here takes this topic now"}}};
    return category.code(e);
}

LetterBox::LetterBox(const aio::Strand& core, store::EventStore& store, Committer& committer, FeedHub& hub,
                     Options options)
    : core_{core}, store_{store}, committer_{committer}, hub_{hub}, options_{options}, gate_{core} {}

LetterBox::Fitting LetterBox::fitting(const std::vector<Letter>& letters) const {
    Fitting fitting;
    auto bytes = bytes_;
    for (const auto& letter : letters) {
        auto draft = parked_event(letter);
        if (draft && bytes + draft->memory() > options_.max_bytes) {
            draft = nullptr;
            fitting.full = true;
        }
        if (draft) bytes += draft->memory();
        fitting.events.push_back(std::move(draft));
    }
    return fitting;
}

awaitable<std::optional<std::vector<store::CommitResult>>> LetterBox::park(
    std::vector<store::Commit> commits) {
    event::Position last = 0;
    auto outcomes = co_await committer_.commit(commits, Committer::Full::refused);
    for (const auto& outcome : outcomes) {
        if (outcome)
            last = std::max(last, outcome->position);
        else if (outcome.error().code == store::errc::unavailable)
            co_return std::nullopt;
    }
    if (!co_await wait_applied(last)) co_return std::nullopt;
    co_return outcomes;
}

// An offset takes no room, so it waits only where the store takes nothing at all.
awaitable<bool> LetterBox::move(std::vector<store::Commit> offsets) {
    const auto outcomes = co_await committer_.commit(offsets);
    co_return std::ranges::none_of(outcomes, &Committer::passes);
}

awaitable<bool> LetterBox::wait_applied(event::Position position) {
    while (!stop_.raised())
        if (co_await hub_.wait_applied(position, 250ms)) co_return true;
    co_return false;
}

std::vector<LetterBox::Parked> LetterBox::list(event::Position after, std::size_t limit) const {
    std::vector<Parked> page;
    for (auto next = parked_.upper_bound(after); next != parked_.end() && page.size() < limit; ++next)
        page.push_back(next->second);
    return page;
}

awaitable<result<LetterBox::History>> LetterBox::history(event::Position number) {
    const auto found = co_await store_.read_all({.from = number, .to = number, .limit = 1});
    if (!found) co_return tl::unexpected{found.error()};
    if (found->events.empty() || &found->events[0]->category() != &letter_category)
        co_return fail(letter_errc::unknown);
    const auto parked = found->events[0];
    auto letter = read_letter(*parked);
    if (!letter) co_return fail(letter_errc::unknown);
    const std::string stream{parked->stream_id()};
    History history{std::move(*letter), parked->recorded_at(), "PARKED", {}};
    if (under_way_.contains(stream)) history.status = "REDRIVING";
    for (auto from = parked->version() + 1;;) {
        const auto page = co_await store_.read_stream(
            letter_category, stream, {.by = store::Range::By::version, .from = from, .limit = 200});
        if (!page) co_return tl::unexpected{page.error()};
        for (const auto& event : page->events) {
            if (event->type_index() == static_cast<int>(LetterEvent::parked)) continue;
            auto what = read_redriven(*event);
            if (!what || what->letter != parked->id()) continue;
            const auto type = static_cast<LetterEvent>(event->type_index());
            if (type != LetterEvent::failed) history.status = event->type();
            history.attempts.push_back({type, event->recorded_at(), std::move(*what)});
        }
        if (!page->more) break;
        from = page->through + 1;
    }
    co_return history;
}

result<void> LetterBox::redrive(event::Position number, std::string by) {
    const auto found = parked_.find(number);
    if (found == parked_.end()) return fail(letter_errc::unknown);
    const auto& parked = found->second;
    if (under_way_.contains(parked.stream)) return fail(letter_errc::running);
    if (parked.redrives >= options_.max_attempts) return fail(letter_errc::exhausted);
    if (stop_.raised() || !hub_.live() || receiver_of(parked.letter.consumer) == nullptr)
        return fail(letter_errc::no_consumer);
    under_way_.insert(parked.stream);
    aio::spawn_critical(core_, "redrive", [this, parked, by = std::move(by), hold = gate_.enter()] {
        return hand_over_all(parked, by);
    });
    return {};
}

// Of a consumer that keeps order, what is parked before it and behind it, until one fails. What came while
// the last one was handled is parked by the time that the consumer is between two batches.
awaitable<void> LetterBox::hand_over_all(Parked first, std::string by) {
    const auto& stream = first.stream;
    auto* const receiver = receiver_of(first.letter.consumer);
    if (receiver == nullptr) {
        spdlog::warn("dead letter {} finds nobody who takes {} any more", first.number, first.letter.topic);
    } else if (!receiver->keeps_order() || !first.letter.key) {
        co_await hand_over(first.number, by, *receiver);
    } else {
        while (!stop_.raised()) {
            if (const auto left = by_stream_.find(stream); left != by_stream_.end()) {
                if (!co_await hand_over(*left->second.numbers.begin(), by, *receiver)) break;
            } else if (!co_await receiver->between_batches() || !is_parked(stream)) {
                break;
            }
        }
    }
    under_way_.erase(stream);
}

// False if it is not done, and nothing behind it may be handed over.
awaitable<bool> LetterBox::hand_over(event::Position number, const std::string& by,
                                     LetterReceiver& receiver) {
    const auto found = parked_.find(number);
    if (found == parked_.end() || found->second.redrives >= options_.max_attempts) co_return false;
    const auto [stream, id, redrives] =
        std::tuple{found->second.stream, found->second.id, found->second.redrives};
    const auto history = co_await this->history(number);
    if (!history) {
        spdlog::warn("dead letter {} cannot be read now: {}", number, history.error().text());
        co_return false;
    }
    const LetterRecord record{history->letter};
    const auto outcome = co_await receiver.hand_over(record.get());
    if (!outcome) co_return false;
    Redriven what{.letter = id, .attempt = redrives + 1, .by = by};
    if (!*outcome) {
        what.error_class = outcome->error().code.message();
        what.error_message = outcome->error().text();
    }
    const bool handled = outcome->has_value();
    const auto written = co_await write(stream, handled ? LetterEvent::handled : LetterEvent::failed, what);
    if (!written) {
        spdlog::warn("dead letter {} was handed over by {}, which cannot be noted now: {}", number,
                     name_of(by), written.error().text());
        co_return false;
    }
    ++(handled ? counts_.handled : counts_.failed);
    spdlog::info("dead letter {} of {} was handed over by {}: {}", number, history->letter.topic, name_of(by),
                 handled ? "handled" : "failed again, " + what.error_message);
    co_return handled;
}

awaitable<result<void>> LetterBox::write(const std::string& stream, LetterEvent type, const Redriven& what) {
    store::Commit commit;
    commit.appends.emplace_back().events.push_back(redriven_event(stream, type, what));
    const auto written = co_await committer_.commit(std::move(commit), Committer::Full::refused);
    if (!written) co_return fail(written.error().code, {}, written.error().detail);
    if (!co_await wait_applied(written->position)) co_return fail(store::errc::unavailable);
    co_return result<void>{};
}

awaitable<result<void>> LetterBox::give_up(event::Position number, std::string by) {
    const auto found = parked_.find(number);
    if (found == parked_.end()) co_return fail(letter_errc::unknown);
    const auto [stream, id, redrives] =
        std::tuple{found->second.stream, found->second.id, found->second.redrives};
    if (!under_way_.insert(stream).second) co_return fail(letter_errc::running);
    auto written =
        co_await write(stream, LetterEvent::given_up, {.letter = id, .attempt = redrives + 1, .by = by});
    under_way_.erase(stream);
    if (!written) co_return written;
    ++counts_.given_up;
    spdlog::info("dead letter {} was given up by {}", number, name_of(by));
    co_return result<void>{};
}

void LetterBox::join(const std::string& consumer, LetterReceiver& receiver) {
    const std::scoped_lock lock{mutex_};
    receivers_[consumer] = &receiver;
}

void LetterBox::leave(const std::string& consumer) {
    const std::scoped_lock lock{mutex_};
    receivers_.erase(consumer);
}

LetterReceiver* LetterBox::receiver_of(const std::string& consumer) const {
    const std::scoped_lock lock{mutex_};
    const auto found = receivers_.find(consumer);
    return found == receivers_.end() ? nullptr : found->second;
}

awaitable<void> LetterBox::stop() {
    stop_.raise();
    co_await gate_.close();
}

void LetterBox::read_metrics(MetricSink& sink) const {
    sink.gauge("stepcast_dead_letters_parked", "Records in the store that wait to be handed over again",
               static_cast<double>(parked_.size()));
    sink.gauge("stepcast_dead_letters_parked_bytes", "What they take (dead_letters.max_bytes)",
               static_cast<double>(bytes_));
    const auto redrives = [&](std::string_view result, std::uint64_t count) {
        sink.counter("stepcast_redrives_total", "Dead letters that were handed over again",
                     static_cast<double>(count), {{"result", result}});
    };
    redrives("handled", counts_.handled);
    redrives("failed", counts_.failed);
    redrives("given-up", counts_.given_up);
}

std::span<const event::Category* const> LetterBox::categories() const {
    return box_categories;
}

awaitable<void> LetterBox::apply(std::span<const event::EventRef> events, event::Position) {
    for (const auto& event : events) take(*event);
    co_return;
}

void LetterBox::take(const event::Event& event) {
    const std::string stream{event.stream_id()};
    if (event.type_index() == static_cast<int>(LetterEvent::parked)) {
        auto letter = read_letter(event);
        if (!letter) return;
        letter->value.reset();
        letter->headers.clear();
        bytes_ += event.memory();
        Parked& parked = parked_[event.position()];
        parked = {event.position(), stream, std::string{event.id()}, std::move(*letter), event.recorded_at(),
                  event.memory(),   0};
        Line& line = by_stream_[stream];
        line.numbers.insert(parked.number);
        line.by_id.emplace(parked.id, &parked);
        return;
    }
    const auto redriven = read_redriven(event);
    auto* const parked = redriven ? find(stream, redriven->letter) : nullptr;
    if (parked == nullptr) return;
    if (event.type_index() != static_cast<int>(LetterEvent::failed)) return remove(parked->number);
    parked->redrives = redriven->attempt;
    parked->letter.error_class = redriven->error_class;
    parked->letter.error_message = redriven->error_message;
}

LetterBox::Parked* LetterBox::find(const std::string& stream, std::string_view id) {
    const auto of = by_stream_.find(stream);
    if (of == by_stream_.end()) return nullptr;
    const auto found = of->second.by_id.find(id);
    return found == of->second.by_id.end() ? nullptr : found->second;
}

void LetterBox::remove(event::Position number) {
    const auto found = parked_.find(number);
    bytes_ -= found->second.bytes;
    const auto of = by_stream_.find(found->second.stream);
    of->second.numbers.erase(number);
    of->second.by_id.erase(found->second.id);
    if (of->second.numbers.empty()) by_stream_.erase(of);
    parked_.erase(found);
}

void LetterBox::reset() {
    parked_.clear();
    by_stream_.clear();
    bytes_ = 0;
}

}  // namespace stepcast::flow
