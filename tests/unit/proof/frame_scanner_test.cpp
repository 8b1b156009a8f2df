#include "proof/load/frame_scanner.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace stepcast::proof {
namespace {

TEST(FrameScanner, gives_the_same_frames_at_every_cut) {
    const std::string bytes =
        ": hi\n\nid: a.1\nevent: progress\ndata: {\"version\":1}\n\nid: a.2\n\nretry: 5\n\n";
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
        FrameScanner scanner;
        std::vector<std::string> frames;
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            scanner.feed(std::string_view{bytes}.substr(at, piece), [&](const FrameView& f) {
                frames.push_back(std::string{f.event} + "|" + std::string{f.id} + "|" + std::string{f.data});
                return true;
            });
        }
        EXPECT_EQ(frames, (std::vector<std::string>{"||", "progress|a.1|{\"version\":1}", "|a.2|", "||"}))
            << piece;
    }
}

TEST(FrameScanner, stops_when_its_caller_has_lost_interest) {
    FrameScanner scanner;
    int frames = 0;
    EXPECT_FALSE(scanner.feed("data: 1\n\ndata: 2\n\n", [&](const FrameView&) { return ++frames < 1; }));
    EXPECT_EQ(frames, 1);
}

TEST(FrameScanner, forgets_half_a_frame_at_a_reset) {
    FrameScanner scanner;
    scanner.feed("data: ha", [](const FrameView&) { return true; });
    scanner.reset();
    std::string data;
    scanner.feed("data: x\n\n", [&](const FrameView& f) {
        data = f.data;
        return true;
    });
    EXPECT_EQ(data, "x");
}

TEST(FindInJson, reads_numbers_and_texts_by_name) {
    const std::string_view json = R"({"version":12,"eventId":"a-1","n":null})";
    EXPECT_EQ(find_number(json, "\"version\""), 12u);
    EXPECT_EQ(find_text(json, "\"eventId\""), "a-1");
    EXPECT_FALSE(find_number(json, "\"n\""));
    EXPECT_FALSE(find_number(json, "\"missing\""));
    EXPECT_EQ(find_text(json, "\"version\""), "");
}

}  // namespace
}  // namespace stepcast::proof
