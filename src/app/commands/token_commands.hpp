#pragma once
#include <string>
#include <vector>

#include "app/config/config.hpp"
#include "base/result.hpp"

namespace stepcast::app {

/// A line on stderr; 2, a wrong use.
int complain(const std::string& what);

struct TokenOptions {
    std::string key;
    std::string algorithm;
    std::string subject;
    std::string scope;
    std::string ttl = "1h";
    std::string issuer;
    std::vector<std::string> audiences;
    std::vector<std::string> claims;  ///< NAME=JSON
};
/// Prints a token. 0, or 2 and a line on stderr.
int token_new(const TokenOptions& options);

struct InspectOptions {
    std::string token;
    std::string at;  ///< RFC 3339; empty: now
};
/// Prints header, payload and the judgement. 0 if a server with these settings takes it, otherwise 1.
int token_inspect(const Config& config, const InspectOptions& options);

struct KeygenOptions {
    std::string path;  ///< without the ending
    std::string algorithm = "EdDSA";
};
/// Writes new files that only their owner may read (the public key: everybody). 0, or 2 and a line on stderr.
int token_keygen(const KeygenOptions& options);

struct PublisherOptions {
    std::string name;
    std::string scope = "publish";
    std::string file;
};
/// Appends the worker's line to the file and prints its key. 0, or 2 and a line on stderr.
int publisher_keygen(const PublisherOptions& options);

}  // namespace stepcast::app
