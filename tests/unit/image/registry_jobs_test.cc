#include <doctest/doctest.h>

#include <atomic>
#include <latch>

#include "image/registry_error.h"
#include "image/shared_jobs.h"

using namespace ctr;
using namespace ctr::image;

namespace {

// Reads until the end of one job.
JobMailbox::News wait_for_end(JobMailbox& mailbox) {
  while (true)
    if (JobMailbox::News news = mailbox.wait({}); news.ended) return news;
}

std::shared_ptr<JobMailbox> new_mailbox() {
  return std::make_shared<JobMailbox>();
}

void wait_until_stopped(std::stop_token stop) {
  while (!stop.stop_requested()) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a job that several want runs once, and all see it (L33)") {
  SharedJobs jobs(2);
  std::latch go(1);
  std::atomic<int> runs = 0;
  const auto work = [&](const SharedJobs::Report& report, std::stop_token) {
    ++runs;
    go.wait();
    report(PullPhase::downloading, 1, 2);
  };
  std::vector<std::shared_ptr<JobMailbox>> mailboxes;
  std::vector<SharedJobs::Ticket> tickets;
  for (size_t i = 0; i < 5; ++i) {
    mailboxes.push_back(new_mailbox());
    tickets.push_back(jobs.join("key", work, mailboxes.back(), i));
    CHECK(tickets.back().is_own() == (i == 0));
  }
  go.count_down();
  for (size_t i = 0; i < 5; ++i) {
    JobMailbox::News news = wait_for_end(*mailboxes[i]);
    CHECK(news.job == i);
    CHECK(news.phase == PullPhase::downloading);
    CHECK_FALSE(news.failure);
  }
  CHECK(runs == 1);
}

TEST_CASE("a job goes on for who stays and stops when the last has left") {
  SharedJobs jobs(1);
  std::atomic<bool> stopped = false;
  std::latch started(1);
  const auto work = [&](const SharedJobs::Report&, std::stop_token stop) {
    started.count_down();
    wait_until_stopped(stop);
    stopped = true;
  };
  auto first = new_mailbox(), second = new_mailbox();
  SharedJobs::Ticket a = jobs.join("key", work, first, 0);
  SharedJobs::Ticket b = jobs.join("key", work, second, 0);
  started.wait();
  a = SharedJobs::Ticket();
  CHECK_FALSE(stopped);
  b = SharedJobs::Ticket();
  // The next one with this key waits for the end of the stopped one.
  bool was_stopped = false;
  SharedJobs::Ticket c = jobs.join(
      "key", [&](const SharedJobs::Report&, std::stop_token) { was_stopped = stopped; }, first, 7);
  CHECK(c.is_own());
  CHECK(wait_for_end(*first).job == 7);
  CHECK(was_stopped);
}

TEST_CASE("a failure reaches everybody, and the next to come begins anew") {
  SharedJobs jobs(1);
  auto mailbox = new_mailbox();
  SharedJobs::Ticket ticket = jobs.join(
      "key", [](const SharedJobs::Report&, std::stop_token) { throw Cancelled(); }, mailbox, 0);
  JobMailbox::News news = wait_for_end(*mailbox);
  REQUIRE(news.failure);
  CHECK_THROWS_AS(std::rethrow_exception(news.failure), Cancelled);
  ticket = jobs.join(
      "key", [](const SharedJobs::Report&, std::stop_token) {}, mailbox, 0);
  CHECK_FALSE(wait_for_end(*mailbox).failure);
}

TEST_CASE("no more jobs run together than there are workers") {
  SharedJobs jobs(2);
  std::atomic<int> running = 0, most = 0;
  auto mailbox = new_mailbox();
  std::vector<SharedJobs::Ticket> tickets;
  for (size_t i = 0; i < 10; ++i)
    tickets.push_back(jobs.join(
        std::to_string(i),
        [&](const SharedJobs::Report&, std::stop_token) {
          const int now = ++running;
          int seen = most;
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          std::this_thread::sleep_for(std::chrono::milliseconds(1));
          --running;
        },
        mailbox, i));
  for (int i = 0; i < 10; ++i) wait_for_end(*mailbox);
  CHECK(most <= 2);
}

TEST_CASE("unread counts are replaced by newer ones") {
  JobMailbox mailbox;
  for (uint64_t i = 0; i < 1000; ++i) {
    JobMailbox::News news;
    news.phase = PullPhase::downloading;
    news.current = i;
    mailbox.post(news);
  }
  CHECK(mailbox.wait({}).current == 999);
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(mailbox.wait(stop.get_token()), Cancelled);
}

TEST_CASE("the end of the jobs stops what runs and forgets what waits") {
  auto mailbox = new_mailbox();
  std::vector<SharedJobs::Ticket> tickets;
  std::latch started(1);
  {
    SharedJobs jobs(1);
    tickets.push_back(jobs.join(
        "a",
        [&](const SharedJobs::Report&, std::stop_token stop) {
          started.count_down();
          wait_until_stopped(stop);
        },
        mailbox, 0));
    tickets.push_back(jobs.join(
        "b", [](const SharedJobs::Report&, std::stop_token) {}, mailbox, 1));
    started.wait();
    tickets.clear();
  }
}
