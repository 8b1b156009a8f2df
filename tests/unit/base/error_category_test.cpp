#include "base/error_category.hpp"

#include <gtest/gtest.h>

namespace stepcast {
namespace {

enum class Fault { lost = 1, late };

TEST(ErrorCategory, says_what_its_table_says_and_names_what_it_does_not_know) {
    const ErrorCategory<Fault> post{"post", {{Fault::lost, "it is lost"}, {Fault::late, "it is late"}}};
    const ErrorCategory<Fault> other{"post", {{Fault::lost, "it is lost"}}};
    EXPECT_STREQ(post.name(), "post");
    EXPECT_EQ(post.code(Fault::late).message(), "it is late");
    EXPECT_EQ(post.message(9), "unknown post error");
    EXPECT_EQ(post.code(Fault::lost), post.code(Fault::lost));
    EXPECT_NE(post.code(Fault::lost), other.code(Fault::lost)) << "one object for each enum";
}

}  // namespace
}  // namespace stepcast
