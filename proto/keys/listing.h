#pragma once

#include <filesystem>
#include <string>
#include <vector>

// Inside proto/keys only: which files of a directory are certificates.
namespace dync::keys {

// The names that end with .key and don't begin with a dot, as pyzmq picks them; sorted.
std::vector<std::string> key_files(const std::filesystem::path& directory);

}  // namespace dync::keys
