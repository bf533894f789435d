#include <array>
#include <cstdio>
#include <fcntl.h>
#include <string>

#include "proto/keys/certificate.h"
#include "proto/keys/curve.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"

namespace dync::keys {
namespace {

constexpr std::size_t kLongestFile = 65536;  // bytes; a certificate has a few hundred
constexpr mode_t kOthers = 0077;

Problem naming(const std::filesystem::path& file, const std::string& sentence) {
  return {file.native() + " " + sentence};
}

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return text.data();
}

// O_NONBLOCK: a FIFO of that name must not hold us up.
std::variant<Certificate, Problem> read(const std::filesystem::path& file, bool secret) {
  const posix::Fd fd = posix::open_file(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const posix::FileInfo info = posix::info_of(fd.get());
  if (info.type != posix::FileType::regular) return naming(file, "is not a regular file");
  if (secret && (info.mode & kOthers) != 0) {
    return naming(file, "has mode " + octal(info.mode) +
                            ", so others may read the secret key: run chmod 600 " + file.native());
  }
  if (info.size > kLongestFile) return naming(file, "is too long for a certificate");
  auto parsed = parse_certificate(posix::read_file(fd.get(), file.native(), kLongestFile));
  if (auto* problem = std::get_if<Problem>(&parsed)) return naming(file, problem->sentence);
  return parsed;
}

std::variant<Certificate, Problem> read_or_tell(const std::filesystem::path& file, bool secret) {
  try {
    return read(file, secret);
  } catch (const posix::Error& error) {
    return Problem{error.what()};
  }
}

}  // namespace

std::variant<Certificate, Problem> read_public(const std::filesystem::path& file) {
  auto result = read_or_tell(file, false);
  if (auto* certificate = std::get_if<Certificate>(&result)) certificate->secret_key.clear();
  return result;
}

std::variant<Certificate, Problem> read_secret(const std::filesystem::path& file) {
  auto result = read_or_tell(file, true);
  const auto* certificate = std::get_if<Certificate>(&result);
  if (certificate == nullptr) return result;
  if (certificate->secret_key.empty()) return naming(file, "has no secret-key under curve");
  if (!is_pair(*certificate)) return naming(file, "has a public-key that does not belong to its secret-key");
  return result;
}

}  // namespace dync::keys
