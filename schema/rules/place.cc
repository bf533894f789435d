#include "schema/rules/place.h"

namespace dync::rules {

std::string Place::pointer() const {
  if (is_root()) return {};
  std::string text = above_->pointer() + "/";
  if (!is_member_) return text + std::to_string(index_);
  for (const char c : key_) {
    if (c == '~')
      text += "~0";
    else if (c == '/')
      text += "~1";
    else
      text += c;
  }
  return text;
}

}  // namespace dync::rules
