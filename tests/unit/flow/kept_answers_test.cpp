#include "flow/kept_answers.hpp"

#include "store/memory/memory_store.hpp"
#include "unit/strand_test.hpp"

namespace stepcast::flow {
namespace {

using namespace std::chrono_literals;
using aio::awaitable;

class KeptAnswersTest : public stepcast::testing::StrandTest {
  protected:
    awaitable<void> keep(const KeyedCall& of, std::string_view answer) {
        std::vector<store::Commit> commits(1);
        commits[0].inbox = kept.mark(of, answer);
        EXPECT_TRUE((co_await store.commit_many(commits))[0]);
    }

    store::MemoryStore store{{}};
    KeptAnswers kept{store, system_clock(), 1h};
    const KeyedCall call{"ada\nPOST /x\nk", 7};
};

TEST_F(KeptAnswersTest, the_answer_of_a_commit_is_given_again) {
    run([&]() -> awaitable<void> {
        EXPECT_FALSE((co_await kept.begin(call))->answer);
        co_await keep(call, "done\n\"ok\"");
        EXPECT_EQ((co_await kept.begin(call))->answer, "done\n\"ok\"");
        EXPECT_FALSE((co_await kept.begin({"ada\nPOST /x\nother", 7}))->answer);
    });
}

TEST_F(KeptAnswersTest, a_key_that_was_used_for_something_else_is_refused) {
    run([&]() -> awaitable<void> {
        co_await keep(call, "");
        EXPECT_EQ((co_await kept.begin({call.id, 8})).error().code, kept_errc::other_call);
        EXPECT_EQ((co_await kept.begin(call))->answer, "");
    });
}

TEST_F(KeptAnswersTest, while_a_call_is_carried_out_it_is_refused_and_not_longer) {
    run([&]() -> awaitable<void> {
        {
            const auto begun = co_await kept.begin(call);
            EXPECT_TRUE(begun);
            EXPECT_EQ((co_await kept.begin(call)).error().code, kept_errc::running);
            EXPECT_EQ((co_await kept.begin(call)).error().code, kept_errc::running);
        }
        EXPECT_TRUE(co_await kept.begin(call));
    });
}

}  // namespace
}  // namespace stepcast::flow
