// ctr inspect, ctr container inspect, ctr image inspect: everything the daemon knows of objects.
#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "cli/commands.h"
#include "cli/commands/inspect_schema.h"
#include "cli/document.h"
#include "cli/format.h"

namespace ctr::cli {

namespace {

// What docker ends with where the template itself is wrong.
constexpr int bad_template_exit_code = 64;

struct InspectOptions {
  std::string type;
  std::string format;
  bool size = false;
  std::vector<std::string> names;
};

struct ObjectType {
  std::string_view name;
  std::string (*target)(const std::string& object);
};

// In the order in which a name is tried. What an id or name is taken for elsewhere comes first.
constexpr ObjectType types[] = {
    {"container",
     [](const std::string& object) { return "/containers/" + percent_encode(object) + "/json"; }},
    {"image",
     [](const std::string& object) { return "/images/" + percent_encode_path(object) + "/json"; }},
    {"network", [](const std::string& object) { return "/networks/" + percent_encode(object); }},
    {"volume", [](const std::string& object) { return "/volumes/" + percent_encode(object); }},
};

bool is_type(std::string_view name) {
  return std::any_of(std::begin(types), std::end(types),
                     [&](const ObjectType& type) { return type.name == name; });
}

std::string type_names() {
  std::vector<std::string_view> names;
  for (const ObjectType& type : types) names.push_back(type.name);
  return fmt::format("\"{}\"", fmt::join(names, "\", \""));
}

std::string target_of(const ObjectType& type, const std::string& name, bool size) {
  std::string target = type.target(name);
  return size && type.name == "container" ? target + "?size=1" : target;
}

// nullopt if there is no such object of any type. Where one type is asked for, or the daemon fails,
// its own error is thrown.
std::optional<Json> find_object(Context& context, const InspectOptions& options,
                                const std::string& name) {
  for (const ObjectType& type : types) {
    if (!options.type.empty() && options.type != type.name) continue;
    try {
      return parse_document(
          context.client().call({.target = target_of(type, name, options.size)}).body);
    } catch (const ApiError& error) {
      if (error.status() != 404 || !options.type.empty()) throw;
    }
  }
  return std::nullopt;
}

class Inspection {
 public:
  Inspection(Context& context, const InspectOptions& options)
      : context_(context), options_(options) {}

  // Every object is shown that there is; then what went wrong.
  int run(const std::optional<Template>& format) {
    std::vector<std::string> errors;
    for (const std::string& name : options_.names) {
      try {
        std::optional<Json> object = find_object(context_, options_, name);
        if (object)
          show(*object, format);
        else
          errors.push_back("Error: No such object: " + name);
      } catch (const ApiError& error) {
        errors.push_back(fmt::format("Error response from daemon: {}", error.what()));
      }
    }
    if (!format) context_.out_line(options_.format == "json" ? list_.dump() : list_.dump(4));
    for (const std::string& error : errors) context_.notice_line(error);
    return errors.empty() ? 0 : 1;
  }

 private:
  void show(Json object, const std::optional<Template>& format) {
    if (format)
      context_.out_line(format->execute(Value(std::move(object)), api_schema));
    else
      list_.push_back(std::move(object));
  }

  Context& context_;
  const InspectOptions& options_;
  Json list_ = Json::array();
};

int inspect(Context& context, const InspectOptions& options) {
  if (!options.type.empty() && !is_type(options.type))
    throw sys::Error(
        sys::ErrorKind::invalid_argument,
        fmt::format("unknown type: \"{}\": must be one of {}", options.type, type_names()));
  std::optional<Template> format;
  try {
    if (!options.format.empty() && options.format != "json") format.emplace(options.format);
  } catch (const sys::Error& error) {
    context.error_line(error.what());
    return bad_template_exit_code;
  }
  return Inspection(context, options).run(format);
}

void add_inspection(CLI::App& parent, Context& context, const std::string& name,
                    const std::string& type, const std::string& description,
                    const std::string& operand) {
  auto options = std::make_shared<InspectOptions>();
  options->type = type;
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option(operand, options->names)->required();
  command->add_option("-f,--format", options->format, "Format output: 'json' or a Go TEMPLATE")
      ->type_name("FORMAT");
  if (type.empty() || type == "container")
    command->add_flag("-s,--size", options->size, "Display total file sizes of containers");
  if (type.empty())
    command->add_option("--type", options->type, "Only inspect objects of the given type")
        ->type_name("TYPE");
  command->callback([&context, options] { context.exit_code = inspect(context, *options); });
}

}  // namespace

void add_inspect(CLI::App& parent, Context& context, std::string name) {
  add_inspection(parent, context, name, "", "Return low-level information on objects", "NAME|ID");
}

void add_container_inspect(CLI::App& parent, Context& context, std::string name) {
  add_inspection(parent, context, name, "container", "Display detailed information on containers",
                 "CONTAINER");
}

void add_image_inspect(CLI::App& parent, Context& context, std::string name) {
  add_inspection(parent, context, name, "image", "Display detailed information on images", "IMAGE");
}

void add_network_inspect(CLI::App& parent, Context& context, std::string name) {
  add_inspection(parent, context, name, "network", "Display detailed information on networks",
                 "NETWORK");
}

void add_volume_inspect(CLI::App& parent, Context& context, std::string name) {
  add_inspection(parent, context, name, "volume", "Display detailed information on volumes",
                 "VOLUME");
}

}  // namespace ctr::cli
