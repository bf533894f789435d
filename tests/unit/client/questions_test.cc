#include "client/questions.h"

#include <gtest/gtest.h>

namespace dync::client::questions_test {
namespace {

using Kind = Questions::Reply::Kind;

Question at(std::uint64_t position, std::uint64_t chunks = 0, bool after_last = false) {
  return {position, chunks, after_last, Time()};
}

TEST(QuestionsTest, AReportOfTheQuestionsPositionSaysThatAllBeforeItArrived) {
  Questions questions;
  questions.ask(at(100, 1));
  questions.ask(at(200, 2));
  const auto reply = questions.report(100);
  EXPECT_EQ(reply.kind, Kind::arrived);
  EXPECT_EQ(reply.question.chunks, 1u);
  EXPECT_EQ(questions.report(200).question.chunks, 2u);
}

TEST(QuestionsTest, ASmallerPositionIsALoss) {
  Questions questions;
  questions.ask(at(100));
  EXPECT_EQ(questions.report(99).kind, Kind::rewind);
}

TEST(QuestionsTest, WhatNobodyAskedIsALoss) {
  Questions questions;
  EXPECT_EQ(questions.report(100).kind, Kind::rewind);
  questions.ask(at(50));
  EXPECT_EQ(questions.report(100).kind, Kind::rewind);
}

TEST(QuestionsTest, AReportAfterTheLastChunkSaysThatTheServerMissesIt) {
  Questions questions;
  questions.ask(at(100, 2, true));
  EXPECT_EQ(questions.report(100).kind, Kind::rewind);
}

TEST(QuestionsTest, TwoQuestionsAtOnePositionHaveAnAnswerEach) {
  Questions questions;
  questions.ask(at(100));
  questions.ask(at(100));
  EXPECT_EQ(questions.report(100).kind, Kind::arrived);
  EXPECT_EQ(questions.report(100).kind, Kind::arrived);
  EXPECT_FALSE(questions.unchanged());
}

TEST(QuestionsTest, ALostAnswerIsMadeUpForByALaterOne) {
  Questions questions;
  questions.ask(at(100, 1));
  questions.ask(at(200, 2));
  EXPECT_EQ(questions.report(200).question.chunks, 2u);
  EXPECT_FALSE(questions.unchanged());
}

TEST(QuestionsTest, AfterARewindTheAnswersThatWereOnTheirWaySayNothing) {
  Questions questions;
  questions.ask(at(300));
  questions.ask(at(400));
  questions.outdate(100);
  questions.ask(at(200));
  EXPECT_EQ(questions.report(100).kind, Kind::outdated);
  EXPECT_FALSE(questions.unchanged()) << "the answer of the second outdated one";
  EXPECT_EQ(questions.report(200).kind, Kind::arrived);
}

TEST(QuestionsTest, AfterARewindAReportFromBehindItIsOfANewQuestion) {
  Questions questions;
  questions.ask(at(300));  // its answer is lost
  questions.outdate(100);
  questions.ask(at(200));
  EXPECT_EQ(questions.report(200).kind, Kind::arrived);
}

TEST(QuestionsTest, AnotherConnectionAnswersNothingOfTheLastOne) {
  Questions questions;
  questions.ask(at(100));
  questions.forget();
  EXPECT_FALSE(questions.unchanged());
  EXPECT_EQ(questions.report(100).kind, Kind::rewind);
}

TEST(QuestionsTest, AnAnswerWithoutNewsTellsWhatWasAsked) {
  Questions questions;
  questions.ask(at(100, 7));
  const auto question = questions.unchanged();
  ASSERT_TRUE(question);
  EXPECT_EQ(question->chunks, 7u);
}

}  // namespace
}  // namespace dync::client::questions_test
