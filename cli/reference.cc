#include "cli/reference.h"

#include <algorithm>

#include "runtime/sys/error.h"

namespace ctr::cli {

namespace {

constexpr size_t name_limit = 255;
constexpr size_t tag_limit = 128;

[[noreturn]] void invalid(std::string_view text, std::string_view why) {
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("invalid reference format: '{}' {}", text, why));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_word(char c) {
  return is_digit(c) || is_lower(c) || is_upper(c) || c == '_';
}

// Letters and digits, with ".", "_", "__" or dashes between them: never at an end.
bool is_path_component(std::string_view text) {
  if (text.empty()) return false;
  auto plain = [](char c) { return is_lower(c) || is_digit(c); };
  for (size_t i = 0; i < text.size();) {
    if (plain(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && text[end] == text[i]) ++end;
    size_t length = end - i;
    bool separator =
        text[i] == '-' || (text[i] == '.' && length == 1) || (text[i] == '_' && length <= 2);
    if (!separator || i == 0 || end == text.size() || !plain(text[end])) return false;
    i = end;
  }
  return true;
}

void check_repository(std::string_view whole, std::string_view repository) {
  if (std::any_of(repository.begin(), repository.end(), is_upper))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("invalid reference format: repository name ({}) must be lowercase",
                                 repository));
  for (size_t begin = 0; begin <= repository.size();) {
    size_t end = std::min(repository.find('/', begin), repository.size());
    if (!is_path_component(repository.substr(begin, end - begin)))
      invalid(whole, "is not the name of an image; say for example alpine or alpine:3.20");
    begin = end + 1;
  }
}

void check_tag(std::string_view whole, std::string_view tag) {
  bool valid = !tag.empty() && tag.size() <= tag_limit && is_word(tag[0]) &&
               std::all_of(tag.begin(), tag.end(),
                           [](char c) { return is_word(c) || c == '.' || c == '-'; });
  if (!valid) invalid(whole, fmt::format("has the invalid tag '{}'", tag));
}

void check_digest(std::string_view whole, std::string_view digest) {
  size_t colon = digest.find(':');
  std::string_view algorithm = digest.substr(0, colon);
  size_t length = algorithm == "sha256" ? 64 : algorithm == "sha512" ? 128 : 0;
  bool valid = colon != std::string_view::npos && length > 0 &&
               digest.size() == colon + 1 + length &&
               std::all_of(digest.begin() + colon + 1, digest.end(),
                           [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  if (!valid) invalid(whole, fmt::format("has the invalid digest '{}'", digest));
}

bool is_domain(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos || text == "localhost" ||
         std::any_of(text.begin(), text.end(), is_upper);
}

}  // namespace

std::string ImageName::full() const {
  std::string text = full_repository();
  if (!tag.empty()) text += ":" + tag;
  if (!digest.empty()) text += "@" + digest;
  return text;
}

std::string ImageName::familiar() const {
  std::string text = full();
  for (std::string_view prefix : {"docker.io/", "library/"})
    if (domain == "docker.io" && text.starts_with(prefix)) text.erase(0, prefix.size());
  return text;
}

ImageName parse_image_name(std::string_view text, bool tag_default) {
  ImageName name;
  std::string_view rest = text;
  if (size_t at = rest.find('@'); at != std::string_view::npos) {
    name.digest = rest.substr(at + 1);
    check_digest(text, name.digest);
    rest = rest.substr(0, at);
  }
  size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    name.tag = rest.substr(colon + 1);
    check_tag(text, name.tag);
    rest = rest.substr(0, colon);
  }
  size_t slash = rest.find('/');
  if (slash != std::string_view::npos && is_domain(rest.substr(0, slash))) {
    name.domain = rest.substr(0, slash);
    rest = rest.substr(slash + 1);
  }
  if (name.domain.empty() || name.domain == "index.docker.io") name.domain = "docker.io";
  name.repository = rest;
  check_repository(text, name.repository);
  if (name.domain == "docker.io" && rest.find('/') == std::string_view::npos)
    name.repository = "library/" + name.repository;
  if (name.full_repository().size() > name_limit) invalid(text.substr(0, 40), "is too long");
  if (name.tag.empty() && name.digest.empty() && tag_default) name.tag = "latest";
  return name;
}

}  // namespace ctr::cli
