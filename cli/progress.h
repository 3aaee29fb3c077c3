// Docker's stream of progress messages, drawn as one bar a layer and one over all on a terminal,
// and as plain lines elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"
#include "cli/transfer_rate.h"

namespace ctr::cli {

struct ProgressMessage {
  std::string id;      // of a layer; empty: a line about the whole
  std::string status;  // "Downloading"
  uint64_t current = 0;
  uint64_t total = 0;
  std::string error;  // ends everything
};

// Throws sys::Error for a line that is no message.
ProgressMessage parse_progress_message(const std::string& line);

struct LayerProgress {
  std::string id;
  std::string status;
  uint64_t current = 0;
  uint64_t total = 0;
  uint64_t downloaded = 0;
  uint64_t download_size = 0;
  uint64_t resumed_at = 0;  // what an earlier try had left: no work of this one
  bool done = false;
};

// "31e352740f53  Downloading  [=====>    ]  1.2MB/3.4MB", at most `width` columns. Pure.
std::string layer_line(const LayerProgress& layer, size_t width);
struct Totals {
  size_t layers = 0;
  size_t done = 0;
  uint64_t downloaded = 0;
  uint64_t resumed = 0;        // of these, what an earlier try had left
  uint64_t download_size = 0;  // of the layers whose size is known yet
};

Totals totals_of(const std::vector<LayerProgress>& layers);
// "overall       2/7 layers   [==>       ]  12MB/140MB  3.2MB/s, 40s left", at most `width` columns;
// per_second: of bytes, if it is known. Pure.
std::string overall_line(const Totals& totals, std::optional<double> per_second, size_t width);

// Draws on a descriptor, which is a terminal or not.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(int fd);
  // Leaves the last state on the screen.
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void show(const ProgressMessage& message);

 private:
  using Clock = TransferRate::Clock;

  bool update_layer(const ProgressMessage& message);
  void print_line(const std::string& line);
  void erase();
  void draw(bool now);
  void write(std::string_view text) noexcept;

  int fd_;
  bool terminal_;
  std::vector<LayerProgress> layers_;
  size_t drawn_lines_ = 0;
  Clock::time_point last_draw_{};
  TransferRate rate_;
};

// Shows the stream to its end. Throws ApiError with the message's words if it holds an error.
void show_progress(BodyStream& stream, ProgressDisplay* display);

}  // namespace ctr::cli
