#include "flow/source_offsets.hpp"

#include "store/memory/memory_store.hpp"
#include "store/store_fixture.hpp"

namespace stepcast::flow {
namespace {

using store::test::commit_of;
using store::test::draft;

class SourceOffsetsTest : public ::testing::Test {
  protected:
    store::CommitResult commit(store::Commit commit) {
        return store::test::run_to_end(core, store.commit_many({&commit, 1})).front();
    }
    std::vector<store::PartitionOffset> stored() {
        return *store::test::run_to_end(core, store.source_offsets("me", "topic"));
    }
    void load(SourceOffsets& into) { EXPECT_TRUE(store::test::run_to_end(core, into.load(store))); }

    using Offsets = std::vector<store::PartitionOffset>;

    asio::io_context io;
    aio::Strand core{asio::make_strand(io)};
    store::MemoryStore store{{}};
    SourceOffsets offsets{"me", "topic"};
};

TEST_F(SourceOffsetsTest, the_next_start_goes_on_behind_what_was_stored) {
    for (const auto& place : {bus::Place{0, 4}, bus::Place{2, 7}, bus::Place{0, 5}}) {
        store::Commit one = commit_of({draft("s", std::to_string(place.offset))});
        one.source = offsets.take(place);
        EXPECT_TRUE(commit(std::move(one)));
    }
    EXPECT_TRUE(offsets.moves().empty());
    offsets.settle();
    EXPECT_EQ(offsets.next(), (Offsets{{0, 6}, {2, 8}}));
    SourceOffsets again{"me", "topic"};
    load(again);
    EXPECT_EQ(again.next(), offsets.next());
}

TEST_F(SourceOffsetsTest, no_offset_passes_a_record_that_was_given_up_before_it_is_buried) {
    EXPECT_EQ(offsets.take({0, 1})->offset, 1);
    EXPECT_EQ(offsets.take({1, 1})->offset, 1);
    offsets.give_up({0, 2});
    EXPECT_FALSE(offsets.take({0, 2}));
    EXPECT_FALSE(offsets.take({0, 3}));
    EXPECT_EQ(offsets.take({1, 2})->offset, 2) << "another partition goes on";
    auto moves = offsets.moves();
    ASSERT_EQ(moves.size(), 1u);
    EXPECT_EQ(moves.front().source->offset, 3);
    EXPECT_TRUE(commit(std::move(moves.front())));
    EXPECT_EQ(stored(), (Offsets{{0, 3}}));
    offsets.settle();
    EXPECT_EQ(offsets.take({0, 4})->offset, 4) << "the next batch begins anew";
}

TEST_F(SourceOffsetsTest, a_record_found_to_be_bad_after_its_commit_was_made_moves_besides) {
    EXPECT_TRUE(offsets.take({0, 1}));
    EXPECT_TRUE(offsets.take({0, 2}));
    offsets.give_up({0, 1});
    EXPECT_EQ(offsets.moves().front().source->offset, 2);
    offsets.forget();
    EXPECT_TRUE(offsets.next().empty());
}

TEST_F(SourceOffsetsTest, a_topic_that_was_made_again_begins_below_the_stored_offset) {
    offsets.take({0, 9});
    offsets.settle();
    EXPECT_TRUE(offsets.take({0, 0})->restarts);
    offsets.settle();
    EXPECT_FALSE(offsets.take({0, 1})->restarts);
}

TEST_F(SourceOffsetsTest, without_a_consumer_nothing_is_kept) {
    SourceOffsets none{"", "topic"};
    load(none);
    EXPECT_FALSE(none.take({0, 1}));
    none.give_up({0, 1});
    EXPECT_TRUE(none.moves().empty());
    none.settle();
    EXPECT_TRUE(none.next().empty());
}

}  // namespace
}  // namespace stepcast::flow
