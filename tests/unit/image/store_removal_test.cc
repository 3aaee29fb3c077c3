#include <doctest/doctest.h>

#include "image/garbage_collector.h"
#include "image/image_removal.h"
#include "runtime/sys/error.h"

using namespace ctr;
using namespace ctr::image;

namespace {

Digest digest(char c) {
  return Digest::parse("sha256:" + std::string(64, c));
}
const std::string digest_a = "alpine@sha256:" + std::string(64, 'd');

RemovalRequest request(std::vector<std::string> tags, std::string name) {
  RemovalRequest value;
  value.image.id = digest('a');
  value.image.tags = std::move(tags);
  value.image.repo_digests = {digest_a};
  value.written = name.empty() ? "aaaa" : name;
  value.name = std::move(name);
  return value;
}

ImageUse use(bool running) {
  return {std::string(64, 'c'), running};
}

std::string refusal(const RemovalRequest& value) {
  try {
    plan_removal(value);
  } catch (const sys::Error& error) {
    CHECK(error.kind() == sys::ErrorKind::conflict);
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("the last tag takes its repository's digests and the image along") {
  RemovalPlan plan = plan_removal(request({"alpine:latest"}, "alpine:latest"));
  CHECK(plan.untag == std::vector<std::string>{"alpine:latest", digest_a});
  CHECK(plan.delete_image);
}

TEST_CASE("one of several tags is only untagged") {
  RemovalPlan plan = plan_removal(request({"alpine:3", "alpine:latest"}, "alpine:3"));
  CHECK(plan.untag == std::vector<std::string>{"alpine:3"});
  CHECK_FALSE(plan.delete_image);
  plan = plan_removal(request({"alpine:3", "localhost:5000/x:1"}, "localhost:5000/x:1"));
  CHECK(plan.untag == std::vector<std::string>{"localhost:5000/x:1"});
  CHECK_FALSE(plan.delete_image);
}

TEST_CASE("an ID with one name means that name, with several it must be forced") {
  RemovalPlan plan = plan_removal(request({"alpine:latest"}, ""));
  CHECK(plan.untag == std::vector<std::string>{"alpine:latest", digest_a});
  CHECK(plan.delete_image);
  RemovalRequest several = request({"alpine:latest", "other:1"}, "");
  CHECK(
      refusal(several) ==
      "conflict: unable to delete aaaaaaaaaaaa (must be forced) - image is referenced in multiple "
      "repositories");
  several.force = true;
  CHECK(plan_removal(several).untag.size() == 3);
}

TEST_CASE("an image in use keeps its last name unless forced") {
  RemovalRequest value = request({"alpine:latest"}, "alpine:latest");
  value.written = "alpine";
  value.uses = {use(false)};
  CHECK(refusal(value) ==
        "conflict: unable to remove repository reference \"alpine\" (must force) - container "
        "cccccccccccc is using its referenced image aaaaaaaaaaaa");
  value.force = true;
  CHECK(plan_removal(value).delete_image);
  value.uses = {use(true)};
  CHECK_FALSE(plan_removal(value).delete_image);
  CHECK(plan_removal(value).untag.size() == 2);
}

TEST_CASE("by ID, a stopped container wants force and a running one forbids") {
  RemovalRequest value = request({"alpine:latest"}, "");
  value.uses = {use(false)};
  CHECK(refusal(value) ==
        "conflict: unable to delete aaaaaaaaaaaa (must be forced) - image is being used by stopped "
        "container cccccccccccc");
  value.force = true;
  CHECK(plan_removal(value).delete_image);
  value.uses = {use(true)};
  CHECK(
      refusal(value) ==
      "conflict: unable to delete aaaaaaaaaaaa (cannot be forced) - image is being used by running "
      "container cccccccccccc");
}

TEST_CASE("an image without names goes by its ID") {
  RemovalRequest value = request({}, "");
  value.image.repo_digests.clear();
  CHECK(plan_removal(value).untag.empty());
  CHECK(plan_removal(value).delete_image);
}

TEST_CASE("chain IDs stand for stacks, the first layer for itself") {
  std::vector<Digest> chain = chain_ids({digest('1'), digest('2')});
  REQUIRE(chain.size() == 2);
  CHECK(chain[0] == digest('1'));
  CHECK(chain[1] == Sha256::of(digest('1').text() + " " + digest('2').text()));
  CHECK(chain_ids({}).empty());
}

TEST_CASE("garbage is what neither a record nor a lease holds") {
  CHECK(unreferenced({digest('1'), digest('2'), digest('3')}, {digest('1')}, {digest('3')}) ==
        std::vector<Digest>{digest('2')});
}
