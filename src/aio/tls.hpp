#pragma once
#include <sys/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/budget.hpp"
#include "base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace stepcast::aio {

class TlsTrust;

/// A certificate chain and its key, with what the server speaks by them: TLS 1.2 and 1.3, ALPN http/1.1,
/// session tickets; no renegotiation, no early data, no compression. Immutable, any thread. Streams keep what
/// they were made from, so that it may be replaced under them.
class TlsCertificate {
  public:
    /// Both PEM; the chain begins with the server's own certificate. The error's detail is one line that
    /// names the file.
    static result<std::shared_ptr<const TlsCertificate>> load(const std::string& chain_file,
                                                              const std::string& key_file);
    ~TlsCertificate();
    TlsCertificate(const TlsCertificate&) = delete;
    TlsCertificate& operator=(const TlsCertificate&) = delete;

    ssl_ctx_st* context() const { return context_; }

  private:
    explicit TlsCertificate(ssl_ctx_st* context) : context_{context} {}
    ssl_ctx_st* context_;
};

/// One end of TLS on a non-blocking descriptor, which belongs to somebody else and lives as long.
/// One strand. What OpenSSL has encrypted cannot be taken back, so that ciphertext which the descriptor did
/// not take is kept here, at most a record, and sent before anything else.
class TlsStream {
  public:
    /// Bytes of one record; also what one write encrypts at most.
    static constexpr std::size_t record_bytes = 16 * 1024;

    /// The server's end. Once the handshake is over, what it keeps of a record or of a message of TLS whose
    /// rest has not come counts into `pieces`, if there is one; a peer that wants more than is left is cut.
    TlsStream(const TlsCertificate& certificate, int descriptor, std::shared_ptr<Budget> pieces);
    /// The client's end, which asks for `host`.
    TlsStream(const TlsTrust& trust, const std::string& host, int descriptor);
    ~TlsStream();
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// A step of the handshake. 1: it is done; 0: it waits for the peer; -1: it failed.
    int open();
    bool is_open() const { return open_; }
    /// Of a client whose handshake has failed: why, for people.
    std::string failure() const;

    /// At most a record: all of it is taken, or nothing (0) because something is held back; -1: gone.
    ssize_t send(std::string_view text);
    /// As Transport::receive. With room for a record nothing is left behind that the descriptor does not
    /// show.
    ssize_t receive(std::span<char> room);
    /// Nothing more will come, because the peer meant the end and was not cut.
    bool ended() const { return ended_; }
    /// Tells the peer that nothing more will come.
    void finish();

    bool holds_back() const { return !held_.empty(); }
    /// Sends what is held back as far as it is taken. False if the peer is gone.
    bool deliver();

  private:
    friend struct TlsDescriptor;

    TlsStream(ssl_ctx_st* context, int descriptor);
    void begin();
    ssize_t send_some(std::string_view ciphertext) const;
    bool put(std::string_view ciphertext);
    int failed(int result);
    bool count_pieces();

    ssl_ctx_st* context_;
    ssl_st* ssl_ = nullptr;  // from the first step of the handshake on: who says nothing costs no state
    const int descriptor_;
    bool open_ = false;
    bool gone_ = false;
    bool ended_ = false;
    unsigned long error_ = 0;  // of the handshake
    std::string held_;         // ciphertext
    std::shared_ptr<Budget> budget_;
    std::optional<Budget::Hold> pieces_;  // of `budget_`; none without
};

}  // namespace stepcast::aio
