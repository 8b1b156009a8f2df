#include "aio/readiness.hpp"

#include <array>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <cerrno>

#include "aio/system_call.hpp"

namespace stepcast::aio {
namespace {

// Told in one turn of the strand: of requests, some 500 µs.
constexpr int most_told = 64;

int new_set() {
    const int set = ::epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) throw std::system_error{errno, std::system_category(), "epoll_create1"};
    return set;
}

}  // namespace

Readiness::Readiness(const Strand& strand) : strand_{strand}, set_{strand, new_set()} {}

Readiness::~Readiness() {
    // A waiter's coroutine goes by a post of its own, and may own a seat.
    for (auto& slot : slots_) slot.reader.reset();
}

epoll_event Readiness::wanted(std::uint32_t index, std::uint32_t events) const {
    epoll_event event{};
    event.events = events | EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.u64 = std::uint64_t{slots_[index].generation} << 32 | index;
    return event;
}

bool Readiness::join(int descriptor, std::uint32_t& index) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    index = free_.back();
    auto event = wanted(index, 0);
    if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, descriptor, &event) != 0) return false;
    free_.pop_back();
    slots_[index].descriptor = descriptor;
    return true;
}

void Readiness::leave(std::uint32_t index) {
    abort(index);
    Slot& slot = slots_[index];
    ++slot.generation;
    slot.readable = slot.ended = false;
    free_.push_back(index);
}

void Readiness::listen() {
    if (waiting_ == 0 || std::exchange(listening_, true)) return;
    set_.async_wait(asio::posix::stream_descriptor::wait_read, [this](std::error_code error) {
        listening_ = false;
        if (!error) take();
        listen();  // what is left is told in another turn
    });
}

void Readiness::take() {
    std::array<epoll_event, most_told> events;
    const int count =
        uninterrupted([&] { return ::epoll_wait(set_.native_handle(), events.data(), most_told, 0); });
    for (int i = 0; i < count; ++i) tell(events[static_cast<std::size_t>(i)]);
}

// Whoever is resumed may leave its seat, or take others: a slot is looked up anew behind each.
void Readiness::tell(const epoll_event& event) {
    const auto index = static_cast<std::uint32_t>(event.data.u64);
    const auto generation = static_cast<std::uint32_t>(event.data.u64 >> 32);
    const auto sits = [&] { return slots_[index].generation == generation; };
    constexpr std::uint32_t end = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if (!sits()) return;
    if ((event.events & (EPOLLIN | end)) != 0) slots_[index].readable = true;
    if ((event.events & end) != 0) slots_[index].ended = true;
    if ((event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
        if (const auto writer = take_writer(index)) writer->call({});
    if (!sits() || !slots_[index].readable) return;
    if (auto reader = take_reader(index)) std::move (*reader)(Waited{});
}

std::optional<Waiter> Readiness::take_reader(std::uint32_t index) {
    auto reader = std::exchange(slots_[index].reader, std::nullopt);
    if (reader) --waiting_;
    return reader;
}

std::unique_ptr<Readiness::Callback> Readiness::take_writer(std::uint32_t index) {
    auto writer = std::exchange(slots_[index].writer, nullptr);
    if (writer) --waiting_;
    return writer;
}

void Readiness::wait_readable(std::uint32_t index, Waiter waiter) {
    Slot& slot = slots_[index];
    if (!slot.readable && !slot.ended) {
        slot.reader.emplace(std::move(waiter));
        ++waiting_;
        return listen();
    }
    asio::post(strand_, [waiter = std::move(waiter)]() mutable { std::move(waiter)(Waited{}); });
}

// Asked for again each time, so that room which was there before is told as well.
void Readiness::wait_writable(std::uint32_t index, std::unique_ptr<Callback> callback) {
    slots_[index].writer = std::move(callback);
    ++waiting_;
    auto event = wanted(index, EPOLLOUT);
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, slots_[index].descriptor, &event);
    listen();
}

void Readiness::abort(std::uint32_t index) {
    const std::error_code aborted = asio::error::operation_aborted;
    auto reader = take_reader(index);
    auto writer = take_writer(index);
    if (reader)
        asio::post(strand_,
                   [reader = std::move(*reader), aborted]() mutable { std::move(reader)(Waited{aborted}); });
    if (writer) asio::post(strand_, [writer = std::move(writer), aborted] { writer->call(aborted); });
    // With nobody to be told, nothing keeps the loop.
    std::error_code ignored;
    if (waiting_ == 0 && listening_) set_.cancel(ignored);
}

Readiness::Seat::Seat(Readiness& of, int descriptor) {
    if (of.join(descriptor, index_)) of_ = &of;
}

Readiness::Seat::~Seat() {
    if (of_ != nullptr) of_->leave(index_);
}

}  // namespace stepcast::aio
