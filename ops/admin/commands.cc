#include "ops/admin/commands.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <poll.h>
#include <pwd.h>
#include <stdexcept>
#include <unistd.h>

#include "ops/admin/adopt.h"
#include "ops/admin/report.h"
#include "ops/admin/text.h"
#include "ops/admin/verify.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/service/worker.h"
#include "schema/config/config.h"
#include "schema/limits/limits.h"
#include "schema/names/names.h"

namespace dync::admin {
namespace {

constexpr std::size_t kMostConfig = limits::kMiB;
constexpr std::uint32_t kShownAlternatives = 10;
constexpr int kFollowMilliseconds = 250;

// Nothing there, or nothing that fits: one sentence, exit 1.
class Refused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

std::filesystem::path home_directory() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user == nullptr ? "/" : user->pw_dir;
}

config::Config read_config(const std::filesystem::path& config) {
  const auto file = std::filesystem::absolute(config).lexically_normal();
  return config::parse(posix::read_file(file, kMostConfig), file, home_directory());
}

ledger::Reader open_ledger(const std::filesystem::path& file) {
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT)
    throw Refused("there is no ledger at " + file.native() +
                  "; the server makes it at its first start: is this the config file of that server?");
  if (::access(file.c_str(), R_OK) != 0) throw posix::Error(errno, "read the ledger", file.native());
  return ledger::Reader(file);
}

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) throw posix::Error(errno, "write to", "standard output");
}

struct Context {
  const Options& options;
  config::Config config;
  ledger::Reader reader;
};

int run(const Context& context, const StatusCommand&) {
  Status status;
  status.ledger = context.config.ledger.native();
  try {
    status.running = run_file::find(names::run_file(context.config.ledger));
  } catch (const posix::Error& error) {
    status.running_problem = error.what();
  }
  for (const auto& [state, count] : context.reader.count_by_state()) status.states[state].uploads = count;
  for (const auto& [state, bytes] : context.reader.bytes_by_state()) status.states[state].bytes = bytes;
  const auto last = context.reader.last_events(1);
  if (!last.empty()) status.last = last.back();
  print(context.options.json ? json::status(status) : text::status(status));
  return service::kExitOk;
}

int run(const Context& context, const UploadsCommand& command) {
  const auto uploads = context.reader.uploads(command.filter);
  const auto ttl = context.config.limits.partial_ttl;
  print(context.options.json ? json::uploads(uploads, ttl) : text::uploads(uploads, ttl));
  return service::kExitOk;
}

ledger::Row find_upload(const ledger::Reader& reader, const std::string& id) {
  const auto found = reader.uploads_like(id, kShownAlternatives);
  if (found.empty())
    throw Refused("no upload has an id that begins with " + id + "; see: dync-admin uploads");
  if (found.size() == 1) return found.front();
  std::string sentence = "several uploads have an id that begins with " + id + ", give more of it:";
  for (const auto& [upload, session] : found)
    sentence += "\n  " + upload.upload_id.hex() + "  " + printable(upload.filename);
  if (found.size() == kShownAlternatives) sentence += "\n  …";
  throw Refused(sentence);
}

std::vector<ledger::Event> all_events(const ledger::Reader& reader, const ledger::Id& upload) {
  std::vector<ledger::Event> all;
  for (ledger::EventFilter filter{.upload = upload};; filter.after = all.back().seq) {
    const auto some = reader.events(filter);
    all.insert(all.end(), some.begin(), some.end());
    if (some.size() < filter.limit) return all;
  }
}

int run(const Context& context, const ShowCommand& command) {
  Shown shown{.row = find_upload(context.reader, command.id),
              .partial_ttl = context.config.limits.partial_ttl,
              .events = {},
              .members = {}};
  const ledger::Id& id = shown.row.upload.upload_id;
  shown.events = all_events(context.reader, id);
  shown.members = context.reader.members(id);
  print(context.options.json ? json::shown(shown) : text::shown(shown));
  return service::kExitOk;
}

// Ends when nobody reads any more, also while nothing happens.
bool reader_is_gone() {
  pollfd output{STDOUT_FILENO, 0, 0};
  const int got = ::poll(&output, 1, kFollowMilliseconds);
  return got > 0 && (output.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void print_each(const Context& context, const std::vector<ledger::Event>& events) {
  std::string text;
  for (const auto& event : events)
    text += context.options.json ? json::event(event) : text::event(event) + "\n";
  print(text);
}

// seq grows with each event and an event is seen only once it is committed, by one writer in order: what
// comes after the last seq is exactly what is new.
void follow(const Context& context, std::int64_t after) {
  while (!reader_is_gone()) {
    ledger::EventFilter filter;
    filter.after = after;
    const auto events = context.reader.events(filter);
    if (events.empty()) continue;
    print_each(context, events);
    after = events.back().seq;
  }
}

int run(const Context& context, const EventsCommand& command) {
  // With no events asked for, the newest still tells where to go on.
  auto events = context.reader.last_events(std::max(1U, command.limit));
  const std::int64_t after = events.empty() ? 0 : events.back().seq;
  if (command.limit == 0) events.clear();
  if (context.options.json && !command.follow) {
    print(json::events(events));
    return service::kExitOk;
  }
  print_each(context, events);
  if (!command.follow && events.empty()) print("no events\n");
  if (command.follow) follow(context, after);
  return service::kExitOk;
}

int run(const Context& context, const VerifyCommand& command) {
  std::optional<ledger::Id> only;
  if (!command.id.empty()) only = find_upload(context.reader, command.id).upload.upload_id;
  const Verified verified = verify(context.config, context.reader, only);
  print(context.options.json ? json::verified(verified) : text::verified(verified));
  return verified.differences.empty() ? service::kExitOk : service::kExitFailed;
}

int run(const Context& context, const AdoptCommand& command) {
  const auto adopted = adopt(context.config, context.reader, command.ledger);
  print(context.options.json ? json::adopted(adopted) : text::adopted(adopted));
  return service::kExitOk;
}

}  // namespace

std::optional<std::uint64_t> expires_in(const ledger::Row& row, std::chrono::seconds partial_ttl) {
  if (!row.session.parked_seconds) return std::nullopt;
  const auto ttl = static_cast<std::uint64_t>(partial_ttl.count());
  return ttl - std::min(ttl, *row.session.parked_seconds);
}

int run_command(const Options& options) {
  try {
    const config::Config config = read_config(options.config);
    const Context context{options, config, open_ledger(config.ledger)};
    return std::visit([&](const auto& command) { return run(context, command); }, options.command);
  } catch (const config::Error& error) {
    std::fprintf(stderr, "dync-admin: %s\n", error.what());
    return service::kExitConfig;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dync-admin: %s\n", error.what());
    return service::kExitFailed;
  }
}

}  // namespace dync::admin
