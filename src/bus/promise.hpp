#pragma once
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <list>
#include <memory>
#include <mutex>

#include "bus/bus.hpp"

namespace stepcast::bus {

class Promise;

/// Those who wait for promises of one bus, each at most as long, so that they stand in the order in which
/// their time is over and one timer serves all. Any thread.
class Waiters : public std::enable_shared_from_this<Waiters> {
  public:
    explicit Waiters(std::chrono::steady_clock::duration limit) : limit_{limit} {}

    /// Nobody who still waits will be told any more. Before the executors of those who wait are gone.
    void abandon();

  private:
    friend class Promise;
    using Handler = asio::async_result<asio::use_awaitable_t<>,
                                       void(std::exception_ptr, std::optional<Error>)>::handler_type;

    /// What is kept of a promise here; under the mutex.
    struct Entry : boost::intrusive::list_base_hook<> {
        bool answered = false;
        std::chrono::steady_clock::time_point deadline;
        std::optional<Handler> handler;  // while it is in a list
    };
    using List = boost::intrusive::list<Entry, boost::intrusive::constant_time_size<false>>;

    /// Those who have their answers and wait for turns of their strand, each of which resumes some of them: a
    /// batch that is committed answers many at once.
    struct Ready {
        aio::Strand strand;
        List entries;
    };

    void add(Promise& promise, Handler handler);
    void answer(Promise& promise);
    void cancel(Promise& promise);
    std::optional<Handler> take(Entry& entry);
    Ready& ready_on(const aio::Strand& strand);
    void resume_on_turn(Ready& ready);
    void resume_some(Ready& ready);
    void end_late();
    void set_timer();

    const std::chrono::steady_clock::duration limit_;
    std::mutex mutex_;  // for all below
    List waiting_;
    std::list<Ready> ready_;  // one for each strand on which somebody ever waited: few, and they stay
    std::optional<asio::steady_timer> timer_;  // set while somebody waits
};

/// What one call of `produce` waits for: a number of answers about its records, which may come on any thread.
class Promise : public std::enable_shared_from_this<Promise>, private Waiters::Entry {
  public:
    /// `answers`: how many will come, at least one.
    Promise(std::shared_ptr<Waiters> waiters, std::size_t answers)
        : waiters_{std::move(waiters)}, open_{answers} {}

    /// Expects further answers. Before the last one came.
    void expect(std::size_t n) { open_.fetch_add(n, std::memory_order_relaxed); }
    /// Counts `n` answers; the last one wakes the waiter.
    void answer(std::size_t n = 1);
    /// Counts one answer that is a refusal. The first refusal is the one that is told.
    void refuse(Error why);
    /// The same in place of the last answer. False, and nothing is counted, if other answers are open or
    /// nobody waits any more.
    bool refuse_last(const Error& why);

    /// Waits for all answers, at most as long as its waiters do; once. Nothing, or the first refusal;
    /// `unavailable` if it took too long, when answers may still come but nobody listens. Resumes on the
    /// caller's executor. Costs one coroutine.
    awaitable<std::optional<Error>> wait();

  private:
    friend class Waiters;

    bool end() { return !ended_.exchange(true, std::memory_order_acq_rel); }

    const std::shared_ptr<Waiters> waiters_;
    std::atomic<std::size_t> open_;
    std::atomic<bool> refused_{false};
    std::atomic<bool> ended_{false};  // by the last answer or the limit, whichever was first
    std::optional<Error> refusal_;    // written by who set refused_, before ended_; read behind that
};

}  // namespace stepcast::bus
