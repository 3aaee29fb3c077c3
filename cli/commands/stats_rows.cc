#include "cli/commands/stats_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/document.h"
#include "cli/human.h"

namespace ctr::cli {

namespace {

constexpr Heading headings[] = {{"Container", "CONTAINER"},
                                {"ID", "CONTAINER ID"},
                                {"Name", "NAME"},
                                {"CPUPerc", "CPU %"},
                                {"MemUsage", "MEM USAGE / LIMIT"},
                                {"MemPerc", "MEM %"},
                                {"NetIO", "NET I/O"},
                                {"BlockIO", "BLOCK I/O"},
                                {"PIDs", "PIDS"}};

double number(const Json& object, std::string_view name) {
  return static_cast<double>(number_member(object, name));
}

// Of one processor: 200 % are two of them, busy all the time between the two looks.
double cpu_percent(const Json& sample) {
  const Json& now = member(sample, "cpu_stats");
  const Json& before = member(sample, "precpu_stats");
  double used = number(member(now, "cpu_usage"), "total_usage") -
                number(member(before, "cpu_usage"), "total_usage");
  double passed = number(now, "system_cpu_usage") - number(before, "system_cpu_usage");
  double processors = std::max(1.0, number(now, "online_cpus"));
  bool first = number_member(before, "system_cpu_usage") == 0;
  return first || used <= 0 || passed <= 0 ? 0 : used / passed * processors * 100;
}

// Without what the kernel could drop at once: the page cache that nobody used for a while.
double memory_used(const Json& memory) {
  const Json& stat = member(memory, "stats");
  double cache =
      number(stat, stat.contains("total_inactive_file") ? "total_inactive_file" : "inactive_file");
  double usage = number(memory, "usage");
  return cache < usage ? usage - cache : usage;
}

std::string network_text(const Json& sample) {
  double received = 0;
  double sent = 0;
  const Json& networks = member(sample, "networks");
  for (auto network = networks.begin(); networks.is_object() && network != networks.end();
       ++network) {
    received += number(*network, "rx_bytes");
    sent += number(*network, "tx_bytes");
  }
  return fmt::format("{} / {}", human_size(received, 3), human_size(sent, 3));
}

std::string block_text(const Json& sample) {
  double read = 0;
  double written = 0;
  const Json& entries = member(member(sample, "blkio_stats"), "io_service_bytes_recursive");
  if (entries.is_array())
    for (const Json& entry : entries) {
      std::string operation = text_member(entry, "op");
      if (operation == "Read" || operation == "read") read += number(entry, "value");
      if (operation == "Write" || operation == "write") written += number(entry, "value");
    }
  return fmt::format("{} / {}", human_size(read, 3), human_size(written, 3));
}

}  // namespace

std::span<const Heading> stats_headings() {
  return headings;
}

Json stats_row(const std::string& asked, const Json& sample, bool truncate) {
  Json row = {{"Container", asked}, {"ID", asked},           {"Name", "--"},
              {"CPUPerc", "--"},    {"MemUsage", "-- / --"}, {"MemPerc", "--"},
              {"NetIO", "--"},      {"BlockIO", "--"},       {"PIDs", "--"}};
  if (!sample.is_object()) return row;
  std::string id = text_member(sample, "id");
  std::string name = text_member(sample, "name");
  row["ID"] = truncate ? short_id(id) : id;
  row["Name"] = name.starts_with("/") ? name.substr(1) : name;
  const Json& memory = member(sample, "memory_stats");
  double limit = number(memory, "limit");
  double used = memory_used(memory);
  row["CPUPerc"] = fmt::format("{:.2f}%", cpu_percent(sample));
  row["MemUsage"] = fmt::format("{} / {}", human_binary_size(used), human_binary_size(limit));
  row["MemPerc"] = fmt::format("{:.2f}%", limit > 0 ? used / limit * 100 : 0);
  row["NetIO"] = network_text(sample);
  row["BlockIO"] = block_text(sample);
  row["PIDs"] = std::to_string(number_member(member(sample, "pids_stats"), "current"));
  return row;
}

}  // namespace ctr::cli
