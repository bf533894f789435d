#include "schema/names/names.h"

#include <gtest/gtest.h>

#include "schema/limits/limits.h"

namespace dync::names {
namespace {

const std::string kHexA = "00112233445566778899aabbccddeeff";
const std::string kHexB = "ffeeddccbbaa49888776655443322110";

Id id(const std::string& hex) {
  return *Id::from_hex(hex);
}

TEST(Names, OfADirectoryInTheMaking) {
  const Stamp stamp{Id::uuid4({std::byte{1}}), Id::uuid4({std::byte{2}})};
  const std::string name = in_the_making(stamp);
  EXPECT_EQ(name, ".making-" + stamp.ledger.hex() + "-" + stamp.upload.hex());
  EXPECT_TRUE(is_in_the_making(name, stamp.ledger));
  EXPECT_FALSE(is_in_the_making(name, stamp.upload)) << "another server's";
  EXPECT_FALSE(is_in_the_making(name + "0", stamp.ledger));
  EXPECT_FALSE(staged_upload(name));
}

TEST(Staging, IsADirectoryNamedByTheUpload) {
  EXPECT_EQ(staging_dir("/data/tmp", id(kHexA)), "/data/tmp/" + kHexA);
}

TEST(Staging, OnlyThirtyTwoLowerCaseHexDigitsAreAnUpload) {
  EXPECT_EQ(staged_upload(kHexA), id(kHexA));
  for (const char* other :
       {"", "orphans", "lost+found", "00112233445566778899aabbccddeef", "00112233445566778899aabbccddeeff0",
        "00112233445566778899AABBCCDDEEFF", "00112233-4455-6677-8899-aabbccddeeff"}) {
    EXPECT_FALSE(staged_upload(other)) << other;
  }
}

TEST(Stamp, IsReadBackAsWritten) {
  const auto read = parse_stamp(format_stamp({id(kHexA), id(kHexB)}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ledger, id(kHexA));
  EXPECT_EQ(read->upload, id(kHexB));
}

TEST(Stamp, TextOnDiskNeverChanges) {
  EXPECT_EQ(format_stamp({id(kHexA), id(kHexB)}),
            "dync staging 1\nledger " + kHexA + "\nupload " + kHexB + "\n");
}

TEST(Stamp, AnythingElseIsNobodysStamp) {
  const std::string good = format_stamp({id(kHexA), id(kHexB)});
  EXPECT_FALSE(parse_stamp(""));
  EXPECT_FALSE(parse_stamp(good + "\n"));
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(parse_stamp(good.substr(0, length))) << length;
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = '?';
    EXPECT_FALSE(parse_stamp(changed)) << i;
  }
}

TEST(Marker, StandsBesideTheItem) {
  EXPECT_EQ(marker("a.pdf"), ".MARKER_is_finished_a.pdf");
}

TEST(Marker, IsRecognisedInAnyCase) {
  EXPECT_TRUE(looks_like_marker(marker("a")));
  EXPECT_TRUE(looks_like_marker(".marker_IS_finished_x"));
  EXPECT_TRUE(looks_like_marker(".MARKER"));
  EXPECT_FALSE(looks_like_marker("MARKER_is_finished_x"));
  EXPECT_FALSE(looks_like_marker(".mark"));
  EXPECT_FALSE(looks_like_marker(""));
}

TEST(Sidecars, AreNamedAfterTheItem) {
  EXPECT_EQ(checksum_sidecar("a.pdf"), "a.pdf.sha256sum");
  EXPECT_EQ(original_name_sidecar("a.pdf"), "a.pdf.origlabfilename");
  EXPECT_EQ(metadata_sidecar("a.pdf"), "a.pdf.metadata.json");
}

TEST(Sidecars, OfTheLongestNameFitIntoADirectoryEntry) {
  const std::string longest(limits::kMaxName, 'a');
  for (const auto& name : {marker(longest), checksum_sidecar(longest), original_name_sidecar(longest),
                           metadata_sidecar(longest)}) {
    EXPECT_LE(name.size(), 255U) << name;
  }
}

TEST(Server, FilesStandBesideTheLedger) {
  EXPECT_EQ(ledger_lock("/l/dync.sqlite"), "/l/dync.sqlite.lock");
  EXPECT_EQ(run_file("/l/dync.sqlite"), "/l/dync.sqlite.run");
}

TEST(Server, SocketsStandInTheRuntimeDirectory) {
  EXPECT_EQ(committer_socket("/r"), "/r/committer.sock");
  EXPECT_EQ(admin_socket("/r"), "/r/admin.sock");
  EXPECT_EQ(hasher_socket("/r", 12), "/r/hasher-12.sock");
  EXPECT_EQ(ipc_endpoint("/r/x.sock"), "ipc:///r/x.sock");
}

TEST(KnownServer, NamesHostAndPort) {
  EXPECT_EQ(known_server("/h/.dync", "qbic.example", 8889), "/h/.dync/known_servers/qbic.example_8889.key");
}

TEST(KnownServer, NeverLeavesItsDirectory) {
  EXPECT_EQ(known_server("/h", "../../etc/x", 1), "/h/known_servers/.._.._etc_x_1.key");
}

}  // namespace
}  // namespace dync::names
