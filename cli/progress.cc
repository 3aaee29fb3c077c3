#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>

#include "cli/human.h"
#include "cli/json_member.h"
#include "cli/raw_terminal.h"

namespace ctr::cli {

namespace {

using nlohmann::json;

constexpr auto redraw_interval = std::chrono::milliseconds(80);

uint64_t size_member(const json& object, const char* name) {
  return static_cast<uint64_t>(std::max<int64_t>(0, int_member(object, name)));
}

// "[=====>    ]" of the given width in all.
std::string bar(uint64_t current, uint64_t total, size_t width) {
  if (width < 6 || total == 0) return "";
  size_t inner = width - 2;
  double share = std::min(1.0, static_cast<double>(current) / static_cast<double>(total));
  size_t filled = static_cast<size_t>(share * static_cast<double>(inner));
  std::string text = "[" + std::string(filled, '=');
  if (filled < inner) text += '>';
  text.resize(inner + 1, ' ');
  return text + "]";
}

std::string amounts(uint64_t current, uint64_t total) {
  return fmt::format("{}/{}", human_size(static_cast<double>(current)),
                     human_size(static_cast<double>(total)));
}

std::string with_bar(std::string left, uint64_t current, uint64_t total, size_t width,
                     const std::string& rate = "") {
  if (total > 0) {
    std::string right = amounts(current, total);
    if (!rate.empty()) right += "  " + rate;
    size_t used = left.size() + right.size() + 4;
    size_t room = width > used ? std::min<size_t>(width - used, 42) : 0;
    left += fmt::format("  {}  {}", bar(current, total, room), right);
  }
  return left.substr(0, width);
}

// What ends with these is over for its layer.
bool is_final(std::string_view status) {
  return status == "Pull complete" || status == "Already exists" || status == "Pushed" ||
         status == "Layer already exists" || status.starts_with("Mounted from");
}

// What says nothing of how far the layer's transfer is.
bool is_before_transfer(std::string_view status) {
  return status == "Waiting" || status == "Preparing" || status == "Pulling fs layer" ||
         status.starts_with("Retrying");
}

// What a log need not hold: the same words with other numbers.
bool is_fleeting(std::string_view status) {
  return status == "Downloading" || status == "Extracting" || status == "Waiting" ||
         status == "Pushing";
}

size_t terminal_width(int fd) {
  std::optional<TerminalSize> size = find_terminal_size(fd);
  return size ? std::max(20U, size->columns) : 80;
}

size_t terminal_rows(int fd) {
  std::optional<TerminalSize> size = find_terminal_size(fd);
  return size ? std::max(4U, size->rows) : 24;
}

}  // namespace

ProgressMessage parse_progress_message(const std::string& line) {
  json parsed = json::parse(line, nullptr, false);
  if (!parsed.is_object())
    throw sys::Error(
        sys::ErrorKind::unavailable,
        fmt::format("the daemon's progress is not valid JSON: '{}'", line.substr(0, 80)));
  ProgressMessage message;
  message.id = string_member(parsed, "id");
  message.status = string_member(parsed, "status");
  message.error = string_member(parsed, "error");
  std::string text = string_member(object_member(parsed, "errorDetail"), "message");
  if (!text.empty()) message.error = text;
  const json& detail = object_member(parsed, "progressDetail");
  message.current = size_member(detail, "current");
  message.total = size_member(detail, "total");
  return message;
}

std::string layer_line(const LayerProgress& layer, size_t width) {
  std::string left = fmt::format("{:12}  {:17}", layer.id, layer.status);
  return with_bar(left, layer.current, layer.done ? 0 : layer.total, width);
}

Totals totals_of(const std::vector<LayerProgress>& layers) {
  Totals totals{.layers = layers.size()};
  for (const LayerProgress& layer : layers) {
    totals.done += layer.done;
    totals.downloaded += layer.downloaded;
    totals.resumed += layer.resumed_at;
    totals.download_size += layer.download_size;
  }
  return totals;
}

std::string overall_line(const Totals& totals, std::optional<double> per_second, size_t width) {
  std::string left =
      fmt::format("{:12}  {:17}", "overall", fmt::format("{}/{} layers", totals.done, totals.layers));
  uint64_t rest = totals.download_size - std::min(totals.downloaded, totals.download_size);
  // Once all has come, the rate is that of nothing.
  std::string rate = rest > 0 ? rate_text(per_second, rest) : "";
  return with_bar(left, totals.downloaded, totals.download_size, width, rate);
}

ProgressDisplay::ProgressDisplay(int fd) : fd_(fd), terminal_(is_terminal(fd)) {}

ProgressDisplay::~ProgressDisplay() {
  if (terminal_ && !layers_.empty()) draw(true);
}

void ProgressDisplay::write(std::string_view text) noexcept {
  // Progress is only for the eye: if nobody can see it, the pull goes on.
  while (!text.empty()) {
    ssize_t written = ::write(fd_, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void ProgressDisplay::erase() {
  if (drawn_lines_ > 0) write(fmt::format("\r\033[{}A\033[J", drawn_lines_));
  drawn_lines_ = 0;
}

void ProgressDisplay::draw(bool now) {
  Clock::time_point time = Clock::now();
  if (!now && time - last_draw_ < redraw_interval) return;
  last_draw_ = time;
  Totals totals = totals_of(layers_);
  rate_.add(time, totals.downloaded - totals.resumed);
  size_t width = terminal_width(fd_) - 1;
  // What does not fit on the screen could not be drawn over again.
  size_t room = terminal_rows(fd_) - 2;
  size_t first = layers_.size() > room ? layers_.size() - room : 0;
  std::string text;
  for (size_t i = first; i < layers_.size(); ++i) text += layer_line(layers_[i], width) + "\n";
  text += overall_line(totals, rate_.per_second(), width) + "\n";
  erase();
  write(text);
  drawn_lines_ = layers_.size() - first + 1;
}

// Below the bars, which stay as they are: what comes after them begins others.
void ProgressDisplay::print_line(const std::string& line) {
  if (terminal_ && !layers_.empty()) draw(true);
  drawn_lines_ = 0;
  if (terminal_) layers_.clear();
  write(line + "\n");
}

// True if the layer's status changed.
bool ProgressDisplay::update_layer(const ProgressMessage& message) {
  auto found = std::find_if(layers_.begin(), layers_.end(),
                            [&](const LayerProgress& layer) { return layer.id == message.id; });
  if (found == layers_.end()) {
    layers_.push_back({});
    found = layers_.end() - 1;
    found->id = message.id;
  }
  bool changed = found->status != message.status;
  found->status = message.status;
  found->current = message.current;
  found->total = message.total;
  found->done = is_final(message.status);
  const bool moves = message.status == "Downloading" || message.status == "Pushing";
  if (moves && message.total > 0) {
    if (found->download_size == 0) found->resumed_at = message.current;
    found->resumed_at = std::min(found->resumed_at, message.current);  // unless it began anew
    found->downloaded = message.current;
    found->download_size = message.total;
  } else if (!moves && !is_before_transfer(message.status)) {
    found->downloaded = found->download_size;
  }
  return changed;
}

void ProgressDisplay::show(const ProgressMessage& message) {
  bool about_layer = !message.id.empty() && !message.status.starts_with("Pulling from") &&
                     !message.status.starts_with("The push refers");
  if (!about_layer) {
    std::string prefix = message.id.empty() ? "" : message.id + ": ";
    if (!message.status.empty()) print_line(prefix + message.status);
    return;
  }
  bool changed = update_layer(message);
  if (terminal_)
    draw(changed && is_final(message.status));
  else if (changed && !is_fleeting(message.status))
    print_line(message.id + ": " + message.status);
}

void show_progress(BodyStream& stream, ProgressDisplay* display) {
  while (std::optional<std::string> line = stream.read_line()) {
    if (line->empty()) continue;
    ProgressMessage message = parse_progress_message(*line);
    if (!message.error.empty()) throw ApiError(500, message.error);
    if (display) display->show(message);
  }
}

}  // namespace ctr::cli
