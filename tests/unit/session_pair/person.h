#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/session_pair/client_model.h"

namespace dync::pair {

// Someone with files. Starts a client, and the next one when that died or had no luck; ours have the same
// keys again. Now and then two of them run at once.
class Person {
 public:
  struct Place {
    Events& events;
    Dice& dice;
    Checks& checks;
    Network& network;
    std::function<bool(const File&)> is_stored;
  };
  using Start = std::function<std::unique_ptr<ClientModel>(std::vector<File> files)>;

  Person(Place place, std::vector<File> files, Start start)
      : place_(std::move(place)), files_(std::move(files)), start_(std::move(start)) {}

  // The first run, or one beside those that live.
  void run();
  // The run dies; the person starts another one, or never does.
  void die(bool for_good);

  bool gone() const noexcept { return gone_; }
  bool done() const noexcept { return done_; }
  bool running() const { return !runs_.empty() && runs_.back()->end() == ClientModel::End::none; }
  Link& link() { return runs_.back()->link(); }
  const std::vector<File>& files() const noexcept { return files_; }

 private:
  void look();

  Place place_;
  std::vector<File> files_;
  Start start_;
  std::vector<std::unique_ptr<ClientModel>> runs_;  // the newest last
  std::vector<std::unique_ptr<ClientModel>> dead_;  // nobody looks at them any more
  bool gone_ = false, done_ = false, looking_ = false;
};

}  // namespace dync::pair
