#include "proof/prove/bank_history.hpp"

#include <gmock/gmock.h>

namespace stepcast::proof {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// 100, then 30 more, then 50 less.
const std::vector<BankEvent> events{{"e1", 1, 100}, {"e2", 2, 30, "k1"}, {"e3", 3, -50, "k2"}};
const std::vector<BankCall> calls{{"k1", 2, 130, 10, 20}, {"k2", 3, 80, 30, 40}};

std::vector<std::string> judge(const std::vector<BankCall>& told,
                               const std::vector<BankEvent>& listed = events) {
    return faults_of_account("a", told, listed);
}

TEST(BankHistory, a_history_that_is_whole_has_no_faults) {
    EXPECT_THAT(judge(calls), IsEmpty());
    EXPECT_THAT(judge({}, {}), IsEmpty());
    EXPECT_THAT(judge({{"k2", 3, 80, 10, 40}, {"k1", 2, 130, 20, 30}}), IsEmpty()) << "both were under way";
}

TEST(BankHistory, versions_are_dense) {
    EXPECT_THAT(judge({}, {{"e1", 1, 100}, {"e3", 3, 1}}),
                ElementsAre(HasSubstr("version 3 stands where 2")));
    EXPECT_THAT(judge({}, {{"e1", 1, 100}, {"e1", 2, 1}}), ElementsAre(HasSubstr("e1 is there twice")));
}

TEST(BankHistory, an_answer_that_came_before_a_call_has_the_lower_version) {
    EXPECT_THAT(judge({{"k1", 2, 130, 30, 40}, {"k2", 3, 80, 10, 20}}),
                ElementsAre(HasSubstr("k1 was told version 2 after k2 had been told 3")));
}

TEST(BankHistory, each_balance_is_the_sum_up_to_its_version) {
    EXPECT_THAT(judge({{"k1", 2, 131, 10, 20}}), ElementsAre(HasSubstr("was told 131 at version 2")));
    EXPECT_THAT(judge({}, {{"e1", 1, 100}, {"e2", 2, -101}}), ElementsAre(HasSubstr("is -1")));
}

TEST(BankHistory, a_call_acts_once_and_where_it_was_told) {
    EXPECT_THAT(judge({{"k1", 2, 130, 10, 20}}, {{"e1", 1, 100}, {"e2", 2, 30, "k1"}, {"e3", 3, 30, "k1"}}),
                ElementsAre(HasSubstr("k1 has 2 events")));
    EXPECT_THAT(judge({{"k3", 2, 130, 10, 20}}), ElementsAre(HasSubstr("k3 has 0 events")));
    EXPECT_THAT(judge({{"k2", 2, 130, 10, 20}}), ElementsAre(HasSubstr("its event has 3")));
    EXPECT_THAT(judge({{"k1", 9, 1, 1, 2}}).front(), HasSubstr("which is not there"));
}

TEST(BankHistory, what_is_said_is_bounded) {
    std::vector<BankEvent> broken(100, {"same", 7, -1});
    EXPECT_EQ(faults_of_account("a", {}, broken, 3).size(), 3u);
}

}  // namespace
}  // namespace stepcast::proof
