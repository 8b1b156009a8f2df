#include <gtest/gtest.h>

#include "bus/embedded/group.hpp"

namespace stepcast::bus::embedded {
namespace {

class Groups : public testing::Test {
  protected:
    /// A record that waits for the groups that there are.
    Place append(std::string value, std::shared_ptr<Promise> promise = nullptr) {
        Message message{"t", "k", std::move(value)};
        topic.keep_room(1, cost(message));
        if (!promise) promise = promise_of_one();
        return topic.append(message, promise, true, {});
    }
    std::shared_ptr<Promise> promise_of_one() { return std::make_shared<Promise>(waiters, 1); }
    std::size_t kept() const { return topic.partitions()[0].slots.size(); }

    static std::vector<std::string> values(const std::vector<Taken>& taken) {
        std::vector<std::string> found;
        for (const auto& each : taken) found.push_back(each.entry->value);
        return found;
    }

    const EmbeddedOptions options{.partitions = 1, .max_records = 3};
    const std::shared_ptr<Waiters> waiters = std::make_shared<Waiters>(std::chrono::seconds{1});
    Topic topic{"t", 1, options};
    int wakes = 0;
    const std::function<void()> wake = [this] { ++wakes; };
};

using Strings = std::vector<std::string>;

TEST_F(Groups, keep_a_record_until_each_is_done_with_all_before_it) {
    Group& one = topic.add_group("one");
    Group& two = topic.add_group("two");
    const auto a = one.enter(wake);
    const auto b = two.enter(wake);
    const Place first = append("1");
    const Place second = append("2");
    one.take(*a, 9);
    two.take(*b, 9);
    one.done(*a, second);
    two.done(*b, first);
    two.done(*b, second);
    EXPECT_EQ(kept(), 2u);
    EXPECT_EQ(one.in_flight(*a), 1u);
    one.done(*a, first);
    EXPECT_EQ(kept(), 0u);
    EXPECT_TRUE(topic.has_room(3, 0));
}

TEST_F(Groups, owe_a_promise_one_answer_each_and_none_twice) {
    Group& group = topic.add_group("g");
    const auto member = group.enter(wake);
    const auto promise = promise_of_one();
    const Place place = append("1", promise);
    EXPECT_EQ(group.settle(*member, place), nullptr) << "it was not handed out";
    group.take(*member, 1);
    EXPECT_EQ(group.settle(*member, place), promise);
    EXPECT_EQ(group.settle(*member, place), nullptr);
    EXPECT_EQ(group.done(*member, place), nullptr);
    EXPECT_EQ(group.in_flight(*member), 0u);
}

TEST_F(Groups, hand_a_partition_over_once_its_owner_has_nothing_in_flight) {
    Group& group = topic.add_group("g");
    const auto first = group.enter(wake);
    const Place place = append("1");
    group.take(*first, 1);
    append("2");
    const auto second = group.enter(wake);
    group.leave(*first);
    EXPECT_EQ(values(group.take(*second, 9)), (Strings{"1", "2"}))
        << "who leaves gives back what is not done";
    const auto third = group.enter(wake);
    EXPECT_TRUE(group.take(*third, 9).empty());
    group.done(*second, place);
    EXPECT_EQ(group.standing(*second).lag, 0);
    EXPECT_EQ(group.in_flight(*second), 1u);
}

TEST_F(Groups, wake_a_member_once_for_what_comes_after_it_found_nothing) {
    Group& group = topic.add_group("g");
    const auto member = group.enter(wake);
    EXPECT_TRUE(group.take(*member, 1).empty());
    append("1");
    append("2");
    EXPECT_EQ(wakes, 1);
}

TEST_F(Groups, are_done_with_what_one_reader_alone_was_handed) {
    append("1");
    append("2");
    Group& alone = topic.add_group({});
    alone.begin_at(0, 1);
    const auto reader = alone.enter(wake);
    EXPECT_EQ(alone.standing(*reader).at_start, 1);
    EXPECT_EQ(values(alone.take(*reader, 9)), Strings{"2"});
    EXPECT_EQ(alone.edge(0), 2);
    EXPECT_EQ(kept(), 0u);
}

TEST_F(Groups, a_topic_has_no_room_beyond_its_bound_unless_nobody_reads_it) {
    topic.add_group("g");
    for (int i = 0; i < 3; ++i) append("v");
    EXPECT_FALSE(topic.has_room(1, 0));
    Topic unread{"unread", 1, options};
    for (const char* value : {"1", "2", "3", "4"}) {
        Message message{"unread", "k", value};
        EXPECT_TRUE(unread.has_room(1, cost(message)));
        unread.keep_room(1, cost(message));
        unread.append(message, promise_of_one(), true, {});
    }
    EXPECT_EQ(unread.partitions()[0].base, 1) << "the oldest made room";
}

}  // namespace
}  // namespace stepcast::bus::embedded
