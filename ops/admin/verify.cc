#include "ops/admin/verify.h"

#include <chrono>
#include <set>
#include <thread>
#include <tuple>

#include "ops/admin/verify_parts.h"
#include "proto/posix/error.h"
#include "proto/posix/file.h"
#include "schema/names/names.h"
#include "schema/names/published.h"

namespace dync::admin {
namespace {

using std::chrono::milliseconds;

// What looks wrong is looked at again after these: a consumer takes an item away file by file, and a running
// server goes from one step to the next.
constexpr milliseconds kPauses[] = {milliseconds(200), milliseconds(400), milliseconds(800),
                                    milliseconds(1600), milliseconds(3200)};
constexpr std::size_t kLooksWithoutServer = 1;

// One thing to look at.
struct Subject {
  Path path;                         // of an item, or of a staging directory
  std::optional<ledger::Id> staged;  // whose staging it is
  bool operator==(const Subject&) const = default;
  bool operator<(const Subject& other) const {
    return std::tie(path, staged) < std::tie(other.path, other.staged);
  }
};

bool leads_to_directory(const Path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

class Verifier {
 public:
  Verifier(const config::Config& config, const ledger::Reader& reader)
      : config_(config), reader_(reader), claims_(reader) {}

  Verified one(const ledger::Id& id) {
    const auto row = reader_.row(id);
    subjects_.insert(staged(id));
    if (row) add_staged(*row);
    if (row && publishes(row->upload.state)) subjects_.insert({real_place(row->upload.destination), {}});
    return look();
  }

  Verified all() {
    find_places();
    find_staged();
    return look();
  }

 private:
  static bool publishes(ledger::State state) {
    return state == ledger::State::committing || state == ledger::State::committed;
  }

  Subject staged(const ledger::Id& id) const { return {names::staging_dir(config_.storage.tmp_dir, id), id}; }

  // A live upload's directories, and what is there without one.
  void add_staged(const ledger::Row& row) {
    const ledger::Id& id = row.upload.upload_id;
    subjects_.insert(staged(id));
    if (!row.session.dropbox_staging) return;
    subjects_.insert({names::staging_dir(posix::real_path(*row.session.dropbox_staging), id), id});
  }
  void find_staged_in(const Path& staging) {
    posix::each_entry(staging, [&](const std::string& name) {
      if (const auto id = names::staged_upload(name)) subjects_.insert({staging / name, *id});
    });
    find_set_aside(staging / names::kOrphans);
  }

  void find_places() {
    std::set<Path> dropboxes;
    for (const config::Dropbox& dropbox : config_.storage.dropboxes) dropboxes.insert(dropbox.path);
    if (config_.storage.manual && leads_to_directory(*config_.storage.manual))
      posix::each_entry(*config_.storage.manual, [&](const std::string& word) {
        if (leads_to_directory(*config_.storage.manual / word))
          dropboxes.insert(*config_.storage.manual / word);
      });
    for (const auto& [place, ids] : claims_.all()) {
      subjects_.insert({place, {}});
      dropboxes.insert(place.parent_path());
    }
    for (const Path& dropbox : dropboxes) find_in(dropbox);
  }

  void find_in(const Path& dropbox) try {
    const Path real = posix::real_path(dropbox);
    posix::each_entry(real, [&](const std::string& name) {
      subjects_.insert({real / names::marked_item(name).value_or(name), {}});
    });
  } catch (const posix::Error& error) {
    unreadable_.push_back({dropbox, {}, error.what()});
  }

  void find_staged() {
    find_staged_in(config_.storage.tmp_dir);
    for (const Path& staging : config::dropbox_stagings(config_.storage)) find_staged_in(staging);
    for (const ledger::Row& row : reader_.live()) add_staged(row);
  }

  void find_set_aside(const Path& orphans) {
    if (!leads_to_directory(orphans)) return;
    posix::each_entry(orphans, [&](const std::string& name) {
      if (!names::staged_upload(name)) return;
      const auto data = posix::find(orphans / name / names::kStagedData);
      found_.set_aside.push_back({orphans / name, data ? data->size : 0});
    });
  }

  Differences check(const Subject& subject) const try {
    if (subject.staged && subject == staged(*subject.staged))
      return check_staging(config_, reader_, *subject.staged);
    if (subject.staged) return check_elsewhere(reader_, subject.path, *subject.staged);
    return check_place(reader_, subject.path, claims_.of(subject.path));
  } catch (const posix::Error& error) {
    return {{subject.path, subject.staged, error.what()}};
  }

  std::map<Subject, Differences> differing(const std::set<Subject>& subjects) const {
    std::map<Subject, Differences> found;
    for (const Subject& subject : subjects)
      if (auto differences = check(subject); !differences.empty()) found[subject] = std::move(differences);
    return found;
  }

  Verified look() {
    count();
    auto found = differing(subjects_);
    std::size_t looks =
        run_file::find(names::run_file(config_.ledger)) ? std::size(kPauses) : kLooksWithoutServer;
    for (std::size_t i = 0; i < looks && !found.empty(); ++i) {
      std::this_thread::sleep_for(kPauses[i]);
      std::set<Subject> again;
      for (const auto& [subject, differences] : found) again.insert(subject);
      claims_ = Claims(reader_);
      found = differing(again);
    }
    found_.differences = unreadable_;
    for (const auto& [subject, differences] : found)
      found_.differences.insert(found_.differences.end(), differences.begin(), differences.end());
    return found_;
  }

  // Of a destination that several uploads had, one after another, only one can still be there.
  void count() {
    for (const Subject& subject : subjects_) {
      if (subject.staged && subject == staged(*subject.staged)) {
        const auto row = reader_.row(*subject.staged);
        if (row && ledger::is_live(row->upload.state)) ++found_.under_way;
      }
      if (subject.staged) continue;
      const std::size_t uploads = claims_.of(subject.path).size();
      const std::size_t there = uploads > 0 && posix::find(subject.path) ? 1 : 0;
      found_.there += there;
      found_.taken += uploads - there;
    }
  }

  const config::Config& config_;
  const ledger::Reader& reader_;
  Claims claims_;
  std::set<Subject> subjects_;
  Differences unreadable_;
  Verified found_;
};

}  // namespace

Verified verify(const config::Config& config, const ledger::Reader& reader,
                const std::optional<ledger::Id>& only) {
  Verifier verifier(config, reader);
  return only ? verifier.one(*only) : verifier.all();
}

}  // namespace dync::admin
