#include "client/run.h"

#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include "client/inputs.h"
#include "client/interrupts.h"
#include "client/sender.h"
#include "client/sentences.h"
#include "client/text_width.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "proto/posix/process.h"
#include "proto/service/worker.h"

namespace dync::client {

namespace {

constexpr char kStandardInput[] = "-";

wire::Id random_key() {
  std::array<std::byte, wire::Id::kBytes> random{};
  posix::random_bytes(random);
  return wire::Id(random);
}

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
  void tell(const ReceiptLine& receipt);

  const Options& options_;
  int out_;
  Display display_;
  Interrupts interrupts_;
  std::string metadata_;
  std::string problem_;  // with the keys: no file can be sent
  std::unique_ptr<transport::Context> context_;
  std::optional<Sender> sender_;
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
  context_ = std::make_unique<transport::Context>();
  sender_.emplace(*context_, options_, std::get<ClientKeys>(std::move(keys)), display_, interrupts_);
}

std::optional<Job> Run::make_job(std::size_t index, ReceiptLine& receipt) {
  const std::string& file = options_.files[index];
  const bool stream = file == kStandardInput;
  receipt.file = file;
  receipt.name = options_.name.value_or(std::filesystem::path(file).filename().string());
  receipt.checkable = !stream;
  if (!problem_.empty()) {
    receipt.error = problem_;
    return std::nullopt;
  }
  Job job{.file = file, .number = index + 1, .count = options_.files.size(), .upload = {}, .input = nullptr};
  job.upload = {receipt.name, metadata_, random_key(), std::nullopt, std::nullopt};
  if (stream) {
    job.input = stream_input(0);
  } else {
    auto opened = open_input(file);
    if (const auto* problem = std::get_if<SourceProblem>(&opened)) {
      receipt.error = problem->sentence;
      return std::nullopt;
    }
    auto& good = std::get<OpenedFile>(opened);
    job.input = std::move(good.input);
    job.upload.size = good.size;
    job.upload.mtime_ns = good.mtime_ns;
  }
  if (!is_utf8(receipt.name)) {
    receipt.error = "its name is no UTF-8 text: give another one by --name";
    return std::nullopt;
  }
  return job;
}

void Run::one(std::size_t index) {
  ReceiptLine receipt;
  if (sender_ && sender_->interrupted()) {
    make_job(index, receipt);
    receipt.error = kInterrupted;
  } else if (auto job = make_job(index, receipt)) {
    receipt = sender_->send(std::move(*job));
  }
  tell(receipt);
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
    display_.error(std::string("the receipt could not be written, though the upload has ended: ") +
                   error.what());
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
    display_.error(kInterrupted);
    return kExitInterrupted;
  }
  return failed_ || unwritten_ ? service::kExitFailed : service::kExitOk;
}

}  // namespace

int run(const Options& options, int out, int err) {
  return Run(options, out, err).all();
}

}  // namespace dync::client
