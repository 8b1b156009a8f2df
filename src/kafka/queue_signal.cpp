#include "kafka/queue_signal.hpp"

#include <sys/eventfd.h>
#include <unistd.h>
#include <cstdint>
#include <system_error>

namespace stepcast::kafka {
namespace {

int make_eventfd() {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0) throw std::system_error{errno, std::system_category(), "eventfd"};
    return fd;
}

}  // namespace

QueueSignal::State::State(const aio::Strand& strand) : descriptor{strand, make_eventfd()}, notice{strand} {}

QueueSignal::QueueSignal(const aio::Strand& strand) : state_{std::make_shared<State>(strand)} {
    arm(state_);
}

void QueueSignal::close() {
    std::error_code ignored;
    state_->descriptor.cancel(ignored);
}

void QueueSignal::watch(rd_kafka_queue_t* queue) {
    constexpr std::uint64_t one = 1;
    rd_kafka_queue_io_event_enable(queue, state_->descriptor.native_handle(), &one, sizeof one);
}

void QueueSignal::arm(const std::shared_ptr<State>& state) {
    state->descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [state](std::error_code error) {
        if (error) return;
        std::uint64_t count = 0;
        static_cast<void>(::read(state->descriptor.native_handle(), &count, sizeof count));
        state->notice.notify();
        arm(state);
    });
}

}  // namespace stepcast::kafka
