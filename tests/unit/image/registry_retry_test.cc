#include <doctest/doctest.h>

#include "image/http_transfer.h"
#include "image/registry_error.h"
#include "image/registry_retry.h"

using namespace ctr;
using namespace ctr::image;
using namespace std::chrono_literals;

namespace {
RegistryError answered(long status, std::optional<std::chrono::seconds> after = std::nullopt) {
  return {sys::ErrorKind::unavailable, "status", status, after};
}
}  // namespace

TEST_CASE("delays double, up to a limit and a number of tries (L35)") {
  RegistryTiming timing;
  RetryBudget budget(timing);
  CHECK(budget.next_delay(answered(503)) == 500ms);
  CHECK(budget.next_delay(answered(500)) == 1000ms);
  CHECK(budget.next_delay(answered(429)) == 2000ms);
  budget.progressed();
  CHECK(budget.next_delay(TransferError(TransferFailure::interrupted, "")) == 500ms);
  CHECK(budget.next_delay(answered(408)) == 1000ms);
  CHECK(budget.next_delay(answered(502)) == 2000ms);
  CHECK(budget.next_delay(answered(504)) == 4000ms);
  CHECK(budget.next_delay(answered(504)) == std::nullopt);
}

TEST_CASE("a registry that nobody hears of gets fewer tries") {
  RegistryTiming timing;
  RetryBudget budget(timing);
  CHECK(budget.next_delay(TransferError(TransferFailure::unreachable, "")));
  CHECK(budget.next_delay(TransferError(TransferFailure::silent, "")));
  CHECK_FALSE(budget.next_delay(TransferError(TransferFailure::unreachable, "")));
}

TEST_CASE("what another try cannot help is final") {
  RegistryTiming timing;
  for (long status : {400, 401, 403, 404, 405})
    CHECK_FALSE(RetryBudget(timing).next_delay(answered(status)));
  for (TransferFailure failure :
       {TransferFailure::untrusted, TransferFailure::refused, TransferFailure::too_large})
    CHECK_FALSE(RetryBudget(timing).next_delay(TransferError(failure, "")));
  CHECK_FALSE(RetryBudget(timing).next_delay(Cancelled()));
  CHECK_FALSE(RetryBudget(timing).next_delay(sys::Error(sys::ErrorKind::internal, "no space")));
}

TEST_CASE("Retry-After is honoured within reason") {
  RegistryTiming timing;
  CHECK(RetryBudget(timing).next_delay(answered(429, 7s)) == 7000ms);
  CHECK_FALSE(RetryBudget(timing).next_delay(answered(429, 3600s)));
  CHECK(parse_retry_after("120") == 120s);
  for (const char* text : {"", "-1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "99999999999"})
    CHECK_FALSE(parse_retry_after(text));
}

TEST_CASE("a registry's words are kept short and printable") {
  CHECK(registry_message(R"({"errors":[{"code":"NAME_UNKNOWN","message":"no such"}]})") ==
        "name unknown: no such");
  CHECK(registry_message(R"({"errors":[{"code":"DENIED","message":"a\u001b[2Jb\n"}]})") ==
        "denied: a [2Jb ");
  CHECK(registry_message("<html>").empty());
  CHECK(registry_message(R"({"errors":[]})").empty());
  CHECK(registry_message(R"({"errors":5})").empty());
  const std::string longest =
      R"({"errors":[{"code":"X","message":")" + std::string(9999, 'a') + R"("}]})";
  CHECK(registry_message(longest).size() <= 300);
}

TEST_CASE("progress is bytes from the registry, not time that we take (N10)") {
  using Clock = ProgressWatchdog::Clock;
  const Clock::time_point start{};
  ProgressWatchdog watchdog(30s, 1000, start);
  watchdog.received(999, start + 29s);
  CHECK_FALSE(watchdog.expired(start + 30s));
  CHECK(watchdog.expired(start + 31s));
  watchdog.spent_by_us(20s);
  CHECK_FALSE(watchdog.expired(start + 50s));
  watchdog.received(1, start + 50s);
  CHECK_FALSE(watchdog.expired(start + 80s));
  CHECK(watchdog.expired(start + 81s));
}
