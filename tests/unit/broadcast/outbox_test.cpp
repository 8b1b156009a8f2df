#include "broadcast/outbox.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dechunk.hpp"
#include "events.hpp"

namespace stepcast::broadcast {
namespace {

using event::Lifecycle;
using testing::make_event;

std::string text_of(std::span<const iovec> parts) {
    std::string all;
    for (const auto& part : parts) all.append(static_cast<const char*>(part.iov_base), part.iov_len);
    return all;
}

/// The bytes that a socket would be given next, at most `room` parts of them.
std::string gathered(Outbox& outbox, const OutboxLimits& limits = {}, std::size_t room = 1026) {
    std::vector<iovec> parts(room);
    return text_of({parts.data(), outbox.gather(parts, limits)});
}

/// The first `bytes` of all that waits go, chunk by chunk.
std::string send(Outbox& outbox, std::size_t bytes = SIZE_MAX) {
    std::string wire;
    while (!outbox.empty() && wire.size() < bytes) {
        const std::string next = gathered(outbox).substr(0, bytes - wire.size());
        outbox.consume(next.size());
        wire += next;
    }
    return wire;
}

// The same promises, written the slow and obvious way.
struct Model {
    struct Frame {
        event::EventRef event;
        std::string left;
        bool begun = false;
    };
    std::vector<Frame> frames;
    OutboxLimits limits;
    bool chunked = false;
    std::string sent;
    // The chunk that is under way.
    std::size_t head = 0, size = 0, taken = 0;

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
                return !f.begun && !f.event->is_control() && f.event->lifecycle() == Lifecycle::neutral &&
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
    std::size_t of_frames() const { return std::clamp(taken, head, head + size) - head; }
    void take(std::size_t count) {
        if (count == 0) return;
        if (taken == 0) {
            size = 0;
            for (std::size_t i = 0; i < std::min(frames.size(), std::max<std::size_t>(1, limits.frames / 4));
                 ++i) {
                if (i > 0 && size >= limits.bytes / 4) break;
                size += frames[i].left.size();
                frames[i].begun = true;
            }
            head = chunked ? fmt::format("{:x}\r\n", size).size() : 0;
        }
        const auto before = of_frames();
        taken += count;
        for (auto left = of_frames() - before; left > 0;) {
            auto& first = frames.front();
            const auto some = std::min(left, first.left.size());
            sent += first.left.substr(0, some);
            first.left.erase(0, some);
            left -= some;
            if (first.left.empty()) frames.erase(frames.begin());
        }
        if (taken == head + size + (chunked ? 2 : 0)) taken = 0;
    }
};

RC_GTEST_PROP(Outbox, behaves_like_the_plain_model, ()) {
    Model model;
    model.limits = {*rc::gen::inRange<std::size_t>(100, 2000), *rc::gen::inRange<std::size_t>(1, 12)};
    model.chunked = *rc::gen::arbitrary<bool>();
    Outbox outbox{{.chunked = model.chunked}};
    std::string wire;
    const auto take = [&](std::size_t most) {
        const auto next = gathered(outbox, model.limits);
        const auto count = std::min(most, next.size());
        if (count > 0) outbox.consume(count);
        model.take(count);
        wire += next.substr(0, count);
    };
    event::Position position = 0;
    const auto steps = *rc::gen::inRange(1, 120);
    for (int step = 0; step < steps; ++step) {
        if (*rc::gen::inRange(0, 3) == 0 && !outbox.empty()) {
            take(*rc::gen::oneOf(rc::gen::inRange<std::size_t>(0, 8), rc::gen::inRange<std::size_t>(0, 900)));
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
        RC_ASSERT(outbox.bytes() == model.bytes());
        RC_ASSERT(outbox.frames() == model.frames.size());
        RC_ASSERT(outbox.empty() == (model.frames.empty() && model.taken == 0));
    }
    while (!outbox.empty()) take(SIZE_MAX);
    testing::Dechunker body;
    if (model.chunked) body.feed(wire);
    RC_ASSERT(!body.broken());
    RC_ASSERT((model.chunked ? body.text() : wire) == model.sent);
    const auto ids = testing::positions_in(model.sent);
    RC_ASSERT(std::is_sorted(ids.begin(), ids.end()));
}

TEST(Outbox, a_chunk_that_is_begun_is_sent_as_it_was_announced) {
    const OutboxLimits limits{1 << 20, 8};
    Outbox outbox{{.chunked = true}};
    for (event::Position p = 1; p <= 8; ++p) outbox.push(make_event(p, "a"), limits);
    std::string wire = gathered(outbox, limits).substr(0, 1);
    outbox.consume(1);
    for (event::Position p = 9; p <= 14; ++p)
        EXPECT_EQ(outbox.push(make_event(p, "a"), limits).coalesced, 1u);
    EXPECT_EQ(outbox.push(make_event(15, "a"), limits).coalesced, 1u) << "the newest of those that wait";
    while (!outbox.empty()) {
        const auto next = gathered(outbox, limits);
        wire += next;
        outbox.consume(next.size());
    }
    testing::Dechunker body;
    body.feed(wire);
    EXPECT_FALSE(body.broken());
    EXPECT_EQ(testing::positions_in(body.text()),
              (std::vector<event::Position>{1, 2, 10, 11, 12, 13, 14, 15}));
}

TEST(Outbox, a_chunk_goes_on_over_writes_that_have_no_room_for_it) {
    Outbox outbox{{.chunked = true}};
    std::string frames;
    for (event::Position p = 1; p <= 40; ++p) {
        outbox.keep(make_event(p, "a"));
        frames += make_event(p, "a")->frame();
    }
    outbox.begin(Chunk{frames.size(), true}, 1);
    testing::Dechunker body;
    body.feed(fmt::format("{:x}", frames.size()).substr(0, 1));
    while (!outbox.empty()) {
        const auto next = gathered(outbox, {}, 9);
        body.feed(next);
        outbox.consume(next.size());
    }
    EXPECT_EQ(body.text(), frames);
    EXPECT_EQ(body.chunks(), 1u);
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
    EXPECT_FALSE(outbox.push(make_event(5, "c"), limits).taken);
    EXPECT_EQ(testing::positions_in(send(outbox)), (std::vector<event::Position>{1, 2, 4}));
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
    EXPECT_EQ(testing::positions_in(send(outbox)), (std::vector<event::Position>{1, 2}));
}

TEST(Outbox, an_older_frame_of_another_category_is_not_of_the_same_stream) {
    Outbox outbox;
    const OutboxLimits limits{1 << 20, 1};
    EXPECT_TRUE(outbox.push(make_event(1), limits).taken);
    const auto other = make_event(2, "t", "u", Lifecycle::neutral, 0, 1, testing::counter);
    EXPECT_FALSE(outbox.push(other, limits).taken);
    EXPECT_TRUE(outbox.push(make_event(3), limits).taken);
    EXPECT_EQ(testing::positions_in(send(outbox)), std::vector<event::Position>{3});
}

TEST(Outbox, a_frame_larger_than_the_bound_still_gets_through) {
    const OutboxLimits limits{10, 1};
    Outbox outbox;
    EXPECT_TRUE(outbox.push(make_event(1, "a", "u", Lifecycle::neutral, 500), limits).taken);
    EXPECT_GT(send(outbox).size(), 500u);
    EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, a_frame_larger_than_the_bound_replaces_an_older_one_of_its_task) {
    const OutboxLimits limits{200, 4};
    Outbox outbox;
    outbox.push(make_event(1, "a"), limits);
    EXPECT_TRUE(outbox.push(make_event(2, "a", "u", Lifecycle::neutral, 500), limits).taken);
    EXPECT_EQ(testing::positions_in(send(outbox)), (std::vector<event::Position>{2}));
}

TEST(Outbox, the_rest_of_a_frame_already_begun_is_never_removed) {
    const OutboxLimits limits{1 << 20, 1};
    Outbox outbox;
    outbox.push(make_event(1, "a"), limits);
    EXPECT_EQ(send(outbox, 1), "i");
    EXPECT_FALSE(outbox.push(make_event(2, "a"), limits).taken);
    EXPECT_TRUE(send(outbox).starts_with("d: ep.1"));
}

TEST(Outbox, without_ids_sends_the_frame_less_its_id_line) {
    Outbox outbox{{Encoding::Form::sse_without_ids}};
    outbox.push(make_event(1, "a"), {});
    EXPECT_TRUE(send(outbox).starts_with("event: progress\ndata: "));
}

}  // namespace
}  // namespace stepcast::broadcast
