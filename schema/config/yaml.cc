#include "schema/config/yaml.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>
#include <utility>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "schema/names/text.h"

namespace dync::config {
namespace {

constexpr std::size_t kMostBytes = 1024UL * 1024;
constexpr std::size_t kMostDepth = 64;
constexpr std::size_t kMostMerged = 100'000;  // entries that `<<` may copy in all
constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";
using names::quote;

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Path& file) : file_(file) {}

  NodePtr take_root() { return std::exchange(root_, nullptr); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto node = make(Kind::null, mark, anchor);
    if (!open_.empty()) node->line = open_.back().node->line;  // the mark is that of what comes next
    add(node);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto node = anchors_.at(anchor);
    const bool open = std::any_of(open_.begin(), open_.end(), [&](const Open& o) { return o.node == node; });
    if (open) refuse(mark, "an alias stands inside of what it repeats");
    add(node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const auto node = make(Kind::text, mark, anchor);
    node->text = value;
    const bool plain = tag == "?" || tag.empty();
    node->quoted = tag == "!";
    if (plain || is_core(tag, {"int", "float", "bool", "null"})) {
      node->scalar = read_plain(value);
      node->kind = node->scalar.kind;
    } else if (!node->quoted && !is_core(tag, {"str"})) {
      refuse(mark, "the tag " + quote(tag) + " is not known; remove it");
    }
    add(node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    if (!is_untagged(tag) && !is_core(tag, {"seq"}))
      refuse(mark, "the tag " + quote(tag) + " is not known; remove it");
    open(make(Kind::list, mark, anchor), mark);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (!is_untagged(tag) && !is_core(tag, {"map"}))
      refuse(mark, "the tag " + quote(tag) + " is not known; remove it");
    open(make(Kind::map, mark, anchor), mark);
  }
  void OnMapEnd() override {
    merge(*open_.back().node, open_.back().merged);
    close();
  }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    NodePtr key;                           // of a map: read, its value not yet
    std::unordered_set<std::string> keys;  // of a map: seen so far
    std::vector<NodePtr> merged;           // of a map: the values of `<<`
  };

  static bool is_untagged(const std::string& tag) { return tag.empty() || tag == "?" || tag == "!"; }
  static bool is_core(std::string_view tag, std::initializer_list<std::string_view> names) {
    if (!tag.starts_with(kCoreTag)) return false;
    return std::find(names.begin(), names.end(), tag.substr(kCoreTag.size())) != names.end();
  }

  [[noreturn]] void refuse(const YAML::Mark& mark, const std::string& sentence) const {
    throw Error(file_, mark.line + 1, "", sentence);
  }
  [[noreturn]] void refuse(int line, const std::string& sentence) const {
    throw Error(file_, line, "", sentence);
  }

  std::shared_ptr<YamlNode> make(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->line = mark.line + 1;
    if (anchor != 0) anchors_[anchor] = node;
    return node;
  }

  void open(std::shared_ptr<YamlNode> node, const YAML::Mark& mark) {
    if (open_.size() >= kMostDepth) refuse(mark, too_deep());
    open_.push_back({.node = std::move(node), .key = {}, .keys = {}, .merged = {}});
  }
  void close() {
    const NodePtr node = open_.back().node;
    open_.pop_back();
    add(node);
  }

  void add(const NodePtr& node) {
    if (!open_.empty()) deepen(*open_.back().node, *node);
    if (open_.empty()) {
      root_ = node;
    } else if (Open& parent = open_.back(); parent.node->kind == Kind::list) {
      parent.node->items.push_back(node);
    } else if (!parent.key) {
      add_key(parent, node);
    } else {
      const NodePtr key = std::exchange(parent.key, nullptr);
      const bool merges = key->text == "<<" && !key->quoted;
      if (merges) parent.merged.push_back(node);
      if (!merges) parent.node->entries.push_back({.key = key->text, .line = key->line, .value = node});
    }
  }

  // Aliases can build a deep tree out of flat lines.
  void deepen(YamlNode& parent, const YamlNode& child) const {
    parent.depth = std::max(parent.depth, child.depth + 1);
    if (parent.depth > kMostDepth) refuse(parent.line, too_deep());
  }
  static std::string too_deep() {
    return "lists and maps are nested deeper than " + std::to_string(kMostDepth) + " levels";
  }

  void add_key(Open& parent, const NodePtr& key) const {
    if (key->kind == Kind::list || key->kind == Kind::map) {
      refuse(key->line, "a list or a map stands where the name of a setting is wanted");
    }
    if (!parent.keys.insert(key->text).second) {
      refuse(key->line, "the key " + quote(key->text) + " is given twice here; keep one of them");
    }
    parent.key = key;
  }

  // `<<: *other` and `<<: [*one, *two]`: entries that the map does not have itself; the first one wins.
  void merge(YamlNode& map, const std::vector<NodePtr>& merged) {
    std::unordered_set<std::string> known;
    for (const Entry& entry : map.entries) known.insert(entry.key);
    for (const NodePtr& source : merged) {
      const auto sources = source->kind == Kind::list ? source->items : std::vector<NodePtr>{source};
      for (const NodePtr& one : sources) merge_one(map, *one, known);
    }
  }
  void merge_one(YamlNode& map, const YamlNode& source, std::unordered_set<std::string>& known) {
    if (source.kind != Kind::map) refuse(source.line, "`<<` wants a map, or a list of maps");
    for (const Entry& entry : source.entries) {
      if (++merged_ > kMostMerged) refuse(map.line, "`<<` repeats too much here; write the settings out");
      if (known.insert(entry.key).second) map.entries.push_back(entry);
    }
  }

  const Path& file_;
  NodePtr root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, std::shared_ptr<YamlNode>> anchors_;
  std::size_t merged_ = 0;
};

int line_at(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(offset);
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

// yaml-cpp takes a control character for the end of the file, and replaces bad UTF-8.
void check_characters(std::string_view text, const Path& file) {
  if (text.size() > kMostBytes) {
    throw Error(file, 1, "", "this is longer than 1 MiB and can't be a configuration");
  }
  const std::size_t bad = names::first_unprintable(text);
  if (bad == text.size()) return;
  throw Error(file, line_at(text, bad), "",
              "this line holds a control character or bytes that are not UTF-8; save the file as UTF-8 text");
}

}  // namespace

NodePtr read_yaml(std::string_view text, const Path& file) {
  check_characters(text, file);
  TreeBuilder builder(file);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    NodePtr root;
    while (parser.HandleNextDocument(builder)) {
      if (root)
        throw Error(file, 1, "", "there are several YAML documents; remove the lines `---` between them");
      root = builder.take_root();
    }
    return root ? root : std::make_shared<const YamlNode>();
  } catch (const YAML::Exception& e) {
    throw Error(file, std::max(e.mark.line, 0) + 1, "", "this is no valid YAML: " + e.msg);
  }
}

}  // namespace dync::config
