#include "client/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <utility>

#include "dync_version.h"
#include "proto/service/worker.h"
#include "schema/limits/limits.h"

namespace dync::client {

namespace {

constexpr char kSummary[] =
    "Sends files with their metadata to a dync server and tells the SHA-256 of each that is stored.";
constexpr char kFooter[] =
    "Standard output gets one line `SHA256  FILE` for each stored file, which `sha256sum -c` checks.\n"
    "Exit: 0 all stored, 1 at least one was not, 2 usage, 130 interrupted.";

// The command line before it was looked at closely.
struct Raw {
  Options options;
  std::string server;
  std::vector<std::string> pairs;
  std::optional<int> port;
  std::optional<long> timeout;
};

void declare(CLI::App& app, Raw& raw) {
  Options& options = raw.options;
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("dync ") + kVersion);
  app.add_option("SERVER", raw.server, "HOST, HOST:PORT, or an IPv6 address in brackets")->required();
  app.add_option("FILE", options.files, "Files to send; none or - is standard input and needs --name");
  app.add_option("-m,--meta", options.meta_file, "JSON file with the metadata, an object")->type_name("FILE");
  app.add_option("-n,--name", options.name, "Name on the server, instead of the file's own")
      ->type_name("NAME");
  app.add_option("-k,--key-value", raw.pairs, "One piece of metadata, wins over --meta (repeatable)")
      ->type_name("KEY:VALUE")
      ->allow_extra_args(false);
  app.add_option("-p,--port", raw.port, "Port of the server (8889)")
      ->type_name("N")
      ->check(CLI::Range(1, 65535));
  app.add_flag("--no-resume{false}", options.resume, "Start over, also where an earlier run has sent a part")
      ->disable_flag_override();
  app.add_flag("--json", options.json, "One JSON object a line for each file, for failures too");
  app.add_flag("-q,--quiet", options.quiet, "No progress, only errors");
  app.add_flag("-v,--verbose", options.verbose, "Tell about connections and waiting");
  const std::map<std::string, ProgressMode> modes{
      {"auto", ProgressMode::automatic}, {"always", ProgressMode::always}, {"never", ProgressMode::never}};
  app.add_option("--progress", options.progress, "auto (on a terminal), always (lines for a log) or never")
      ->type_name("MODE")
      ->option_text("auto|always|never")
      ->transform(CLI::CheckedTransformer(modes));
  app.add_option("--config-dir", options.config_dir, "Directory of the keys (~/.dync)")->type_name("DIR");
  app.add_option("--timeout", raw.timeout, "Give up after so long without an answer (3600)")
      ->type_name("SECONDS")
      ->check(CLI::Range(1L, 1000L * 24 * 3600));
}

std::string usage(const std::string& sentence) {
  return "dync: " + sentence + " (see dync --help)\n";
}

// What CLI11 can't check; empty if all is well.
std::string problem_of(Raw& raw) {
  Options& options = raw.options;
  const auto server = parse_server(raw.server, raw.port.value_or(limits::kDefaultPort));
  if (!server) {
    return "'" + raw.server + "' is no server: give HOST, HOST:PORT, or an IPv6 address as [ADDRESS]:PORT";
  }
  if (raw.port && server->port != *raw.port)
    return "SERVER and --port name different ports: give one of them";
  options.server = *server;
  for (const std::string& pair : raw.pairs) {
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos) return "'" + pair + "' has no colon: give --key-value as KEY:VALUE";
    options.key_values.emplace_back(pair.substr(0, colon), pair.substr(colon + 1));
  }
  if (options.files.empty()) options.files.emplace_back("-");
  if (options.name && options.files.size() > 1) return "--name fits one FILE only";
  if (options.name && options.name->empty()) return "--name is empty";
  const auto inputs = std::count(options.files.begin(), options.files.end(), "-");
  if (inputs > 0 && !options.name) return "standard input has no name: set one by --name";
  if (raw.timeout) options.timeout = std::chrono::seconds(*raw.timeout);
  return {};
}

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    return std::nullopt;
  return port;
}

bool plausible_host(std::string_view host, std::string_view also) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || also.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::optional<ServerAddress> parse_server(const std::string& text, int port) {
  const bool bracketed = text.starts_with('[');
  const std::size_t host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == std::string::npos) return std::nullopt;
  const std::string host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
  if (!plausible_host(host, bracketed ? ":.%" : "-._")) return std::nullopt;
  const std::size_t after = bracketed ? host_end + 1 : std::min(host_end, text.size());
  if (after == text.size()) return ServerAddress{host, port};
  if (text[after] != ':') return std::nullopt;
  const auto named = parse_port(std::string_view(text).substr(after + 1));
  if (!named) return std::nullopt;
  return ServerAddress{host, *named};
}

std::variant<Options, EarlyExit> parse_options(int argc, const char* const* argv) {
  CLI::App app(kSummary, "dync");
  Raw raw;
  declare(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return EarlyExit{service::kExitOk, app.help()};
  } catch (const CLI::CallForVersion&) {
    return EarlyExit{service::kExitOk, std::string("dync ") + kVersion + "\n"};
  } catch (const CLI::ParseError& error) {
    return EarlyExit{service::kExitUsage, usage(error.what())};
  }
  const std::string problem = problem_of(raw);
  if (!problem.empty()) return EarlyExit{service::kExitUsage, usage(problem)};
  return std::move(raw.options);
}

}  // namespace dync::client
