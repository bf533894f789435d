#include <gtest/gtest.h>

#include "tests/unit/config/sample.h"

namespace dync::config {
namespace {

struct Case {
  std::string added;  // after the three lines of kLeast
  std::string said;   // without the file's name
};

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, WithLineKeyAndWhatToChange) {
  EXPECT_EQ(complaint(kLeast + GetParam().added), GetParam().said) << GetParam().added;
}

INSTANTIATE_TEST_SUITE_P(
    Unknown, Refused,
    testing::Values(
        Case{"flows: {}\n",
             "4: 'flows': there is no such setting; known here are options, address, storage, logging, keys, "
             "ledger, "
             "runtime_dir, flow, limits, untar, workers"},
        Case{"flow: {chunksize: 5}\n",
             "4: 'flow.chunksize': there is no such setting; known here are chunk_size, max_queue, budget"},
        Case{"options: {pid: x}\n",
             "4: 'options.pid': there is no such setting; known here are pidfile, umask"},
        Case{"  store: /x\n",
             "4: 'storage.store': there is no such setting; known here are tmp_dir, path, manual, storage, "
             "dropboxes"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, stage: /s}\n",
             "5: 'storage.dropboxes[0].stage': there is no such setting; known here are regexp, path, "
             "origin, "
             "requires_barcode, match_file, match_dir, required_metadata, schema, mode, group, staging"}));

constexpr char kModeAdvice[] =
    " is no mode of a directory; write an octal number with a leading zero, from 0700 to 0777 and with all "
    "of "
    "0700, such as 0770, without quotes";

INSTANTIATE_TEST_SUITE_P(
    Demands, Refused,
    testing::Values(
        Case{"  dropboxes:\n    - {regexp: a, path: /d, mode: 770}\n",
             std::string("5: storage.dropboxes[0].mode: '770'") + kModeAdvice},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, mode: '0770'}\n",
             std::string("5: storage.dropboxes[0].mode: '0770'") + kModeAdvice},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, mode: 0570}\n",
             std::string("5: storage.dropboxes[0].mode: '0570'") + kModeAdvice},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, mode: 02770}\n",
             std::string("5: storage.dropboxes[0].mode: '02770'") + kModeAdvice},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, mode: u=rwx}\n",
             std::string("5: storage.dropboxes[0].mode: 'u=rwx'") + kModeAdvice},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, group: [a]}\n",
             "5: storage.dropboxes[0].group: is a list; write a text"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, group: -5}\n",
             "5: storage.dropboxes[0].group: is the number '-5'; put it in quotes if a text is meant"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, required_metadata: {a: b}}\n",
             "5: storage.dropboxes[0].required_metadata: is a map; write a list"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, required_metadata: [a, 5]}\n",
             "5: storage.dropboxes[0].required_metadata[1]: is the number '5'; put it in quotes if a text is "
             "meant"},
        Case{"  dropboxes:\n    - regexp: a\n      path: /d\n      schema: [s]\n",
             "7: storage.dropboxes[0].schema: is a list; write a text"}));

INSTANTIATE_TEST_SUITE_P(
    Numbers, Refused,
    testing::Values(
        Case{"limits:\n  idle_timeout: 9\n",
             "5: limits.idle_timeout: is 9; write a number of seconds from 10 to 2592000"},
        Case{"flow: {chunk_size: 1048577}\n",
             "4: flow.chunk_size: is 1048577; write a number of bytes from 4096 to 1048576"},
        Case{"flow: {budget: -1}\n",
             "4: flow.budget: is -1; write a number of bytes from 1048576 to 1099511627776"},
        Case{"untar: {max_bytes: 99999999999999999999}\n",
             "4: untar.max_bytes: is 99999999999999999999; write a number of bytes from 1 to "
             "1152921504606846976"},
        Case{"flow: {chunk_size: \"1048576\"}\n",
             "4: flow.chunk_size: is the quoted text '1048576'; write a whole number of bytes, without "
             "quotes or unit"},
        Case{
            "flow: {chunk_size: 1 MiB}\n",
            "4: flow.chunk_size: is the text '1 MiB'; write a whole number of bytes, without quotes or unit"},
        Case{"workers: {hashers: 1.5}\n",
             "4: workers.hashers: is the number '1.5'; write a whole number, without quotes or unit"},
        Case{"workers: {hashers: yes}\n",
             "4: workers.hashers: is yes, which YAML reads as true; write a whole number, without quotes or "
             "unit"},
        Case{"workers: {hashers: [1]}\n",
             "4: workers.hashers: is a list; write a whole number, without quotes or unit"},
        Case{"workers: {hashers: 0}\n", "4: workers.hashers: is 0; write a number from 1 to 16"},
        Case{"limits: {max_metadata: 131072}\nflow: {chunk_size: 65536}\n",
             "4: limits.max_metadata: is 131072; with this flow.chunk_size it may be 65536 at most"},
        Case{"options: {umask: 01000}\n", "4: options.umask: is 01000; write a number from 0 to 511"},
        Case{"options: {umask: '0077'}\n",
             "4: options.umask: '0077' is a text; write an octal number such as 0077, without quotes"}));

