#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "client/response_parser.hpp"
#include "proof/load/loop.hpp"
#include "proof/load/network.hpp"

namespace stepcast::proof {

/// Asks over a few kept-alive connections, one request at a time on each; what is too much waits in a queue.
class Publisher {
  public:
    /// `tag` names the request; `status` is 0 if the connection broke and nobody knows.
    using OnAnswer = std::function<void(std::uint64_t tag, int status)>;

    Publisher(Loop& loop, const Target& target, std::size_t connections, OnAnswer on_answer);

    void post(std::string_view target, std::string_view body, std::uint64_t tag);
    void put(std::string_view target, std::string_view body, std::uint64_t tag);
    void get(std::string_view target, std::uint64_t tag);
    /// What posts and puts carry; `headers`: further lines of every request, each with its line end.
    void set_headers(std::string content_type, std::string headers);

    /// Requests posted and not answered yet, queued ones included.
    std::size_t waiting() const { return waiting_; }

  private:
    class Lane final : public Handler {
      public:
        explicit Lane(Publisher& owner) : owner_{owner} {}
        ~Lane();
        bool is_free() const { return request_.empty(); }
        void start(std::string request, std::uint64_t tag);
        void on_ready(std::uint32_t events) override;

      private:
        void connect();
        void write();
        void read();
        void answer(int status);

        Publisher& owner_;
        client::ResponseParser parser_;
        std::string request_;
        std::size_t written_ = 0;
        std::uint64_t tag_ = 0;
        int fd_ = -1;
    };

    struct Job {
        std::string request;
        std::uint64_t tag;
    };

    void send_body(std::string_view method, std::string_view target, std::string_view body,
                   std::uint64_t tag);
    void send(std::string request, std::uint64_t tag);

    Loop& loop_;
    const Target& target_;
    OnAnswer on_answer_;
    std::string content_type_ = "application/json";
    std::string headers_;
    std::deque<Lane> lanes_;
    std::vector<Lane*> free_;
    std::deque<Job> queue_;
    std::size_t waiting_ = 0;
};

}  // namespace stepcast::proof
