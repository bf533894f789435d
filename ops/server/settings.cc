#include "ops/server/settings.h"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>
#include <variant>

#include "proto/keys/certificate.h"
#include "proto/keys/key_ring.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"
#include "schema/rules/rules.h"

namespace dync::server {
namespace {

using config::Path;

constexpr std::size_t kMostText = limits::kMiB;  // a config file of more was never written by hand

Path home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr ? "/" : user->pw_dir;
}

std::string read_text(const Path& file) {
  try {
    return posix::read_file(file, kMostText);
  } catch (const posix::Error& error) {
    throw config::Error(file, 0, "-c", error.what());
  }
}

void check_keys(Settings& settings) {
  const config::Config& config = settings.config;
  const auto secret = keys::read_secret(config.keys_dir / names::kServerSecret);
  if (const auto* problem = std::get_if<keys::Problem>(&secret))
    throw config::Error(
        config.file, 0, "keys.dir",
        problem->sentence + "; make a key with: dync-keygen server -d " + config.keys_dir.native());
  try {
    const auto ring = keys::KeyRing::load(config.keys_dir / names::kClients);
    settings.client_keys = ring.size();
    settings.problems = ring.problems();
  } catch (const posix::Error& error) {
    throw config::Error(config.file, 0, "keys.dir",
                        std::string(error.what()) + "; put the clients' keys there");
  }
}

}  // namespace

config::Config load_config(const Path& file) {
  return config::parse(read_text(file), file, home_directory());
}

Settings load_settings(const Path& file) {
  Settings settings;
  const std::string text = read_text(file);
  settings.config = config::parse(text, file, home_directory());
  config::read_named(settings.config);
  settings.text = config::bundle(text, settings.config.named);
  const rules::Rules compiled(settings.config);
  config::check_directories(settings.config);
  check_keys(settings);
  return settings;
}

}  // namespace dync::server
