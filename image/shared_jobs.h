// Work that several pulls may want at the same time, done once: downloads of one layer. Each pull
// sees the job's progress on its own thread; the job is stopped when the last of them has left.
// Runs in: ctrd. Thread-safe. Owns its worker threads, started when first needed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "image/pull_progress.h"

namespace ctr::image {

// News of the jobs that one pull waits for. Bounded: of each job at most one entry for each phase.
class JobMailbox {
 public:
  struct News {
    size_t job = 0;  // the number that the pull gave it
    PullPhase phase = PullPhase::waiting;
    uint64_t current = 0;
    uint64_t total = 0;
    bool ended = false;
    std::exception_ptr failure;  // of an ended one; null is success
  };

  void post(const News& news);
  // The oldest news. Throws Cancelled when the stop is requested first.
  News wait(std::stop_token stop);

 private:
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<News> news_;
};

class SharedJobs {
 public:
  class Job;
  // Runs on a worker: says what it does, ends early (Cancelled) when the stop is requested.
  using Report = std::function<void(PullPhase, uint64_t current, uint64_t total)>;
  using Work = std::function<void(const Report&, std::stop_token)>;

  explicit SharedJobs(unsigned workers) : workers_(workers) {}
  // Stops what runs and waits for it.
  ~SharedJobs();
  SharedJobs(const SharedJobs&) = delete;
  SharedJobs& operator=(const SharedJobs&) = delete;

  // Membership in a job; leaves it when destroyed.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { leave(); }
    // Whether our own work is what runs; otherwise it is that of who came first.
    bool is_own() const { return own_; }

   private:
    friend class SharedJobs;
    void leave() noexcept;
    SharedJobs* jobs_ = nullptr;
    std::shared_ptr<Job> job_;
    std::shared_ptr<JobMailbox> mailbox_;
    bool own_ = false;
  };

  // Joins the job with this key, or begins it. Its news go to the mailbox under `number`.
  Ticket join(const std::string& key, Work work, std::shared_ptr<JobMailbox> mailbox,
              size_t number);

 private:
  void serve(std::stop_token stop);
  std::shared_ptr<Job> take(std::stop_token stop);
  void run(const std::shared_ptr<Job>& job);
  void report(Job& job, PullPhase phase, uint64_t current, uint64_t total);
  void end(const std::shared_ptr<Job>& job, std::exception_ptr failure);
  void leave(const std::shared_ptr<Job>& job, const JobMailbox* mailbox);

  const unsigned workers_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::shared_ptr<Job>> jobs_;  // that may be joined
  std::list<std::shared_ptr<Job>> queue_;
  // Two jobs with one key never run together: one that was stopped may take a moment to end, and
  // both would write the same file.
  std::map<std::string, std::shared_ptr<Job>> running_;
  unsigned idle_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace ctr::image
