#include "http/answer_writer.hpp"

#include <array>

namespace stepcast::http {
namespace {

bool has_no_body(int status) {
    return status == 204 || status == 304 || status < 200;
}

/// Of head and body what is behind the first `sent` bytes, as parts of a gathered write.
std::array<iovec, 2> behind(std::string_view head, std::string_view body, std::size_t sent) {
    const std::size_t of_head = std::min(sent, head.size());
    head.remove_prefix(of_head);
    body.remove_prefix(sent - of_head);
    return {{{const_cast<char*>(head.data()), head.size()}, {const_cast<char*>(body.data()), body.size()}}};
}

}  // namespace

AnswerWriter::Sent AnswerWriter::send(Response& response, bool head_only, bool http_1_0,
                                      wire::Persistence persistence) {
    wire::ResponseHead head;
    head.status = response.status;
    head.date = lane_.date();
    head.persistence = persistence;
    head.chunked = response.list && !http_1_0;
    if (!has_no_body(response.status) && !response.takeover && !response.list)
        head.content_length = response.body.size();
    if (head_only || has_no_body(response.status)) response.body.clear(), response.list.reset();
    std::string& text = lane_.head_buffer();
    wire::append_response_head(text, head, response.headers);
    if (response.list) return {.chunked = head.chunked};
    share_.charge(Limited::bytes, text.size() + response.body.size());
    auto parts = behind(text, response.body, 0);
    const ssize_t taken = transport_.send(parts);
    return {.whole = taken == static_cast<ssize_t>(text.size() + response.body.size()), .bytes = taken};
}

awaitable<bool> AnswerWriter::send_rest(Response response, Sent sent, std::size_t beside) {
    if (sent.bytes < 0) co_return false;
    std::string head = lane_.written_head();
    if (response.list) co_return co_await write_list(std::move(head), sent.chunked, *response.list);
    co_return co_await write_rest(std::move(head), std::move(response.body),
                                  static_cast<std::size_t>(sent.bytes), beside);
}

/// What the socket did not take at once of head and body. A connection that would hold more than is left for
/// all ends here.
awaitable<bool> AnswerWriter::write_rest(std::string head, std::string body, std::size_t sent,
                                         std::size_t beside) {
    const std::size_t size = head.size() + body.size();
    const std::size_t held = body.size() + beside;
    if (!unsent_.resize(held <= uncounted_bytes ? 0 : held)) co_return false;
    while (sent < size) {
        if (!co_await writable()) co_return false;
        auto parts = behind(head, body, sent);
        const ssize_t taken = transport_.send(parts);
        if (taken < 0) co_return false;
        sent += static_cast<std::size_t>(taken);
    }
    phase_.enter(Phase::answering);
    co_return true;
}

/// Page by page, each read when the socket has taken the one before, on no time of the client's.
awaitable<bool> AnswerWriter::write_list(std::string head, bool chunked, ListSource& list) {
    transport_.bound_unsent();
    ListWriter writer{std::move(head), chunked};
    struct Breach {  // an answer that breaks off must not look whole
        aio::Transport* of;
        ~Breach() {
            if (of != nullptr) of->abort();
        }
    } breach{&transport_};
    for (bool last = false; !last;) {
        phase_.enter(Phase::answering);
        auto page = co_await list.next();
        if (!page || phase_.is_cut()) co_return false;
        last = page->last;
        writer.put(std::move(*page));
        while (!writer.parts().empty()) {
            const ssize_t sent = transport_.send(writer.parts());
            if (sent < 0) co_return false;
            writer.took(static_cast<std::size_t>(sent));
            share_.charge(Limited::bytes, static_cast<std::size_t>(sent));
            if (sent == 0 && !co_await writable()) co_return false;
        }
    }
    breach.of = nullptr;
    phase_.enter(Phase::answering);
    co_return true;
}

/// Waits until the socket takes bytes. False if it is gone, or took none for too long.
awaitable<bool> AnswerWriter::writable() {
    phase_.enter(Phase::writing);
    const auto [error] = co_await transport_.wait(aio::Transport::writable);
    co_return !error && !phase_.expired();
}

}  // namespace stepcast::http
