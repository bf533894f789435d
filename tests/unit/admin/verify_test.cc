// The ledger against the disk: each kind of difference, and what only looks like one.
#include "ops/admin/verify.h"

#include <atomic>
#include <fstream>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "proto/digest/sha256.h"
#include "schema/ledger/events.h"
#include "schema/ledger/writer.h"
#include "schema/names/names.h"
#include "tests/unit/temporary_directory.h"

namespace dync::admin {
namespace {

using ledger::Id;
using ledger::State;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Id numbered(int number) {
  return Id::uuid4({std::byte(number)});
}

digest::Digest sha256_of(const std::string& content) {
  digest::Sha256 sha256;
  sha256.update(std::as_bytes(std::span(content)));
  return sha256.value();
}

class Verify : public testing::Test {
 protected:
  Verify() {
    for (const Path& path : {tmp(), box(), home() / "store"}) std::filesystem::create_directory(path);
    config_.storage.tmp_dir = tmp();
    config_.storage.dropboxes.emplace_back().path = box();
    config_.ledger = home() / "store" / "dync.sqlite";
    writer_.emplace(config_.ledger);
  }

  Path home() const { return directory_.path(); }
  Path tmp() const { return home() / "tmp"; }
  Path box() const { return home() / "box"; }
  static void write(const Path& file, const std::string& content) { std::ofstream(file) << content; }

  void change(const std::function<void(ledger::Writer&)>& how) {
    ledger::Batch batch(*writer_);
    how(*writer_);
    batch.commit();
  }
  Id add(int number, const std::string& item, bool untar = false) {
    ledger::Upload upload;
    upload.upload_id = numbered(number);
    upload.origin = "lab1";
    upload.filename = upload.clean_name = item;
    upload.destination = box() / item;
    upload.metadata = R"({"a":1})";
    upload.untar = untar;
    ledger::Session session;
    session.routing_id = std::to_string(number);
    if (config_.storage.dropboxes[0].staging) session.dropbox_staging = *config_.storage.dropboxes[0].staging;
    change([&](auto& writer) { writer.add(upload, session); });
    return upload.upload_id;
  }
  void receive(const Id& id, const std::string& content) {
    change([&](auto& writer) { writer.set_received(id, content.size(), 1, sha256_of(content)); });
  }
  void verified(const Id& id, const std::string& content) {
    receive(id, content);
    change([&](auto& writer) { writer.set_verified(id, sha256_of(content)); });
  }
  void committed(const Id& id) {
    change([&](auto& writer) {
      writer.set_state(id, State::committing);
      writer.set_state(id, State::committed);
    });
  }
  Id publish(int number, const std::string& item, const std::string& content) {
    const Id id = add(number, item);
    verified(id, content);
    committed(id);
    lay_out(item, content);
    return id;
  }
  void lay_out(const std::string& item, const std::string& content) const {
    const Path place = box() / item;
    std::filesystem::create_directory(place);
    write(place / item, content);
    write(place / (item + ".sha256sum"), digest::to_hex(sha256_of(content)) + "\t" + item);
    write(place / (item + ".origlabfilename"), item);
    write(place / (item + ".metadata.json"), R"({"a":1})");
    write(place / "source_dropbox.txt", "lab1");
    write(marker(item), "");
  }
  Path marker(const std::string& item) const { return box() / (".MARKER_is_finished_" + item); }
  Path stage(const Id& id, const std::string& content) const {
    const Path staging = tmp() / id.hex();
    std::filesystem::create_directory(staging);
    write(staging / "stamp", names::format_stamp({writer_->read().ledger_id(), id}));
    write(staging / "data", content);
    return staging;
  }

  Verified look(const std::optional<Id>& only = {}) const {
    return verify(config_, ledger::Reader(config_.ledger), only);
  }
  std::vector<std::string> lines(const std::optional<Id>& only = {}) const {
    std::vector<std::string> all;
    for (const Difference& one : look(only).differences)
      all.push_back(one.path.lexically_relative(home()).native() + ": " + one.problem);
    return all;
  }

