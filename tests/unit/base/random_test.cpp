#include "base/random.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <thread>

#include "base/hash.hpp"
#include "base/histogram.hpp"
#include "base/result.hpp"

namespace stepcast {
namespace {

TEST(Random, a_uuid_is_version_4) {
    const std::regex form{"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"};
    for (int i = 0; i < 100; ++i) {
        const auto uuid = random_uuid();
        EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    }
}

TEST(Random, a_token_has_its_length_and_alphabet) {
    EXPECT_TRUE(random_token(0).empty());
    for (const char c : random_token(2000)) EXPECT_TRUE((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'));
}

TEST(Random, threads_draw_different_numbers) {
    std::set<std::uint64_t> drawn[2];
    std::thread other{[&] {
        for (int i = 0; i < 1000; ++i) drawn[1].insert(random_u64());
    }};
    for (int i = 0; i < 1000; ++i) drawn[0].insert(random_u64());
    other.join();
    drawn[0].merge(drawn[1]);
    EXPECT_EQ(drawn[0].size(), 2000u);
}

TEST(Hash, stable_is_the_same_everywhere_and_keyed_is_not_it) {
    EXPECT_EQ(stable_hash(""), 0x2D06800538D394C2u);  // xxHash's own test value
    EXPECT_EQ(keyed_hash("a"), keyed_hash("a"));
    EXPECT_NE(keyed_hash("a"), keyed_hash("b"));
    EXPECT_NE(keyed_hash("a"), stable_hash("a"));
    EXPECT_EQ(KeyedHash{}("a"), keyed_hash("a"));
}

TEST(Histogram, counts_into_the_bucket_whose_bound_holds_it) {
    Histogram histogram;
    histogram.observe(0);
    histogram.observe(1e-5);
    histogram.observe(0.02, 3);
    histogram.observe(1000);
    EXPECT_EQ(histogram.bucket(0), 2u);
    std::uint64_t all = 0;
    for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) all += histogram.bucket(i);
    EXPECT_EQ(all, 6u);
    EXPECT_EQ(histogram.bucket(Histogram::bounds.size()), 1u) << "beyond the last bound";
    EXPECT_NEAR(histogram.sum_seconds(), 1000.06, 0.001);
}

TEST(Error, text_names_the_field_and_falls_back_to_the_code) {
    const auto code = std::make_error_code(std::errc::invalid_argument);
    EXPECT_EQ((Error{code, "[3].percentage", "must be 0 to 100"}.text()), "[3].percentage: must be 0 to 100");
    EXPECT_EQ((Error{code}.text()), code.message());
    const result<int> refused = fail(code, "a");
    EXPECT_EQ(refused.error().field, "a");
}

}  // namespace
}  // namespace stepcast
