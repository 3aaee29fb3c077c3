#include "cli/format.h"

#include <nlohmann/json.hpp>

#include "cli/table.h"

namespace ctr::cli {

namespace {

std::string_view trim_spaces(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool has_table_prefix(std::string_view format) {
  return format.empty() || format.starts_with("table");
}

// "\t" and "\n" as a shell's single quotes leave them.
std::string replace_escapes(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape && (text[i + 1] == 't' || text[i + 1] == 'n'))
      result += text[++i] == 't' ? '\t' : '\n';
    else
      result += text[i];
  }
  return result;
}

std::string template_text(std::string_view format, std::string_view default_table) {
  if (format == "json") return "{{json .}}";
  if (has_table_prefix(format)) {
    if (!format.empty()) format = trim_spaces(format.substr(std::string_view("table").size()));
    if (format.empty()) format = default_table;
  }
  return replace_escapes(trim_spaces(format));
}

}  // namespace

ListFormat::ListFormat(std::string_view format, std::string_view default_table)
    : is_table_(has_table_prefix(format)), template_(template_text(format, default_table)) {}

bool ListFormat::uses(std::string_view field) const {
  return template_.uses_field(field) || template_.uses_whole();
}

std::string ListFormat::print(std::span<const Heading> headings,
                              const std::vector<Json>& rows) const {
  std::string text;
  if (is_table_) {
    Json head = Json::object();
    for (const Heading& heading : headings) head[std::string(heading.field)] = heading.text;
    text = template_.execute_head(Value(std::move(head), Shape::map)) + "\n";
  }
  for (const Json& row : rows) text += template_.execute(Value(row, Shape::row)) + "\n";
  return is_table_ ? align_table(text) : text;
}

Template parse_object_format(std::string_view format) {
  return Template(format == "json" ? "{{json .}}" : std::string(format));
}

}  // namespace ctr::cli