  tests::TemporaryDirectory directory_;
  config::Config config_;
  std::optional<ledger::Writer> writer_;
};

TEST_F(Verify, WhatIsThereAndWhatWasTaken) {
  publish(1, "a.raw", "the data");
  publish(2, "b.raw", "other data");
  std::filesystem::remove_all(box() / "b.raw");
  std::filesystem::remove(marker("b.raw"));
  publish(3, "c.raw", "third");
  std::filesystem::remove(marker("c.raw"));
  stage(add(4, "d.raw"), "par");
  const Verified found = look();
  EXPECT_THAT(found.differences, IsEmpty());
  EXPECT_EQ(found.there, 2U);
  EXPECT_EQ(found.taken, 1U);
  EXPECT_EQ(found.under_way, 1U);
}

TEST_F(Verify, EachFileOfAnItem) {
  const Id id = publish(1, "a.raw", "the data");
  const Path item = box() / "a.raw";
  write(item / "a.raw", "the dato");
  EXPECT_THAT(lines(),
              ElementsAre("box/a.raw/a.raw: has the SHA-256 " + digest::to_hex(sha256_of("the dato")) +
                          ", the ledger says " + digest::to_hex(sha256_of("the data"))));
  write(item / "a.raw", "the dat");
  EXPECT_THAT(lines(id), ElementsAre("box/a.raw/a.raw: has 7 bytes, the ledger says 8 bytes"));
  std::filesystem::remove(item / "a.raw");
  EXPECT_THAT(lines(), ElementsAre("box/a.raw/a.raw: is missing"));
  write(item / "a.raw", "the data");
  for (const char* sidecar :
       {"a.raw.sha256sum", "a.raw.origlabfilename", "a.raw.metadata.json", "source_dropbox.txt"}) {
    write(item / sidecar, "x");
    EXPECT_THAT(lines(), ElementsAre(std::string("box/a.raw/") + sidecar +
                                     ": has another content than the ledger says"));
    std::filesystem::remove(item / sidecar);
    EXPECT_THAT(lines(), ElementsAre(std::string("box/a.raw/") + sidecar + ": is missing"));
    lay_out("a.raw", "the data");
  }
  write(item / "more", "");
  EXPECT_THAT(lines(), ElementsAre("box/a.raw/more: is nothing that the upload published"));
  std::filesystem::remove(marker("a.raw"));
  EXPECT_THAT(lines(), IsEmpty()) << "it is in its consumer's hands";
  write(item / "a.raw", "the dato");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("has the SHA-256")))
      << "what is there has to be right even then";
}

TEST_F(Verify, TheNextUploadOfANameThatWasTaken) {
  publish(1, "a.raw", "the data");
  publish(2, "a.raw", "data of the second");
  EXPECT_THAT(lines(), IsEmpty());
  EXPECT_EQ(look().taken, 1U);
  lay_out("a.raw", "the data");
  EXPECT_THAT(lines(), IsEmpty()) << "whichever was opened first";
  write(box() / "a.raw" / "a.raw", "no data of theirs");
  EXPECT_THAT(lines(), testing::Contains("box/a.raw/a.raw: has 17 bytes, the ledger says 18 bytes"));
}

TEST_F(Verify, Markers) {
  publish(1, "a.raw", "the data");
  write(marker("a.raw"), "x");
  EXPECT_THAT(lines(), ElementsAre("box/.MARKER_is_finished_a.raw: is no empty file, as a marker is"));
  write(marker("a.raw"), "");
  std::filesystem::remove_all(box() / "a.raw");
  EXPECT_THAT(lines(), ElementsAre("box/.MARKER_is_finished_a.raw: is a marker without its item"));
  std::filesystem::remove(marker("a.raw"));
  write(marker("nobodys"), "");
  EXPECT_THAT(lines(), ElementsAre("box/.MARKER_is_finished_nobodys: is a marker without its item"));
}

TEST_F(Verify, WhatOthersPutThere) {
  write(box() / "notes.txt", "by hand");
  std::filesystem::create_directory(box() / "foreign");
  write(box() / "foreign" / "data", "x");
  write(marker("foreign"), "");
  // As the original server left it.
  std::filesystem::create_directory(box() / "old.raw");
  for (const char* name : {"old.raw", "old.raw.sha256sum", "old.raw.origlabfilename", "source_dropbox.txt"})
    write(box() / "old.raw" / name, "x");
  std::filesystem::create_directory(tmp() / "somebodys");
  std::filesystem::create_directory(tmp() / numbered(9).hex());
  write(tmp() / numbered(9).hex() / "data", "x");
  EXPECT_THAT(lines(), IsEmpty());
  lay_out("lost.raw", "x");
  EXPECT_THAT(
      lines(),
      ElementsAre("box/lost.raw: has the files of a dync server, but no upload in the ledger published it"));
}

