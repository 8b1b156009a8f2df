#include "aio/tls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>

#include "aio/system_call.hpp"
#include "aio/tls_trust.hpp"

namespace stepcast::aio {
namespace {

// One record, an alert and what a key update adds. A peer that makes us answer more than that, and reads none
// of it, is cut.
constexpr std::size_t most_held = 2 * TlsStream::record_bytes;

// What OpenSSL holds while it waits for the rest of a record, and of a message that goes on in the next one.
constexpr std::size_t record_room = 18 * 1024;
constexpr std::size_t message_room = 20 * 1024;

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
    unsigned char* chosen = nullptr;
    const int found =
        SSL_select_next_proto(&chosen, out_size, tls_protocols, sizeof tls_protocols - 1, in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// A key with a passphrase is refused rather than asked for on the terminal.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

}  // namespace

/// OpenSSL's way to the descriptor. It takes all that it is given: what is left over is the stream's.
struct TlsDescriptor {
    static int write(BIO* bio, const char* data, int size) {
        auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        return stream.put({data, static_cast<std::size_t>(size)}) ? size : -1;
    }
    static int read(BIO* bio, char* room, int size) {
        const auto& stream = *static_cast<const TlsStream*>(BIO_get_data(bio));
        BIO_clear_retry_flags(bio);
        const ssize_t got = uninterrupted(
            [&] { return ::recv(stream.descriptor_, room, static_cast<std::size_t>(size), MSG_DONTWAIT); });
        if (got < 0 && would_block()) BIO_set_retry_read(bio);
        return static_cast<int>(got);
    }
    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static BIO* make(TlsStream& stream) {
        static BIO_METHOD* const method = [] {
            BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "descriptor");
            BIO_meth_set_write(made, write);
            BIO_meth_set_read(made, read);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        BIO* bio = BIO_new(method);
        if (bio == nullptr) throw std::bad_alloc{};
        BIO_set_data(bio, &stream);
        BIO_set_init(bio, 1);
        return bio;
    }
};

result<std::shared_ptr<const TlsCertificate>> TlsCertificate::load(const std::string& chain_file,
                                                                   const std::string& key_file) {
    ERR_clear_error();
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (context == nullptr) throw std::bad_alloc{};
    std::shared_ptr<const TlsCertificate> made{new TlsCertificate{context}};
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // AES with 128 bits before 256, as cheap as it comes; for who prefers it, having no AES in hardware,
    // ChaCha20.
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM+AES128:ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_ciphersuites(context,
                             "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // A call ends behind each record without data, so that a peer that sends nothing else holds up nobody.
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    // Tickets carry the session: nothing of a client that left stays here.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(context, chain_file.c_str()) != 1)
        return fail(make_error_code(std::errc::invalid_argument), "server.tls_cert",
                    "cannot read a certificate from " + chain_file + ": " + take_tls_error());
    if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        return fail(make_error_code(std::errc::invalid_argument), "server.tls_key",
                    "cannot read the certificate's key from " + key_file + ": " + take_tls_error());
    return made;
}

TlsCertificate::~TlsCertificate() {
    SSL_CTX_free(context_);
}

TlsStream::TlsStream(ssl_ctx_st* context, int descriptor) : context_{context}, descriptor_{descriptor} {
    SSL_CTX_up_ref(context_);
}

void TlsStream::begin() {
    ssl_ = SSL_new(context_);
    if (ssl_ == nullptr) throw std::bad_alloc{};
    BIO* bio = TlsDescriptor::make(*this);
    SSL_set_bio(ssl_, bio, bio);
}

TlsStream::TlsStream(const TlsCertificate& certificate, int descriptor, std::shared_ptr<Budget> pieces)
    : TlsStream{certificate.context(), descriptor} {
    budget_ = std::move(pieces);
    if (budget_) pieces_.emplace(*budget_);
}

TlsStream::TlsStream(const TlsTrust& trust, const std::string& host, int descriptor)
    : TlsStream{trust.context(), descriptor} {
    begin();
    trust.prepare(ssl_, host);
}

TlsStream::~TlsStream() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
}

int TlsStream::open() {
    if (open_) return 1;
    if (ssl_ == nullptr) {
        begin();
        SSL_set_accept_state(ssl_);
    }
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    open_ = done == 1;
    return open_ ? 1 : failed(done);
}

ssize_t TlsStream::send(std::string_view text) {
    if (!open_ || !deliver()) return -1;
    if (holds_back()) return 0;
    const int taken = SSL_write(ssl_, text.data(), static_cast<int>(std::min(text.size(), record_bytes)));
    if (taken > 0) return taken;
    // Its descriptor takes everything, so that there is nothing to wait for: the peer is gone.
    gone_ = true;
    ERR_clear_error();
    return -1;
}

ssize_t TlsStream::receive(std::span<char> room) {
    if (!open_) return -1;
    ERR_clear_error();
    const int size = SSL_read(ssl_, room.data(), static_cast<int>(room.size()));
    const ssize_t got = size > 0 ? size : failed(size);
    if (got < 0 || count_pieces()) return got;
    gone_ = true;
    return -1;
}

// False if that is more than is left.
bool TlsStream::count_pieces() {
    if (!pieces_) return true;
    const bool of_record = SSL_has_pending(ssl_) == 1 || std::string_view{SSL_rstate_string(ssl_)} == "RB";
    return pieces_->resize((of_record ? record_room : 0) + (SSL_in_init(ssl_) == 1 ? message_room : 0));
}

void TlsStream::finish() {
    // A second call would read, and what the peer still sends is no close_notify.
    if (!open_ || gone_ || (SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) != 0) return;
    ERR_clear_error();
    if (SSL_shutdown(ssl_) < 0) failed(-1);
}

// 0 if it only has to be asked again.
int TlsStream::failed(int result) {
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ) return 0;
    // Also a close_notify: nothing will come any more. Behind any other error OpenSSL must not be asked
    // again.
    ended_ = error == SSL_ERROR_ZERO_RETURN;
    if (!ended_) gone_ = true;
    if (!open_) error_ = ERR_peek_error();
    ERR_clear_error();
    return -1;
}

std::string TlsStream::failure() const {
    return describe_failure(ssl_, error_);
}

ssize_t TlsStream::send_some(std::string_view ciphertext) const {
    return uninterrupted([&] {
        return ::send(descriptor_, ciphertext.data(), ciphertext.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    });
}

bool TlsStream::put(std::string_view ciphertext) {
    if (gone_) return false;
    if (held_.empty()) {
        const ssize_t sent = send_some(ciphertext);
        if (sent < 0 && !would_block()) return false;
        if (sent > 0) ciphertext.remove_prefix(static_cast<std::size_t>(sent));
    }
    if (held_.size() + ciphertext.size() > most_held) return false;
    held_ += ciphertext;
    return true;
}

bool TlsStream::deliver() {
    if (gone_) return false;
    if (held_.empty()) return true;
    const ssize_t sent = send_some(held_);
    if (sent < 0 && !would_block()) {
        gone_ = true;
        return false;
    }
    if (sent > 0) held_.erase(0, static_cast<std::size_t>(sent));
    if (held_.empty()) std::string{}.swap(held_);  // an idle stream keeps no room for a record
    return true;
}

}  // namespace stepcast::aio
