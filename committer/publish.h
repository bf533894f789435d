#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "committer/plan.h"
#include "proto/wire/messages.h"

// Steps 5 to 9 of the commit (DESIGN.md, "Recovery"). Each may be run again after a crash at any point of it
// and ends as if it had run once. None touches the ledger; they run in pool threads. posix::Error where a
// system call fails.
namespace dync::committer {

// Step 5: STAGING/out/ITEM and beside it the marker, durable. The data moves, so it exists once.
void prepare(const Plan& plan);

// Step 5 where out/ lies elsewhere: STAGING keeps its data until step 9, and a copy of it is made from
// scratch, checked against size, digest or members while it is written, and durable. A Refusal (500): what
// was verified is not what staging gives now. posix::Error also when `stop` gets true meanwhile; no
// unfinished copy is left, unless it crashed.
std::optional<wire::Refusal> prepare_elsewhere(const Plan& plan, const ledger::Id& ledger,
                                               const std::atomic<bool>& stop);

// Step 6: nothing at the target, nor its marker; else why not (409).
std::optional<wire::Refusal> check_target(const Path& dropbox, const std::string& item);

enum class PublishResult {
  done,
  undone,     // a directory could not be synced; the item is back in staging, nothing was ever announced
  held,       // the same, but what was renamed could not be taken back: only an operator can tell what holds
  announced,  // the marker's rename could not be synced; again with Plan::announced
};
struct Published {
  PublishResult result = PublishResult::done;
  std::string problem;  // one sentence, unless done
};

// Steps 7 and 8: the item, then its marker, each by one rename that replaces nothing. A source that is gone
// was renamed before. An item that was taken away meanwhile gets no marker. An Error means that the step that
// failed changed nothing: it may be tried again. A sync that failed is never asked again for the same rename:
// the marker is taken back and renamed anew.
Published publish(const Plan& plan);

// Step 9: removes TMP_DIR/ID, or DROPBOX_STAGING/ID.
void clean_up(const Path& staging);

// Inside step 5: the sidecars of a file that lies in OUT/ITEM, and the access of all of it, durable.
void finish_file(const Plan& plan, int item);
// Inside step 5: the marker beside the item, and OUT, durable.
void finish_out(const Plan& plan, int out);

}  // namespace dync::committer
