#include "client/sentences.h"

#include <array>
#include <utility>

#include "client/text_width.h"

namespace dync::client {

namespace {

std::string_view meaning(std::uint32_t code) {
  using Entry = std::pair<wire::Code, std::string_view>;
  static constexpr std::array<Entry, 11> kMeanings{{
      {wire::Code::malformed, "the server can't read the request"},
      {wire::Code::forbidden, "the server does not allow this"},
      {wire::Code::unknown, "the server does not know this upload"},
      {wire::Code::timeout, "the server gave up waiting"},
      {wire::Code::conflict, "the name is taken on the server"},
      {wire::Code::too_large, "too large for the server"},
      {wire::Code::refused, "refused by a rule of the server"},
      {wire::Code::over_credit, "more was sent than the server had granted"},
      {wire::Code::internal, "the server failed"},
      {wire::Code::stopping, "the server is stopping"},
      {wire::Code::no_space, "the server has no space left"},
  }};
  for (const auto& [known, text] : kMeanings) {
    if (static_cast<std::uint32_t>(known) == code) return text;
  }
  return "the server answered with an error";
}

std::string in_seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

std::string sentence_of(const wire::ServerError& error) {
  const bool taken_over = error.code == static_cast<std::uint32_t>(wire::Code::conflict) &&
                          error.message.find(kTakenOver) != std::string::npos;
  std::string sentence(taken_over ? "another run of dync goes on with this upload" : meaning(error.code));
  sentence += " (" + std::to_string(error.code) + ")";
  if (!error.message.empty()) sentence += ": " + printable(error.message);
  return sentence;
}

std::string unusable_sentence(std::string_view file, std::string_view why) {
  return "its state in " + printable(file) + " cannot be used (" + printable(why) +
         "): make that readable and writable for you, or give --no-resume to send it as a new upload";
}

std::string no_answer_sentence(std::chrono::milliseconds waited) {
  return "no answer from the server for " + in_seconds(waited);
}

std::string asked_sentence(std::string_view answer, std::chrono::milliseconds asked) {
  return std::string(answer) + "; it was asked for " + in_seconds(asked);
}

std::string printable(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string shown;
  while (!text.empty()) {
    const Glyph glyph = first_glyph(text);
    if (glyph.valid && !glyph.control) {
      shown += text.substr(0, glyph.bytes);
    } else {
      for (const char byte : text.substr(0, glyph.bytes)) {
        const auto value = static_cast<unsigned char>(byte);
        shown += {'\\', 'x', kHex[value >> 4U], kHex[value & 15U]};
      }
    }
    text.remove_prefix(glyph.bytes);
  }
  return shown;
}

}  // namespace dync::client
