#include "receiver/staging_writer.h"

#include <cerrno>
#include <utility>

#include "proto/posix/error.h"
#include "proto/posix/process.h"

namespace dync::receiver {
namespace {

wire::Refusal refusal_for(const posix::Error& error) {
  if (error.kind() == posix::Kind::no_space) {
    return {wire::Code::no_space, "the server's disk is full, send the file again when there is room"};
  }
  return {wire::Code::internal,
          "the server could not store the file, ask its operator to look at the log and send it again"};
}

}  // namespace

StagingWriter::StagingWriter(int threads) : event_(posix::make_event()) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

StagingWriter::~StagingWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void StagingWriter::write(const wire::Id& upload, std::shared_ptr<StagedFile> file,
                          std::span<const std::byte> bytes, std::uint64_t offset) {
  give({Kind::write, upload, std::move(file), bytes, offset});
}

void StagingWriter::sync(const wire::Id& upload, std::shared_ptr<StagedFile> file) {
  give({Kind::sync, upload, std::move(file), {}, 0});
}

void StagingWriter::finish(const wire::Id& upload, std::shared_ptr<StagedFile> file, std::uint64_t size) {
  give({Kind::finish, upload, std::move(file), {}, size});
}

void StagingWriter::give(Job job) {
  ++pending_;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

std::vector<StagingWriter::Done> StagingWriter::collect() {
  posix::clear_event(event_.get());
  std::vector<Done> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(done_);
  }
  pending_ -= done.size();
  return done;
}

void StagingWriter::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    Done done = carry_out(job);
    job.file.reset();
    lock.lock();
    done_.push_back(std::move(done));
    posix::raise_event(event_.get());
  }
}

StagingWriter::Done StagingWriter::carry_out(const Job& job) {
  try {
    switch (job.kind) {
      case Kind::write:
        job.file->write(job.bytes, job.at);
        break;
      case Kind::sync:
        job.file->sync();
        break;
      case Kind::finish:
        job.file->finish(job.at);
        break;
    }
  } catch (const posix::Error& error) {
    const bool short_of_descriptors = error.kind() == posix::Kind::exhausted && error.code() != EFBIG;
    const bool passes = error.kind() == posix::Kind::no_space || short_of_descriptors;
    if (job.kind == Kind::write && passes) return {job.upload, std::nullopt, true, error.what()};
    return {job.upload, refusal_for(error), false, error.what()};
  }
  return {job.upload, std::nullopt, false, {}};
}

}  // namespace dync::receiver