INSTANTIATE_TEST_SUITE_P(
    Addresses, Refused,
    testing::Values(Case{"address: localhost\n",
                         "4: address: 'localhost' is no address; write tcp://HOST:PORT, such as "
                         "tcp://*:8889, with a port from 1 to "
                         "65535 or *"},
                    Case{"address: tcp://*:0\n",
                         "4: address: 'tcp://*:0' is no address; write tcp://HOST:PORT, such as "
                         "tcp://*:8889, with a port from 1 to "
                         "65535 or *"},
                    Case{"address: tcp://*:65536\n",
                         "4: address: 'tcp://*:65536' is no address; write tcp://HOST:PORT, such as "
                         "tcp://*:8889, with a port from 1 "
                         "to 65535 or *"},
                    Case{"address: tcp://:1\n",
                         "4: address: 'tcp://:1' is no address; write tcp://HOST:PORT, such as tcp://*:8889, "
                         "with a port from 1 to "
                         "65535 or *"},
                    Case{"address: ipc:///x\n",
                         "4: address: 'ipc:///x' is no address; write tcp://HOST:PORT, such as tcp://*:8889, "
                         "with a port from 1 to "
                         "65535 or *"},
                    Case{"address: 8889\n",
                         "4: address: is the number '8889'; put it in quotes if a text is meant"}));

INSTANTIATE_TEST_SUITE_P(
    Paths, Refused,
    testing::Values(
        Case{"  manual: manual\n",
             "4: storage.manual: 'manual' is a relative path; write it from the root, beginning with /"},
        Case{"ledger: dync.sqlite\n",
             "4: ledger: 'dync.sqlite' is a relative path; write it from the root, beginning with /"},
        Case{"keys:\n  dir: ~/.dync\n",
             "5: keys.dir: '~/.dync' is a relative path; write it from the root, beginning with /"},
        Case{"ledger: ''\n", "4: ledger: is an empty text; write a value or remove the key"},
        Case{"keys: /k\n", "4: keys: is the text '/k'; write a map of settings"},
        Case{"runtime_dir: /" + std::string(100, 'r') + "\n",
             "4: runtime_dir: is 9 bytes too long for the sockets in it, whose paths end at 107 bytes; "
             "choose a shorter "
             "one"}));

INSTANTIATE_TEST_SUITE_P(
    Dropboxes, Refused,
    testing::Values(
        Case{"  dropboxes: {a: b}\n", "4: storage.dropboxes: is a map; write a list"},
        Case{"  dropboxes: [a]\n", "4: storage.dropboxes[0]: is the text 'a'; write a map of settings"},
        Case{"  dropboxes:\n    - \n", "5: storage.dropboxes[0]: is empty; give it regexp and path"},
        Case{"  dropboxes:\n    - {path: /d}\n",
             "5: storage.dropboxes[0].regexp: is missing; write the regular expression that a name must "
             "match"},
        Case{"  dropboxes:\n    - {regexp: a}\n",
             "5: storage.dropboxes[0].path: is missing; name an existing directory by its absolute path"},
        Case{
            "  dropboxes:\n    - {regexp: a, path: d}\n",
            "5: storage.dropboxes[0].path: 'd' is a relative path; write it from the root, beginning with /"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, origin: []}\n",
             "5: storage.dropboxes[0].origin: is empty; list the users, or remove the key to let everybody "
             "in"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, origin: [no]}\n",
             "5: storage.dropboxes[0].origin[0]: is no, which YAML reads as false; put it in quotes if a "
             "text is meant"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, requires_barcode: \"no\"}\n",
             "5: storage.dropboxes[0].requires_barcode: is the quoted text 'no'; write yes or no, without "
             "quotes"},
        Case{"  dropboxes:\n    - {regexp: a, path: /d, requires_barcode: }\n",
             "5: storage.dropboxes[0].requires_barcode: has no value; write yes or no, without quotes"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, Refused,
    testing::Values(
        Case{"  path: /q\n", "4: the key 'path' is given twice here; keep one of them"},
        Case{"logging: {a: {b: 1, b: 2}}\n", "4: the key 'b' is given twice here; keep one of them"},
        Case{"? [a, b]\n: c\n", "4: a list or a map stands where the name of a setting is wanted"},
        Case{"flow: {chunk_size: !!python/name:os.system x}\n",
             "4: the tag 'tag:yaml.org,2002:python/name:os.system' is not known; remove it"},
        Case{"logging: &a [*a]\n", "4: an alias stands inside of what it repeats"},
        Case{"logging: *nobody\n", "4: this is no valid YAML: the referenced anchor is not defined"},
        Case{"logging: {<<: 5}\n", "4: `<<` wants a map, or a list of maps"},
        Case{"---\na: b\n", "1: there are several YAML documents; remove the lines `---` between them"},
        Case{"logging: {a: \"b\n", "5: this is no valid YAML: end of map flow not found"},
        Case{"logging: a\x04\n",
             "4: this line holds a control character or bytes that are not UTF-8; save the file as UTF-8 "
             "text"},
        Case{"# \xff\n",
             "4: this line holds a control character or bytes that are not UTF-8; save the file as UTF-8 "
             "text"}));

