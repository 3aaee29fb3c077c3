#include "image/shared_jobs.h"

#include <algorithm>
#include <utility>

#include "image/registry_error.h"

namespace ctr::image {

struct Listener {
  std::shared_ptr<JobMailbox> mailbox;
  size_t number = 0;
};

// Guarded by SharedJobs::mutex_, but for `work` and `stop`.
class SharedJobs::Job {
 public:
  std::string key;
  Work work;
  std::stop_source stop;
  std::vector<Listener> listeners;
  JobMailbox::News last;  // what somebody who joins late is told
  bool ended = false;

  void tell(JobMailbox::News news) {
    last = news;
    for (const Listener& listener : listeners) {
      news.job = listener.number;
      listener.mailbox->post(news);
    }
  }
};

std::string_view phase_text(PullPhase phase) {
  switch (phase) {
    case PullPhase::pulling_fs_layer:
      return "Pulling fs layer";
    case PullPhase::waiting:
      return "Waiting";
    case PullPhase::already_exists:
      return "Already exists";
    case PullPhase::downloading:
      return "Downloading";
    case PullPhase::retrying:
      return "Retrying";
    case PullPhase::verifying_checksum:
      return "Verifying Checksum";
    case PullPhase::download_complete:
      return "Download complete";
    case PullPhase::extracting:
      return "Extracting";
    case PullPhase::pull_complete:
      return "Pull complete";
  }
  return "";
}

void JobMailbox::post(const News& news) {
  std::lock_guard lock(mutex_);
  // A newer count takes the place of one that nobody has read.
  for (News& unread : news_) {
    if (unread.job != news.job || unread.phase != news.phase || unread.ended || news.ended)
      continue;
    unread = news;
    return;
  }
  news_.push_back(news);
  arrived_.notify_one();
}

JobMailbox::News JobMailbox::wait(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  if (!arrived_.wait(lock, stop, [&] { return !news_.empty(); }) || stop.stop_requested())
    throw Cancelled();
  News news = std::move(news_.front());
  news_.pop_front();
  return news;
}

SharedJobs::Ticket& SharedJobs::Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  leave();
  jobs_ = std::exchange(other.jobs_, nullptr);
  job_ = std::move(other.job_);
  mailbox_ = std::move(other.mailbox_);
  own_ = other.own_;
  return *this;
}

void SharedJobs::Ticket::leave() noexcept {
  if (!job_) return;
  jobs_->leave(job_, mailbox_.get());
  job_.reset();
  mailbox_.reset();
}

SharedJobs::~SharedJobs() {
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, job] : running_) job->stop.request_stop();
    queue_.clear();
  }
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
}

SharedJobs::Ticket SharedJobs::join(const std::string& key, Work work,
                                    std::shared_ptr<JobMailbox> mailbox, size_t number) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<Job>& job = jobs_[key];
  Ticket ticket;
  ticket.own_ = !job;
  if (!job) {
    job = std::make_shared<Job>();
    job->key = key;
    job->work = std::move(work);
    job->last.phase = PullPhase::waiting;
    queue_.push_back(job);
    if (threads_.size() < workers_ && idle_ < queue_.size())
      threads_.emplace_back([this](std::stop_token stop) { serve(stop); });
    changed_.notify_all();
  }
  job->listeners.push_back({mailbox, number});
  JobMailbox::News news = job->last;
  news.job = number;
  mailbox->post(news);
  ticket.jobs_ = this;
  ticket.job_ = job;
  ticket.mailbox_ = std::move(mailbox);
  return ticket;
}

void SharedJobs::leave(const std::shared_ptr<Job>& job, const JobMailbox* mailbox) {
  {
    std::lock_guard lock(mutex_);
    std::erase_if(job->listeners,
                  [&](const Listener& listener) { return listener.mailbox.get() == mailbox; });
    if (!job->listeners.empty() || job->ended) return;
    // Nobody may join a job that is about to stop.
    auto found = jobs_.find(job->key);
    if (found != jobs_.end() && found->second == job) jobs_.erase(found);
    queue_.remove(job);
  }
  job->stop.request_stop();
}

std::shared_ptr<SharedJobs::Job> SharedJobs::take(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  auto next = queue_.end();
  const auto find_next = [&] {
    next = std::find_if(queue_.begin(), queue_.end(), [&](const std::shared_ptr<Job>& job) {
      return !running_.contains(job->key);
    });
    return next != queue_.end();
  };
  ++idle_;
  const bool found = changed_.wait(lock, stop, find_next);
  --idle_;
  if (!found || stop.stop_requested()) return nullptr;
  std::shared_ptr<Job> job = *next;
  queue_.erase(next);
  running_[job->key] = job;
  return job;
}

void SharedJobs::serve(std::stop_token stop) {
  while (std::shared_ptr<Job> job = take(stop)) run(job);
}

void SharedJobs::run(const std::shared_ptr<Job>& job) {
  std::exception_ptr failure;
  try {
    job->work([&](PullPhase phase, uint64_t current,
                  uint64_t total) { report(*job, phase, current, total); },
              job->stop.get_token());
  } catch (...) {
    // Not swallowed: every pull that waits rethrows it.
    failure = std::current_exception();
  }
  end(job, failure);
}

void SharedJobs::report(Job& job, PullPhase phase, uint64_t current, uint64_t total) {
  std::lock_guard lock(mutex_);
  JobMailbox::News news;
  news.phase = phase;
  news.current = current;
  news.total = total;
  job.tell(news);
}

void SharedJobs::end(const std::shared_ptr<Job>& job, std::exception_ptr failure) {
  std::lock_guard lock(mutex_);
  running_.erase(job->key);
  auto found = jobs_.find(job->key);
  if (found != jobs_.end() && found->second == job) jobs_.erase(found);
  job->ended = true;
  job->work = nullptr;  // with its references to a repository, and so to credentials
  JobMailbox::News news = job->last;
  news.ended = true;
  news.failure = failure;
  job->tell(news);
  changed_.notify_all();
}

}  // namespace ctr::image
