#include <algorithm>
#include <string>
#include <string_view>

#include "schema/config/parts.h"
#include "schema/limits/limits.h"
#include "schema/names/text.h"

namespace dync::config {
namespace {

using std::string_view;
constexpr string_view kScheme = "tcp://";
constexpr string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool only(string_view text, string_view letters, string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return letters.find(c) != string_view::npos || others.find(c) != string_view::npos;
  });
}

bool is_host(string_view host) {
  if (host == "*") return true;
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') && host.find(':') != string_view::npos &&
           only(host.substr(1, host.size() - 2), kLetters, "0123456789:.%");
  }
  return !host.empty() && host.size() <= 255 && only(host, kLetters, "0123456789.-_");
}

bool is_port(string_view port) {
  if (port == "*") return true;
  if (port.empty() || port.size() > 5 || !only(port, "0123456789", "")) return false;
  const int number = std::stoi(std::string(port));
  return number >= 1 && number <= 65535;
}

}  // namespace

std::string read_address(const Value& value) {
  if (value.absent()) return std::string(kScheme) + "*:" + std::to_string(limits::kDefaultPort);
  std::string address = value.text();
  const string_view rest = string_view(address).substr(std::min(address.size(), kScheme.size()));
  const std::size_t colon = rest.rfind(':');
  const bool good = address.starts_with(kScheme) && colon != string_view::npos &&
                    is_host(rest.substr(0, colon)) && is_port(rest.substr(colon + 1));
  if (!good) {
    value.refuse(
        names::quote(address) +
        " is no address; write tcp://HOST:PORT, such as tcp://*:8889, with a port from 1 to 65535 or *");
  }
  return address;
}

}  // namespace dync::config
