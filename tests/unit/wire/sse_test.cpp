#include "wire/sse.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>
#include <vector>

namespace stepcast::wire {
namespace {

using namespace std::string_literals;

std::string read_stream(std::string_view script, const std::vector<std::size_t>& cuts, std::size_t bound) {
    SseParser parser{bound};
    std::string out;
    std::size_t start = 0;
    for (std::size_t c = 0; c <= cuts.size(); ++c) {
        const std::size_t end = c == cuts.size() ? script.size() : cuts[c];
        std::string_view piece = script.substr(start, end - start);
        start = end;
        while (const auto event = parser.next(piece))
            out += fmt::format("{}[{}]#{}|", event->type, event->data, event->last_event_id);
        EXPECT_TRUE(piece.empty());
    }
    if (parser.retry()) out += fmt::format("retry={}|", parser.retry()->count());
    if (parser.overflowed()) return out + "overflow";
    return out + "last=" + parser.last_event_id();
}

std::string read_at_every_cut(std::string_view script, std::size_t bound = 1000) {
    const auto whole = read_stream(script, {}, bound);
    for (std::size_t cut = 1; cut < script.size(); ++cut)
        if (const auto other = read_stream(script, {cut}, bound); other != whole)
            return fmt::format("CUT AT {}: {}", cut, other);
    std::vector<std::size_t> everywhere(script.empty() ? 0 : script.size() - 1);
    std::iota(everywhere.begin(), everywhere.end(), 1);
    if (const auto other = read_stream(script, everywhere, bound); other != whole)
        return "CUT EVERYWHERE: " + other;
    return whole;
}

TEST(SseParser, reads_as_browsers_do_for_every_cut) {
    const std::pair<std::string, std::string> scripts[] = {
        {"", "last="},
        {"data: a\n\n", "message[a]#|last="},
        {"data: a\r\n\r\ndata: b\r\rdata: c\n\n", "message[a]#|message[b]#|message[c]#|last="},
        {"\xEF\xBB\xBF"
         "data: a\n\n",
         "message[a]#|last="},
        {"\xEF\xBB\xBF\xEF\xBB\xBF"
         "data: a\n\ndata: b\n\n",
         "message[b]#|last="},
        {"\xEF\xBB"
         "data: a\n\ndata: b\n\n",
         "message[b]#|last="},
        {"id: e.7\nevent: progress\ndata: {}\n\n", "progress[{}]#e.7|last=e.7"},
        {"id: e.7\n\ndata: a\n\n", "message[a]#e.7|last=e.7"},
        {"id: 7\ndata: a\n\nid\ndata: b\n\n", "message[a]#7|message[b]#|last="},
        {"id: 7\n\nid: a\0b\n\n"s, "last=7"},
        {"id: 7\n", "last="},
        {"data: a\ndata:  b\ndata:c\ndata\n\n", "message[a\n b\nc\n]#|last="},
        {"data\n\n", "message[]#|last="},
        {"data\ndata\n\n", "message[\n]#|last="},
        {"event: x\n\ndata: a\n\n", "message[a]#|last="},
        {"event: x\nevent: y\ndata: a\n\n", "y[a]#|last="},
        {"event: x\nevent\ndata: a\n\n", "message[a]#|last="},
        {": comment\n:\ndata: a\n\n", "message[a]#|last="},
        {"retry: 1500\n\nretry: 15s\n\nretry: -1\n\nretry:\n\nretry: 99999999999999\n\n", "retry=1500|last="},
        {"Data: a\n\n data: b\n\ndata : c\n\nfoo: bar\n\n", "last="},
        {"data: unfinished", "last="},
        {"data: unfinished\n", "last="},
        {"data: 가\n\n", "message[가]#|last="},
    };
    for (const auto& [script, result] : scripts) EXPECT_EQ(read_at_every_cut(script), result) << script;
}

TEST(SseParser, an_event_at_the_bound_is_read_and_one_beyond_ends_the_stream) {
    // Counted are the data so far with its line ends, and the line being read.
    EXPECT_EQ(read_at_every_cut("data: abcd\n\n", 10), "message[abcd]#|last=");
    EXPECT_EQ(read_at_every_cut("data: abcde\n\n", 10), "overflow");
    EXPECT_EQ(read_at_every_cut(":" + std::string(50, 'x'), 10), "overflow");
    EXPECT_EQ(read_at_every_cut("data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n", 10), "overflow");
    EXPECT_EQ(read_at_every_cut("data: a\n\ndata: abcde\n\ndata: b\n\n", 10), "message[a]#|overflow");
}

TEST(SseParser, a_new_stream_keeps_the_cursor_and_loses_the_unfinished_event) {
    SseParser parser;
    std::string_view bytes = "id: 7\ndata: a\n\nid: 8\ndata: lost\r";
    ASSERT_TRUE(parser.next(bytes));
    EXPECT_FALSE(parser.next(bytes));
    parser.reset();
    EXPECT_EQ(parser.last_event_id(), "7");
    bytes = "\ndata: b\n\n";
    const auto event = parser.next(bytes);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->data, "b");
    EXPECT_EQ(event->last_event_id, "7");
}

TEST(SseWriter, no_text_can_end_its_line) {
    std::string out;
    append_sse_event(out, {.event = "a\r\nb\0c"s, .id = "1\n2", .data = "x\ry\r\nz\n"});
    EXPECT_EQ(out, "id: 12\nevent: abc\ndata: x\ndata: y\ndata: z\ndata: \n\n");
    out.clear();
    append_sse_comment(out, "");
    append_sse_comment(out, "a\ndata: b");
    append_sse_retry(out, std::chrono::seconds{2});
    EXPECT_EQ(out, ":\n: a\n: data: b\nretry: 2000\n\n");
}

std::string lines_of(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r') {
            out += '\n';
            i += i + 1 < text.size() && text[i + 1] == '\n';
        } else {
            out += text[i];
        }
    }
    return out;
}

RC_GTEST_PROP(SseWriter, the_parser_reads_what_was_written, ()) {
    const auto data =
        *rc::gen::container<std::string>(rc::gen::element('a', ':', ' ', '\r', '\n', '\0', 'z'));
    std::string out;
    append_sse_event(out, {.event = "e", .id = "i", .data = data});
    SseParser parser;
    std::string_view bytes = out;
    const auto event = parser.next(bytes);
    RC_ASSERT(event.has_value());
    RC_ASSERT(event->data == lines_of(data));
    RC_ASSERT(event->type == "e");
    RC_ASSERT(event->last_event_id == "i");
    RC_ASSERT(!parser.next(bytes));
}

}  // namespace
}  // namespace stepcast::wire
