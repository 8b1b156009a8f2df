#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aio/gate.hpp"
#include "aio/stop.hpp"
#include "base/hash.hpp"
#include "base/metric_sink.hpp"
#include "flow/committer.hpp"
#include "flow/letters.hpp"
#include "flow/projection.hpp"

namespace stepcast::flow {

enum class letter_errc {
    unknown = 1,  ///< no letter of that number is parked
    running,      ///< it is being handed over
    exhausted,    ///< it was handed over as often as may be
    no_consumer,  ///< nobody here takes its topic, or not yet
};
std::error_code make_error_code(letter_errc e);

/// Who takes letters that are handed over again: the consumer that they are of. Any strand.
class LetterReceiver {
  public:
    /// What became of a letter; an error: it failed again.
    using Outcome = result<void>;

    /// Its records of one key are handled in order: what stands behind a letter is parked, too.
    virtual bool keeps_order() const = 0;
    /// Handles the record, which outlives the call, between two batches. Nothing if a stop came first.
    virtual aio::awaitable<std::optional<Outcome>> hand_over(const bus::Record& record) = 0;
    /// Returns between two batches: what was looked up before has been written by then. False at a stop.
    virtual aio::awaitable<bool> between_batches() = 0;

  protected:
    ~LetterReceiver() = default;
};

/// The dead letters of a node as they stand in its store: parks them, tells which are parked, and has them
/// handed over again, of a key that is kept in order the first one first. What is parked never expires. On
/// the core strand unless said otherwise.
class LetterBox final : public Projection {
  public:
    struct Options {
        std::uint64_t max_bytes = 64 * 1024 * 1024;  ///< of what is parked
        std::uint64_t max_attempts = 10;             ///< of handing a letter over
    };
    /// What is known of a parked one without reading it.
    struct Parked {
        event::Position number = 0;  ///< its name for people
        std::string stream{};
        std::string id{};
        Letter letter{};  ///< without value and headers
        Timestamp parked_at{};
        std::uint64_t bytes = 0;
        std::uint64_t redrives = 0;
    };
    /// One that is or was parked, with what was done about it.
    struct History {
        Letter letter;
        Timestamp parked_at{};
        std::string status;  ///< PARKED, REDRIVING, HANDLED or GIVEN_UP
        struct Attempt {
            LetterEvent result{};
            Timestamp at{};
            Redriven what;
        };
        std::vector<Attempt> attempts;
    };
    struct Counts {
        std::uint64_t given_up = 0;
        std::uint64_t handled = 0;
        std::uint64_t failed = 0;
    };

    /// All outlive the box.
    LetterBox(const aio::Strand& core, store::EventStore& store, Committer& committer, FeedHub& hub,
              Options options);

    const aio::Strand& core() const { return core_; }

    /// The letters' events; none for those that the store does not keep.
    struct Fitting {
        std::vector<event::Draft> events;
        bool full = false;  ///< there was no room for all of them
    };
    Fitting fitting(const std::vector<Letter>& letters) const;
    /// Writes commits that park letters, and waits until those that the store took are known here. Says of
    /// each what became of it: one that finds no room does not wait, because what is parked never expires.
    /// Nothing if a stop came first.
    aio::awaitable<std::optional<std::vector<store::CommitResult>>> park(std::vector<store::Commit> commits);
    /// Moves offsets past letters that are kept. False if a stop came first.
    aio::awaitable<bool> move(std::vector<store::Commit> offsets);
    bool is_parked(const std::string& stream) const { return by_stream_.contains(stream); }

    /// At most `limit` parked ones numbered above `after`, in the order in which they were parked.
    std::vector<Parked> list(event::Position after, std::size_t limit) const;
    /// letter_errc::unknown if there never was one.
    aio::awaitable<result<History>> history(event::Position number);
    /// Begins to hand a letter over, on behalf of `by`: of a consumer that keeps order, all of its key.
    result<void> redrive(event::Position number, std::string by);
    /// Parks it no more, on behalf of `by`: what stands behind it is the first of its key then.
    aio::awaitable<result<void>> give_up(event::Position number, std::string by);

    /// Any strand. The receiver outlives its leave.
    void join(const std::string& consumer, LetterReceiver& receiver);
    void leave(const std::string& consumer);

    /// Waits for what is being handed over; after the consumers' stop.
    aio::awaitable<void> stop();

    void read_metrics(MetricSink& sink) const;

    std::span<const event::Category* const> categories() const override;
    aio::awaitable<void> apply(std::span<const event::EventRef> events, event::Position through) override;
    void expired(const store::ExpiredStream&) override {}
    std::uint64_t memory() const override { return 512 * parked_.size(); }
    void reset() override;

  private:
    /// What is parked of one stream.
    struct Line {
        std::set<event::Position> numbers;
        // Into parked_, whose entries stay where they are: without a key a stream has thousands.
        boost::unordered_flat_map<std::string_view, Parked*, KeyedHash, std::equal_to<>> by_id;
    };

    void take(const event::Event& event);
    void remove(event::Position number);
    Parked* find(const std::string& stream, std::string_view id);
    LetterReceiver* receiver_of(const std::string& consumer) const;
    aio::awaitable<void> hand_over_all(Parked first, std::string by);
    aio::awaitable<bool> hand_over(event::Position number, const std::string& by, LetterReceiver& receiver);
    aio::awaitable<result<void>> write(const std::string& stream, LetterEvent type, const Redriven& what);
    aio::awaitable<bool> wait_applied(event::Position position);

    const aio::Strand core_;
    store::EventStore& store_;
    Committer& committer_;
    FeedHub& hub_;
    const Options options_;
    std::map<event::Position, Parked> parked_;
    std::map<std::string, Line, std::less<>> by_stream_;
    std::uint64_t bytes_ = 0;
    std::set<std::string> under_way_;  // streams
    Counts counts_;
    mutable std::mutex mutex_;
    std::map<std::string, LetterReceiver*> receivers_;
    aio::Stop stop_;
    aio::Gate gate_;
};

}  // namespace stepcast::flow

template <>
struct std::is_error_code_enum<stepcast::flow::letter_errc> : std::true_type {};
