#include "client/keygen_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

#include "dync_version.h"
#include "proto/keys/certificate.h"
#include "proto/service/worker.h"
#include "schema/names/names.h"

namespace dync::keygen {
namespace {

constexpr char kSummary[] = "Makes the CURVE certificates of dync's clients and servers, and compares them.";
constexpr char kFooter[] =
    "The secret key never leaves this machine; the public one is for the other side.\n"
    "Exit: 0 done, 1 not done, 2 usage.";

struct Raw {
  std::string user_id, directory, file;
  CLI::App* client = nullptr;
  CLI::App* server = nullptr;
  CLI::App* fingerprint = nullptr;
};

CLI::App* declare_make(CLI::App& app, Raw& raw, const char* role, const char* summary, const char* user) {
  CLI::App* command = app.add_subcommand(role, summary);
  command->add_option("-u,--user", raw.user_id, user)->type_name("USER_ID");
  command->add_option("-d,--dir", raw.directory, "Where the files go (~/.dync)")->type_name("DIR");
  return command;
}

void declare(CLI::App& app, Raw& raw) {
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("dync-keygen ") + kVersion);
  app.require_subcommand(1);
  raw.client = declare_make(app, raw, "client", "Makes client.key_secret and client.key",
                            "The user at the server (your login name)");
  raw.server = declare_make(app, raw, "server", "Makes server.key_secret and server.key",
                            "A name for the server in its certificate (none)");
  raw.fingerprint = app.add_subcommand("fingerprint", "Prints a short form of a public key, to be compared");
  raw.fingerprint->add_option("FILE", raw.file, "A certificate, public or secret")->required();
}

EarlyExit usage(const std::string& sentence) {
  return {service::kExitUsage, "dync-keygen: " + sentence + " (see dync-keygen --help)\n"};
}

std::variant<Make, Fingerprint, EarlyExit> make_of(const Raw& raw, const Person& person) {
  Make make{raw.server->parsed() ? Role::server : Role::client, raw.user_id, raw.directory};
  const bool given = raw.server->count("--user") + raw.client->count("--user") > 0;
  if (given && !keys::valid_user_id(make.user_id)) {
    return usage("'" + make.user_id + "' is no user id: give 1 to 64 letters, digits, or _ . @ - by --user");
  }
  if (!given && make.role == Role::client) {
    if (!keys::valid_user_id(person.login)) {
      return usage(
          "your login name is no user id: give one of 1 to 64 letters, digits, or _ . @ - by --user");
    }
    make.user_id = person.login;
  }
  if (make.directory.empty()) {
    if (person.home.empty()) return usage("you have no home directory: say by --dir where the files go");
    make.directory = person.home / names::kDotDir;
  }
  return make;
}

}  // namespace

Person this_person() {
  Person person;
  if (const char* home = std::getenv("HOME")) person.home = home;
  if (const passwd* entry = ::getpwuid(::geteuid())) {
    person.login = entry->pw_name;
    if (person.home.empty()) person.home = entry->pw_dir;
  }
  return person;
}

std::variant<Make, Fingerprint, EarlyExit> parse_options(int argc, const char* const* argv,
                                                         const Person& person) {
  CLI::App app(kSummary, "dync-keygen");
  Raw raw;
  declare(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{service::kExitOk, app.help()};
  } catch (const CLI::CallForVersion&) {
    return EarlyExit{service::kExitOk, std::string("dync-keygen ") + kVersion + "\n"};
  } catch (const CLI::ParseError& error) {
    return usage(error.what());
  }
  if (raw.fingerprint->parsed()) return Fingerprint{raw.file};
  return make_of(raw, person);
}

}  // namespace dync::keygen
