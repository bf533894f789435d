// proto/README.md against the code: its example bytes, its tables and its numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "proto/wire/messages.h"
#include "receiver/session_rules.h"
#include "tests/unit/wire/document.h"
#include "tests/unit/wire/frames.h"
#include "tests/unit/wire/samples.h"

namespace dync::wire {
namespace {

using tests::Document;
using tests::Example;
using tests::ExampleFrame;
using tests::Table;
using Names = std::set<std::string>;
using Fields = std::map<std::string, std::string>;

const Document& page() {
  static const Document document = tests::read_document(DYNC_SPECIFICATION);
  return document;
}

std::string text(FrameView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string text(const digest::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// ---- what a message holds, by the names of the page; options are compared as bytes ----

Fields fields_of(const PostFile& message) {
  return {{"flags", "0"}, {"filename", message.filename}, {"metadata", message.metadata}};
}
Fields fields_of(const PostChunk& message) {
  Fields fields{{"flags", message.last ? "1" : "0"},
                {"seek", std::to_string(message.seek)},
                {"data", text(message.data)}};
  if (message.checksum) fields["sha256"] = text(*message.checksum);
  return fields;
}
Fields fields_of(const QueryStatus& /*message*/) {
  return {};
}
Fields fields_of(const ClientError& message) {
  return {{"code", std::to_string(message.code)}, {"message", message.message}};
}
Fields fields_of(const UploadApproved& message) {
  return {{"credit", std::to_string(message.credit)},
          {"chunksize", std::to_string(message.chunk_size)},
          {"maxqueue", std::to_string(message.max_queue)}};
}
Fields fields_of(const TransferCredit& message) {
  return {{"amount", std::to_string(message.amount)}};
}
Fields fields_of(const StatusReport& message) {
  return {{"seek", std::to_string(message.seek)}, {"credit", std::to_string(message.credit)}};
}
Fields fields_of(const UploadFinished& message) {
  return {{"upload_id", message.upload_id}};
}
Fields fields_of(const ServerError& message) {
  return {{"code", std::to_string(message.code)}, {"message", message.message}};
}

struct Noted {
  std::string kind, name, value;
};

// "u32 credit = 16"
Noted noted(const std::string& note) {
  const std::size_t blank = note.find(' ');
  const std::size_t equals = note.find(" = ");
  const std::string rest = note.substr(blank + 1);
  if (equals == std::string::npos || note.starts_with("json ")) return {note.substr(0, blank), rest, ""};
  return {note.substr(0, blank), note.substr(blank + 1, equals - blank - 1), note.substr(equals + 3)};
}

// What the page says of the frames, compared with what the code has read of them.
template <class Message>
void expect_as_noted(const Example& example, const Message& message) {
  Fields left = fields_of(message);
  for (const ExampleFrame& frame : example.frames) {
    const auto [kind, name, value] = noted(frame.note);
    if (kind == "command" || kind == "json") {
      EXPECT_EQ(frame.bytes, name) << "line " << example.line;
      continue;
    }
    ASSERT_TRUE(left.contains(name)) << name << ", line " << example.line;
    EXPECT_EQ(left[name], kind == "bytes" ? frame.bytes : value) << name << ", line " << example.line;
    if (kind == "u32" || kind == "u64") {
      EXPECT_EQ(frame.bytes.size(), kind == "u32" ? 4U : 8U) << example.line;
    }
    if (kind == "text") {
      EXPECT_EQ(frame.bytes, value) << example.line;
    }
    left.erase(name);
  }
  EXPECT_TRUE(left.empty()) << left.begin()->first << " has no frame, line " << example.line;
}

std::vector<std::string> frames_of(const Example& example) {
  std::vector<std::string> frames;
  for (const ExampleFrame& frame : example.frames) frames.push_back(frame.bytes);
  return frames;
}

// The message of an example, or nothing if it is of the other side.
template <class Message>
std::optional<Message> decoded(const Example& example, const tests::Frames& frames) {
  if ((example.side == "client") != std::is_same_v<Message, ClientMessage>) return std::nullopt;
  std::variant<Message, Refusal> result;
  if constexpr (std::is_same_v<Message, ClientMessage>)
    result = decode_client(frames.views());
  else
    result = decode_server(frames.views());
  if (const auto* refusal = std::get_if<Refusal>(&result)) {
    ADD_FAILURE() << "line " << example.line << ": " << refusal->sentence;
    return std::nullopt;
  }
  return std::get<Message>(std::move(result));
}

template <class Message>
void expect_true(const Example& example) {
  const tests::Frames frames(frames_of(example));
  const auto message = decoded<Message>(example, frames);
  if (!message) return;
  std::visit([&](const auto& alternative) { expect_as_noted(example, alternative); }, *message);
  EXPECT_EQ(tests::on_the_wire(encode(*message)), frames.frames()) << "line " << example.line;
}

TEST(Specification, ExampleBytesAreWhatThePageSaysTheyAre) {
  ASSERT_GE(page().examples().size(), 16U);
  for (const Example& example : page().examples()) {
    EXPECT_THAT(example.side, testing::AnyOf("client", "server"));
    expect_true<ClientMessage>(example);
    expect_true<ServerMessage>(example);
  }
}

// ---- the other way: everything that the code can send is on the page ----

// The examples of one message, by their number of frames.
template <class Message>
std::multiset<std::size_t> examples_like(const Message& sample) {
  const std::string command = encode(sample).frames[0];
  const std::string side = std::is_same_v<Message, ClientMessage> ? "client" : "server";
  std::multiset<std::size_t> lengths;
  for (const Example& example : page().examples())
    if (example.side == side && example.frames[0].bytes == command) lengths.insert(example.frames.size());
  return lengths;
}

template <class Message>
void expect_examples() {
  for (const Message& sample : samples::full<Message>())
    EXPECT_TRUE(examples_like(sample).contains(encode(sample).frames.size())) << encode(sample).frames[0];
  for (const Message& sample : samples::bare<Message>())
    EXPECT_TRUE(examples_like(sample).contains(encode(sample).frames.size())) << encode(sample).frames[0];
}

TEST(Specification, EachMessageHasAnExampleWithAndWithoutWhatIsOptional) {
  expect_examples<ClientMessage>();
  expect_examples<ServerMessage>();
}

// message and field of each key of the options that the full samples hold
template <class Message>
void add_options(std::set<std::pair<std::string, std::string>>& options) {
  for (const Message& sample : samples::full<Message>()) {
    const auto frames = encode(sample).frames;
    if (!frames.back().starts_with('{')) continue;
    const auto parsed = nlohmann::json::parse(frames.back());
    for (const auto& item : parsed.items()) options.emplace(frames[0], item.key());
  }
}

std::set<std::pair<std::string, std::string>> options_of_the_code() {
  std::set<std::pair<std::string, std::string>> options;
  add_options<ClientMessage>(options);
  add_options<ServerMessage>(options);
  return options;
}

TEST(Specification, EachOptionStandsInTheTable) {
  std::set<std::pair<std::string, std::string>> written;
  const Table table = page().table({"message", "field", "type"});
  for (std::size_t i = 1; i < table.size(); ++i) written.emplace(table[i][0], table[i][1]);
  EXPECT_EQ(written, options_of_the_code());
}

TEST(Specification, EachOptionStandsInAnExample) {
  std::set<std::pair<std::string, std::string>> shown;
  for (const Example& example : page().examples()) {
    if (!example.frames.back().note.starts_with("json ")) continue;
    const auto options = nlohmann::json::parse(example.frames.back().bytes);
    for (const auto& item : options.items()) shown.emplace(example.frames[0].bytes, item.key());
  }
  EXPECT_EQ(shown, options_of_the_code());
}

TEST(Specification, TheTablesOfMessagesNameEachCommandOfTheirSide) {
  const auto commands = [](const Table& table) {
    Names names;
    for (std::size_t i = 1; i < table.size(); ++i) names.insert(table[i][0]);
    return names;
  };
  EXPECT_EQ(commands(page().table({"client to server"})), samples::commands<ClientMessage>());
  EXPECT_EQ(commands(page().table({"server to client"})), samples::commands<ServerMessage>());
}

// ---- tables ----

TEST(Specification, TheTableOfErrorsHasEachCodeAndNoOther) {
  Names written, known;
  const Table table = page().table({"code", "when"});
  for (std::size_t i = 1; i < table.size(); ++i) written.insert(table[i][0]);
  EXPECT_EQ(written.size() + 1, table.size()) << "each once";
  for (std::uint32_t code = 0; code < 1000; ++code)
    if (samples::is_code(static_cast<Code>(code))) known.insert(std::to_string(code));
  EXPECT_EQ(written, known);
}

std::string word_for(receiver::Rule rule) {
  using receiver::Rule;
  switch (rule) {
    case Rule::open:
      return "open";
    case Rule::compare:
      return "compare";
    case Rule::find:
      return "find";
    case Rule::take:
      return "take";
    case Rule::overrun:
      return "overrun";
    case Rule::status:
      return "status";
    case Rule::repeat:
      return "repeat";
    case Rule::give_up:
      return "give_up";
    case Rule::violate:
      return "violate";
    case Rule::refuse:
      return "refuse";
    case Rule::ignore:
      return "ignore";
  }
  return "";
}

TEST(Specification, TheTableOfStatesIsTheReceivers) {
  Table expected{{"state"}};
  for (int input = 0; input < receiver::kInputs; ++input)
    expected[0].emplace_back(name_of(static_cast<receiver::Input>(input)));
  for (int state = 0; state < receiver::kStates; ++state) {
    const auto row = static_cast<receiver::State>(state);
    expected.push_back({std::string(name_of(row))});
    for (int input = 0; input < receiver::kInputs; ++input)
      expected.back().push_back(word_for(rule_for(row, static_cast<receiver::Input>(input))));
  }
  EXPECT_EQ(page().table({"state", "post-file"}), expected);
}

TEST(Specification, EachStateAndEachRuleIsExplained) {
  Names states, words, explained_states, explained_words;
  const Table table = page().table({"state", "post-file"});
  for (std::size_t i = 1; i < table.size(); ++i) {
    states.insert(table[i][0]);
    words.insert(table[i].begin() + 1, table[i].end());
  }
  const Table meanings = page().table({"state", "meaning"}), rules = page().table({"word"});
  for (std::size_t i = 1; i < meanings.size(); ++i) explained_states.insert(meanings[i][0]);
  for (std::size_t i = 1; i < rules.size(); ++i) explained_words.insert(rules[i][0]);
  EXPECT_EQ(explained_states, states);
  EXPECT_EQ(explained_words, words);
}

}  // namespace
}  // namespace dync::wire
