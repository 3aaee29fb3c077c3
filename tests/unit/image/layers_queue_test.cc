#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

#include "image/byte_queue.h"

using namespace ctr::image;

TEST_CASE("bytes come out in order, small pieces joined, and then the end") {
  ByteQueue queue(1 << 20);
  const std::string large(200'000, 'x');
  queue.push("one");
  queue.push("");
  queue.push("two");
  queue.push(large);
  queue.finish();
  CHECK(queue.pop() == "onetwo");
  CHECK(queue.pop() == large);
  CHECK(queue.pop() == std::nullopt);
  CHECK(queue.pop() == std::nullopt);
}

TEST_CASE("a full queue blocks until somebody takes") {
  ByteQueue queue(4);
  queue.push("12345");
  std::thread producer([&] {
    queue.push("6");
    queue.finish();
  });
  CHECK(queue.pop() == "12345");
  CHECK(queue.pop() == "6");
  CHECK(queue.pop() == std::nullopt);
  producer.join();
}

TEST_CASE("a failure wakes and reaches both ends, and the first one counts") {
  ByteQueue queue(1);
  queue.push("x");
  std::thread producer([&] { CHECK_THROWS_WITH(queue.push("y"), "first"); });
  queue.fail(std::make_exception_ptr(std::runtime_error("first")));
  queue.fail(std::make_exception_ptr(std::runtime_error("second")));
  producer.join();
  CHECK_THROWS_WITH(queue.pop(), "first");
}
