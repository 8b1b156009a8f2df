#include "aio/tls_trust.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <new>
#include <system_error>

namespace stepcast::aio {
namespace {

tl::unexpected<Error> cannot_read(const std::string& path) {
    return fail(make_error_code(std::errc::invalid_argument), {},
                "cannot read a certificate from " + path + ": " + take_tls_error());
}

}  // namespace

std::string take_tls_error() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unknown error";
}

TlsTrust::TlsTrust(bool checks_name) : context_{SSL_CTX_new(TLS_client_method())}, checks_name_{checks_name} {
    if (context_ == nullptr) throw std::bad_alloc{};
    SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
    SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_alpn_protos(context_, tls_protocols, sizeof tls_protocols - 1);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    // Whoever was named is believed, also where somebody else signed it.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context_), X509_V_FLAG_PARTIAL_CHAIN);
}

TlsTrust::~TlsTrust() {
    SSL_CTX_free(context_);
}

TlsTrust::Made TlsTrust::of_system() {
    std::shared_ptr<const TlsTrust> made{new TlsTrust{true}};
    SSL_CTX_set_default_verify_paths(made->context_);
    ERR_clear_error();  // of a place without certificates: then nobody is believed
    return made;
}

TlsTrust::Made TlsTrust::of_file(const std::string& path) {
    std::shared_ptr<const TlsTrust> made{new TlsTrust{true}};
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(made->context_, path.c_str()) != 1) return cannot_read(path);
    return made;
}

TlsTrust::Made TlsTrust::of_certificate(const std::string& path) {
    std::shared_ptr<const TlsTrust> made{new TlsTrust{false}};
    ERR_clear_error();
    const std::unique_ptr<BIO, decltype(&BIO_free)> file{BIO_new_file(path.c_str(), "r"), BIO_free};
    if (!file) return cannot_read(path);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate{
        PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr), X509_free};
    if (!certificate) return cannot_read(path);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(made->context_), certificate.get());
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(made->context_), X509_V_FLAG_NO_CHECK_TIME);
    return made;
}

void TlsTrust::prepare(ssl_st* ssl, const std::string& host) const {
    SSL_set_connect_state(ssl);
    X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
    // Of an address neither server nor certificate has a name: SNI takes none.
    const bool address = X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
    if (!address) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (!checks_name_) {
        X509_VERIFY_PARAM_set1_ip(wanted, nullptr, 0);
    } else if (!address) {
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (SSL_set1_host(ssl, host.c_str()) != 1) throw std::bad_alloc{};
    }
}

std::string describe_failure(const ssl_st* ssl, unsigned long error) {
    switch (const long verdict = SSL_get_verify_result(ssl)) {
        case X509_V_OK:
            break;
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return "its certificate has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return "its certificate is not valid yet";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return "its certificate is for another name";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return "its certificate is self-signed, and not one that is trusted here";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its certificate is of an authority that is not trusted here";
        default:
            return std::string{"its certificate is refused: "} + X509_verify_cert_error_string(verdict);
    }
    if (error == 0) return "it ended the TLS handshake";
    switch (ERR_GET_REASON(error)) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_UNKNOWN_PROTOCOL:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
            return "it does not speak TLS; its address may begin with http://";
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_UNSUPPORTED_PROTOCOL:
            return "it speaks neither TLS 1.2 nor 1.3";
        default:
            break;
    }
    const char* reason = ERR_reason_error_string(error);
    return std::string{"TLS failed: "} + (reason != nullptr ? reason : "unknown error");
}

}  // namespace stepcast::aio
