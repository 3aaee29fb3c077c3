#include "daemon/container_names.h"

#include <algorithm>
#include <array>

#include "runtime/sys/error.h"

namespace ctr::daemon {

namespace {

constexpr std::array<std::string_view, 96> adjectives{
    "able",     "agile",    "amber",    "ample",   "apt",     "astute",  "autumn",  "awake",
    "balmy",    "bold",     "brave",    "breezy",  "bright",  "brisk",   "calm",    "candid",
    "careful",  "cheery",   "clever",   "cosmic",  "cosy",    "crisp",   "curious", "daring",
    "deft",     "dreamy",   "eager",    "early",   "earnest", "elegant", "fabled",  "fair",
    "fearless", "festive",  "fleet",    "fluent",  "fond",    "frosty",  "gallant", "gentle",
    "gifted",   "golden",   "graceful", "happy",   "hardy",   "hearty",  "honest",  "humble",
    "jolly",    "jovial",   "keen",     "kind",    "lively",  "lucid",   "lucky",   "lunar",
    "mellow",   "merry",    "mild",     "mindful", "modest",  "musing",  "nimble",  "noble",
    "patient",  "peaceful", "pensive",  "playful", "plucky",  "polite",  "proud",   "quick",
    "quiet",    "radiant",  "rested",   "robust",  "rustic",  "serene",  "sharp",   "silent",
    "silver",   "sincere",  "solar",    "spry",    "steady",  "stoic",   "sunny",   "swift",
    "tender",   "thrifty",  "tranquil", "upbeat",  "valiant", "vivid",   "witty",   "zesty"};

// People to whom computing and science owe something.
constexpr std::array<std::string_view, 96> surnames{
    "abel",     "agnesi",    "archimedes", "babbage",  "backus",   "bardeen",      "bartik",
    "bell",     "bernoulli", "bohr",       "boole",    "bose",     "brahe",        "carson",
    "cauchy",   "cerf",      "chandra",    "church",   "clarke",   "codd",         "copernicus",
    "cori",     "cray",      "curie",      "darwin",   "dijkstra", "dirac",        "easley",
    "einstein", "elion",     "engelbart",  "erdos",    "euclid",   "euler",        "faraday",
    "fermat",   "fermi",     "feynman",    "floyd",    "franklin", "galileo",      "galois",
    "gauss",    "germain",   "godel",      "goldberg", "hamilton", "hamming",      "hawking",
    "herschel", "hilbert",   "hoare",      "hopper",   "huygens",  "hypatia",      "johnson",
    "joliot",   "kepler",    "khorana",    "kilby",    "knuth",    "kovalevskaya", "lagrange",
    "lamarr",   "lamport",   "leibniz",    "liskov",   "lovelace", "maxwell",      "mccarthy",
    "meitner",  "mendel",    "mirzakhani", "morse",    "naur",     "newton",       "nightingale",
    "noether",  "noyce",     "pascal",     "pauli",    "perlman",  "poincare",     "ramanujan",
    "riemann",  "ritchie",   "shannon",    "stallman", "swartz",   "tesla",        "thompson",
    "torvalds", "turing",    "wilkes",     "wing",     "wozniak"};

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_valid_container_name(std::string_view name) {
  if (!name.empty() && name[0] == '/') name.remove_prefix(1);
  // 255 bytes is ours: Docker has no limit, but the name becomes a DNS and a host name.
  if (name.size() < 2 || name.size() > 255 || !is_alphanumeric(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

std::string parse_container_name(std::string_view name) {
  if (!is_valid_container_name(name))
    throw sys::Error(sys::ErrorKind::invalid_argument,
                     fmt::format("Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are "
                                 "allowed",
                                 name.substr(0, 300)));
  if (name[0] == '/') name.remove_prefix(1);
  return std::string(name);
}

std::string two_word_name(uint64_t random, unsigned attempt) {
  std::string_view adjective = adjectives[random % adjectives.size()];
  std::string_view surname = surnames[(random / adjectives.size()) % surnames.size()];
  std::string name = fmt::format("{}_{}", adjective, surname);
  if (attempt > 0) name += std::to_string((random >> 32) % (attempt < 4 ? 10 : 1000000));
  return name;
}

}  // namespace ctr::daemon
