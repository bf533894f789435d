#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "client/source.h"
#include "client/state_text.h"
#include "proto/posix/fd.h"
#include "schema/limits/limits.h"

// The client's memory, CONFIG_DIR/state/: the key and the hash of each upload until its receipt was read. An
// upload without a place there is sent all the same; it can't be resumed by a later run.
namespace dync::client {

// The key of a new upload.
wire::Id random_key();

// One upload's memory, and the lock that keeps other runs from sending the same file meanwhile.
class State : public HashNotes {
 public:
  // Only in memory.
  explicit State(const wire::Id& key) { memory_.key = key; }
  // `file` is locked; what is in it becomes whole. `directory` must outlive the State.
  State(int directory, std::string name, posix::Fd file, Memory memory, bool known);

  const wire::Id& key() const noexcept { return memory_.key; }
  const std::optional<wire::Id>& replaces() const noexcept { return memory_.replaces; }
  // The server may have heard of it in an earlier run.
  bool known() const noexcept { return known_; }
  bool kept() const noexcept { return bool(file_); }

  std::optional<digest::Midstate> newest(std::uint64_t position) const override;
  void passed(const digest::Midstate& midstate) override;
  std::uint64_t step() const override { return limits::kStateStep; }
  // The server has ended what this one replaces. Only before the first hash is passed.
  void approved();
  void renamed(std::string name) { name_ = std::move(name); }
  // The server has nothing under this key that the next run could want.
  void forget();

 private:
  bool append(std::string_view line);

  int directory_ = -1;
  std::string name_;
  posix::Fd file_;
  Memory memory_;
  bool known_ = false;
  bool full_ = false;  // a line could not be written whole: no further one
};

struct OpenedState {
  std::unique_ptr<State> state;
  std::string note;  // for the user, empty if there is nothing to say
};
// Another run sends this file.
struct StateInUse {};
// An earlier run has left one that can't be read or written: without its key the file may be stored twice.
struct StateUnusable {
  std::string sentence;
};
using StateResult = std::variant<OpenedState, StateInUse, StateUnusable>;

class States {
 public:
  // Removes what nobody has touched for 30 days.
  explicit States(const std::filesystem::path& config_dir);

  // The memory of `path` sent under `name`, made if there is none. It begins anew, with another key, if the
  // file is another one than then, or if `resume` is false. Where there is none and none can be made, it is
  // only in memory, which is told once, in a note.
  StateResult open(const ServerAddress& server, const std::string& path, const std::string& name,
                   const FileIdentity& file, bool resume);

 private:
  void sweep();
  StateResult load(const Errand& errand, const FileIdentity& file, bool resume);
  std::unique_ptr<State> begin(const Errand& errand, const std::string& name, posix::Fd locked,
                               Memory memory);
  std::unique_ptr<State> begin_anew(const Errand& errand, const std::string& name, Memory memory);
  OpenedState without(const std::string& why);

  std::filesystem::path path_;
  posix::Fd directory_;
  bool told_ = false;
};

}  // namespace dync::client
