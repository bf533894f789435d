#include "receiver/fingerprint.h"

#include <string>

namespace dync::receiver {

digest::Digest fingerprint_of(const ipc::Open& open) {
  digest::Sha256 digest;
  const auto add = [&](const std::string& text) {
    const std::string length = std::to_string(text.size()) + ':';
    digest.update(std::as_bytes(std::span(length)));
    digest.update(std::as_bytes(std::span(text)));
  };
  add(open.filename);
  add(open.metadata);
  if (open.options) {
    add(open.options->key.hex());
    add(open.options->size ? std::to_string(*open.options->size) : "");
    add(open.options->mtime_ns ? std::to_string(*open.options->mtime_ns) : "");
    add(open.options->check ? "check" : "");
  }
  return digest.value();
}

}  // namespace dync::receiver
