#include "client/http_client.hpp"

#include "base/text.hpp"
#include "client/errc.hpp"

namespace stepcast::client {

std::optional<std::string_view> Answer::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return std::nullopt;
}

std::string request_head(std::string_view method, std::string_view target, const Url& server,
                         const Headers& extra) {
    std::string out;
    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(server.authority());
    for (const auto& [name, value] : extra) out.append("\r\n").append(name).append(": ").append(value);
    return out.append("\r\n\r\n");
}

aio::awaitable<result<Answer>> HttpClient::get(std::string target, Headers extra) {
    co_return co_await exchange(request_head("GET", target, server_, extra), {});
}

aio::awaitable<result<Answer>> HttpClient::post(std::string target, std::string body,
                                                std::string content_type, Headers extra) {
    return send("POST", std::move(target), std::move(body), std::move(content_type), std::move(extra));
}

aio::awaitable<result<Answer>> HttpClient::send(std::string_view method, std::string target, std::string body,
                                                std::string content_type, Headers extra) {
    extra.emplace_back("Content-Type", std::move(content_type));
    extra.emplace_back("Content-Length", std::to_string(body.size()));
    co_return co_await exchange(request_head(method, target, server_, extra), body);
}

aio::awaitable<result<Answer>> HttpClient::exchange(std::string request, std::string_view body) {
    request.append(body);
    if (!connection_.is_open() || connection_.is_stale()) {
        if (auto opened = co_await connection_.open(server_, limits_.connect); !opened) {
            co_return fail(opened.error().code, {}, opened.error().detail);
        }
    }
    if (auto sent = co_await connection_.write(request, limits_.answer); !sent) {
        connection_.close();
        co_return fail(sent.error().code, {}, sent.error().detail);
    }
    auto answer = co_await read_answer();
    if (!answer) connection_.close();
    co_return answer;
}

aio::awaitable<result<Answer>> HttpClient::read_answer() {
    using Step = ResponseParser::Step;
    ResponseParser parser;
    Answer answer;
    std::string_view input;
    while (true) {
        Step step = parser.resume(input);
        if (step == Step::need_more) {
            auto bytes = co_await connection_.read(limits_.answer);
            if (!bytes) co_return fail(bytes.error().code, {}, bytes.error().detail);
            input = *bytes;
            if (!input.empty()) continue;
            step = parser.finish();
            if (step == Step::need_more) co_return fail(errc::cut, {}, "the server closed without an answer");
        }
        if (step == Step::error) co_return fail(parser.error().code, {}, parser.error().detail);
        if (step == Step::body) {
            if (answer.body.size() + parser.body().size() > limits_.body) {
                co_return fail(errc::too_large, {}, "the answer is larger than " + format_size(limits_.body));
            }
            answer.body.append(parser.body());
        }
        if (step == Step::end) break;
    }
    answer.status = parser.head().status;
    answer.headers = parser.head().headers;
    if (!parser.keep_alive()) connection_.close();
    co_return answer;
}

}  // namespace stepcast::client
