#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "proto/keys/certificate.h"

namespace dync::keys::tests {

inline void write(const std::filesystem::path& file, const std::string& text, unsigned mode = 0600) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
}

inline std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void list(const std::filesystem::path& clients, const std::string& name,
                 const Certificate& certificate) {
  write(clients / name, format_public(certificate, "2026-01-31T09:15:02Z"), 0644);
}

// The sentence of a problem, or "(good)".
template <class Result>
std::string problem(const Result& result) {
  const auto* found = std::get_if<Problem>(&result);
  return found == nullptr ? "(good)" : found->sentence;
}

}  // namespace dync::keys::tests
