#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace stepcast::aio {

/// Self-signed certificates that `openssl` makes for localhost, once for all tests of a process.
class CertificateFiles {
  public:
    static const CertificateFiles& made() {
        static const CertificateFiles files;
        return files;
    }
    ~CertificateFiles() { std::filesystem::remove_all(folder_); }
    std::string chain(const std::string& name) const { return folder_ / (name + ".pem"); }
    std::string key(const std::string& name) const { return folder_ / (name + ".key"); }

  private:
    CertificateFiles()
        : folder_{std::filesystem::temp_directory_path() / ("tls-" + std::to_string(::getpid()))} {
        std::filesystem::create_directory(folder_);
        for (const char* name : {"one", "other"})
            if (std::system(
                    ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                     "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
                     key(name) + " -out " + chain(name) + " 2>/dev/null")
                        .c_str()) != 0)
                throw std::runtime_error{"openssl makes no certificate"};
    }

    std::filesystem::path folder_;
};

}  // namespace stepcast::aio
