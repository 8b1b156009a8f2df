#include "flow/cause.hpp"

#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using aio::awaitable;
using event::Metadata;

constexpr std::array<std::string_view, 1> cause_types{"A"};
constexpr event::Category cause_category{"c", "c", cause_types, false};

event::Draft cause_draft(std::string_view id, std::string_view metadata = {}) {
    return event::Event::make({.category = &cause_category,
                               .stream_id = "s",
                               .id = id,
                               .subject = "",
                               .json = R"({"n":1})",
                               .metadata = metadata});
}

class Cause : public stepcast::testing::StrandTest {
  protected:
    Metadata of_record(std::vector<event::HeaderView> headers, std::optional<std::string_view> key) {
        bus::Record record{.place = {1, 7}, .timestamp = {}, .key = key, .value = "v"};
        record.source = &headers;
        record.read_headers = [](const void* source) {
            return *static_cast<const std::vector<event::HeaderView>*>(source);
        };
        return cause_of(record, "t");
    }
    store::MemoryStore store{{}};
};

TEST_F(Cause, of_a_record_is_its_id_and_the_correlation_that_it_or_its_key_says) {
    EXPECT_EQ(of_record({{"correlation-id", "O"}, {"causation-id", "x"}, {"message-id", "m 1"}}, "k"),
              (Metadata{.correlation_id = "O", .causation_id = "m 1"}));
    EXPECT_EQ(of_record({}, "k"), (Metadata{.correlation_id = "k", .causation_id = "t-1-7"}));
    EXPECT_EQ(of_record({{"message-id", "\xFF"}}, std::nullopt),
              (Metadata{.correlation_id = "t-1-7", .causation_id = "t-1-7"}));
}

TEST_F(Cause, lies_on_events_and_messages_of_a_commit) {
    store::Commit commit;
    commit.appends.emplace_back().events.push_back(cause_draft("other"));
    auto& own = commit.appends.emplace_back();
    own.events.push_back(cause_draft("1"));
    own.events.push_back(cause_draft("2", R"({"actor":"ann"})"));
    commit.outbox.push_back({.id = "m", .topic = "t", .key = "k", .value = "v", .headers = {{"h", "1"}}});
    lay_on(commit, {.correlation_id = "O", .causation_id = "x"});
    EXPECT_EQ(commit.appends[0].events[0]->metadata(), R"({"correlationId":"O","causationId":"x"})");
    EXPECT_EQ(own.events[0]->metadata(), R"({"correlationId":"O","causationId":"x"})");
    EXPECT_EQ(own.events[1]->metadata(), R"({"actor":"ann"})");
    EXPECT_EQ(commit.outbox[0].headers,
              (std::vector<event::Header>{{"h", "1"}, {"correlation-id", "O"}, {"causation-id", "c-s/1"}}));
    store::Commit only_message;
    only_message.outbox.push_back({.id = "m", .topic = "t", .key = "k", .value = "v"});
    lay_on(only_message, {.correlation_id = "O", .causation_id = "x"});
    EXPECT_EQ(only_message.outbox[0].headers.back(), (event::Header{"causation-id", "x"}));
    store::Commit plain;
    plain.appends.emplace_back().events.push_back(cause_draft("1"));
    lay_on(plain, {});
    EXPECT_EQ(plain.appends[0].events[0]->metadata(), "");
}

TEST_F(Cause, of_what_waited_is_the_last_event_of_its_stream) {
    run([&]() -> awaitable<void> {
        EXPECT_EQ(co_await cause_in(store, cause_category, "s"), Metadata{.correlation_id = "s"});
        std::vector<store::Commit> commits(1);
        commits[0].appends.emplace_back().events.push_back(cause_draft("1", R"({"correlationId":"O"})"));
        EXPECT_TRUE((co_await store.commit_many(commits))[0]);
        EXPECT_EQ(co_await cause_in(store, cause_category, "s"),
                  (Metadata{.correlation_id = "O", .causation_id = "c-s/1"}));
        std::vector<store::Commit> more(1);
        more[0].appends.emplace_back().events.push_back(cause_draft("2"));
        EXPECT_TRUE((co_await store.commit_many(more))[0]);
        EXPECT_EQ(co_await cause_in(store, cause_category, "s"),
                  (Metadata{.correlation_id = "s", .causation_id = "c-s/2"}));
    });
}

}  // namespace
}  // namespace stepcast::flow
