#include "client/keygen_write.h"

#include <fcntl.h>

#include "proto/keys/certificate.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "schema/names/names.h"

namespace dync::keygen {
namespace {

constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kSecretMode = 0600;
constexpr mode_t kPublicMode = 0644;

struct Names {
  std::string secret_file, public_file;
};

Names names_of(Role role) {
  if (role == Role::server) return {names::kServerSecret, names::kServerPublic};
  return {names::kClientSecret, names::kClientPublic};
}

// Where the users' keys go, so that a server starts before the first user is listed.
void ensure_clients(int directory) {
  const auto entry = posix::find_at(directory, names::kClients);
  if (!entry) posix::make_directory_at(directory, names::kClients, kPrivateDirectory);
}

// The directory, made if only it itself is missing.
posix::Fd ready(std::filesystem::path directory) {
  if (!directory.has_filename()) directory = directory.parent_path();  // DIR/
  if (!posix::find(directory)) {
    const auto parent = directory.has_parent_path() ? directory.parent_path() : ".";
    const posix::Fd above = posix::open_directory(parent);
    posix::make_directory_at(above.get(), directory.filename(), kPrivateDirectory);
    posix::sync_directory(parent);
  }
  return posix::open_directory(directory);
}

void write_new(int directory, const std::string& name, const std::string& text, mode_t mode) {
  const posix::Fd file = posix::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL, mode);
  try {
    posix::write_all(file.get(), text);
    posix::sync_all(file.get());
  } catch (const posix::Error&) {
    posix::remove_tree_at(directory, name);
    throw;
  }
}

void write_both(int directory, const Names& names, const keys::Certificate& made) {
  const std::string now = posix::utc_now();
  write_new(directory, names.secret_file, keys::format_secret(made, now), kSecretMode);
  try {
    write_new(directory, names.public_file, keys::format_public(made, now), kPublicMode);
    posix::sync_all(directory);
  } catch (const posix::Error&) {
    posix::remove_tree_at(directory, names.secret_file);
    throw;
  }
}

std::string next_steps(const Make& wanted, const Names& names, const keys::Certificate& made) {
  const std::string secret_file = wanted.directory / names.secret_file;
  const std::string public_file = wanted.directory / names.public_file;
  std::string text = "Secret key: " + secret_file + "\n  It stays here and is shown to nobody.\n" +
                     "Public key: " + public_file + "\n";
  if (wanted.role == Role::client) {
    text += "  Give it to the server's administrator, who puts it into the server's key directory as " +
            std::string(names::kClients) + "/" + made.user_id + names::kPublicSuffix + ".\n";
    text += "User id: " + made.user_id + "\n";
  } else {
    text += "  Give it to each user, who puts it beside their own as ~/" + std::string(names::kDotDir) + "/" +
            names::kServerPublic + ".\n" + "  Users' public keys go into " +
            std::string(wanted.directory / names::kClients) + "/ and count within 2 seconds.\n";
  }
  return text + "Fingerprint, to be compared by telephone:\n  " + keys::fingerprint(made) + "\n";
}

}  // namespace

Outcome make(const Make& wanted) {
  const Names names = names_of(wanted.role);
  const posix::Fd directory = ready(wanted.directory);
  for (const std::string& name : {names.secret_file, names.public_file}) {
    if (!posix::find_at(directory.get(), name)) continue;
    return {false,
            std::string(wanted.directory / name) +
                " is there already and is never overwritten: move it away first, or choose another --dir"};
  }
  const keys::Certificate made = keys::generate(wanted.user_id);
  if (wanted.role == Role::server) ensure_clients(directory.get());
  write_both(directory.get(), names, made);
  return {true, next_steps(wanted, names, made)};
}

Outcome fingerprint(const Fingerprint& wanted) {
  const auto result = keys::read_public(wanted.file);
  if (const auto* problem = std::get_if<keys::Problem>(&result)) return {false, problem->sentence};
  return {true, keys::fingerprint(std::get<keys::Certificate>(result)) + "\n"};
}

}  // namespace dync::keygen
