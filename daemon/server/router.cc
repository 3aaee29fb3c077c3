#include <algorithm>

#include "daemon/server/exchange.h"

namespace ctr::daemon {

namespace {

using Pieces = std::vector<std::string>;
using Parameters = std::vector<std::pair<std::string, std::string>>;

Pieces split(std::string_view path) {
  Pieces pieces;
  if (path.starts_with("/")) path.remove_prefix(1);
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    pieces.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash + 1);
  }
  pieces.emplace_back(path);
  return pieces;
}

bool is_parameter(const std::string& piece) {
  return piece.starts_with("{");
}
bool is_rest(const std::string& piece) {
  return piece.ends_with(":*}");
}

std::string parameter_name(const std::string& piece) {
  return piece.substr(1, piece.size() - (is_rest(piece) ? 4 : 2));
}

std::string join(const Pieces& pieces, size_t begin, size_t end) {
  std::string text;
  for (size_t i = begin; i < end; ++i) text += (i == begin ? "" : "/") + pieces[i];
  return text;
}

// A "{name:*}" piece takes all that the pieces behind it, each one segment, leave over.
bool match(const Pieces& pattern, const Pieces& path, Parameters& parameters) {
  auto rest = std::find_if(pattern.begin(), pattern.end(), is_rest);
  bool open = rest != pattern.end();
  if (open ? path.size() < pattern.size() : path.size() != pattern.size()) return false;
  size_t taken = open ? path.size() - pattern.size() + 1 : 1;
  for (size_t i = 0, at = 0; i < pattern.size(); ++i) {
    size_t count = is_rest(pattern[i]) ? taken : 1;
    std::string text = join(path, at, at + count);
    if (is_parameter(pattern[i]) ? text.empty() : text != pattern[i]) return false;
    if (is_parameter(pattern[i])) parameters.emplace_back(parameter_name(pattern[i]), text);
    at += count;
  }
  return true;
}

}  // namespace

void Router::add(std::string method, std::string pattern, Handler handler) {
  routes_.push_back({std::move(method), split(pattern), std::move(handler)});
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  const Pieces pieces = split(path);
  Match best;
  size_t best_parameters = SIZE_MAX;  // "/images/json" is nearer than "/images/{name:*}"
  for (const Route& route : routes_) {
    Parameters parameters;
    if (!match(route.pattern, pieces, parameters)) continue;
    best.path_known = true;
    if (route.method != method || parameters.size() >= best_parameters) continue;
    best_parameters = parameters.size();
    best.handler = &route.handler;
    best.parameters = std::move(parameters);
  }
  return best;
}

}  // namespace ctr::daemon
