#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dync::keys {

// The listed client keys: public key (Z85) to user id, as read from KEYS/clients/*.key at one moment.
class KeyRing {
 public:
  // Broken files are skipped and told in `problems`, one sentence with the file's name each: no user_id,
  // wrong length, a key that two users claim (then neither counts). Throws posix::Error if the directory
  // can't be read.
  static KeyRing load(const std::filesystem::path& directory);

  std::optional<std::string_view> user_of(std::string_view public_key) const;
  const std::vector<std::string>& problems() const noexcept { return problems_; }
  std::size_t size() const noexcept { return users_.size(); }
  const std::map<std::string, std::string, std::less<>>& users() const noexcept { return users_; }

 private:
  std::map<std::string, std::string, std::less<>> users_;
  std::vector<std::string> problems_;
};

// The directory as it is now: `refresh` loads it again if any file came, went or changed (name, inode, size,
// mtime), and says whether it did. While the directory can't be read the last ring stays valid.
class KeyDirectory {
 public:
  explicit KeyDirectory(std::filesystem::path directory);  // loads
  bool refresh();
  const KeyRing& ring() const noexcept { return ring_; }
  // Why the last refresh() could not read the directory; empty if it could.
  const std::string& trouble() const noexcept { return trouble_; }

 private:
  std::filesystem::path directory_;
  std::string seen_;  // what the directory looked like when it was loaded
  KeyRing ring_;
  std::string trouble_;
};

}  // namespace dync::keys
