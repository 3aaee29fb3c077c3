#include "image/reference.h"

#include <algorithm>

#include "runtime/sys/error.h"

namespace ctr::image {

namespace {

constexpr std::string_view default_domain = "docker.io";
constexpr std::string_view legacy_domain = "index.docker.io";
constexpr std::string_view official_prefix = "library/";
constexpr size_t max_name_length = 255;
constexpr size_t max_tag_length = 128;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_alphanumeric(char c) {
  return is_lower(c) || is_upper(c) || is_digit(c);
}

[[noreturn]] void invalid(std::string_view text, std::string_view why = {}) {
  std::string message = "invalid reference format";
  if (!why.empty()) message += fmt::format(": {}", why);
  throw sys::Error(sys::ErrorKind::invalid_argument,
                   fmt::format("{}: '{}'", message, text.substr(0, 300)));
}

// Letters, digits and inner hyphens, at least one character.
bool is_domain_label(std::string_view label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_domain_name(std::string_view name) {
  while (true) {
    size_t dot = name.find('.');
    if (!is_domain_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_port(std::string_view port) {
  if (port.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit))
    return false;
  int number = std::stoi(std::string(port));
  return number > 0 && number <= 65535;
}

bool is_ipv6_text(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                  c == '.';
         });
}

bool is_domain(std::string_view domain) {
  std::string_view host = domain;
  if (domain.starts_with('[')) {
    size_t end = domain.find(']');
    if (end == std::string_view::npos || !is_ipv6_text(domain.substr(1, end - 1))) return false;
    std::string_view rest = domain.substr(end + 1);
    return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
  }
  size_t colon = domain.find(':');
  if (colon != std::string_view::npos) {
    if (!is_port(domain.substr(colon + 1))) return false;
    host = domain.substr(0, colon);
  }
  return is_domain_name(host);
}

// Runs of lower-case letters and digits, between them one of  .  _  __  or any number of hyphens.
bool is_path_component(std::string_view component) {
  size_t i = 0;
  const auto skip_word = [&] {
    size_t start = i;
    while (i < component.size() && (is_lower(component[i]) || is_digit(component[i]))) ++i;
    return i > start;
  };
  if (!skip_word()) return false;
  while (i < component.size()) {
    size_t start = i;
    while (i < component.size() && component[i] == component[start] && component[start] == '-') ++i;
    if (i == start) {
      if (component[i] == '.') {
        ++i;
      } else if (component[i] == '_') {
        i += i + 1 < component.size() && component[i + 1] == '_' ? 2 : 1;
      } else {
        return false;
      }
    }
    if (!skip_word()) return false;
  }
  return true;
}

bool is_path(std::string_view path) {
  while (true) {
    size_t slash = path.find('/');
    if (!is_path_component(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_image_id(std::string_view name) {
  return Digest::is_valid("sha256:" + std::string(name));
}

// Whether the part before the first slash names a registry: "owner/app" does not, "localhost/app",
// "host.example/app" and "HOST/app" do.
bool is_domain_part(std::string_view part) {
  return part.find_first_of(".:") != std::string_view::npos || part == "localhost" ||
         std::any_of(part.begin(), part.end(), is_upper);
}

void split_domain(std::string_view name, Reference& reference) {
  size_t slash = name.find('/');
  if (slash == std::string_view::npos || !is_domain_part(name.substr(0, slash))) {
    reference.domain = default_domain;
    reference.path = name;
  } else {
    reference.domain = name.substr(0, slash);
    reference.path = name.substr(slash + 1);
  }
  if (reference.domain == legacy_domain) reference.domain = default_domain;
  if (reference.domain == default_domain && reference.path.find('/') == std::string::npos)
    reference.path = std::string(official_prefix) + reference.path;
}

void expect_valid_name(const Reference& reference, std::string_view text) {
  if (reference.name().size() > max_name_length)
    invalid(text,
            fmt::format("repository name must not be more than {} characters", max_name_length));
  if (std::any_of(reference.path.begin(), reference.path.end(), is_upper))
    invalid(text, "repository name must be lowercase");
  if (!is_domain(reference.domain) || !is_path(reference.path)) invalid(text);
}

}  // namespace

bool is_valid_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= max_tag_length && tag[0] != '.' && tag[0] != '-' &&
         std::all_of(tag.begin(), tag.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

Reference parse_reference_as_written(std::string_view text) {
  Reference reference;
  std::string_view name = text;
  if (size_t at = name.find('@'); at != std::string_view::npos) {
    if (!Digest::is_valid(name.substr(at + 1))) invalid(text, "want a digest sha256:… after '@'");
    reference.digest = Digest::parse(name.substr(at + 1));
    name = name.substr(0, at);
  }
  size_t slash = name.rfind('/');
  size_t colon = name.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    reference.tag = name.substr(colon + 1);
    if (!is_valid_tag(reference.tag)) invalid(text);
    name = name.substr(0, colon);
  }
  if (name.empty()) invalid(text);
  // An image ID is not a name: pulling it by mistake would ask Docker Hub for library/<id>.
  if (is_image_id(name)) invalid(text, "a repository name cannot be 64 hexadecimal digits");
  split_domain(name, reference);
  expect_valid_name(reference, text);
  return reference;
}

Reference parse_reference(std::string_view text) {
  Reference reference = parse_reference_as_written(text);
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

std::string Reference::familiar_name() const {
  if (domain != default_domain) return name();
  std::string_view rest = path;
  if (rest.starts_with(official_prefix) &&
      rest.find('/', official_prefix.size()) == std::string_view::npos)
    return std::string(rest.substr(official_prefix.size()));
  // "docker.io/a.b/c" may not become a text that reads as a name at the registry a.b.
  return is_domain_part(rest.substr(0, rest.find('/'))) ? name() : std::string(rest);
}

namespace {
std::string with_suffix(std::string text, const Reference& reference) {
  if (!reference.tag.empty()) text += ":" + reference.tag;
  if (!reference.digest.empty()) text += "@" + reference.digest.text();
  return text;
}
}  // namespace

std::string Reference::text() const {
  return with_suffix(name(), *this);
}
std::string Reference::familiar() const {
  return with_suffix(familiar_name(), *this);
}

}  // namespace ctr::image
