#include "proto/keys/key_ring.h"

#include <algorithm>
#include <set>

#include "proto/keys/certificate.h"
#include "proto/keys/listing.h"

namespace dync::keys {
namespace {

struct Claim {
  std::filesystem::path file;
  std::string user;
};

class Loader {
 public:
  void add(const std::filesystem::path& file) {
    auto result = read_public(file);
    if (auto* problem = std::get_if<Problem>(&result)) return tell(problem->sentence);
    const auto& certificate = std::get<Certificate>(result);
    if (certificate.user_id.empty()) {
      return tell(file.native() + " has no user_id, write one under metadata or curve");
    }
    const auto [first, is_new] =
        claims_.try_emplace(certificate.public_key, Claim{file, certificate.user_id});
    if (is_new || first->second.user == certificate.user_id) return;
    contested_.insert(certificate.public_key);
    tell(file.native() + " claims the key of " + first->second.file.native() +
         " for another user, so it counts " + "for neither: remove one of them");
  }

  std::map<std::string, std::string, std::less<>> users() const {
    std::map<std::string, std::string, std::less<>> users;
    for (const auto& [key, claim] : claims_) {
      if (!contested_.contains(key)) users.emplace(key, claim.user);
    }
    return users;
  }

  std::vector<std::string> problems() { return std::move(problems_); }

 private:
  void tell(std::string sentence) { problems_.push_back(std::move(sentence)); }

  std::map<std::string, Claim> claims_;  // by public key
  std::set<std::string> contested_;
  std::vector<std::string> problems_;
};

}  // namespace

KeyRing KeyRing::load(const std::filesystem::path& directory) {
  Loader loader;
  for (const std::string& name : key_files(directory)) loader.add(directory / name);
  KeyRing ring;
  ring.users_ = loader.users();
  ring.problems_ = loader.problems();
  return ring;
}

std::optional<std::string_view> KeyRing::user_of(std::string_view public_key) const {
  const auto found = users_.find(public_key);
  if (found == users_.end()) return std::nullopt;
  return found->second;
}

}  // namespace dync::keys