TEST_F(Verify, MembersOfAnArchive) {
  const Id id = add(1, "TOP", true);
  verified(id, "a tar");
  const std::vector<ledger::Member> members = {{"TOP/a", 1, sha256_of("a")},
                                               {"TOP/sub/b", 2, sha256_of("bb")}};
  change([&](auto& writer) {
    writer.set_state(id, State::extracting);
    writer.set_members(id, members);
  });
  committed(id);
  std::filesystem::create_directories(box() / "TOP" / "sub");
  write(box() / "TOP" / "a", "a");
  write(box() / "TOP" / "sub" / "b", "bb");
  write(marker("TOP"), "");
  EXPECT_THAT(lines(), IsEmpty());
  write(box() / "TOP" / "sub" / "b", "bc");
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("box/TOP/sub/b: has the SHA-256")));
  std::filesystem::remove(box() / "TOP" / "sub" / "b");
  EXPECT_THAT(lines(), ElementsAre("box/TOP/sub/b: is missing"));
  std::filesystem::create_symlink("../a", box() / "TOP" / "sub" / "b");
  EXPECT_THAT(lines(), ElementsAre("box/TOP/sub/b: is no regular file"));
  std::filesystem::remove(box() / "TOP" / "sub" / "b");
  write(box() / "TOP" / "sub" / "b", "bb");
  write(box() / "TOP" / "c", "");
  EXPECT_THAT(lines(), ElementsAre("box/TOP/c: is nothing that the upload published"));
}