TEST(Missing, NamesTheKey) {
  const std::string advice = ": is missing; name an existing directory by its absolute path";
  EXPECT_EQ(complaint(""), "1: storage.tmp_dir" + advice);
  EXPECT_EQ(complaint("# nothing\n"), "1: storage.tmp_dir" + advice);
  EXPECT_EQ(complaint("\n\nstorage:\n  path: /p\n"), "3: storage.tmp_dir" + advice);
  EXPECT_EQ(complaint("storage:\n  tmp_dir: /t\n"), "1: storage.path" + advice);
}

TEST(Top, IsAMap) {
  EXPECT_EQ(complaint("just text"), "1: is the text 'just text'; write a map of settings");
  EXPECT_EQ(complaint("- a"), "1: is a list; write a map of settings");
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Hostile, DeepNestingIsRefused) {
  EXPECT_EQ(complaint("a: " + repeated("[", 100)), "1: lists and maps are nested deeper than 64 levels");
  EXPECT_NE(complaint("a: " + repeated("[", 400000)), "");
  EXPECT_NE(complaint(repeated("{a: ", 100000)), "");
  EXPECT_NE(complaint(repeated("- ", 100000)), "");
  EXPECT_NE(complaint(repeated("? ", 100000)), "");
}

TEST(Hostile, DeepNestingByAliasesIsRefused) {
  std::string text = "logging:\n  a0: &a0 [x]\n";
  for (int i = 1; i < 30000; ++i) {
    text += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_EQ(complaint(text), "2: lists and maps are nested deeper than 64 levels");
}

TEST(Hostile, ABillionLaughsAreRead) {
  std::string text = "logging:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before +
            repeated(", " + before, 8) + "]\n";
  }
  EXPECT_EQ(complaint(kLeast + text), "");
}

TEST(Hostile, MergesThatMultiplyAreRefused) {
  std::string text = "logging:\n  m0: &m0 {";
  for (int i = 0; i < 1000; ++i) text += "k" + std::to_string(i) + ": 1, ";
  text += "}\n";
  for (int i = 1; i < 200; ++i) text += "  n" + std::to_string(i) + ": {<<: *m0}\n";
  EXPECT_TRUE(complaint(text).ends_with("`<<` repeats too much here; write the settings out"))
      << complaint(text);
}

TEST(Hostile, TooLongIsRefused) {
  EXPECT_EQ(complaint(std::string(1024 * 1024 + 1, '#')),
            "1: this is longer than 1 MiB and can't be a configuration");
}

TEST(Hostile, BinaryIsRefused) {
  std::string bytes;
  for (int i = 0; i < 4096; ++i) bytes += static_cast<char>(i * 7);
  EXPECT_NE(complaint(bytes), "");
}

TEST(Error, LeavesOutWhatIsNotKnown) {
  EXPECT_STREQ(Error("/f", 3, "a.b", "wrong").what(), "/f:3: a.b: wrong");
  EXPECT_STREQ(Error("/f", 0, "a.b", "wrong").what(), "/f: a.b: wrong");
  EXPECT_STREQ(Error("/f", 3, "", "wrong").what(), "/f:3: wrong");
}

}  // namespace
}  // namespace dync::config
