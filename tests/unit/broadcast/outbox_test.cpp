#include "broadcast/outbox.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "events.hpp"

namespace stepcast::broadcast {
namespace {

using event::Lifecycle;
using testing::make_event;

std::string waiting(const Outbox& outbox) {
    std::vector<iovec> parts(outbox.frames());
    parts.resize(outbox.gather(parts));
    std::string all;
    for (const auto& part : parts) all.append(static_cast<const char*>(part.iov_base), part.iov_len);
    return all;
}

// The same promises, written the slow and obvious way.
struct Model {
    struct Frame {
        event::EventRef event;
        std::string left;
        bool touched = false;
    };
    std::vector<Frame> frames;
    OutboxLimits limits;

    std::size_t bytes() const {
        std::size_t sum = 0;
        for (const auto& frame : frames) sum += frame.left.size();
        return sum;
    }
    Outbox::Pushed push(const event::EventRef& event) {
        Outbox::Pushed pushed;
        while (!frames.empty() &&
               (frames.size() >= limits.frames || bytes() + event->frame().size() > limits.bytes)) {
            const auto older = std::find_if(frames.begin(), frames.end(), [&](const Frame& f) {
                return !f.touched && !f.event->is_control() && f.event->lifecycle() == Lifecycle::neutral &&
                       f.event->stream_id() == event->stream_id();
            });
            if (older == frames.end()) {
                pushed.taken = false;
                return pushed;
            }
            frames.erase(older);
            ++pushed.coalesced;
        }
        frames.push_back({event, std::string{event->frame()}, false});
        return pushed;
    }
    void consume(std::size_t count) {
        while (count > 0) {
            auto& head = frames.front();
            const auto taken = std::min(count, head.left.size());
            head.left.erase(0, taken);
            head.touched = true;
            count -= taken;
            if (head.left.empty()) frames.erase(frames.begin());
        }
    }
    std::string waiting() const {
        std::string all;
        for (const auto& frame : frames) all += frame.left;
        return all;
    }
};

RC_GTEST_PROP(Outbox, behaves_like_the_plain_model, ()) {
    Model model;
    model.limits = {*rc::gen::inRange<std::size_t>(100, 2000), *rc::gen::inRange<std::size_t>(1, 12)};
    Outbox outbox;
    event::Position position = 0;
    const auto steps = *rc::gen::inRange(1, 120);
    for (int step = 0; step < steps; ++step) {
        if (*rc::gen::inRange(0, 3) == 0 && outbox.bytes() > 0) {
            const auto count = *rc::gen::inRange<std::size_t>(1, outbox.bytes() + 1);
            outbox.consume(count);
            model.consume(count);
        } else {
            const auto lifecycle = *rc::gen::weightedElement<Lifecycle>(
                {{6, Lifecycle::neutral}, {1, Lifecycle::opens}, {1, Lifecycle::ends}});
            const std::string task(1, *rc::gen::inRange('a', 'd'));
            const auto padding = *rc::gen::inRange<std::size_t>(0, 300);
            const auto frame =
                *rc::gen::inRange(0, 10) == 0
                    ? event::Event::control(testing::progress, "event: recovery\ndata: {}\n\n", task, "u")
                    : make_event(++position, task, "u", lifecycle, padding);
            const auto pushed = outbox.push(frame, model.limits);
            const auto expected = model.push(frame);
            RC_ASSERT(pushed.taken == expected.taken);
            RC_ASSERT(pushed.coalesced == expected.coalesced);
        }
        RC_ASSERT(waiting(outbox) == model.waiting());
        RC_ASSERT(outbox.bytes() == model.bytes());
        RC_ASSERT(outbox.frames() == model.frames.size());
        RC_ASSERT(outbox.empty() == model.frames.empty());
        const auto ids = testing::positions_in(waiting(outbox));
        RC_ASSERT(std::is_sorted(ids.begin(), ids.end()));
    }
}

TEST(Outbox, replaces_the_oldest_progress_of_the_same_task_only) {
    const OutboxLimits limits{1 << 20, 3};
    Outbox outbox;
    outbox.push(make_event(1, "a", "u", Lifecycle::opens), limits);
    outbox.push(make_event(2, "b"), limits);
    outbox.push(make_event(3, "a"), limits);
    const auto pushed = outbox.push(make_event(4, "a"), limits);
    EXPECT_TRUE(pushed.taken);
    EXPECT_EQ(pushed.coalesced, 1u);
    EXPECT_EQ(testing::positions_in(waiting(outbox)), (std::vector<event::Position>{1, 2, 4}));
    EXPECT_FALSE(outbox.push(make_event(5, "c"), limits).taken);
}

TEST(Outbox, a_category_that_does_not_coalesce_loses_nothing) {
    const auto counted = [](event::Position p) {
        return make_event(p, "t", "u", Lifecycle::neutral, 0, 1, testing::counter);
    };
    Outbox outbox;
    const OutboxLimits limits{1 << 20, 2};
    EXPECT_TRUE(outbox.push(counted(1), limits).taken);
    EXPECT_TRUE(outbox.push(counted(2), limits).taken);
    EXPECT_FALSE(outbox.push(counted(3), limits).taken);
    EXPECT_EQ(testing::positions_in(waiting(outbox)), (std::vector<event::Position>{1, 2}));
}

TEST(Outbox, an_older_frame_of_another_category_is_not_of_the_same_stream) {
    Outbox outbox;
    const OutboxLimits limits{1 << 20, 1};
    EXPECT_TRUE(outbox.push(make_event(1), limits).taken);
    const auto other = make_event(2, "t", "u", Lifecycle::neutral, 0, 1, testing::counter);
    EXPECT_FALSE(outbox.push(other, limits).taken);
    EXPECT_TRUE(outbox.push(make_event(3), limits).taken);
    EXPECT_EQ(testing::positions_in(waiting(outbox)), std::vector<event::Position>{3});
}

TEST(Outbox, a_frame_larger_than_the_bound_still_gets_through) {
    const OutboxLimits limits{10, 1};
    Outbox outbox;
    EXPECT_TRUE(outbox.push(make_event(1, "a", "u", Lifecycle::neutral, 500), limits).taken);
    outbox.consume(outbox.bytes());
    EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, a_frame_larger_than_the_bound_replaces_an_older_one_of_its_task) {
    const OutboxLimits limits{200, 4};
    Outbox outbox;
    outbox.push(make_event(1, "a"), limits);
    EXPECT_TRUE(outbox.push(make_event(2, "a", "u", Lifecycle::neutral, 500), limits).taken);
    EXPECT_EQ(testing::positions_in(waiting(outbox)), (std::vector<event::Position>{2}));
}

TEST(Outbox, the_rest_of_a_frame_already_begun_is_never_removed) {
    const OutboxLimits limits{1 << 20, 1};
    Outbox outbox;
    outbox.push(make_event(1, "a"), limits);
    outbox.consume(1);
    EXPECT_FALSE(outbox.push(make_event(2, "a"), limits).taken);
    EXPECT_TRUE(waiting(outbox).starts_with("d: ep.1"));
}

TEST(Outbox, without_ids_sends_the_frame_less_its_id_line) {
    Outbox outbox{false};
    outbox.push(make_event(1, "a"), {});
    EXPECT_TRUE(waiting(outbox).starts_with("event: progress\ndata: "));
}

}  // namespace
}  // namespace stepcast::broadcast