TEST_F(Verify, AnArchiveOfOneEmptyDirectoryHasNoMembers) {
  const Id id = add(1, "TOP", true);
  verified(id, "a tar");
  change([&](auto& writer) {
    writer.set_state(id, State::extracting);
    writer.add_event(id, "committer", ledger::events::kExtracted, "{}");
  });
  committed(id);
  std::filesystem::create_directory(box() / "TOP");
  write(marker("TOP"), "");
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(Verify, StagingOfEachState) {
  const Id id = add(1, "a.raw");
  const std::string staging = "tmp/" + id.hex();
  EXPECT_THAT(lines(), ElementsAre(staging + ": is missing, but its upload is receiving"));
  stage(id, "the");
  EXPECT_THAT(lines(), IsEmpty());
  change([&](auto& writer) { writer.set_parked(id, 1, 4); });
  EXPECT_THAT(lines(), ElementsAre(staging + "/data: has 3 bytes, the ledger says 4 bytes"));
  receive(id, "the data");
  EXPECT_THAT(lines(), ElementsAre(staging + "/data: has 3 bytes, the ledger says 8 bytes"));
  stage(id, "the data");
  EXPECT_THAT(lines(), IsEmpty());
  std::filesystem::create_directories(tmp() / id.hex() / "out" / "a.raw");
  std::filesystem::rename(tmp() / id.hex() / "data", tmp() / id.hex() / "out" / "a.raw" / "a.raw");
  EXPECT_THAT(lines(), ElementsAre(staging + "/data: is missing, the ledger says 8 bytes"));
  change([&](auto& writer) { writer.set_verified(id, sha256_of("the data")); });
  EXPECT_THAT(lines(), IsEmpty()) << "step 5 moved it";
  std::filesystem::remove(tmp() / id.hex() / "stamp");
  EXPECT_THAT(lines(id), ElementsAre(staging + ": has no stamp of its upload"));
}

TEST_F(Verify, StagingWithoutALiveUpload) {
  const Id unknown = numbered(7);
  stage(unknown, "x");
  EXPECT_THAT(lines(),
              ElementsAre("tmp/" + unknown.hex() + ": is staged, but the ledger has no such upload"));
  std::filesystem::create_directory(tmp() / "orphans");
  std::filesystem::rename(tmp() / unknown.hex(), tmp() / "orphans" / unknown.hex());
  const Verified found = look();
  EXPECT_THAT(found.differences, IsEmpty());
  ASSERT_EQ(found.set_aside.size(), 1U);
  EXPECT_EQ(found.set_aside[0].path, tmp() / "orphans" / unknown.hex());
  EXPECT_EQ(found.set_aside[0].bytes, 1U);

  const Id ended = add(1, "a.raw");
  stage(ended, "x");
  const auto end = [&](const Id& id, bool kept) {
    change([&](auto& writer) { writer.set_ended(id, State::failed, 500, "why", kept); });
  };
  end(ended, false);
  EXPECT_THAT(lines(), ElementsAre("tmp/" + ended.hex() + ": is left over of an upload that is failed"));
  for (const char* name : {"data", "stamp"}) std::filesystem::remove(tmp() / ended.hex() / name);
  EXPECT_THAT(lines(ended), ElementsAre("tmp/" + ended.hex() + ": is left over of an upload that is failed"));
  std::filesystem::remove(tmp() / ended.hex());
  const Id kept = add(2, "b.raw");
  stage(kept, "x");
  end(kept, true);
  EXPECT_THAT(lines(), IsEmpty()) << "it waits for dync-admin retry";
}

TEST_F(Verify, TheStagingOfADropboxOnAnotherFileSystem) {
  const Path ready = home() / "ready";
  std::filesystem::create_directory(ready);
  config_.storage.dropboxes[0].staging = ready;
  const auto lay_copy = [&](const Id& id) {
    std::filesystem::create_directories(ready / id.hex() / "out");
    write(ready / id.hex() / "stamp", names::format_stamp({writer_->read().ledger_id(), id}));
  };
  lay_copy(numbered(7));
  const std::string unknown = "ready/" + numbered(7).hex();
  EXPECT_THAT(lines(), ElementsAre(unknown + ": is staged, but the ledger has no such upload"));
  std::filesystem::remove_all(ready / numbered(7).hex());

  const Id id = add(1, "a.raw");
  const std::string copy = "ready/" + id.hex();
  stage(id, "the data");
  verified(id, "the data");
  EXPECT_THAT(lines(), IsEmpty()) << "the copy is not made yet";
  lay_copy(id);
  EXPECT_THAT(lines(), IsEmpty()) << "or is being made";
  change([&](auto& writer) { writer.set_state(id, State::committing); });
  EXPECT_THAT(lines(), IsEmpty());
  std::filesystem::remove_all(ready / id.hex());
  EXPECT_THAT(lines(id), ElementsAre(copy + ": is missing, but its upload is committing"));
  change([&](auto& writer) { writer.set_state(id, State::committed); });
  lay_out("a.raw", "the data");
  std::filesystem::remove_all(tmp() / id.hex());
  EXPECT_THAT(lines(), IsEmpty());
  lay_copy(id);
  EXPECT_THAT(lines(), ElementsAre(copy + ": is left over of an upload that is committed"));
}

TEST_F(Verify, AnotherLedgersStagingIsNotOurs) {
  const Id id = numbered(7);
  std::filesystem::create_directory(tmp() / id.hex());
  write(tmp() / id.hex() / "stamp", names::format_stamp({numbered(8), id}));
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(Verify, ADropboxThatIsGone) {
  std::filesystem::remove(box());
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("box: cannot open")));
}

// Uploads come in and go out while it looks.
TEST_F(Verify, AStepUnderWayIsNoDifference) {
  std::atomic<bool> stop{false};
  std::thread server([&] {
    for (int i = 1; i < 250 && !stop; ++i) {
      const std::string name = "n" + std::to_string(i) + ".raw";
      stage(numbered(i), "the data");
      add(i, name);
      verified(numbered(i), "the data");
      std::filesystem::create_directories(tmp() / numbered(i).hex() / "out");
      change([&](auto& writer) { writer.set_state(numbered(i), State::committing); });
      lay_out(name, "the data");
      change([&](auto& writer) { writer.set_state(numbered(i), State::committed); });
      std::filesystem::remove_all(tmp() / numbered(i).hex());
      if (i % 2 == 0) std::filesystem::remove(marker(name));
      if (i % 2 == 0) std::filesystem::remove_all(box() / name);
    }
    stop = true;
  });
  int looks = 0;
  for (; !stop; ++looks) EXPECT_THAT(lines(), IsEmpty());
  server.join();
  EXPECT_GE(looks, 1);
  EXPECT_THAT(lines(), IsEmpty());
}

}  // namespace
}  // namespace dync::admin
