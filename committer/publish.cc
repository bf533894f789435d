#include "committer/publish.h"

#include "committer/access.h"
#include "committer/crash_points.h"
#include "committer/staging.h"
#include "proto/posix/crash_point.h"
#include "proto/posix/error.h"
#include "schema/names/names.h"
#include "schema/stamp/stamp_file.h"

namespace dync::committer {
namespace {

using posix::crash_point;
using posix::Fd;

// False if the source is gone: an earlier run has renamed it.
bool move(int from, const std::string& name, int to, const std::string& target) {
  if (!posix::find_at(from, name)) return false;
  posix::rename_no_replace(from, name, to, target);
  return true;
}

void require(int directory, const std::string& name, const Plan& plan) {
  if (posix::find_at(directory, name)) return;
  throw posix::Error(ENOENT, "find the data of upload " + plan.upload.hex() + " below",
                     plan.staging.string());
}

void prepare_file(const Plan& plan, int staging, int out) {
  ensure_directory(out, plan.item);
  const Fd item = posix::open_directory_at(out, plan.item);
  crash_point(crash::kOutMade);
  move(staging, names::kStagedData, item.get(), plan.item);
  require(item.get(), plan.item, plan);
  crash_point(crash::kDataMoved);
  finish_file(plan, item.get());
}

// The tree's own files got their access and were synced when they were checked.
void prepare_tree(const Plan& plan, int staging, int out) {
  crash_point(crash::kOutMade);
  if (posix::find_at(staging, names::kExtracting)) {
    const Fd extracted = posix::open_directory_at(staging, names::kExtracting);
    move(extracted.get(), plan.item, out, plan.item);
  }
  require(out, plan.item, plan);
  crash_point(crash::kDataMoved);
}

void sync_both(int from, int to) {
  posix::sync_all(to);
  posix::sync_all(from);
}

Published take_back(const Plan& plan, int out, int dropbox, const std::string& problem) {
  try {
    if (move(dropbox, plan.item, out, plan.item)) return {PublishResult::undone, problem};
  } catch (const posix::Error& error) {
    return {PublishResult::held, problem + "; " + error.what()};
  }
  return {PublishResult::held, problem + "; the item was taken away meanwhile"};
}

Published publish_item(const Plan& plan, int out, int dropbox) {
  move(out, plan.item, dropbox, plan.item);
  crash_point(crash::kItemRenamed);
  try {
    sync_both(out, dropbox);
  } catch (const posix::Error& error) {
    if (!posix::find_at(out, names::marker(plan.item))) return {PublishResult::announced, error.what()};
    return take_back(plan, out, dropbox, error.what());
  }
  crash_point(crash::kItemSynced);
  return {};
}

Published publish_marker(const Plan& plan, int out, int dropbox) {
  const std::string marker = names::marker(plan.item);
  if (posix::find_at(dropbox, plan.item))
    move(out, marker, dropbox, marker);
  else
    posix::remove_tree_at(out, marker);
  crash_point(crash::kMarkerRenamed);
  try {
    sync_both(out, dropbox);
  } catch (const posix::Error& error) {
    return {PublishResult::announced, error.what()};
  }
  crash_point(crash::kMarkerSynced);
  return {};
}

}  // namespace

void finish_file(const Plan& plan, int item) {
  for (const Sidecar& sidecar : plan.sidecars)
    posix::write_file_at(item, sidecar.name, sidecar.content, kFileMode);
  crash_point(crash::kSidecarsWritten);
  for (const Sidecar& sidecar : plan.sidecars) give_file_access(item, sidecar.name, plan.access);
  give_file_access(item, plan.item, plan.access);
  give_access(item, plan.item, Kind::directory, plan.access);
  posix::sync_all(item);
}

void finish_out(const Plan& plan, int out) {
  posix::write_file_at(out, names::marker(plan.item), {}, kFileMode);
  give_file_access(out, names::marker(plan.item), plan.access);
  crash_point(crash::kMarkerWritten);
  posix::sync_all(out);
}

void prepare(const Plan& plan) {
  const Fd staging = posix::open_directory(plan.staging);
  ensure_directory(staging.get(), names::kOut);
  const Fd out = posix::open_directory_at(staging.get(), names::kOut);
  if (plan.shape == Shape::file)
    prepare_file(plan, staging.get(), out.get());
  else
    prepare_tree(plan, staging.get(), out.get());
  finish_out(plan, out.get());
  posix::sync_all(staging.get());
  crash_point(crash::kPrepared);
}

std::optional<wire::Refusal> check_target(const Path& dropbox, const std::string& item) {
  const Fd directory = posix::open_directory(dropbox);
  const std::string target = (dropbox / item).string();
  if (posix::find_at(directory.get(), item))
    return wire::Refusal{wire::Code::conflict, target + " exists already; send it under another name"};
  if (posix::find_at(directory.get(), names::marker(item)))
    return wire::Refusal{wire::Code::conflict,
                         "the marker of " + target +
                             " exists without its data; have the operator remove it, or "
                             "send the file under another name"};
  return std::nullopt;
}

Published publish(const Plan& plan) {
  const Fd out = posix::open_directory(plan.out());
  const Fd dropbox = posix::open_directory(plan.dropbox);
  if (plan.announced) {
    move(dropbox.get(), names::marker(plan.item), out.get(), names::marker(plan.item));
  } else {
    Published item = publish_item(plan, out.get(), dropbox.get());
    if (item.result != PublishResult::done) return item;
  }
  return publish_marker(plan, out.get(), dropbox.get());
}

// As long as anything is left, the directory tells whose it is: by its stamp, at the end by its name.
void clean_up(const Path& staging) {
  if (!posix::find(staging.parent_path())) return;
  const Fd parent = posix::open_directory(staging.parent_path());
  std::string name = staging.filename().string();
  if (posix::find_at(parent.get(), name)) {
    const Fd directory = posix::open_directory_at(parent.get(), name);
    posix::each_entry(directory.get(), [&](const std::string& entry) {
      if (entry != names::kStamp) posix::remove_tree_at(directory.get(), entry);
    });
    crash_point(crash::kEmptied);
    if (const auto stamp = stamp::read_at(directory.get())) {
      const std::string last = names::in_the_making(*stamp);
      posix::remove_tree_at(parent.get(), last);
      posix::rename_no_replace(parent.get(), name, parent.get(), last);
      name = last;
    }
    posix::remove_tree_at(directory.get(), names::kStamp);
    crash_point(crash::kUnstamped);
    posix::remove_tree_at(parent.get(), name);
  }
  crash_point(crash::kCleaned);
}

}  // namespace dync::committer
