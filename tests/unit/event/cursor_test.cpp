#include "event/cursor.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace stepcast::event {
namespace {

TEST(Cursor, reads_what_it_writes) {
    const auto cursor = parse_cursor("abcd1234.42");
    ASSERT_TRUE(cursor);
    EXPECT_EQ(cursor->epoch, "abcd1234");
    EXPECT_EQ(cursor->position, 42u);
    EXPECT_EQ(cursor->text(), "abcd1234.42");
    EXPECT_EQ(parse_cursor("e.0")->position, 0u);
    EXPECT_EQ(parse_cursor("e.18446744073709551615")->position, UINT64_MAX);
    EXPECT_TRUE(parse_cursor("0123456789abcdef.1"));
}

TEST(Cursor, anything_else_is_none_of_ours) {
    for (const auto* text :
         {"", ".", "e", "e.", ".5", "e.5 ", " e.5", "e.-1", "e.+1", "e.1.2", "E.5", "e-.5", "e.0x5", "e.5\n",
          "e.18446744073709551616", "0123456789abcdefg.1", "e.\xEF\xBC\x95"})
        EXPECT_FALSE(parse_cursor(text)) << '"' << text << '"';
    EXPECT_FALSE(parse_cursor(std::string_view{"e\0.5", 4}));
}

TEST(Cursor, the_end_of_a_catch_up_is_an_event_that_carries_the_cursor_as_id_and_as_data) {
    EXPECT_EQ(live_frame("abcd1234", 0),
              "id: abcd1234.0\nevent: live\ndata: {\"cursor\":\"abcd1234.0\"}\n\n");
    EXPECT_EQ(live_frame("e", UINT64_MAX),
              "id: e.18446744073709551615\nevent: live\ndata: {\"cursor\":\"e.18446744073709551615\"}\n\n");
}

RC_GTEST_PROP(CursorProperty, every_cursor_survives_its_text, ()) {
    const auto letter =
        rc::gen::oneOf(rc::gen::inRange<char>('0', '9' + 1), rc::gen::inRange<char>('a', 'z' + 1));
    const auto epoch = *rc::gen::suchThat(rc::gen::container<std::string>(letter),
                                          [](const std::string& s) { return !s.empty() && s.size() <= 16; });
    const auto position = *rc::gen::arbitrary<Position>();
    const auto again = parse_cursor(Cursor{epoch, position}.text());
    RC_ASSERT(again);
    RC_ASSERT(again->epoch == epoch);
    RC_ASSERT(again->position == position);
}

RC_GTEST_PROP(CursorProperty, any_text_is_refused_or_read_the_same_twice, (const std::string& text)) {
    const auto cursor = parse_cursor(text);
    if (!cursor) return;
    RC_ASSERT(parse_cursor(cursor->text())->position == cursor->position);
}

}  // namespace
}  // namespace stepcast::event
