#pragma once
#include <memory>
#include <string>

#include "base/result.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace stepcast::aio {

/// What either end offers by ALPN, as OpenSSL takes it: HTTP/1.1 alone.
inline constexpr unsigned char tls_protocols[] = "\x08http/1.1";

/// Whose certificates a client believes, with what it speaks then: TLS 1.2 and 1.3, ALPN http/1.1. Immutable,
/// any thread. Making one reads files, which blocks. Streams keep what they were made from.
class TlsTrust {
  public:
    using Made = result<std::shared_ptr<const TlsTrust>>;

    /// What the authorities of this machine vouch for (OpenSSL's places; $SSL_CERT_FILE and $SSL_CERT_DIR
    /// name others), under the name that was asked for.
    static Made of_system();
    /// The same of the certificates in a PEM file alone; a server's own certificate may stand there too. The
    /// error's detail is one line that names the file.
    static Made of_file(const std::string& path);
    /// The first certificate of a PEM file and no other, whatever it is named and however old: for who asks
    /// its own server.
    static Made of_certificate(const std::string& path);

    ~TlsTrust();
    TlsTrust(const TlsTrust&) = delete;
    TlsTrust& operator=(const TlsTrust&) = delete;

    ssl_ctx_st* context() const { return context_; }
    /// Makes a client of `ssl`, which asks for `host`: a name, or an address without brackets.
    void prepare(ssl_st* ssl, const std::string& host) const;

  private:
    explicit TlsTrust(bool checks_name);

    ssl_ctx_st* context_;
    const bool checks_name_;
};

/// What a client's handshake has failed with, for people, about the server: "its certificate has expired".
/// `error`: OpenSSL's, 0 if there was none.
std::string describe_failure(const ssl_st* ssl, unsigned long error);

/// The oldest error that OpenSSL has for this thread, for people; takes all of them.
std::string take_tls_error();

}  // namespace stepcast::aio
