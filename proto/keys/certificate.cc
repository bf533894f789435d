#include "proto/keys/certificate.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "proto/keys/zpl.h"
#include "proto/transport/socket.h"

namespace dync::keys {
namespace {

constexpr std::size_t kMaxUserId = 64;
constexpr std::size_t kKeyText = 40;  // Z85 of 32 bytes

constexpr char kUserIdRule[] = "must be 1 to 64 letters, digits, or _ . @ -";

// The one value of a property that may stand at several places. Empty if there is none.
struct Single {
  std::string value;
  bool found = false;
  bool contradicts = false;

  void add(const std::string& next) {
    contradicts = contradicts || (found && next != value);
    value = next;
    found = true;
  }
};

struct Found {
  Single user_id, public_key, secret_key;
};

Found search(const std::vector<Property>& properties) {
  Found found;
  for (const auto& [path, value] : properties) {
    if (path == "curve/user_id" || path == "metadata/user_id") found.user_id.add(value);
    if (path == "curve/public-key") found.public_key.add(value);
    if (path == "curve/secret-key") found.secret_key.add(value);
  }
  return found;
}

std::string problem_with_key(const char* name, const Single& key) {
  const std::string what = name;
  if (key.contradicts) return "gives " + what + " twice";
  if (key.value.size() != kKeyText) {
    return "has a " + what + " of " + std::to_string(key.value.size()) + " characters, it must have 40";
  }
  std::array<std::byte, 32> raw{};
  if (!transport::z85_decode(key.value, raw)) return "has a " + what + " that is not Z85";
  return {};
}

std::string problem_with(const Found& found) {
  if (found.user_id.contradicts) return "gives two different user_id";
  if (found.user_id.found && !valid_user_id(found.user_id.value)) {
    return std::string("has a user_id that is not allowed, it ") + kUserIdRule;
  }
  if (!found.public_key.found) return "has no public-key under curve";
  std::string problem = problem_with_key("public-key", found.public_key);
  if (problem.empty() && found.secret_key.found) problem = problem_with_key("secret-key", found.secret_key);
  return problem;
}

std::string head(std::string_view title, std::string_view advice, std::string_view created_at) {
  std::string text = "#   ****  Generated on ";
  text.append(created_at).append(" by dync-keygen  ****\n");
  text.append("#   ").append(title).append("\n");
  text.append("#   ").append(advice).append("\n\n");
  return text;
}

std::string zpl_line(std::string_view name, std::string_view value) {
  std::string line = "    ";
  line.append(name).append(" = \"").append(value).append("\"\n");
  return line;
}

std::string body(const Certificate& certificate) {
  std::string text = "metadata\ncurve\n";
  if (!certificate.user_id.empty()) text += zpl_line("user_id", certificate.user_id);
  return text + zpl_line("public-key", certificate.public_key);
}

}  // namespace

bool valid_user_id(std::string_view user_id) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '@' || c == '-';
  };
  return !user_id.empty() && user_id.size() <= kMaxUserId &&
         std::all_of(user_id.begin(), user_id.end(), allowed);
}

std::variant<Certificate, Problem> parse_certificate(std::string_view text) {
  auto parsed = parse_zpl(text);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  Found found = search(std::get<std::vector<Property>>(parsed));
  if (std::string problem = problem_with(found); !problem.empty()) return Problem{std::move(problem)};
  return Certificate{std::move(found.user_id.value), std::move(found.public_key.value),
                     std::move(found.secret_key.value)};
}

std::string format_public(const Certificate& certificate, std::string_view created_at) {
  return head("ZeroMQ CURVE public certificate",
              "This file is no secret. Compare its fingerprint by telephone.", created_at) +
         body(certificate);
}

std::string format_secret(const Certificate& certificate, std::string_view created_at) {
  return head("ZeroMQ CURVE secret certificate", "Keep this file to yourself and its mode at 0600.",
              created_at) +
         body(certificate) + zpl_line("secret-key", certificate.secret_key);
}

}  // namespace dync::keys
