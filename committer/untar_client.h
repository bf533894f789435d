#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "proto/ipc/messages.h"
#include "proto/posix/fd.h"
#include "proto/service/log.h"
#include "proto/service/loop.h"
#include "schema/config/config.h"

namespace dync::committer {

// The three descriptors of one dync-untar.
struct UntarFiles {
  posix::Fd archive;    // read-only
  posix::Fd directory;  // empty
  posix::Fd report;     // readable too
};
// STAGING/data, and STAGING/extract and STAGING/report made anew. What an earlier try left, out/ too, is
// removed first.
UntarFiles open_untar_files(const std::filesystem::path& staging);

// How it went.
struct Untarred {
  int code = 0;
  int signal = 0;
  std::string report;  // one sentence, cleaned and of sane length; may be empty
};

// Asks the supervisor to run dync-untar, a few at once; the others wait.
class UntarClient {
 public:
  using Done = std::function<void(const Untarred&)>;

  UntarClient(service::Loop& loop, const service::Log& log, const config::Untar& limits, int broker);

  // `done` is called from the loop, never from here.
  void run(UntarFiles files, Done done);

 private:
  struct Running {
    UntarFiles files;
    Done done;
  };
  void start_next();
  bool send(std::uint64_t job, const UntarFiles& files);
  void take();
  void ended(const ipc::UntarEnded& message);
  std::string report_of(const Running& running) const;

  service::Loop& loop_;
  const service::Log& log_;
  const config::Untar& limits_;
  int broker_;
  service::Loop::Id source_;
  std::uint64_t next_job_ = 1;
  std::deque<Running> waiting_;
  std::map<std::uint64_t, Running> running_;
  bool retrying_ = false;
};

}  // namespace dync::committer
