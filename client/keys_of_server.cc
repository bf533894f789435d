#include "client/keys_of_server.h"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

#include "proto/keys/certificate.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"

namespace dync::client {

namespace {

using Path = std::filesystem::path;

std::variant<Path, KeyProblem> server_key_file(const Path& dir, const ServerAddress& server) {
  const Path known = names::known_server(dir, server.host, server.port);
  if (posix::find(known)) return known;
  const Path common = dir / names::kServerPublic;
  if (posix::find(common)) return common;
  return KeyProblem{
      "the key of the server " + server.host + " is not known: ask its operator for server.key, compare " +
      "the output of `dync-keygen fingerprint server.key` with him by telephone, and put it at " +
      known.string() + " (for this server only) or " + common.string()};
}

}  // namespace

std::variant<Path, KeyProblem> config_dir(const Options& options) {
  if (options.config_dir) return Path(*options.config_dir);
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): before any thread
  if (home != nullptr && *home != '\0') return Path(home) / names::kDotDir;
  const passwd* user = ::getpwuid(::getuid());  // NOLINT(concurrency-mt-unsafe): before any thread
  if (user != nullptr && user->pw_dir != nullptr) return Path(user->pw_dir) / names::kDotDir;
  return KeyProblem{"this user has no home directory: name the directory of the keys by --config-dir"};
}

std::variant<ClientKeys, KeyProblem> load_keys(const Path& dir, const ServerAddress& server) {
  const Path secret_file = dir / names::kClientSecret;
  if (!posix::find(secret_file)) {
    return KeyProblem{
        "there is no client key " + secret_file.string() +
        ": make one by `dync-keygen client -u USER_ID` and send client.key to the server's operator"};
  }
  const auto secret = keys::read_secret(secret_file);
  if (const auto* problem = std::get_if<keys::Problem>(&secret)) return KeyProblem{problem->sentence};
  const auto server_file = server_key_file(dir, server);
  if (const auto* problem = std::get_if<KeyProblem>(&server_file)) return *problem;
  const auto& file = std::get<Path>(server_file);
  const auto key = keys::read_public(file);
  if (const auto* problem = std::get_if<keys::Problem>(&key)) return KeyProblem{problem->sentence};
  const auto& own = std::get<keys::Certificate>(secret);
  return ClientKeys{{.server_key = std::get<keys::Certificate>(key).public_key,
                     .public_key = own.public_key,
                     .secret_key = own.secret_key},
                    secret_file.string(),
                    file.string()};
}

}  // namespace dync::client
