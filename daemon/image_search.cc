#include "daemon/image_search.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "runtime/sys/error.h"

namespace ctr::daemon {

using nlohmann::json;
using sys::Error;
using sys::ErrorKind;

namespace {

constexpr int64_t default_limit = 25;
constexpr int64_t max_limit = 100;
constexpr size_t max_answer = 4 << 20;

int64_t wanted_stars(const Filters& filters) {
  int64_t most = 0;
  for (const std::string& text : filters.values("stars")) {
    int64_t stars = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), stars);
    if (error != std::errc() || end != text.data() + text.size() || stars < 0)
      throw Error(ErrorKind::invalid_argument, fmt::format("invalid filter 'stars=[{}]'", text));
    most = std::max(most, stars);
  }
  return most;
}

}  // namespace

json search_results(const std::string& answer, const Filters& filters) {
  filters.expect_only({"is-official", "is-automated", "stars"});
  const std::optional<bool> official = filters.find_bool("is-official");
  const std::optional<bool> automated = filters.find_bool("is-automated");
  const int64_t stars = wanted_stars(filters);
  json results = json::array();
  const json document = parse_json(answer);
  for (const JsonObject& found : JsonObject(document).objects("results")) {
    json result{{"name", found.string("name")},
                {"description", found.string("description")},
                {"star_count", found.integer("star_count")},
                {"is_official", found.boolean("is_official")},
                {"is_automated", found.boolean("is_automated")}};
    if (official && *official != result["is_official"]) continue;
    if (automated && *automated != result["is_automated"]) continue;
    if (found.integer("star_count") >= stars) results.push_back(std::move(result));
  }
  return results;
}

json ImageSearch::search(const std::string& term, int64_t limit, const Filters& filters,
                         std::stop_token stop) {
  if (term.empty()) throw Error(ErrorKind::invalid_argument, "no term to search for");
  if (term.find("://") != std::string::npos)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("invalid repository name ({}): it must not have a scheme", term));
  if (limit == 0) limit = default_limit;
  if (limit < 0 || limit > max_limit)
    throw Error(ErrorKind::invalid_argument,
                fmt::format("limit {} is outside the range of [1, {}]", limit, max_limit));
  image::HttpRequest request;
  request.url = image::parse_url(
      fmt::format("https://index.docker.io/v1/search?q={}&n={}", image::url_escape(term), limit));
  request.body_limit = max_answer;
  image::HttpResponse response = http_.perform(request, stop);
  if (response.status != 200)
    throw Error(ErrorKind::unavailable,
                fmt::format("search on index.docker.io failed: status {}", response.status));
  return search_results(response.body, filters);
}

}  // namespace ctr::daemon
