#include "client/questions.h"

namespace dync::client {

void Questions::outdate(std::uint64_t position) {
  outdated_at_ = position;
  for (Entry& entry : waiting_) entry.outdated = true;
}

Question Questions::take() {
  const Question question = waiting_.front().question;
  waiting_.pop_front();
  return question;
}

Questions::Reply Questions::report(std::uint64_t seek) {
  using Kind = Reply::Kind;
  // A position beyond where it went on is told after bytes that were sent behind all outdated questions.
  while (!waiting_.empty() && waiting_.front().outdated) {
    const Question question = take();
    if (seek <= outdated_at_) return {Kind::outdated, question};
  }
  while (!waiting_.empty() && waiting_.front().question.position < seek) take();  // their answers were lost
  if (waiting_.empty()) return {Kind::rewind, {}};
  const Question question = take();
  return {question.position > seek || question.after_last ? Kind::rewind : Kind::arrived, question};
}

std::optional<Question> Questions::unchanged() {
  if (waiting_.empty()) return std::nullopt;
  const bool outdated = waiting_.front().outdated;
  const Question question = take();
  return outdated ? std::nullopt : std::optional(question);
}

}  // namespace dync::client
