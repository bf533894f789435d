#include "receiver/gate.h"

#include "schema/limits/limits.h"

namespace dync::receiver {

Gate::Gate(transport::Context& context, service::Worker& worker, const std::filesystem::path& clients)
    : worker_(worker), directory_(clients), authenticator_(context) {
  tell_problems();
  worker_.loop().on_socket(authenticator_.handle(), [this] { serve(); });
  worker_.loop().every(limits::kKeysRefresh, [this] { refresh(); });
}

bool Gate::listed(std::string_view public_key, std::string_view user) const {
  return directory_.ring().user_of(public_key) == user;
}

void Gate::serve() {
  authenticator_.serve(directory_.ring(), [this](const keys::Authenticator::Decision& decision) {
    if (decision.allowed) {
      worker_.log().debug("client.admitted", {{"user", decision.user_id}, {"address", decision.address}});
    } else {
      worker_.log().warning("client.refused", {{"key", decision.public_key}, {"address", decision.address}});
    }
  });
}

void Gate::refresh() {
  const bool changed = directory_.refresh();
  if (directory_.trouble() != trouble_) {
    trouble_ = directory_.trouble();
    if (!trouble_.empty()) worker_.log().error("client.keys_unreadable", {{"why", trouble_}});
  }
  if (!changed) return;
  worker_.log().info("client.keys_changed", {{"keys", directory_.ring().size()}});
  tell_problems();
}

void Gate::tell_problems() {
  for (const std::string& problem : directory_.ring().problems())
    worker_.log().error("client.key_skipped", {{"why", problem}});
}

}  // namespace dync::receiver
