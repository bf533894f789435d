#include "client/run.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "client/crash_points.h"
#include "client/inputs.h"
#include "client/interrupts.h"
#include "client/sender.h"
#include "client/sentences.h"
#include "client/states.h"
#include "client/text_width.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"

namespace dync::client {

namespace {

constexpr char kStandardInput[] = "-";

std::variant<std::string, MetadataProblem> load_metadata(const Options& options) {
  std::string text;
  if (options.meta_file) {
    try {
      text = posix::read_file(*options.meta_file, limits::kMaxMetadataFile);
    } catch (const posix::Error& error) {
      return MetadataProblem{error.what()};
    }
    if (text.empty())
      return MetadataProblem{*options.meta_file + ": it is empty and must hold a JSON object"};
  }
  auto merged = merge_metadata(text, options.key_values);
  auto* problem = std::get_if<MetadataProblem>(&merged);
  if (problem != nullptr && options.meta_file) problem->sentence.insert(0, *options.meta_file + ": ");
  return merged;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    if (!glyph.valid) return false;
    text.remove_prefix(glyph.bytes);
  }
  return true;
}

// One run of the program over its files.
class Run {
 public:
  Run(const Options& options, int out, int err)
      : options_(options), out_(out), display_(err, options.progress, options.quiet, options.verbose) {}

  int all();

 private:
  void begin();
  void one(std::size_t index);
  std::optional<Job> make_job(std::size_t index, ReceiptLine& receipt);
  void name_file(std::size_t index, ReceiptLine& receipt) const;
  void settle(const Sent& sent);
  bool remember(Job& job, const FileIdentity& identity, ReceiptLine& receipt);
  void tell(const ReceiptLine& receipt);

  const Options& options_;
  int out_;
  Display display_;
  Interrupts interrupts_;
  std::string metadata_;
  std::string problem_;  // with the keys: no file can be sent
  std::unique_ptr<transport::Context> context_;
  std::optional<States> states_;
  std::unique_ptr<State> state_;  // of the present file
  std::optional<Sender> sender_;
  std::string how_to_go_on_;  // after an interrupt
  bool failed_ = false;
  bool unwritten_ = false;
};

void Run::begin() {
  const auto dir = config_dir(options_);
  if (const auto* problem = std::get_if<KeyProblem>(&dir)) {
    problem_ = problem->sentence;
    return;
  }
  auto keys = load_keys(std::get<std::filesystem::path>(dir), options_.server);
  if (const auto* problem = std::get_if<KeyProblem>(&keys)) {
    problem_ = problem->sentence;
    return;
  }
  states_.emplace(std::get<std::filesystem::path>(dir));
  context_ = std::make_unique<transport::Context>();
  sender_.emplace(*context_, options_, std::get<ClientKeys>(std::move(keys)), display_, interrupts_);
}

void Run::name_file(std::size_t index, ReceiptLine& receipt) const {
  const std::string& file = options_.files[index];
  receipt.file = file;
  receipt.name = options_.name.value_or(std::filesystem::path(file).filename().string());
  receipt.checkable = file != kStandardInput;
}

std::optional<Job> Run::make_job(std::size_t index, ReceiptLine& receipt) {
  const std::string& file = options_.files[index];
  name_file(index, receipt);
  const bool stream = !receipt.checkable;
  if (!problem_.empty()) {
    receipt.error = problem_;
    return std::nullopt;
  }
  if (!is_utf8(receipt.name)) {
    receipt.error = "its name is no UTF-8 text: give another one by --name";
    return std::nullopt;
  }
  Job job;
  job.file = file;
  job.number = index + 1;
  job.count = options_.files.size();
  job.upload.filename = receipt.name;
  job.upload.metadata = metadata_;
  if (stream) {
    job.upload.key = random_key();
    job.input = stream_input(0);
    return job;
  }
  auto opened = open_input(file);
  if (const auto* problem = std::get_if<SourceProblem>(&opened)) {
    receipt.error = problem->sentence;
    return std::nullopt;
  }
  auto& good = std::get<OpenedFile>(opened);
  job.input = std::move(good.input);
  if (!remember(job, good.identity, receipt)) return std::nullopt;
  return job;
}

// Which upload it is: that of an earlier run, or a new one.
bool Run::remember(Job& job, const FileIdentity& identity, ReceiptLine& receipt) {
  auto opened = states_->open(options_.server, job.file, receipt.name, identity, options_.resume);
  if (std::holds_alternative<StateInUse>(opened)) {
    receipt.error = kInUse;
    return false;
  }
  if (const auto* unusable = std::get_if<StateUnusable>(&opened)) {
    receipt.error = unusable->sentence;
    return false;
  }
  auto& [state, note] = std::get<OpenedState>(opened);
  if (!note.empty()) display_.tell(printable(job.file) + ": " + printable(note));
  state_ = std::move(state);
  job.state = state_.get();
  job.upload.key = state_->key();
  job.upload.replaces = state_->replaces();
  job.upload.known = state_->known();
  job.upload.size = identity.size;
  job.upload.mtime_ns = identity.mtime_ns;
  return true;
}

void Run::one(std::size_t index) {
  ReceiptLine receipt;
  if (sender_ && sender_->interrupted()) {
    name_file(index, receipt);
    receipt.error = kInterrupted;
    return tell(receipt);
  }
  auto job = make_job(index, receipt);
  if (!job) return tell(receipt);
  posix::crash_point(crash::kState);
  const Sent sent = sender_->send(*std::move(job));
  tell(sent.line);
  posix::crash_point(crash::kWritten);
  settle(sent);
}

// Only now that the receipt is written its state may go: it can be fetched once more until then.
void Run::settle(const Sent& sent) {
  if (sender_->interrupted()) how_to_go_on_ = sent.advice;
  if (sender_->interrupted() && sent.resumable && state_->kept()) how_to_go_on_ = kRunAgain;
  if (state_ && !sent.resumable && !unwritten_) state_->forget();
  state_.reset();
}

void Run::tell(const ReceiptLine& receipt) {
  const bool stored = receipt.error.empty();
  if (!stored) failed_ = true;
  if (!stored && receipt.error != kInterrupted) {
    display_.error(problem_.empty() ? printable(receipt.file) + ": " + receipt.error : receipt.error);
  }
  if (unwritten_ || (!stored && !options_.json)) return;
  display_.clear();
  try {
    write_out(out_, options_.json ? json_line(receipt) : checksum_line(receipt));
  } catch (const posix::Error& error) {
    unwritten_ = true;
    display_.error(printable(receipt.file) +
                   ": its receipt could not be written, though the upload has ended: " + error.what());
  }
}

int Run::all() {
  auto metadata = load_metadata(options_);
  if (const auto* problem = std::get_if<MetadataProblem>(&metadata)) {
    display_.error(problem->sentence);
    return service::kExitUsage;
  }
  metadata_ = std::get<std::string>(std::move(metadata));
  begin();
  for (std::size_t i = 0; i < options_.files.size(); ++i) {
    one(i);
    if (!problem_.empty() && !options_.json) break;  // the same for every file, told once
  }
  if (sender_ && sender_->interrupted()) {
    display_.error(kInterrupted + (how_to_go_on_.empty() ? "" : ": " + how_to_go_on_));
    return kExitInterrupted;
  }
  return failed_ || unwritten_ ? service::kExitFailed : service::kExitOk;
}

}  // namespace

int run(const Options& options, int out, int err) {
  return Run(options, out, err).all();
}

}  // namespace dync::client
