#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

// ZeroMQ certificate files (ZPL, ZeroMQ RFC 4 and the layout that pyzmq writes). Pure but for the two that
// name a file.
namespace dync::keys {

struct Certificate {
  std::string user_id;     // may be empty in a server's certificate
  std::string public_key;  // 40 characters Z85
  std::string secret_key;  // 40 characters Z85, empty in a public file
};

// Why a certificate can't be used: one sentence without the file's name.
struct Problem {
  std::string sentence;
};

std::variant<Certificate, Problem> parse_certificate(std::string_view text);
std::string format_public(const Certificate& certificate, std::string_view created_at);
std::string format_secret(const Certificate& certificate, std::string_view created_at);

// Reads a certificate; the problem names the file. `read_secret` also refuses a file that group or others
// can read, as ssh does, and one without a secret key.
std::variant<Certificate, Problem> read_public(const std::filesystem::path& file);
std::variant<Certificate, Problem> read_secret(const std::filesystem::path& file);

// A new random key pair.
Certificate generate(std::string user_id);

// 1 to 64 of A-Za-z0-9_.@-
bool valid_user_id(std::string_view user_id);

// "SHA256:" and base64 (without padding, as ssh shows it) of the SHA-256 of the raw public key, for comparing
// by telephone.
std::string fingerprint(const Certificate& certificate);

}  // namespace dync::keys
