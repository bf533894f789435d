#include "ops/admin/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "dync_version.h"
#include "proto/service/worker.h"
#include "schema/names/names.h"

namespace dync::admin {
namespace {

constexpr std::uint32_t kUploadsShown = 100;
constexpr std::uint32_t kEventsShown = 50;
constexpr std::uint32_t kMostRows = 1'000'000;

struct Words {
  std::string state, origin, since, id, ledger;
  std::uint32_t uploads = kUploadsShown;
  std::uint32_t events = kEventsShown;
  bool follow = false;
};

std::string state_names() {
  std::string names;
  for (const ledger::State state : ledger::kStates) {
    if (!names.empty()) names += ", ";
    names += text_of(state);
  }
  return names;
}

std::string check_state(const std::string& word) {
  return ledger::state_from(word) ? "" : "'" + word + "' is no state; the states are " + state_names();
}

std::string check_since(const std::string& word) {
  return parse_time(word) ? "" : "'" + word + "' is no time; write 2026-01-31 or 2026-01-31T09:15:02Z";
}

std::string check_id(const std::string& word) {
  const bool hex =
      std::ranges::all_of(word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hex && !word.empty() && word.size() <= 2 * wire::Id::kBytes) return "";
  return "'" + word + "' is no upload's id; it has 32 of 0-9 and a-f, or fewer for the beginning of one";
}

void add_uploads(CLI::App& app, Words& words) {
  auto* command = app.add_subcommand("uploads", "the uploads, newest first");
  command->add_option("--state", words.state, "only in this state")
      ->check(CLI::Validator(check_state, ""))
      ->option_text("STATE");
  command->add_option("--origin", words.origin, "only of this user")->option_text("USER");
  command->add_option("--since", words.since, "only begun at or after this time (UTC)")
      ->check(CLI::Validator(check_since, ""))
      ->option_text("TIME");
  command->add_option("--limit", words.uploads, "at most so many")
      ->check(CLI::Range(1U, kMostRows))
      ->option_text("N [" + std::to_string(kUploadsShown) + "]");
}

void add_show(CLI::App& app, Words& words) {
  auto* command = app.add_subcommand("show", "one upload, its events and members");
  command->add_option("ID", words.id, "its id, or the beginning of it")
      ->required()
      ->check(CLI::Validator(check_id, ""))
      ->option_text(" ");
}

void add_events(CLI::App& app, Words& words) {
  auto* command = app.add_subcommand("events", "what happened last, oldest first");
  command->add_flag("--follow", words.follow, "then go on with each new event, until Ctrl-C");
  command->add_option("--limit", words.events, "at most so many of the past")
      ->check(CLI::Range(0U, kMostRows))
      ->option_text("N [" + std::to_string(kEventsShown) + "]");
}

void add_verify(CLI::App& app, Words& words) {
  auto* command = app.add_subcommand(
      "verify",
      "compare the ledger with the disk: one line for each difference, exit code 1 if there is any");
  command->add_option("ID", words.id, "only this upload: its id, or the beginning of it")
      ->check(CLI::Validator(check_id, ""))
      ->option_text(" ");
}

void add_adopt(CLI::App& app, Words& words) {
  auto* command =
      app.add_subcommand("adopt", "take over what is staged of another ledger; dync-server must not run");
  command->add_option("LEDGER", words.ledger, "only of this ledger, also if the server leaves it alone")
      ->check(CLI::Validator(
          [](const std::string& word) {
            return wire::Id::from_hex(word) ? ""
                                            : "'" + word + "' is no ledger's id; it has 32 of 0-9 and a-f";
          },
          ""))
      ->option_text(" ");
}

ledger::UploadFilter filter_of(const Words& words) {
  ledger::UploadFilter filter;
  filter.limit = words.uploads;
  if (!words.state.empty()) filter.state = ledger::state_from(words.state);
  if (!words.origin.empty()) filter.origin = words.origin;
  if (!words.since.empty()) filter.since = parse_time(words.since);
  return filter;
}

void take_command(const CLI::App& app, const Words& words, Options& options) {
  if (app.got_subcommand("uploads")) {
    options.command = UploadsCommand{filter_of(words)};
  } else if (app.got_subcommand("show")) {
    options.command = ShowCommand{words.id};
  } else if (app.got_subcommand("events")) {
    options.command = EventsCommand{words.follow, words.events};
  } else if (app.got_subcommand("verify")) {
    options.command = VerifyCommand{words.id};
  } else if (app.got_subcommand("adopt")) {
    options.command = AdoptCommand{wire::Id::from_hex(words.ledger)};
  }
}

}  // namespace

std::variant<Options, int> parse_options(int argc, char** argv) {
  CLI::App app(
      "Tells what the ledger of a dync server says, and whether the disk agrees. It only reads, but for "
      "adopt.",
      "dync-admin");
  Options options;
  Words words;
  options.config = names::kConfigFile;
  app.add_option("-c,--config", options.config, "the server's config file")
      ->option_text(std::string("FILE [") + names::kConfigFile + "]");
  app.add_flag("--json", options.json, "print JSON; names as the ledger's columns");
  app.set_version_flag("--version", std::string("dync-admin ") + kVersion);
  app.set_help_flag();
  app.set_help_all_flag("-h,--help", "Print this help message and exit");
  app.require_subcommand(1, 1);
  app.fallthrough();
  app.add_subcommand("status", "is the server running, how many uploads are in which state");
  add_uploads(app, words);
  add_show(app, words);
  add_events(app, words);
  add_verify(app, words);
  add_adopt(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? service::kExitOk : service::kExitUsage;
  }
  take_command(app, words, options);
  return options;
}

}  // namespace dync::admin
